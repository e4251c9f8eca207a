# The daemon under systemd: how it starts, whom it answers, what survives it.

load helper

setup_file() {
	vk_setup
}

teardown_file() {
	stop_all
	systemctl start vkerneld.socket
}

# As later tests expect it, whatever became of this one.
teardown() {
	if grep -q '^Builder=kbuild' /etc/vkernel/vkernel.conf 2>/dev/null; then
		builder template
		vkctl policy rm half
	fi
}

@test "the socket is there before the service, and a call starts it" {
	systemctl stop vkerneld.service
	[ "$(systemctl is-active vkerneld.socket)" = active ]
	[ "$(systemctl is-active vkerneld.service)" = inactive ]
	run -0 vkctl list
	[ "$(systemctl is-active vkerneld.service)" = active ]
}

@test "systemctl start returns when it is ready" {
	restart_daemon
	[ "$(systemctl show --property Type --value vkerneld)" = notify ]
	[ "$(systemctl show --property NRestarts --value vkerneld)" = 0 ]
	run -0 vkctl list
}

@test "systemd finds it exposed by 2.8 of 10, and that can be exceeded" {
	systemd-analyze security --no-pager --threshold=28 vkerneld.service
	run ! systemd-analyze security --no-pager --threshold=27 vkerneld.service
}

@test "this host is healthy" {
	run vkctl status
	echo "$output"
	[ "$status" -eq 0 ]
	says "healthy" "yes" "$(uname -r)"
	vkctl status --json | jq -e '.healthy and (.checks | length > 0)'
}

@test "varlinkctl can talk to it" {
	run -0 varlinkctl info "unix:$VK_SOCKET"
	says io.vkernel
	run -0 varlinkctl introspect "unix:$VK_SOCKET" io.vkernel
	says "interface io.vkernel" "method Bind"
	run -0 varlinkctl call "unix:$VK_SOCKET" io.vkernel.ListPolicies '{}'
	says policies
}

@test "root and the group vkernel are answered, nobody else" {
	run -0 setpriv --reuid=nobody --regid=nogroup --groups=vkernel vkctl list
	fails 4 setpriv --reuid=nobody --regid=nogroup --clear-groups vkctl list
	says hint:
}

@test "the core is loaded when it is needed, the installed one" {
	vkctl unload --all --core
	run ! core_loaded
	add_alpha_and_beta
	local builds
	builds=$(builds_of core)
	start runc needs-core alpha
	core_loaded
	[ "$(builds_of core)" -eq "$builds" ]
	expect "installed: $UPDATES/vkernel.ko" core_file
	refused $ALPHA_ERRNO inside needs-core callprobe native mkdir str:/tmp/x 0700
	stop needs-core
}

@test "kill -9 with containers running: still enforced, and listed right after the restart" {
	start runc kill-alpha alpha
	start crun kill-beta beta
	vkctl list --json | jq -S 'map({id, container, digest, state})' >"$BATS_TEST_TMPDIR/before"

	systemctl kill --signal=KILL vkerneld.service
	refused $ALPHA_ERRNO inside kill-alpha callprobe native mkdir str:/tmp/x 0700
	refused $BETA_ERRNO inside kill-beta callprobe native uname buf
	allowed inside kill-alpha callprobe native uname buf

	systemctl reset-failed vkerneld.service || true
	systemctl start vkerneld.socket
	vkctl list --json | jq -S 'map({id, container, digest, state})' |
		diff "$BATS_TEST_TMPDIR/before" -
	[ "$(instance kill-beta policy)" = beta ]
	# It goes on with what it finds.
	fails 6 vkctl unload beta
	stop kill-alpha kill-beta
	eventually no_instances
}

@test "a container that ends while the daemon is dead is forgotten when it comes back" {
	start runc dies-unseen alpha
	systemctl stop vkerneld.socket vkerneld.service
	runc kill dies-unseen KILL
	eventually not_running dies-unseen
	systemctl start vkerneld.socket
	eventually no_instances
	stop dies-unseen
}

not_running() {
	[[ $(runc state "$1" | jq -r .status) == stopped ]]
}

fully || return 0

compiling() {
	pgrep -x 'cc1|make|ld' >/dev/null
}

@test "kill -9 in the middle of a build: nothing half-made is left, and it builds then" {
	builder kbuild
	policy half "$(rule ERRNO:31 uname)"
	find "$VK_MODULES" -type f | sort >"$BATS_TEST_TMPDIR/before"
	vkctl build half >/dev/null 2>&1 3>&- &
	eventually compiling
	systemctl kill --signal=KILL vkerneld.service
	run ! wait $!
	systemctl reset-failed vkerneld.service || true
	systemctl start vkerneld.socket
	[ "$(vkctl policy list --json | jq '.[] | select(.name == "half") | .built')" = false ]
	eventually same_files "$BATS_TEST_TMPDIR/before"
	run ! compiling
	run -0 vkctl build half
	run -0 vkctl build half
	says "already built"
}

same_files() {
	find "$VK_MODULES" -type f | sort | diff "$1" - >/dev/null
}
