# shellcheck shell=bash disable=SC2034,SC2154
# What the suites share: a root file system, policies, bundles, containers, and how to expect.
#
# What takes long is made once a boot and kept in $VK_ROOM.

VK_ROOM=/var/tmp/vk-suites
VK_ROOTFS=$VK_ROOM/rootfs
VK_SOCKET=/run/vkernel/io.vkernel
VK_MODULES=/var/cache/vkernel

bats_require_minimum_version 1.5.0

# Whether this kernel runs all of a suite, or only what another kernel could answer differently: with
# `fully || return 0` before a test, those from there on are for 6.12. VK_SHARE=all runs all on any.
fully() {
	[[ ${VK_SHARE:-$VK_KERNEL} == @(6.12|all) ]]
}

# A static busybox and the probes; stress-ng comes with its libraries.
make_rootfs() {
	local probe library

	mkdir -p "$VK_ROOTFS"/{bin,etc,proc,dev,sys,tmp,root,usr,run}
	chmod 1777 "$VK_ROOTFS/tmp"
	cp /bin/busybox "$VK_ROOTFS/bin/"
	for applet in sh sleep true false cat echo mkdir rmdir ls ps kill id env hostname; do
		ln -s busybox "$VK_ROOTFS/bin/$applet"
	done
	printf 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' \
		>"$VK_ROOTFS/etc/passwd"
	for probe in callprobe callprobe32 everycall sigprobe traceprobe uringprobe genlprobe; do
		cp "$VK_PAYLOAD/bin/$probe" "$VK_ROOTFS/bin/"
	done
	install -m 4755 "$VK_PAYLOAD/bin/callprobe" "$VK_ROOTFS/bin/callprobe-suid"
	ln -s usr/lib64 "$VK_ROOTFS/lib64"
	ln -s usr/lib "$VK_ROOTFS/lib"
	mkdir -p "$VK_ROOTFS"/usr/lib{,64}
	cp /usr/bin/stress-ng "$VK_ROOTFS/bin/"
	ldd /usr/bin/stress-ng | grep -o '/[^ ]*' | while read -r library; do
		install -D "$library" "$VK_ROOTFS$library"
	done
}

# What a package's postinst does.
install_service() {
	systemd-sysusers
	systemctl daemon-reload
	systemd-tmpfiles --create
	systemctl start vkerneld.socket
}

# For setup_file of every suite.
vk_setup() {
	[[ -e $VK_ROOM/ready ]] && return
	rm -rf "$VK_ROOM"
	make_rootfs
	(cd "$VK_ROOM" && runc spec)
	install_service
	touch "$VK_ROOM/ready"
}

unload_module() {
	[[ ! -d /sys/module/$1 ]] || rmmod "$1"
}

# As often as a test wants: systemd would refuse the sixth time within ten seconds.
restart_daemon() {
	systemctl reset-failed vkerneld.service || true
	systemctl restart vkerneld.service
}

# builder template|kbuild: what makes policies' modules from here on
builder() {
	touch /etc/vkernel/vkernel.conf
	sed -i '/^Builder=/d' /etc/vkernel/vkernel.conf
	echo "Builder=$1" >>/etc/vkernel/vkernel.conf
	restart_daemon
}

# What a host may not have; unhide gives it back.
hide_compilers() {
	local compiler
	for compiler in /usr/bin/{gcc,cc,gcc-[0-9]*,x86_64-linux-gnu-gcc*}; do
		[[ ! -e $compiler && ! -L $compiler ]] || mv "$compiler" "$compiler.vk-away"
	done
}

hide_headers() {
	mv "/lib/modules/$(uname -r)/build" "/lib/modules/$(uname -r)/build.vk-away"
}

