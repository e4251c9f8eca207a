# Many binds: each holds, ids are used again, nothing is left.

load helper

setup_file() {
	vk_setup
	add_alpha_and_beta
	vkctl build beta
}

teardown_file() {
	stop_all
}

@test "binds, 20 at a time: every one of them refuses" {
	local binds=200
	! fully || binds=1000
	run -0 bindstorm $binds 20 beta uname $BETA_ERRNO
	echo "$output"
	says "bound $binds refused $binds"
	read -r _ _ _ _ _ highest _ <<<"$output"
	# Without reuse the highest id would be that of their number, or more.
	[ "$highest" -lt $((binds / 2)) ]
}

@test "nothing of them is left" {
	eventually no_instances
	run -0 vkctl unload beta
	run ! systemctl is-failed vkerneld.service
	[ "$(systemctl show --property NRestarts --value vkerneld)" = 0 ]
	allowed callprobe native uname buf
}

@test "a container after the storm is as one before it" {
	start crun after beta
	refused $BETA_ERRNO inside after callprobe native uname buf
	allowed inside after callprobe native mkdir str:/tmp/after 0700
	rmdir "$VK_ROOTFS/tmp/after"
	stop after
}
