# Where no core is installed, the daemon compiles one.

load helper

fully || return 0

setup_file() {
	vk_setup
	add_alpha_and_beta
}

runs_beta() {
	start runc "$1" beta || { cat "$VK_ROOM/said"; false; }
	core_loaded
	refused $BETA_ERRNO inside "$1" callprobe native uname buf
	stop "$1"
	eventually no_instances
	vkctl unload --all --core
}

compiled_since() {
	journalctl --boot --unit vkerneld --since "@$1" --quiet --grep "compiling the core: $2"
}

# As later suites expect it, whatever became of the test.
teardown() {
	[[ -e /var/tmp/updates ]] || return 0
	rm -rf "$UPDATES"
	mv /var/tmp/updates "$UPDATES"
	depmod
	sed -i '/^BuildTimeoutSec=500$/d' /etc/vkernel/vkernel.conf 2>/dev/null || true
	restart_daemon
}

@test "where no core is installed, one is built" {
	local began=$EPOCHSECONDS
	vkctl unload --all --core
	mv "$UPDATES" /var/tmp/updates
	depmod
	# Other guests may be at work on the same CPUs.
	echo BuildTimeoutSec=500 >>/etc/vkernel/vkernel.conf
	restart_daemon
	expect "built here: no vkernel.ko is installed for $(uname -r)" core_file
	runs_beta builds-core
	[ "$(builds_of core)" -eq 1 ]
	compiled_since "$began" "no vkernel.ko is installed"
}

@test "one of another version is left alone, a compressed one is not" {
	local builds
	vkctl unload --all --core
	builds=$(builds_of core)
	cp -a "$UPDATES" /var/tmp/updates
	sed -i 's/\x00version=0/\x00version=9/' "$UPDATES/vkernel.ko"
	run -0 core_file
	says "built here: " "has version '9"
	runs_beta other-version

	cp /var/tmp/updates/vkernel.ko "$UPDATES/"
	xz --check=crc32 "$UPDATES/vkernel.ko"
	depmod
	expect "installed: $UPDATES/vkernel.ko.xz" core_file
	runs_beta compressed
	[ "$(builds_of core)" -eq "$builds" ]
}
