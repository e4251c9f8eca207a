# Containers of three runtimes on tables of their own, and the ways out that are none.

load helper

setup_file() {
	vk_setup
	add_alpha_and_beta
	for runtime in runc crun; do
		start $runtime $runtime-alpha alpha
		start $runtime $runtime-beta beta
	done
	start_podman pod-alpha alpha crun
	start_podman pod-beta beta runc
}

teardown_file() {
	stop_all
	vkctl policy rm mapped || true
}

# start_podman NAME POLICY RUNTIME: no seccomp and no AppArmor, so that vkernel is seen alone
start_podman() {
	podman --runtime "$3" run --detach --name "$1" --annotation "io.vkernel.policy=$2" \
		--network none --security-opt seccomp=unconfined \
		--security-opt apparmor=unconfined --rootfs "$VK_ROOTFS" \
		sleep 100000 </dev/null >"$VK_ROOM/said" 2>&1 3>&- || cat "$VK_ROOM/said"
}

in_podman() {
	podman exec "$@" </dev/null
}

two_tables() {
	local enter=$1 alpha=$2 beta=$3
	allowed "$enter" "$alpha" callprobe native uname buf
	refused $ALPHA_ERRNO "$enter" "$alpha" callprobe native mkdir str:/tmp/new 0700
	refused $BETA_ERRNO "$enter" "$beta" callprobe native uname buf
	allowed "$enter" "$beta" callprobe native mkdir "str:/tmp/new-$beta" 0700
	rmdir "$VK_ROOTFS/tmp/new-$beta"
}

@test "runc: two containers, two tables, for what enters them" {
	two_tables inside runc-alpha runc-beta
}

@test "crun: two containers, two tables, for what enters them" {
	two_tables inside crun-alpha crun-beta
}

@test "podman: two containers, two tables, for what enters them" {
	two_tables in_podman pod-alpha pod-beta
}

@test "the container's first process has its table" {
	for runtime in runc crun; do
		refused $BETA_ERRNO once $runtime beta callprobe native uname buf
		allowed once $runtime alpha callprobe native uname buf
	done
	refused $BETA_ERRNO podman run --rm --annotation io.vkernel.policy=beta --network none \
		--security-opt seccomp=unconfined --rootfs "$VK_ROOTFS" callprobe native uname buf
}

@test "the host is untouched" {
	allowed callprobe native uname buf
	allowed callprobe int80 uname buf
	allowed callprobe native mkdir str:/tmp/vk-host 0700
	rmdir /tmp/vk-host
	[ "$(uname -s)" = Linux ]
}

@test "all are listed, with their policies and modules" {
	run -0 vkctl list
	says runc-alpha runc-beta crun-alpha crun-beta
	[ "$(vkctl list --json | jq length)" -eq 6 ]
	[ "$(instance runc-beta policy)" = beta ]
	[ "$(instance crun-beta state)" = active ]
	[ "$(instance runc-alpha scope)" = both ]
	# Those of one policy share its module, if they mask the same paths; podman masks others than
	# 'runc spec' does. What earlier suites left is in nobody's use.
	vkctl unload --all
	[ "$(modules | wc -l)" -eq 4 ]
	[ "$(instance runc-beta module)" = "$(instance crun-beta module)" ]
}

@test "what was refused is counted, by call" {
	before=$(vkctl inspect runc-beta --json | jq .instance.denied)
	refused $BETA_ERRNO inside runc-beta callprobe native uname buf
	refused $BETA_ERRNO inside runc-beta callprobe int80 uname buf
	run -0 vkctl inspect runc-beta
	says uname x86_64 x86
	[ "$(vkctl inspect runc-beta --json | jq .instance.denied)" -eq $((before + 2)) ]
	[ "$(vkctl inspect runc-alpha --json |
		jq '[.calls[] | select(.name == "uname")] | length')" -eq 0 ]
}

