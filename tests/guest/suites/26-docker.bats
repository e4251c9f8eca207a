# docker's containers on virtual kernels: what its users ask of it, and how containers end.
#
# What depends on the kernel comes first, and runs on each.

load helper
load engine

# AppArmor wants to know the file system.
MOUNT="mount str:none str:/tmp str:tmpfs 0 0"
# Where it is allowed, it is there (17).
MKDIR="mkdir str:/tmp 0700"
UNAME="uname buf"
# Its own session's, which runc makes.
KEYRING="keyctl 0 -3 0"
NICER="setpriority 0 0 -5"
TRIGGER="open str:/proc/sysrq-trigger 0"
OSTYPE="open str:/proc/sys/kernel/ostype 0"
GAMMA_ERRNO=91

setup_file() {
	vk_setup
	add_alpha_and_beta
	# Of a call that no system needs for its start.
	policy gamma "$(rule ERRNO:$GAMMA_ERRNO msgget)"
	start_docker '{"experimental": true}'
}

teardown_file() {
	stop_docker
	stop_all
	for name in gamma by-image vk-docker; do
		vkctl policy rm $name || true
	done
}

teardown() {
	remove_if_failed
}

in_docker() {
	docker exec "$@" </dev/null
}

# entered NAME CALL...: from the host, without Docker
entered() {
	nsenter --target "$(pid_of "$1")" --all /bin/callprobe native "${@:2}"
}

remove() {
	docker rm --force "$@"
}

is_running() {
	[[ $(docker inspect --format '{{.State.Running}}' "$1") == true ]]
}

# runs_anew NAME PID: another process than that
runs_anew() {
	is_running "$1" && [[ $(pid_of "$1") != "$2" ]]
}

podman_run() {
	podman --runtime /usr/bin/vkernel-runtime run --network none "$@" </dev/null \
		2>"$VK_ROOM/said" 3>&- || { cat "$VK_ROOM/said"; return 1; }
}

@test "the default profiles are the virtual kernel's, also after a pause" {
	local pid id

	docked plain
	pid=$(pid_of plain)
	id=$(id_of plain)
	[ "$(instance "$id" state)" = active ]
	[ "$(instance "$id" pid)" = "$pid" ]
	expect 0 field_of_status "$pid" Seccomp
	expect unconfined cat "/proc/$pid/attr/apparmor/current"
	answers in_docker plain -- "1 $MOUNT" "1 $KEYRING" "13 $TRIGGER" "13 $NICER" \
		"0 $OSTYPE" "0 $UNAME" "17 $MKDIR"

	docker pause plain
	[ "$(instance "$id" state)" = active ]
	docker unpause plain
	answers in_docker plain -- "1 $MOUNT" "0 $UNAME"
	[ "$(instance "$id" pid)" = "$pid" ]

	docker stop --time 1 plain
	eventually gone "$id"
	remove plain
}

@test "two containers of one pid namespace have two kernels; nsenter leads to that of its first process" {
	local id

	docked first --annotation io.vkernel.policy=alpha
	docked second --annotation io.vkernel.policy=beta --pid container:first
	answers in_docker first -- "$ALPHA_ERRNO $MKDIR" "0 $UNAME"
	answers in_docker second -- "$BETA_ERRNO $UNAME" "17 $MKDIR"
	# shellcheck disable=SC2086
	{
		refused $ALPHA_ERRNO entered first $MKDIR
		allowed entered first $UNAME
		refused $ALPHA_ERRNO entered second $MKDIR
		allowed entered second $UNAME
	}
	allowed callprobe native uname buf

	# The end of the first process is the end of its namespace.
	id=$(id_of second)
	kill -KILL "$(pid_of first)"
	eventually gone "$(id_of first)"
	eventually gone "$id"
	remove first second
}

# What it is told of its own runs on the kernel that it is on.
@test "a container inside a container keeps the outer one's kernel, and is refused one of its own" {
	local inner=$VK_ROOM/bundles/inner

	bundle inner alpha '.process.args = ["sh", "-c",
		"callprobe native msgget 0 0; callprobe native mkdir str:/tmp 0700"] | del(.hooks)'
	podman_run --detach --name outer --privileged --annotation io.vkernel.policy=gamma \
		--rootfs /:O sleep 100000
	run -0 podman exec outer runc.disk run --bundle "$inner" inner </dev/null
	[ "$output" = $'ret -1 errno 91\nret -1 errno 17' ]
	run ! podman exec outer vkernel-runtime run --bundle "$inner" inner </dev/null
	says "run the container engine on the host, not in a container"
	podman rm --force --time 0 outer
	eventually no_instances
}

