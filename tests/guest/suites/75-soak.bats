# What `make soak` does for half an hour, in a minute: see the script soak.

load helper

fully || return 0

SOAK=$BATS_TEST_DIRNAME/soak

setup_file() {
	vk_setup
}

teardown_file() {
	stop_all
	systemctl start vkerneld.socket
}

@test "containers start and stop while vkerneld is killed: nobody is wrong, and nothing is left" {
	VK_SOAK_CONTAINERS=30 VK_SOAK_POLICIES=8 VK_SOAK_SECONDS=48 VK_SOAK_KILL=12 run -0 "$SOAK" run
	echo "$output"
	jq -e '.started >= 30 and .kills >= 3' "$VK_RESULTS/soak.json"
}

@test "an instance that is no runtime's is found" {
	policy stray "$(rule ERRNO:41 uname)"
	start crun soak-witness stray
	run -0 "$SOAK" compare
	sleep 100 3>&- &
	varlinkctl call "unix:$VK_SOCKET" io.vkernel.Bind \
		"{\"container\":\"soak-stray\",\"pid\":$!,\"policy\":\"stray\"}"
	run -1 "$SOAK" compare
	says "the kernel has 2" "listed:soak-stray" "rows:soak-stray"
	[[ $output != *runtimes:soak-stray* ]]
	kill $!
	run -0 "$SOAK" compare
	stop soak-witness
	vkctl policy rm stray
}
