#!/bin/bash
# The main job, told as it happens: two containers on virtual kernels of their own, and an end that
# leaves nothing. Every claim is checked; make says "demo: ok" if all of them held.
set -uo pipefail

room=$(mktemp -d /var/tmp/vk-demo.XXXXXX)
failures=0

part() {
	printf '\n=== %s\n' "$*"
}

tell() {
	printf '    %s\n' "$@"
}

# Shows a command and what it says.
show() {
	printf '  $ %s\n' "$*"
	"$@" 2>&1 | sed 's/^/    /'
}

# claim TEXT COMMAND...: it must hold
claim() {
	local text=$1
	shift
	if "$@" >/dev/null 2>&1; then
		printf '    ok: %s\n' "$text"
	else
		printf '    NOT SO: %s\n' "$text"
		failures=$((failures + 1))
	fi
}

# timed TEXT COMMAND...
timed() {
	local text=$1 begun=$EPOCHREALTIME ended said
	shift
	if ! said=$("$@" </dev/null 2>&1); then
		printf '    %s FAILED: %s\n' "$text" "$said"
		failures=$((failures + 1))
		return 1
	fi
	ended=$EPOCHREALTIME
	printf '    %-58s %6d ms\n' "$text" $(((${ended/./} - ${begun/./}) / 1000))
}

no() {
	! "$@"
}

loaded() {
	lsmod | grep -q "^$1"
}

