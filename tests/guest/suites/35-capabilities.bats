# The second look at capabilities: what a container was not given, its tasks do not get, whatever
# their credentials say.

load helper

CONF=/etc/vkernel/vkernel.conf

setup_file() {
	vk_setup
	modprobe vktest_creds
	add_alpha_and_beta
	start runc free "" 'del(.hooks)'
	start runc bound alpha
}

teardown_file() {
	set_on_claim ""
	stop_all
	unload_module vktest_creds
}

# set_on_claim [WORD]: the setting, or without a word, none
set_on_claim() {
	mkdir -p "${CONF%/*}"
	touch "$CONF"
	sed -i '/^OnClaim=/d' "$CONF"
	[[ -z $1 ]] || echo "OnClaim=$1" >>"$CONF"
	restart_daemon
}

# A claim that is counted may be followed by others: the kernel asks for memory, and for much else.
claims() {
	vkctl inspect "$1" --json | jq .instance.claims
}

# tampered NAME COMMAND...: by a shell that has every capability
tampered() {
	local name=$1
	shift
	# shellcheck disable=SC2016
	inside "$name" sh -c 'echo >/proc/vktest_creds && exec "$0" "$@"' "$@"
}

# as_nobody NAME COMMAND...: in the container
as_nobody() {
	runc exec --user 65534:65534 "$@" </dev/null
}

# in_own_user_namespace NAME COMMAND...: one that a process of the container makes
in_own_user_namespace() {
	local name=$1
	shift
	as_nobody "$name" busybox unshare --user --map-root-user --uts "$@"
}

@test "control: without a virtual kernel, credentials that were tampered with are believed" {
	refused 1 inside free callprobe native chroot str:/
	allowed inside free callprobe tamper native chroot str:/
	allowed tampered free callprobe native chroot str:/
	allowed as_nobody free callprobe tamper native chroot str:/
}

@test "with one, what the container was not given is refused" {
	refused 1 inside bound callprobe native chroot str:/
	refused 1 inside bound callprobe tamper native chroot str:/
	refused 1 tampered bound callprobe native chroot str:/
	refused 1 as_nobody bound callprobe tamper native chroot str:/
	for way in child thread "child thread"; do
		# shellcheck disable=SC2086
		refused 1 inside bound callprobe tamper $way native chroot str:/
	done
	refused 1 inside bound callprobe tamper int80 chroot str:/
	refused 1 inside bound callprobe tamper native unshare 0x20000
}

@test "what it was given is there, for credentials that say so" {
	allowed inside bound callprobe native setuid 65534
	allowed inside bound callprobe tamper native setuid 65534
	refused 1 as_nobody bound callprobe native setuid 0
	allowed as_nobody bound callprobe tamper native setuid 0
}

@test "what is given is what the container's config names" {
	[ "$(vkctl inspect bound --json | jq --compact-output '.instance.capabilities')" = \
		'["CAP_KILL","CAP_SETGID","CAP_SETUID","CAP_NET_BIND_SERVICE","CAP_AUDIT_WRITE"]' ]
	run -0 vkctl inspect bound
	says "CAP_KILL, CAP_SETGID" "On a claim:" refuse "Claims:"
	start runc given alpha '.process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])'
	allowed inside given callprobe native chroot str:/
	allowed inside given callprobe tamper native chroot str:/
	refused 1 inside given callprobe tamper native unshare 0x20000
	stop given
}

@test "a config that names none leaves none, as the runtimes do" {
	for runtime in runc crun; do
		start $runtime bare-$runtime alpha 'del(.process.capabilities)'
		[ "$(instance bare-$runtime capabilities)" = '[]' ]
		grep -q '^CapBnd:	0*$' "/proc/$(instance bare-$runtime pid)/status"
		grep -q '^CapEff:	0*$' "/proc/$(instance bare-$runtime pid)/status"
		refused 1 inside bare-$runtime callprobe tamper native setuid 65534
	done
	run -0 vkctl inspect bare-runc
	says none
	stop bare-runc bare-crun
}

@test "a container that was given all is refused none" {
	local all
	all=$(capsh --print | sed -n 's/^Bounding set =//p' | tr a-z, 'A-Z\n' | jq --raw-input |
		jq --slurp --compact-output)
	start runc mighty alpha ".process.capabilities |= map_values($all)"
	[ "$(instance mighty capabilities)" = null ]
	run -0 vkctl inspect mighty
	says "Capabilities:   all"
	allowed inside mighty callprobe native chroot str:/
	allowed inside mighty callprobe tamper native chroot str:/
	[ "$(claims mighty)" -eq 0 ]
	stop mighty
}

@test "exec can not add to it" {
	allowed runc exec --cap CAP_SYS_CHROOT free callprobe native chroot str:/ </dev/null
	refused 1 runc exec --cap CAP_SYS_CHROOT bound callprobe native chroot str:/ </dev/null
}

@test "a claim is counted, told as an event, and in the journal" {
	local before follower
	before=$(claims bound)
	allowed inside bound callprobe native setuid 65534
	refused 1 inside bound callprobe native chroot str:/
	[ "$(claims bound)" -eq "$before" ]

	vkctl events --follow --json --container bound >"$BATS_TEST_TMPDIR/events" 3>&- &
	follower=$!
	sleep 1
	refused 1 inside bound callprobe tamper native chroot str:/
	[ "$(claims bound)" -gt "$before" ]
	eventually grep -q '"capability"' "$BATS_TEST_TMPDIR/events"
	kill $follower
	cat "$BATS_TEST_TMPDIR/events"
	grep '"kind":"capability"' "$BATS_TEST_TMPDIR/events" | head -n 1 | jq -e '
		.container == "bound" and .capability == "CAP_SYS_CHROOT" and .mode == "enforce"
		and .comm == "callprobe" and .pid > 0 and (has("call") | not)'
	eventually in_journal
}