@test "a container can not command the core, even on the host's network" {
	local shared='del(.linux.namespaces[] | select(.type == "network"))
		| .process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'

	expect $'request errno 0\ndump errno 0\nevents errno 0' genlprobe
	expect $'request errno 1\ndump errno 1\nevents errno 1' \
		setpriv --reuid 65534 --clear-groups genlprobe
	bundle unbound "" "del(.hooks) | .process.args = [\"genlprobe\"] | $shared"
	expect $'request errno 0\ndump errno 0\nevents errno 0' \
		runc run --bundle "$VK_ROOM/bundles/unbound" unbound
	start runc meddler alpha "$shared"
	expect $'request errno 1\ndump errno 1\nevents errno 0' inside meddler genlprobe
	expect "family errno 2" inside runc-alpha genlprobe
	stop meddler
}

@test "a runtime's helper in the container's cgroup is no part of it until it is in its mounts" {
	local pid cgroup

	pid=$(instance runc-beta pid)
	cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	allowed sh -c 'echo $$ >"$0/cgroup.procs" && exec callprobe native uname buf' "$cgroup"
	refused $BETA_ERRNO sh -c 'echo $$ >"$0/cgroup.procs" &&
		exec nsenter --mount --target "$1" /bin/callprobe native uname buf' "$cgroup" "$pid"
}

@test "a program that enters a container before it is started is in it" {
	bundle early beta
	echo runc >"$VK_ROOM/bundles/early/runtime"
	runc create --bundle "$VK_ROOM/bundles/early" early </dev/null >"$VK_ROOM/said" 2>&1 3>&-
	[ "$(instance early state)" = pending ]
	refused $BETA_ERRNO inside early callprobe native uname buf
	[ "$(instance early state)" = pending ]
	runc start early
	eventually active early
	refused $BETA_ERRNO inside early callprobe native uname buf
	stop early
}

@test "children and threads belong to their container" {
	for way in child thread "child thread" "child child thread"; do
		# shellcheck disable=SC2086
		refused $BETA_ERRNO inside runc-beta callprobe $way native uname buf
		# shellcheck disable=SC2086
		allowed inside runc-alpha callprobe $way native uname buf
	done
}

@test "another user, and programs that change it, stay in it" {
	refused $BETA_ERRNO inside runc-beta callprobe setuid native uname buf
	allowed inside runc-alpha callprobe setuid native uname buf
	refused $BETA_ERRNO runc exec --user 65534:65534 runc-beta callprobe-suid native uname buf
	allowed runc exec --user 65534:65534 runc-alpha callprobe-suid native uname buf
	# That it did change it: the next call needs root.
	allowed runc exec --user 65534:65534 runc-alpha callprobe-suid native setuid 0
	refused 1 runc exec --user 65534:65534 runc-alpha callprobe native setuid 0
}

@test "int 0x80 leads to the same refusal, in 64-bit and in 32-bit programs" {
	refused $BETA_ERRNO inside runc-beta callprobe int80 uname buf
	allowed inside runc-alpha callprobe int80 uname buf
	refused $ALPHA_ERRNO inside runc-alpha callprobe int80 mkdir str:/tmp/x 0700
	refused $BETA_ERRNO inside runc-beta callprobe32 122
	allowed inside runc-alpha callprobe32 122
	allowed inside runc-beta callprobe32 20
}

@test "the x32 numbers lead nowhere" {
	refused 38 inside runc-beta callprobe x32 uname buf
	refused 38 inside runc-alpha callprobe x32 uname buf
	refused 38 inside runc-alpha callprobe x32 getpid
	allowed inside runc-alpha callprobe native getpid
}

@test "a tracer that rewrites the call gets what the new call gets" {
	refused $BETA_ERRNO inside runc-beta traceprobe getppid uname buf
	allowed inside runc-beta traceprobe uname getppid
	allowed inside runc-alpha traceprobe getppid uname buf
	refused $ALPHA_ERRNO inside runc-alpha traceprobe getppid mkdir str:/tmp/x 0700
}

@test "io_uring: setting it up is a call like others" {
	expect "setup ret -1 errno $BETA_ERRNO" inside runc-beta uringprobe openat /etc/passwd
	expect "setup ret -1 errno $BETA_ERRNO" inside runc-beta uringprobe --sqpoll openat /etc/passwd
	for way in "" --async --sqpoll; do
		# shellcheck disable=SC2086
		run inside runc-alpha uringprobe $way openat /etc/passwd
		[ "${lines[0]}" = "setup ret 0 errno 0" ]
		[ "${lines[2]}" = "result ret 0 errno 0" ]
	done
}