@test "--security-opt, --read-only: a profile by its file, and one by its name" {
	local file=$VK_ROOM/docker-profile.json

	profile "$(rule ERRNO:61 uname)" >"$file"
	printf 'profile vk-docker flags=(attach_disconnected) {\n file,\n capability,\n network,
		signal,\n ptrace,\n deny /etc/passwd r,\n}\n' |
		vkctl policy add vk-docker --apparmor /dev/stdin
	docked custom --read-only --security-opt "seccomp=$file" --security-opt apparmor=vk-docker
	expect 0 field_of_status "$(pid_of custom)" Seccomp
	expect unconfined cat "/proc/$(pid_of custom)/attr/apparmor/current"
	answers in_docker custom -- "61 $UNAME" "0 $KEYRING" "13 open str:/etc/passwd 0" \
		"0 open str:/bin/busybox 0" "30 mkdir str:/tmp/new 0700"
	remove custom
	vkctl policy rm vk-docker
}

@test "--security-opt: without a profile of either kind the other holds" {
	docked unfiltered --security-opt seccomp=unconfined --cap-add SYS_ADMIN
	answers in_docker unfiltered -- "0 $KEYRING" "13 $MOUNT" "13 $TRIGGER"
	remove unfiltered
	# With that capability, Docker's filter permits to mount.
	docked unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN
	answers in_docker unconfined -- "1 $KEYRING" "0 $MOUNT" "0 $TRIGGER"
	remove unconfined
}

@test "--cap-add, --cap-drop: a second look finds what was given, and exec --privileged adds nothing" {
	local id

	docked nicer --cap-drop ALL --cap-add SYS_NICE
	id=$(id_of nicer)
	answers in_docker nicer -- "0 $NICER" "1 chown str:/tmp 1 1"
	[ "$(vkctl inspect "$id" --json | jq .instance.claims)" -eq 0 ]
	answers in_docker --privileged nicer -- "0 $NICER" "1 chown str:/tmp 1 1"
	[ "$(vkctl inspect "$id" --json | jq .instance.claims)" -gt 0 ]
	remove nicer
}

@test "--privileged: nothing is refused but what a policy's annotation says" {
	docked mighty --privileged --annotation io.vkernel.policy=beta
	[ "$(docker_instance mighty policy)" = beta ]
	answers in_docker mighty -- "$BETA_ERRNO $UNAME" "0 $MOUNT" "0 $KEYRING" "0 $NICER" \
		"0 $TRIGGER" "0 chroot str:/"
	remove mighty
}

@test "--pid=host: the container has its kernel, and the host's processes keep theirs" {
	docked peer --pid host --annotation io.vkernel.policy=beta
	[ "$(docker_instance peer scope)" = cgroup ]
	answers in_docker peer -- "$BETA_ERRNO $UNAME" "17 $MKDIR" "1 $MOUNT"
	allowed callprobe native uname buf
	expect "$$" in_docker peer sh -c "cd /proc/$$ && echo \${PWD##*/}"
	remove peer
	eventually no_instances
}

@test "a policy that is mapped to the image; an annotation goes before it" {
	profile "$(rule ERRNO:57 uname)" | vkctl policy add by-image - --image 'localhost/probe:*'
	docked mapped
	docked named --annotation io.vkernel.policy=alpha
	[ "$(docker_instance mapped policy)" = by-image ]
	[ "$(docker_instance named policy)" = alpha ]
	answers in_docker mapped -- "57 $UNAME" "17 $MKDIR" "1 $MOUNT"
	answers in_docker named -- "$ALPHA_ERRNO $MKDIR" "0 $UNAME" "1 $MOUNT"
	remove mapped named
	vkctl policy rm by-image
}

health_is() {
	[[ $(docker inspect --format '{{.State.Health.Status}}' "$1") == "$2" ]]
}

@test "health checks enter the container's kernel; update, and vkerneld's restart, leave it alone" {
	local id pid

	docked watched --annotation io.vkernel.policy=beta --health-interval 1s --health-cmd \
		"callprobe native uname buf | busybox grep -qx 'ret -1 errno $BETA_ERRNO'"
	id=$(id_of watched)
	pid=$(pid_of watched)
	eventually health_is watched healthy
	docker update --pids-limit 100 --memory 256m --memory-swap 256m watched
	expect 100 cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")/pids.max"
	systemctl restart vkerneld.service
	[ "$(instance "$id" pid)" = "$pid" ]
	[ "$(instance "$id" policy)" = beta ]
	answers in_docker watched -- "$BETA_ERRNO $UNAME" "17 $MKDIR"
	health_is watched healthy

	# Nobody is there whom its end could be told.
	systemctl stop vkerneld.socket vkerneld.service
	remove watched
	systemctl start vkerneld.socket
	eventually gone "$id"
}