profile() {
	cat <<-END
	{
	  "defaultAction": "SCMP_ACT_ALLOW",
	  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
	  "syscalls": [{"names": [$1], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]
	}
	END
}

make_image() {
	local applet
	mkdir -p "$room"/rootfs/{bin,tmp,etc,proc,dev,sys}
	cp /bin/busybox "$room/rootfs/bin/"
	for applet in sh sleep uname mkdir rmdir cat; do
		ln -s busybox "$room/rootfs/bin/$applet"
	done
	cp "$VK_PAYLOAD/bin/callprobe" "$room/rootfs/bin/"
	echo 'the recipe' >"$room/rootfs/etc/recipe"
	tar -C "$room/rootfs" -cf "$room/image.tar" .
	podman import "$room/image.tar" localhost/demo:latest
}

# Unconfined: what is refused here, vkernel refuses alone.
run_container() {
	podman run --detach --name "$1" --annotation "io.vkernel.policy=$2" --network none \
		--security-opt seccomp=unconfined --security-opt apparmor=unconfined \
		localhost/demo:latest sleep 100000
}

# What a host without a network wants, besides.
start_docker() {
	mkdir -p /etc/docker
	cp /usr/share/doc/vkernel/docker/daemon.json /etc/docker/
	systemctl start docker
	docker import "$room/image.tar" localhost/demo:latest
}

run_docker() {
	docker run --detach --runtime vkernel --name delta --network none localhost/demo:latest \
		sleep 100000
}

run_podman() {
	podman --runtime /usr/bin/vkernel-runtime run --detach --name epsilon --network none \
		localhost/demo:latest sleep 100000
}

# Of the filter and the profile that the engine asked for, the process has none itself.
has_neither() {
	grep -qx $'Seccomp:\t0' "/proc/$1/status" &&
		[[ $(cat "/proc/$1/attr/apparmor/current") == unconfined ]]
}

has_instance() {
	vkctl list --json | jq -e --argjson pid "$1" '.[] | select(.pid == $pid and .state == "active")'
}

list_is() {
	[[ $(vkctl list --json | jq length) == "$1" ]]
}

# What a call does somewhere: "allowed", or why not.
outcome() {
	local said status=0
	said=$("$@" 2>&1 </dev/null) || status=$?
	if [[ $said == "ret -1 errno 1" ]]; then
		echo "refused (Operation not permitted)"
	elif ((status == 0)); then
		echo allowed
	else
		echo "refused (${said##*: })"
	fi
}

# side_by_side CALL COMMAND... on the host and in both
side_by_side() {
	local call=$1
	shift
	printf '    %-24s %-12s %-34s %s\n' "$call" "$(outcome "$@")" \
		"$(outcome podman exec alpha "$@")" "$(outcome podman exec beta "$@")"
}

# Not by uname(1): busybox's takes it that the call never fails.
uname_works() {
	[[ $("$@" callprobe native uname buf </dev/null) == "ret 0 errno 0" ]]
}

uname_is_refused() {
	[[ $("$@" callprobe native uname buf </dev/null) == "ret -1 errno 1" ]]
}

make_dir() {
	"$@" sh -c 'mkdir /tmp/vk-demo && rmdir /tmp/vk-demo' </dev/null
}

probe_is() {
	local wanted=$1
	shift
	[[ $("$@" </dev/null) == "$wanted" ]]
}

# What a program of some rules may do: all that a shell needs, and as they say.
confinement() {
	cat <<-END
	profile $1 flags=(attach_disconnected,mediate_deleted) {
	  file,
	  capability,
	  network,
	  signal,
	  ptrace,
	  $2
	}
	END
}

reads_recipe() {
	[[ $("$@" cat /etc/recipe </dev/null 2>&1) == "the recipe" ]]
}

# A test's module: any process that asks is given every capability, as by an exploit.
load_exploit() {
	modprobe vktest_creds
}

end() {
	docker rm --force delta >/dev/null 2>&1
	systemctl stop docker.socket docker containerd 2>/dev/null
	podman rm --all --force --time 0 >/dev/null 2>&1
	rm -rf "$room"
	exit "$1"
}

part "A stock kernel, and a package whose service systemd starts"
show uname -sr
timed "dpkg --install vkernel.deb" dpkg --install "$VK_PAYLOAD"/packages/vkernel_*.deb || end 1
show vkctl status
claim "vkerneld is running" systemctl is-active vkerneld
claim "this host can give containers virtual kernels" vkctl status

part "Two policies: plain seccomp profiles"
profile '"mkdir", "mkdirat"' >"$room/alpha.json"
profile '"uname"' >"$room/beta.json"
tell "alpha refuses to make directories, beta refuses to tell what system this is:"
show cat "$room/beta.json"
show vkctl policy add alpha "$room/alpha.json"
show vkctl policy add beta "$room/beta.json"

part "Two containers, by podman $(podman --version | awk '{ print $3 }') and $(podman info --format \
	'{{.Host.OCIRuntime.Name}}'): modules are made, loaded and bound as they start"
timed "podman import (an image with busybox)" make_image || end 1
timed "podman run alpha (its module is made)" run_container alpha alpha || end 1
timed "podman run beta (its module is made)" run_container beta beta || end 1
timed "podman run alpha-too (the module is there)" run_container alpha-too alpha || end 1
show podman ps --format 'table {{.ID}} {{.Names}} {{.Command}}'
show vkctl list
printf '  $ lsmod | grep vkernel_\n'
lsmod | grep vkernel_ | sed 's/^/    /'
claim "three containers have a virtual kernel" list_is 3
claim "the two of policy alpha share one module" \
	test "$(lsmod | grep -c '^vkernel_')" -eq 2

part "The same calls, side by side"
printf '    %-24s %-12s %-34s %s\n' "" "host" "alpha" "beta"
side_by_side "uname" callprobe native uname buf
side_by_side "mkdir" sh -c 'mkdir /tmp/vk-demo && rmdir /tmp/vk-demo'
side_by_side "everything else" sh -c 'cd /; echo $$ >/dev/null'
claim "alpha: uname works" uname_works podman exec alpha
claim "alpha: mkdir does not" no make_dir podman exec alpha
claim "beta: uname does not" uname_is_refused podman exec beta
claim "beta: mkdir works" make_dir podman exec beta
claim "the host: uname works" uname_works env
claim "the host: mkdir works" make_dir env
claim "beta: uname through int 0x80 gives the same EPERM" \
	probe_is "ret -1 errno 1" podman exec beta callprobe int80 uname buf
claim "beta: and from a thread of a child" \
	probe_is "ret -1 errno 1" podman exec beta callprobe child thread native uname buf

part "What was refused, counted; and a policy that only watches"
beta=$(podman ps --no-trunc --filter name=beta --format '{{.ID}}')
show vkctl inspect "${beta:0:12}"
show vkctl mode "${beta:0:12}" audit
claim "beta in the mode audit: uname works" uname_works podman exec beta
show vkctl mode "${beta:0:12}" enforce
claim "beta in the mode enforce: uname does not" uname_is_refused podman exec beta

part "Files, too: a policy by a profile in AppArmor's language"
confinement closed 'audit deny /etc/recipe rw,' >"$room/closed"
confinement open 'audit /etc/recipe r,' >"$room/open"
show cat "$room/closed"
show vkctl policy add closed --apparmor "$room/closed"
show vkctl policy add open --apparmor "$room/open"
timed "podman run gamma (its module is made)" run_container gamma closed || end 1
gamma=$(podman ps --no-trunc --filter name=gamma --format '{{.ID}}')
show podman exec alpha cat /etc/recipe
show podman exec gamma cat /etc/recipe
claim "alpha: the recipe can be read" reads_recipe podman exec alpha
claim "gamma: it can not" no reads_recipe podman exec gamma
claim "gamma: nor through /proc" \
	no podman exec gamma sh -c 'cd /proc/1/root/etc && cat recipe'
claim "gamma: other files can" podman exec gamma cat /bin/callprobe

part "The policy changes under the container that runs"
show vkctl policy apply open "${gamma:0:12}"
claim "gamma: now the recipe can be read" reads_recipe podman exec gamma
show vkctl policy apply closed "${gamma:0:12}"
claim "gamma: now it can not" no reads_recipe podman exec gamma
show vkctl inspect "${gamma:0:12}"

part "By one setting: docker $(docker --version | grep -o '[0-9][0-9.]*' | head -n 1) and podman with \
--runtime, and what they ask for by default"
show cat /usr/share/doc/vkernel/docker/daemon.json
timed "systemctl start docker, docker import" start_docker || end 1
timed "docker run --runtime vkernel" run_docker || end 1
timed "podman --runtime /usr/bin/vkernel-runtime run" run_podman || end 1
delta=$(docker inspect --format '{{.State.Pid}}' delta)
epsilon=$(podman inspect --format '{{.State.Pid}}' epsilon)
show grep ^Seccomp: "/proc/$delta/status" "/proc/$epsilon/status"
show vkctl list
for name in delta epsilon; do
	claim "$name: its process carries no filter and no profile" has_neither "${!name}"
	claim "$name: it has a virtual kernel" has_instance "${!name}"
done
mount=(callprobe native mount str:none str:/tmp str:tmpfs 0 0)
claim "delta: the default profile refuses mount(2)" \
	probe_is "ret -1 errno 1" docker exec delta "${mount[@]}"
claim "epsilon: the default profile refuses mount(2)" \
	probe_is "ret -1 errno 1" podman exec epsilon "${mount[@]}"
claim "delta: uname works" uname_works docker exec delta
claim "epsilon: uname works" uname_works podman exec epsilon
timed "docker rm, podman rm" eval 'docker rm --force delta && podman rm --force --time 0 epsilon'
for _ in {1..50}; do
	list_is 4 && break
	sleep 0.2
done
claim "their virtual kernels went with them" list_is 4
systemctl stop docker.socket docker containerd

part "Credentials that an exploit wrote over"
timed "a module that gives every capability to who asks" load_exploit || end 1
nobody=(setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-sys_admin)
printf '    %-40s %-34s %s\n' "sethostname" "nobody on the host" "root in alpha"
for tamper in "" tamper; do
	printf '    %-40s %-34s %s\n' "${tamper:+with every capability in its credentials}" \
		"$(outcome "${nobody[@]}" callprobe $tamper native sethostname "str:$(hostname)" \
			"$(hostname | tr -d '\n' | wc -c)")" \
		"$(outcome podman exec alpha callprobe $tamper native sethostname str:x 1)"
done
claim "the host believes them" no probe_is "ret -1 errno 1" \
	"${nobody[@]}" callprobe tamper native sethostname "str:$(hostname)" "$(hostname | tr -d '\n' | wc -c)"
claim "alpha: what the container was not given stays refused" \
	probe_is "ret -1 errno 1" podman exec alpha callprobe tamper native sethostname str:x 1
rmmod vktest_creds

part "The service dies; its containers do not notice"
show systemctl kill --signal=KILL vkerneld.service
claim "beta: uname is still refused" uname_is_refused podman exec beta
systemctl reset-failed vkerneld.service
systemctl start vkerneld.socket
claim "after its restart it knows all four" list_is 4

part "A module that is in use stays"
show vkctl unload beta
claim "unloading it fails" no vkctl unload beta
claim "beta: uname is still refused" uname_is_refused podman exec beta

part "The end: containers stop, everything is unloaded"
timed "podman rm" podman rm --force --time 0 alpha beta alpha-too gamma
for _ in {1..50}; do
	list_is 0 && break
	sleep 0.2
done
show vkctl list
show vkctl unload --all --core
printf '  $ lsmod | grep vkernel\n'
lsmod | grep vkernel | sed 's/^/    /'
claim "no container has a virtual kernel" list_is 0
claim "no module of vkernel is in the kernel" no loaded vkernel
claim "no function of the kernel is hooked" \
	no grep -qi vkernel /sys/kernel/tracing/enabled_functions
claim "the host: uname works" uname_works env
show vkctl policy rm alpha
show vkctl policy rm beta
show vkctl policy rm closed
show vkctl policy rm open
tell "What is left: nothing."

if ((failures > 0)); then
	printf '\ndemo: %d claims did not hold\n' "$failures"
	end 1
fi
end 0
