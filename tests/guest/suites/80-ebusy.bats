# A handler that another tracer holds: the slower way round, and where there is none, a refusal.

load helper

setup_file() {
	vk_setup
	add_alpha_and_beta
	policy held "$(rule ERRNO:$BETA_ERRNO uname)" "$(rule ERRNO:$ALPHA_ERRNO mkdir)" \
		"$(rule TRAP sysinfo)"
}

teardown_file() {
	release
	vkctl policy rm held
}

setup() {
	vkctl unload --all
	dmesg --clear
}

teardown() {
	stop_all
	release
	unload_module vktest_creds
}

hold() {
	modprobe vktest_holder symbol="$1" share="$2"
}

# Whoever came last leaves first, as tracers do.
release() {
	vkctl unload --all
	unload_module vktest_holder
}

slower() {
	dmesg | grep -F "$1" | grep -q 'taking the slower way'
}

@test "a held function is filtered in the slower way, the others directly" {
	hold __x64_sys_newuname 1
	start crun held held
	refused $BETA_ERRNO inside held callprobe native uname buf
	refused $ALPHA_ERRNO inside held callprobe native mkdir str:/tmp/new 0700
	allowed inside held callprobe native getpid
	allowed callprobe native uname buf
	slower __x64_sys_newuname
	! slower __x64_sys_mkdir
}

@test "a call that its container allows passes by the slower way" {
	hold __x64_sys_newuname 1
	start crun held held
	start crun other alpha
	allowed inside other callprobe native uname buf
	refused $BETA_ERRNO inside held callprobe native uname buf
}

@test "signals come by the slower way as by the direct one" {
	start crun held held
	direct=$(inside held sigprobe trap sysinfo buf)
	stop held
	vkctl unload --all
	hold __x64_sys_sysinfo 1
	start crun held held
	slower __x64_sys_sysinfo
	expect "$direct" inside held sigprobe trap sysinfo buf
}

@test "capabilities get their second look by the slower way as well" {
	modprobe vktest_creds
	hold cap_capable 1
	start crun held held
	slower cap_capable
	run ! slower __x64_sys_newuname
	refused 1 inside held callprobe native chroot str:/
	refused 1 inside held callprobe tamper native chroot str:/
	allowed inside held callprobe tamper native setuid 65534
	[ "$(instance held claims)" -gt 0 ]
	allowed callprobe native chroot str:/
}

@test "the slower way leaves with its policy, and the direct one is there again" {
	hold __x64_sys_newuname 1
	start crun held held
	slower __x64_sys_newuname
	stop held
	eventually no_instances
	release
	dmesg --clear
	start crun held held
	refused $BETA_ERRNO inside held callprobe native uname buf
	! slower __x64_sys_newuname
}

@test "a function that nobody else may have: the container does not start" {
	hold __x64_sys_newuname 0
	remember
	run start crun held held
	[ "$status" -ne 0 ]
	grep -q 'vkctl' "$VK_ROOM/said"
	dmesg | grep -q '__x64_sys_newuname is held by another tracer, and there is no way beside it'
	no_instances
	[[ -z $(modules) ]]
	# The reason is gone, and so is the trouble.
	release
	start crun held held
	refused $BETA_ERRNO inside held callprobe native uname buf
}