@test "each start is another instance: by a restart policy, by docker restart" {
	local id before now

	docked again --restart always --annotation io.vkernel.policy=beta
	id=$(id_of again)
	before=$(pid_of again)
	kill -KILL "$before"
	eventually runs_anew again "$before"
	now=$(pid_of again)
	[ "$(instance "$id" pid)" = "$now" ]
	[ "$(instance "$id" policy)" = beta ]
	answers in_docker again -- "$BETA_ERRNO $UNAME" "17 $MKDIR"
	docker restart --time 0 again
	[ "$(instance "$id" pid)" = "$(pid_of again)" ]
	[ "$(pid_of again)" != "$now" ]
	answers in_docker again -- "$BETA_ERRNO $UNAME" "17 $MKDIR"
	[ "$(vkctl list --json | jq length)" -eq 1 ]
	remove again
	eventually gone "$id"
}

@test "nothing is left of what runs out of memory, is never started, or cannot be" {
	local id

	# shellcheck disable=SC2016
	docked hungry --memory 24m --memory-swap 24m -- \
		sh -c 'x=xxxxxxxx; while :; do x=$x$x; done'
	id=$(id_of hungry)
	expect 137 docker wait hungry
	dmesg | grep -q "oom-kill:.*docker-$id"
	eventually gone "$id"

	docker create --runtime vkernel --network none --name idle \
		--annotation io.vkernel.policy=beta localhost/probe:1
	gone "$(id_of idle)"

	run ! docked missing --annotation io.vkernel.policy=nonesuch
	says nonesuch
	run ! docked broken -- /nonesuch
	says "no such file or directory"
	remove hungry idle missing broken
	eventually no_instances
}

@test "a checkpoint is refused where there is no criu, and the container goes on" {
	local pid

	docked frozen --annotation io.vkernel.policy=beta
	pid=$(pid_of frozen)
	run ! docker checkpoint create frozen here
	says criu
	[ "$(docker_instance frozen pid)" = "$pid" ]
	answers in_docker frozen -- "$BETA_ERRNO $UNAME" "17 $MKDIR"
	remove frozen
}

@test "systemd is a container's first process, and its services are in the container's kernel" {
	podman_run --detach --name booted --systemd always --annotation io.vkernel.policy=gamma \
		--volume "$VK_PAYLOAD/bin:/payload/bin:ro" --rootfs /:O \
		/lib/systemd/systemd --unit=basic.target
	expect 0 field_of_status "$(podman inspect --format '{{.State.Pid}}' booted)" Seccomp
	patiently podman exec booted systemctl --quiet is-active basic.target
	refused $GAMMA_ERRNO podman exec booted systemd-run --quiet --wait --pipe \
		/payload/bin/callprobe native msgget 0 0
	allowed podman exec booted systemd-run --quiet --wait --pipe \
		/payload/bin/callprobe native semget 0 1 0
	podman stop --time 60 booted
	expect 0 podman inspect --format '{{.State.ExitCode}}' booted
	eventually no_instances
	podman rm booted
}

@test "dockerd is killed: its containers stay in their kernels, until the next dockerd ends them" {
	local id pid

	docked orphan --annotation io.vkernel.policy=beta
	id=$(id_of orphan)
	pid=$(pid_of orphan)
	systemctl kill --kill-whom=main --signal=KILL docker.service
	refused $BETA_ERRNO nsenter --target "$pid" --all /bin/callprobe native uname buf
	[ "$(instance "$id" state)" = active ]
	systemctl reset-failed docker.service || true
	systemctl start docker.service
	eventually gone "$id"
	remove orphan
}

@test "userns-remap: a container of mapped users has its kernel" {
	local pid

	useradd --system vk-mapped
	printf 'vk-mapped:200000:65536\n' | tee -a /etc/subuid >>/etc/subgid
	start_docker '{"userns-remap": "vk-mapped"}'
	docked mapped --annotation io.vkernel.policy=beta
	pid=$(pid_of mapped)
	expect "0 200000 65536" sh -c "echo \$(cat /proc/$pid/uid_map)"
	expect 0 field_of_status "$pid" Seccomp
	expect unconfined cat "/proc/$pid/attr/apparmor/current"
	answers in_docker mapped -- "$BETA_ERRNO $UNAME" "17 $MKDIR" "1 $MOUNT" "1 $KEYRING" \
		"13 $NICER" "0 $OSTYPE"
	remove mapped
	eventually no_instances
}
