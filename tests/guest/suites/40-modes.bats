# Enforce, audit, and what is reported.

load helper

setup_file() {
	vk_setup
	add_alpha_and_beta
	start crun modes beta
	start crun modes-other beta
}

teardown_file() {
	stop_all
}

denied() {
	vkctl inspect "$1" --json | jq .instance.denied
}

@test "audit lets pass what enforce refuses, in that container alone, and back" {
	[ "$(instance modes mode)" = enforce ]
	refused $BETA_ERRNO inside modes callprobe native uname buf

	run -0 vkctl mode modes audit
	[ "$(instance modes mode)" = audit ]
	[ "$(instance modes-other mode)" = enforce ]
	allowed inside modes callprobe native uname buf
	allowed inside modes callprobe int80 uname buf
	refused $BETA_ERRNO inside modes-other callprobe native uname buf

	run -0 vkctl mode modes enforce
	refused $BETA_ERRNO inside modes callprobe native uname buf
}

@test "a process that runs already follows the mode" {
	inside modes sh -c 'until [ -e /tmp/go-on ]; do sleep 0.1; done
		callprobe native uname buf' >"$BATS_TEST_TMPDIR/said" 3>&- &
	vkctl mode modes audit
	touch "$VK_ROOTFS/tmp/go-on"
	wait $!
	rm "$VK_ROOTFS/tmp/go-on"
	vkctl mode modes enforce
	expect "ret 0 errno 0" cat "$BATS_TEST_TMPDIR/said"
}

@test "audit counts what enforce would have refused" {
	vkctl mode modes audit
	before=$(denied modes)
	allowed inside modes callprobe native uname buf
	[ "$(denied modes)" -eq $((before + 1)) ]
	vkctl mode modes enforce
	refused $BETA_ERRNO inside modes callprobe native uname buf
	[ "$(denied modes)" -eq $((before + 2)) ]
	allowed inside modes callprobe native getpid
	[ "$(denied modes)" -eq $((before + 2)) ]
}

@test "a refused call is an event, with its number, its verdict and its process" {
	vkctl events --follow --json --container modes >"$BATS_TEST_TMPDIR/events" 3>&- &
	follower=$!
	sleep 1
	refused $BETA_ERRNO inside modes callprobe native uname buf
	allowed inside modes callprobe native getpid
	eventually grep -q '"denied"' "$BATS_TEST_TMPDIR/events"
	kill $follower
	grep '"denied"' "$BATS_TEST_TMPDIR/events" | head -n 1 | jq -e '
		.container == "modes" and .nr == 63 and .call == "uname" and .arch == "x86_64"
		and .comm == "callprobe" and .mode == "enforce" and .pid > 0'
}

@test "the journal has it, with the container's name" {
	refused $BETA_ERRNO inside modes callprobe native uname buf
	eventually in_journal
}

in_journal() {
	journalctl --no-pager --quiet -u vkerneld VKERNEL_CONTAINER=modes | grep -q uname
}

@test "events are limited in number, counters are not" {
	# A shell asks for the name of the system when it starts, too.
	before=$(denied modes)
	inside modes sh -c :
	before=$((2 * $(denied modes) - before))
	inside modes sh -c 'i=0; while [ $i -lt 300 ]; do callprobe native uname buf; i=$((i + 1)); done' \
		>/dev/null
	[ "$(denied modes)" -eq $((before + 300)) ]
	[ "$(vkctl inspect modes --json | jq .instance.dropped)" -gt 0 ]
}

@test "what is no mode, and what is no container, is told" {
	fails 2 vkctl mode modes sometimes
	says enforce audit
	fails 5 vkctl mode nonesuch audit
	says hint:
	[ "$(instance modes mode)" = enforce ]
}
