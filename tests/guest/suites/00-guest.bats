# The guest is the system that the other suites take it for.

@test "the kernel is the one that was asked for" {
	[[ $(uname -r) == "$VK_KERNEL".* ]]
}

@test "systemd is up with no failed unit" {
	run systemctl is-system-running --wait
	if [[ $output != running ]]; then
		systemctl --failed --no-pager
		return 1
	fi
}

@test "modules can be built: gcc-14 and this kernel's headers are there" {
	gcc-14 --version
	[ -e "/lib/modules/$(uname -r)/build/Makefile" ]
}

@test "cgroup v2 is mounted and both runtimes answer" {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]
	runc --version
	crun --version
}