# Under seccomp it is the same: that is why profiles refuse io_uring_setup.
@test "io_uring: a request is no system call" {
	for way in "" --async --sqpoll; do
		# shellcheck disable=SC2086
		run inside runc-alpha uringprobe $way mkdirat /tmp/by-ring
		[ "${lines[2]}" = "result ret 0 errno 0" ]
		rmdir "$VK_ROOTFS/tmp/by-ring"
	done
	refused $ALPHA_ERRNO inside runc-alpha callprobe native mkdir str:/tmp/x 0700
}

own_profile() {
	printf '.linux.seccomp = %s' "$(profile "$(rule "ERRNO:$1" uname)")"
}

# What the daemon decides is the same on any kernel.
fully || return 0

@test "without an annotation the container's own profile is its policy" {
	start runc own "" "$(own_profile 55)"
	[ "$(instance own policy)" = null ]
	[ "$(instance own state)" = active ]
	refused 55 inside own callprobe native uname buf
	allowed inside own callprobe native mkdir str:/tmp/own 0700
	rmdir "$VK_ROOTFS/tmp/own"
	stop own
}

@test "a policy and the container's own profile both hold" {
	start runc both alpha "$(own_profile 56)"
	refused $ALPHA_ERRNO inside both callprobe native mkdir str:/tmp/x 0700
	refused 56 inside both callprobe native uname buf
	[ "$(instance both module)" != "$(instance runc-alpha module)" ]
	stop both
}

@test "with neither, everything is allowed" {
	start runc plain
	allowed inside plain callprobe native uname buf
	[ "$(instance plain state)" = active ]
	stop plain
}

@test "a policy that is mapped to the image is its policy" {
	profile "$(rule ERRNO:57 uname)" | vkctl policy add mapped - --image 'docker.io/library/*'
	start runc by-image "" '.annotations["io.vkernel.image"] = "docker.io/library/busybox:1"'
	[ "$(instance by-image policy)" = mapped ]
	refused 57 inside by-image callprobe native uname buf
	stop by-image
	start runc by-other-image "" '.annotations["io.vkernel.image"] = "quay.io/library/busybox:1"'
	[ "$(instance by-other-image policy)" = null ]
	allowed inside by-other-image callprobe native uname buf
	stop by-other-image
}

@test "a container whose policy is missing does not start, and both tell why" {
	for runtime in runc crun; do
		run ! start $runtime missing-$runtime nonesuch
		output=$(cat "$VK_ROOM/said")
		$runtime delete --force missing-$runtime 2>/dev/null || true
		[ -z "$(instance missing-$runtime id)" ]
		eventually told_journal missing-$runtime
	done
	# crun tells podman the hook's exit code alone; runc what it said.
	run ! podman --runtime runc run --rm --annotation io.vkernel.policy=nonesuch \
		--network none --rootfs "$VK_ROOTFS" true
	says nonesuch
}

told_journal() {
	journalctl --no-pager --quiet -t vkctl "VKERNEL_CONTAINER=$1" | grep -q nonesuch
}

@test "a hook without a daemon keeps the container from starting" {
	systemctl stop vkerneld.socket vkerneld.service
	run ! start runc no-daemon alpha
	runc delete --force no-daemon 2>/dev/null || true
	systemctl start vkerneld.socket
	# Those that run are as they were.
	refused $BETA_ERRNO inside runc-beta callprobe native uname buf
}

@test "OnFailure=warn starts it all the same, and the journal has a warning" {
	mkdir -p /etc/vkernel
	echo OnFailure=warn >>/etc/vkernel/vkernel.conf
	start runc warned nonesuch
	sed -i '/^OnFailure=warn$/d' /etc/vkernel/vkernel.conf
	allowed inside warned callprobe native uname buf
	[ -z "$(instance warned id)" ]
	eventually told_journal warned
	stop warned
}
