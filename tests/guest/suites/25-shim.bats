# vkernel-runtime: what runc and crun do under its name, with seccomp and AppArmor in the container's
# kernel and nowhere else.

load helper

SHIM=vkernel-runtime
SHIM_ERRNO=55
CONF=/etc/vkernel/vkernel.conf

setup_file() {
	vk_setup
	mkdir -p /etc/vkernel
}

teardown_file() {
	stop_all
	vkctl policy rm shim-policy || true
	set_conf
}

# set_conf [LINE...]: these, beside what others want
set_conf() {
	touch $CONF
	sed -i '/^Runtimes=/d; /^OnFailure=/d' $CONF
	(($# == 0)) || printf '%s\n' "$@" >>$CONF
}

# As an engine makes it: a seccomp profile and docker-default, no hooks of vkernel's.
engine_config() {
	printf 'del(.hooks, .linux.maskedPaths, .linux.readonlyPaths)
		| .process.apparmorProfile = "docker-default"
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
		| .linux.seccomp = %s | %s' \
		"$(profile "$(rule ERRNO:$SHIM_ERRNO mkdir mkdirat)")" "${1:-.}"
}

# Only the first part of the profile's name and mode.
label() {
	cut -d ' ' -f 1 "/proc/$1/attr/apparmor/current"
}

seccomp_of() {
	sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$1/status"
}

confined() {
	local name=$1
	refused $SHIM_ERRNO inside "$name" callprobe native mkdir str:/tmp/x 0700
	allowed inside "$name" callprobe native uname buf
	refused 13 inside "$name" callprobe native open str:/proc/sysrq-trigger 1
	allowed inside "$name" callprobe native open str:/proc/sys/kernel/ostype 0
	refused 13 inside "$name" callprobe native mount str:none str:/tmp str:tmpfs 0 0
	allowed inside "$name" callprobe native umount2 str:/sys 2
}

unconfined_by_the_host() {
	expect 0 seccomp_of "$1"
	expect unconfined label "$1"
}

whole_life() {
	local name=life-$1 pid

	set_conf "Runtimes=nonesuch $1"
	start $SHIM "$name" "" "$(engine_config)"
	pid=$(instance "$name" pid)
	[ "$(instance "$name" state)" = active ]
	[ "$(vkctl inspect "$name" --json | jq -r .instance.apparmor)" = docker-default ]
	confined "$name"
	unconfined_by_the_host "$pid"
	run -0 inside "$name" cat /proc/self/status
	[[ $output == *$'Seccomp:\t0'* ]]
	expect "$("$1" --version)" $SHIM --version
	expect running sh -c "$SHIM state $name | jq -r .status"
	[ "$($SHIM list --format json | jq -r '.[].id' | grep -cx "$name")" -eq 1 ]
	$SHIM kill "$name" KILL
	eventually stopped "$name"
	$SHIM delete "$name"
	[ -z "$(instance "$name" id)" ]
}

stopped() {
	[[ $($SHIM state "$1" | jq -r .status) == stopped ]]
}

@test "runc below it: run, exec, kill, delete; the container's kernel does what seccomp and AppArmor did" {
	whole_life runc
}

@test "crun below it: run, exec, kill, delete; the container's kernel does what seccomp and AppArmor did" {
	whole_life crun
}

@test "what the container's first process gets is the same" {
	for runtime in runc crun; do
		set_conf Runtimes=$runtime
		bundle first-$runtime "" "$(engine_config "
			.process.args = [\"callprobe\", \"native\", \"mkdir\", \"str:/tmp/x\", \"0700\"]")"
		refused $SHIM_ERRNO $SHIM run --bundle "$VK_ROOM/bundles/first-$runtime" first-$runtime
	done
}

fully || return 0

@test "create and start" {
	for runtime in runc crun; do
		set_conf Runtimes=$runtime
		bundle made-$runtime "" "$(engine_config)"
		echo $SHIM >"$VK_ROOM/bundles/made-$runtime/runtime"
		(cd "$VK_ROOM/bundles/made-$runtime" && $SHIM create made-$runtime </dev/null \
			>"$VK_ROOM/said" 2>&1 3>&-)
		[ "$(instance made-$runtime state)" = pending ]
		$SHIM start made-$runtime
		eventually active made-$runtime
		confined made-$runtime
		stop made-$runtime
		[ -z "$(instance made-$runtime id)" ]
	done
}

# What docker, containerd and podman pass.
process_file() {
	jq '.process | .args = ["sh", "-c", "cat /proc/self/attr/apparmor/current"]
		| .apparmorProfile = "'"$2"'"' \
		"$VK_ROOM/bundles/$1/config.json" >"$BATS_TEST_TMPDIR/process.json"
}

@test "exec with a process file: AppArmor's profile is left to the container's kernel" {
	for runtime in runc crun; do
		set_conf Runtimes=$runtime
		start $SHIM enter-$runtime "" "$(engine_config)"
		process_file enter-$runtime docker-default
		expect unconfined $SHIM exec --process "$BATS_TEST_TMPDIR/process.json" enter-$runtime
		expect null jq .apparmorProfile "$BATS_TEST_TMPDIR/process.json"
		# Another profile is not what the container has: the runtime's business.
		process_file enter-$runtime vk-nonesuch
		run ! $SHIM exec -p "$BATS_TEST_TMPDIR/process.json" enter-$runtime
		expect '"vk-nonesuch"' jq .apparmorProfile "$BATS_TEST_TMPDIR/process.json"
		stop enter-$runtime
	done
}

@test "a profile that only the host's AppArmor has stays with AppArmor" {
	set_conf
	printf 'profile vk-host flags=(attach_disconnected) {\n file,\n capability,\n network,\n mount,\n umount,\n pivot_root,\n signal,\n ptrace,\n unix,\n deny /etc/passwd r,\n}\n' |
		apparmor_parser --replace --skip-cache
	start $SHIM hosted "" "$(engine_config '.process.apparmorProfile = "vk-host"')"
	expect vk-host label "$(instance hosted pid)"
	expect 0 seccomp_of "$(instance hosted pid)"
	refused 13 inside hosted callprobe native open str:/etc/passwd 0
	allowed inside hosted callprobe native open str:/bin/busybox 0
	refused $SHIM_ERRNO inside hosted callprobe native mkdir str:/tmp/x 0700
	stop hosted
}

@test "a policy's annotation counts, but not for a pod's sandbox" {
	set_conf
	policy shim-policy "$(rule ERRNO:91 uname)"
	start $SHIM with-policy shim-policy "$(engine_config)"
	[ "$(instance with-policy policy)" = shim-policy ]
	refused 91 inside with-policy callprobe native uname buf
	refused $SHIM_ERRNO inside with-policy callprobe native mkdir str:/tmp/x 0700
	start $SHIM pause shim-policy \
		"$(engine_config '.annotations["io.kubernetes.cri.container-type"] = "sandbox"')"
	[ "$(instance pause policy)" = null ]
	allowed inside pause callprobe native uname buf
	refused $SHIM_ERRNO inside pause callprobe native mkdir str:/tmp/x 0700
	stop with-policy pause
}

@test "a bundle that is used twice, and one with vkctl's hooks already, bind once" {
	local dir=$VK_ROOM/bundles/again

	set_conf
	bundle again "" "$(engine_config '.hooks.createRuntime =
		[{path: "/usr/bin/vkctl", args: ["vkctl", "hook"]}]')"
	for _ in 1 2; do
		$SHIM run --detach --bundle "$dir" again </dev/null >"$VK_ROOM/said" 2>&1 3>&-
		echo $SHIM >"$dir/runtime"
		[ "$(jq '.hooks.createRuntime | length' "$dir/config.json")" -eq 1 ]
		[ "$(jq '.hooks.poststop | length' "$dir/config.json")" -eq 1 ]
		[ "$(jq .linux.seccomp "$dir/config.json")" = null ]
		confined again
		unconfined_by_the_host "$(instance again pid)"
		stop again
	done
}

@test "without a daemon it does not start, nothing is changed, and the engine's log says why" {
	local dir=$VK_ROOM/bundles/none

	set_conf
	bundle none "" "$(engine_config)"
	sha256sum "$dir/config.json" >"$BATS_TEST_TMPDIR/before"
	systemctl stop vkerneld.socket vkerneld.service
	run -1 $SHIM --log "$BATS_TEST_TMPDIR/log" --log-format json run --detach --bundle "$dir" none
	systemctl start vkerneld.socket
	says "cannot reach vkerneld"
	jq -e 'select(.level == "error") | .msg | contains("cannot reach vkerneld")' \
		"$BATS_TEST_TMPDIR/log"
	run ! runc state none
	sha256sum --check --status "$BATS_TEST_TMPDIR/before"
	[ "$(find "$dir" -type f | wc -l)" -eq 1 ]
}

@test "a rootless engine is refused by name, and nothing is changed" {
	local dir=$VK_ROOM/bundles/rootless

	set_conf
	bundle rootless "" "$(engine_config)"
	sha256sum "$dir/config.json" >"$BATS_TEST_TMPDIR/before"
	run ! unshare --user --map-root-user $SHIM run --bundle "$dir" rootless
	says "a rootless container cannot have a virtual kernel" "run the container engine as root"
	sha256sum --check --status "$BATS_TEST_TMPDIR/before"
	run ! runc state rootless
}

# warned NAME: started by OnFailure=warn, without a daemon, as the stock runtime would have
warned() {
	set_conf OnFailure=warn
	systemctl stop vkerneld.socket vkerneld.service
	$SHIM run --detach --bundle "$VK_ROOM/bundles/$1" "$1" </dev/null >"$VK_ROOM/said" 2>&1 3>&-
	systemctl start vkerneld.socket
	set_conf
	echo $SHIM >"$VK_ROOM/bundles/$1/runtime"
	[ -z "$(instance "$1" id)" ]
	expect 2 seccomp_of "$(runc state "$1" | jq .pid)"
	refused $SHIM_ERRNO inside "$1" callprobe native mkdir str:/tmp/x 0700
	eventually told_journal "$1"
	runc delete --force "$1"
}

told_journal() {
	journalctl --no-pager --quiet -t vkctl "VKERNEL_CONTAINER=$1" PRIORITY=4 |
		grep -q 'without a virtual kernel'
}

@test "OnFailure=warn starts it under the stock runtime's seccomp" {
	local dir=$VK_ROOM/bundles/warned

	bundle warned "" "$(engine_config 'del(.process.apparmorProfile)')"
	sha256sum "$dir/config.json" >"$BATS_TEST_TMPDIR/before"
	warned warned
	sha256sum --check --status "$BATS_TEST_TMPDIR/before"
	# What an earlier start moved is in its place again.
	$SHIM run --detach --bundle "$dir" warned </dev/null >"$VK_ROOM/said" 2>&1 3>&-
	expect 0 seccomp_of "$(instance warned pid)"
	stop warned
	[ "$(jq .linux.seccomp "$dir/config.json")" = null ]
	warned warned
	[ "$(jq '.annotations["io.vkernel.moved"]' "$dir/config.json")" = null ]
}

@test "a profile that a kernel can not enforce is refused by name, and restoring, too" {
	local dir=$VK_ROOM/bundles/notify

	set_conf
	bundle notify "" "$(engine_config '.linux.seccomp.syscalls[0].action = "SCMP_ACT_NOTIFY"')"
	run -1 $SHIM run --bundle "$dir" notify
	says NOTIFY
	[ "$(jq .linux.seccomp "$dir/config.json")" != null ]
	run -1 $SHIM restore --bundle "$dir" notify
	says checkpoint
}

@test "no instance stays of what does not start, dies, or is removed by force" {
	for runtime in runc crun; do
		set_conf Runtimes=$runtime
		bundle bad-$runtime "" "$(engine_config '.process.args = ["/nonesuch"]')"
		run ! $SHIM run --bundle "$VK_ROOM/bundles/bad-$runtime" bad-$runtime
		$SHIM delete --force bad-$runtime 2>/dev/null || true
		eventually gone bad-$runtime
		start $SHIM dies-$runtime "" "$(engine_config)"
		kill -KILL "$(instance dies-$runtime pid)"
		eventually gone dies-$runtime
		start $SHIM forced-$runtime "" "$(engine_config)"
		$SHIM delete --force forced-$runtime
		[ -z "$(instance forced-$runtime id)" ]
		stop dies-$runtime
	done
}

gone() {
	[[ -z $(instance "$1" id) || $(instance "$1" state) == exited ]]
}

@test "no runtime to start is told, and it never starts itself" {
	ln -sf /usr/bin/vkctl /usr/local/bin/vk-itself
	set_conf "Runtimes=vk-itself /usr/bin/$SHIM nonesuch"
	run -1 $SHIM --version
	says "no container runtime" "Runtimes="
	rm /usr/local/bin/vk-itself
	set_conf
}

podman_run() {
	podman --runtime "/usr/bin/$SHIM" run --network none "$@" </dev/null 2>"$VK_ROOM/said" 3>&-
}

@test "podman: its own seccomp and AppArmor profiles are moved, for run and exec" {
	local pid

	for runtime in runc crun; do
		set_conf Runtimes=$runtime
		podman_run --detach --name shim-$runtime --rootfs "$VK_ROOTFS" sleep 100000
		pid=$(podman inspect --format '{{.State.Pid}}' shim-$runtime)
		unconfined_by_the_host "$pid"
		refused 1 podman exec shim-$runtime callprobe native migrate_pages 0 0 0 0
		allowed podman exec shim-$runtime callprobe native uname buf
		expect unconfined podman exec shim-$runtime cat /proc/self/attr/apparmor/current
		podman rm --force --time 0 shim-$runtime
	done
}

by_precreate() {
	CONTAINERS_CONF_OVERRIDE=/usr/share/doc/vkernel/podman/containers.conf podman --runtime "$1" \
		run --network none --annotation io.vkernel.policy=shim-policy "${@:2}" \
		</dev/null 2>"$VK_ROOM/said" 3>&-
}

@test "podman's stage precreate moves the filter, and no other runtime is needed" {
	policy shim-policy "$(rule ERRNO:91 uname)"
	for runtime in runc crun; do
		by_precreate $runtime --detach --name pre-$runtime --rootfs "$VK_ROOTFS" sleep 100000
		expect 0 seccomp_of "$(podman inspect --format '{{.State.Pid}}' pre-$runtime)"
		refused 91 podman exec pre-$runtime callprobe native uname buf
		refused 1 podman exec pre-$runtime callprobe native migrate_pages 0 0 0 0
		allowed podman exec pre-$runtime callprobe native getppid
		[ "$(vkctl list --json | jq 'map(select(.policy == "shim-policy")) | length')" -eq 1 ]
		podman rm --force --time 0 pre-$runtime
		[ "$(vkctl list --json | jq 'map(select(.policy == "shim-policy")) | length')" -eq 0 ]
	done
}

names_missing() {
	journalctl --no-pager --quiet -t vkctl "VKERNEL_CONTAINER=$1" | grep -q nonesuch
}

hook_failed() {
	sed -n 's/.*\([0-9a-f]\{64\}\).*/\1/p' "$VK_ROOM/said" | head -n 1
}

@test "podman's stage precreate: what can not be prepared does not start" {
	policy shim-policy "$(rule ERRNO:91 uname)"
	run ! by_precreate runc --rm --name pre-missing --annotation io.vkernel.policy=nonesuch \
		--rootfs "$VK_ROOTFS" true
	# podman shows nothing of what a hook of this stage said.
	eventually names_missing "$(hook_failed)"
	# Without the stage, the runtime installs its filter.
	podman --runtime runc run --detach --name pre-none --network none \
		--annotation io.vkernel.policy=shim-policy --rootfs "$VK_ROOTFS" sleep 100000 \
		</dev/null 3>&-
	expect 2 seccomp_of "$(podman inspect --format '{{.State.Pid}}' pre-none)"
	podman rm --force --time 0 pre-none
}

# Debian 13's json-c takes such for no JSON, if it is let.
@test "a container whose configuration is not all ASCII starts, and its text is what it was" {
	set_conf
	start $SHIM umlaut "" "$(engine_config '.process.env += ["WORD=ä€😀"]
		| .annotations["org.example"] = "Größe"')"
	expect "ä€😀" inside umlaut sh -c 'tr "\0" "\n" </proc/1/environ | sed -n s/^WORD=//p'
	confined umlaut
	stop umlaut
}

@test "podman with vkctl's hook and the shim binds once" {
	set_conf
	policy shim-policy "$(rule ERRNO:91 uname)"
	podman_run --detach --name twice --annotation io.vkernel.policy=shim-policy \
		--rootfs "$VK_ROOTFS" sleep 100000
	[ "$(vkctl list --json | jq 'map(select(.policy == "shim-policy")) | length')" -eq 1 ]
	refused 91 podman exec twice callprobe native uname buf
	podman rm --force --time 0 twice
}