in_journal() {
	journalctl --no-pager --quiet -u vkerneld VKERNEL_CONTAINER=bound \
		VKERNEL_CAPABILITY=CAP_SYS_CHROOT | grep -q 'claimed CAP_SYS_CHROOT.*refused'
}

@test "audit lets it pass, and reports it" {
	local before follower
	run -0 vkctl mode bound audit
	before=$(claims bound)
	vkctl events --follow --container bound >"$BATS_TEST_TMPDIR/events" 3>&- &
	follower=$!
	sleep 1
	allowed inside bound callprobe tamper native chroot str:/
	[ "$(claims bound)" -gt "$before" ]
	eventually grep -q 'claimed CAP_SYS_CHROOT, passed (audit)' "$BATS_TEST_TMPDIR/events"
	kill $follower
	# Audit gives nothing that the credentials do not claim.
	refused 1 inside bound callprobe native chroot str:/
	run -0 vkctl mode bound enforce
	refused 1 inside bound callprobe tamper native chroot str:/
}

@test "OnClaim=kill: who claims dies, its container does not" {
	set_on_claim kill
	start runc lethal alpha
	set_on_claim ""
	[ "$(instance lethal on_claim)" = kill ]
	[ "$(instance bound on_claim)" = refuse ]
	refused 1 inside lethal callprobe native chroot str:/
	run inside lethal callprobe tamper native chroot str:/
	[ "$status" -eq 137 ]
	[ -z "$output" ]
	run inside lethal callprobe child tamper native chroot str:/
	[ "$output" = "killed by 9" ]
	run tampered lethal callprobe native chroot str:/
	[ "$status" -eq 137 ]
	[ "$(instance lethal state)" = active ]
	run -0 inside lethal true
	run -0 vkctl mode lethal audit
	allowed inside lethal callprobe tamper native chroot str:/
	stop lethal
}

@test "a user namespace that the container made has all in it, and nothing outside" {
	local before
	before=$(claims bound)
	allowed in_own_user_namespace bound callprobe native chroot str:/
	allowed in_own_user_namespace bound callprobe native sethostname str:x 1
	[ "$(claims bound)" -eq "$before" ]
	# The container's host name is the container's namespace's.
	refused 1 as_nobody bound busybox unshare --user --map-root-user \
		callprobe native sethostname str:x 1
	refused 1 as_nobody bound busybox unshare --user --map-root-user \
		callprobe tamper native sethostname str:x 1
}

@test "a container in a user namespace of its own is looked at as any other" {
	local own='.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]'

	start runc mapped alpha "$own"
	refused 1 inside mapped callprobe native chroot str:/
	refused 1 inside mapped callprobe tamper native chroot str:/
	allowed inside mapped callprobe tamper native setuid 65534
	allowed in_own_user_namespace mapped callprobe native chroot str:/
	stop mapped
}

@test "what a container has in its own user namespace is nothing in the host's" {
	local given='.process.capabilities |= map_values(. + ["CAP_SYS_CHROOT"])
		| .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 0, size: 65536}]'
	local as_host='echo host >/proc/vktest_creds && exec callprobe native chroot str:/'

	start runc given alpha "$given"
	start runc given-free "" "del(.hooks) | $given"
	allowed inside given callprobe native chroot str:/
	allowed inside given-free sh -c "$as_host"
	refused 1 inside given sh -c "$as_host"
	stop given given-free
}

# The kernel acts with the credentials of who mounted it.
@test "an overlay's files can be changed, without a claim" {
	local id
	# Its AppArmor profile would not let the tests' module be asked for credentials.
	podman --runtime runc run --detach --name layered --annotation io.vkernel.policy=alpha \
		--network none --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined --cap-drop all \
		--rootfs "$VK_ROOTFS:O" sleep 100000 </dev/null >"$VK_ROOM/said" 2>&1 3>&- ||
		{ cat "$VK_ROOM/said"; false; }
	id=$(podman inspect --format '{{.Id}}' layered)
	[ "$(instance "$id" capabilities)" = '[]' ]
	run -0 podman exec layered sh -ec '
		echo more >>/etc/passwd
		busybox rm /bin/env
		busybox mv /bin/id /bin/di
		busybox rm -r /root
		busybox chmod 0700 /tmp
		cat /etc/passwd' </dev/null
	says nobody more
	[ "$(claims "$id")" -eq 0 ]
	# That it was a layer above.
	[ -e "$VK_ROOTFS/bin/env" ]
	run ! grep -q more "$VK_ROOTFS/etc/passwd"
	refused 1 podman exec layered callprobe tamper native chroot str:/
	podman rm --force --time 0 layered
}

@test "the host is as it was" {
	allowed callprobe native chroot str:/
	allowed callprobe tamper native chroot str:/
	refused 1 setpriv --reuid 65534 --clear-groups callprobe native chroot str:/
	allowed setpriv --reuid 65534 --clear-groups callprobe tamper native chroot str:/
}

hooked() {
	grep -q '^cap_capable ' /sys/kernel/tracing/enabled_functions
}

@test "status tells of it" {
	vkctl status --json | jq -e '
		.checks[] | select(.name == "capabilities") | .state == "ok"'
}

@test "the hook is there for as long as a policy is" {
	hooked
	stop_all
	run -0 vkctl unload --all
	run ! hooked
	run -0 vkctl unload --core
	run ! core_loaded
	start runc bound alpha
	hooked
	refused 1 inside bound callprobe tamper native chroot str:/
}
