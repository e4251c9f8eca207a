# Modules leave the kernel when nobody needs them, and not before.

load helper

setup_file() {
	vk_setup
	add_alpha_and_beta
}

teardown_file() {
	stop_all
}

@test "a module in use cannot be unloaded, by vkctl or by rmmod" {
	start crun user beta
	module=$(instance user module)
	fails 6 vkctl unload beta
	says user hint:
	fails 6 vkctl unload "$module"
	run ! rmmod "$module"
	says "in use"
	run ! rmmod vkernel
	says "in use"
	refused $BETA_ERRNO inside user callprobe native uname buf
	stop user
}

@test "unload --all leaves those in use" {
	start crun user beta
	vkctl build alpha
	run vkctl unload --all
	[ "$(modules)" = "$(instance user module)" ]
	refused $BETA_ERRNO inside user callprobe native uname buf
	fails 6 vkctl unload --core
	core_loaded
	stop user
	eventually no_instances
}

@test "what is unloaded is loaded again for the next container" {
	run -0 vkctl unload --all
	[ -z "$(modules)" ]
	start crun again beta
	[ "$(modules)" = "$(instance again module)" ]
	refused $BETA_ERRNO inside again callprobe native uname buf
	stop again
	eventually no_instances
	run -0 vkctl unload beta
	[ -z "$(modules)" ]
	fails 5 vkctl unload nonesuch
}

@test "loading and unloading while other containers work hard" {
	start crun busy alpha
	inside busy stress-ng --get 1 --fork 1 --switch 1 --timeout 600 >"$VK_ROOM/stress" 2>&1 3>&- &
	stress=$!
	sleep 2
	for round in 1 2 $(fully && echo 3 4 5); do
		start crun round-$round beta
		refused $BETA_ERRNO inside round-$round callprobe native uname buf
		allowed inside busy callprobe native uname buf
		refused $ALPHA_ERRNO inside busy callprobe native mkdir str:/tmp/x 0700
		stop round-$round
		eventually gone round-$round
		run -0 vkctl unload beta
		[ "$(modules)" = "$(instance busy module)" ]
	done
	kill -0 $stress
	stop busy
	wait $stress || true
	eventually no_instances
}

gone() {
	[[ -z $(instance "$1" id) ]]
}

@test "in the end nothing is left" {
	run -0 vkctl unload --all --core
	[ -z "$(modules)" ]
	run ! core_loaded
	allowed callprobe native uname buf
	# Nothing of it in the kernel's list of hooked functions either.
	if [ -e /sys/kernel/tracing/enabled_functions ]; then
		run ! grep -i vkernel /sys/kernel/tracing/enabled_functions
	fi
	run -0 dmesg --level=emerg,alert,crit,err --notime
	[[ $output != *vkernel* ]]
}