unhide() {
	local file
	for file in /usr/bin/*.vk-away "/lib/modules/$(uname -r)/build.vk-away"; do
		[[ ! -L $file && ! -e $file ]] || mv "$file" "${file%.vk-away}"
	done
}

# rule ACTION[:ERRNO] CALL...: one rule of a profile
rule() {
	local action=${1%%:*} errno='' calls
	[[ $1 != *:* ]] || errno=", \"errnoRet\": ${1#*:}"
	shift
	calls=$(printf ', "%s"' "$@")
	printf '{"names": [%s], "action": "SCMP_ACT_%s"%s}' "${calls#, }" "$action" "$errno"
}

# profile RULE...: a profile that allows everything else, on all three architectures
profile() {
	local rules
	rules=$(printf ', %s' "$@")
	printf '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64",
		"SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [%s]}\n' "${rules#, }"
}

# policy NAME RULE...
policy() {
	local name=$1
	shift
	profile "$@" | vkctl policy add "$name" -
}

# alpha refuses mkdir and allows uname, beta the other way round, with errnos nothing else gives.
ALPHA_ERRNO=42
BETA_ERRNO=77
add_alpha_and_beta() {
	policy alpha "$(rule ERRNO:$ALPHA_ERRNO mkdir mkdirat)"
	policy beta "$(rule ERRNO:$BETA_ERRNO uname io_uring_setup)"
}

# bundle NAME [POLICY] [JQ]: a bundle whose hook is vkctl; JQ changes its config.json further
#
# Masked paths are rules, too; without them a container's module is that of its policy.
bundle() {
	local name=$1 policy=${2:-} jq=${3:-.} dir=$VK_ROOM/bundles/$1

	rm -rf "$dir"
	mkdir -p "$dir"
	cp "$VK_ROOM/config.json" "$dir/"
	jq --arg policy "$policy" --arg rootfs "$VK_ROOTFS" '
		del(.linux.maskedPaths, .linux.readonlyPaths)
		| .root = {path: $rootfs, readonly: false}
		| .process.terminal = false
		| .process.noNewPrivileges = false
		| .process.args = ["sleep", "100000"]
		| .process.capabilities |= map_values(. + ["CAP_SETUID", "CAP_SETGID"])
		| .hooks = {
			createRuntime: [{path: "/usr/bin/vkctl", args: ["vkctl", "hook", "createRuntime"]}],
			poststop: [{path: "/usr/bin/vkctl", args: ["vkctl", "hook", "poststop"]}]}
		| if $policy == "" then . else .annotations["io.vkernel.policy"] = $policy end
		| '"$jq" "$dir/config.json" >"$dir/new.json"
	mv "$dir/new.json" "$dir/config.json"
}

# start RUNTIME NAME [POLICY] [JQ]: a container that sleeps; what the runtime said is in $VK_ROOM/said
start() {
	local runtime=$1 name=$2
	shift
	bundle "$@"
	echo "$runtime" >"$VK_ROOM/bundles/$name/runtime"
	# Whoever holds bats' output open is waited for.
	"$runtime" run --detach --bundle "$VK_ROOM/bundles/$name" "$name" \
		</dev/null >"$VK_ROOM/said" 2>&1 3>&-
}

# inside NAME COMMAND...: enters the container
inside() {
	local name=$1
	shift
	"$(cat "$VK_ROOM/bundles/$name/runtime")" exec "$name" "$@" </dev/null
}

# once RUNTIME POLICY COMMAND...: the command is the container's first process
once() {
	local runtime=$1 policy=$2 name=once-$RANDOM words
	shift 2
	words=$(jq --null-input --compact-output '$ARGS.positional' --args "$@")
	bundle "$name" "$policy" ".process.args = $words"
	"$runtime" run --bundle "$VK_ROOM/bundles/$name" "$name" </dev/null
}

# stop NAME...
stop() {
	local name runtime
	for name in "$@"; do
		runtime=$(cat "$VK_ROOM/bundles/$name/runtime") || continue
		"$runtime" delete --force "$name" 2>/dev/null || true
		rm "$VK_ROOM/bundles/$name/runtime"
	done
}

# Asking podman itself takes seconds.
podman_has_any() {
	compgen -G '/var/lib/containers/storage/overlay-containers/*/' >/dev/null
}

stop_all() {
	local dir
	for dir in "$VK_ROOM"/bundles/*/; do
		[[ ! -e $dir/runtime ]] || stop "$(basename "$dir")"
	done
	! podman_has_any || podman rm --all --force --time 0 >/dev/null 2>&1 || true
	eventually no_instances || true
}

# expect TEXT COMMAND...: the command says just that
expect() {
	local text=$1
	shift
	run "$@"
	[[ $output == "$text" ]] && return
	printf 'expected: %s\nof:       %s\ngot:      %s (status %d)\n' "$text" "$*" "$output" \
		"$status"
	return 1
}

# refused ERRNO COMMAND...: the probe's call fails with that errno and no other
refused() {
	local errno=$1
	shift
	expect "ret -1 errno $errno" "$@"
}

# allowed COMMAND...: the probe's call does not fail
allowed() {
	run "$@"
	[[ $status -eq 0 && $output =~ ^ret\ [0-9]+\ errno\ 0$ ]] && return
	printf 'expected: a call that is allowed\nof:       %s\ngot:      %s (status %d)\n' "$*" \
		"$output" "$status"
	return 1
}

# fails STATUS COMMAND...: with that exit status, one line of reason and no more than hints
fails() {
	local wanted=$1
	shift
	run "$@"
	[[ $status -eq $wanted && $output == *"vkctl: "* ]] && return
	printf 'expected: status %s and a reason\nof:       %s\ngot:      %s (status %d)\n' \
		"$wanted" "$*" "$output" "$status"
	return 1
}

# says TEXT...: the output of the command before holds each of them
says() {
	local text
	for text in "$@"; do
		if [[ $output != *"$text"* ]]; then
			printf 'no "%s" in: %s\n' "$text" "$output"
			return 1
		fi
	done
}

# eventually COMMAND...: within 20 seconds
eventually() {
	local deadline=$((SECONDS + 20))
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.3
	done
}

no_instances() {
	[[ $(vkctl list --json | jq length) == 0 ]]
}

# instance NAME FIELD
instance() {
	vkctl list --json | jq -r --arg name "$1" --arg field "$2" \
		'.[] | select(.container == $name) | .[$field]'
}

# What a runtime started has come to its own program.
active() {
	[[ $(instance "$1" state) == active ]]
}

modules() {
	lsmod | awk '$1 ~ /^vkernel_/ { print $1 }'
}

UPDATES=/lib/modules/$(uname -r)/updates

# How often a thing of that digest was built: core, template, or a policy's.
builds_of() {
	varlinkctl call --json=short "unix:$VK_SOCKET" io.vkernel.ListBuilds '{}' |
		jq --arg digest "$1" '[.builds[] | select(.digest == $digest)] | length'
}

# What `vkctl status` says of the core's file.
core_file() {
	vkctl status --json | jq -r '.checks[] | select(.name == "core-file") | .detail'
}

core_loaded() {
	lsmod | grep -q '^vkernel '
}

# All that a failed command must leave as it was.
snapshot() {
	vkctl policy list --json | jq --compact-output 'map({name, digest, built, loaded})'
	vkctl list --json | jq --compact-output 'map({id, container, state})'
	modules
	find "$VK_MODULES" 2>/dev/null | sort
}

remember() {
	snapshot >"$BATS_TEST_TMPDIR/before"
}

unchanged() {
	snapshot | diff "$BATS_TEST_TMPDIR/before" -
}
