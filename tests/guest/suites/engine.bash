# shellcheck shell=bash disable=SC2154
# What the suites of docker, containerd and services share: images, the engines' start, their ids.

ENGINE=$BATS_TEST_DIRNAME/engine
IMAGES=$VK_ROOM/images
VK_DOCS=/usr/share/doc/vkernel

# make_image NAME ROOTFS COMMAND...: prints the archive's path
make_image() {
	local name=$1 file=$IMAGES/$1.tar
	mkdir -p "$IMAGES"
	[[ -e $file ]] || python3 "$ENGINE/archive.py" "localhost/$name:1" "$2" "$file" "${@:3}"
	echo "$file"
}

probe_image() {
	make_image probe "$VK_ROOTFS" sleep 100000
}

# What holds a pod's namespaces: one static program.
pause_image() {
	local root=$VK_ROOM/pause
	mkdir -p "$root"
	cp "$VK_PAYLOAD/bin/callprobe" "$root/pause"
	make_image pause "$root" /pause native pause
}

# start_docker [JSON]: by the documentation's settings, these, and what a host without a network wants
start_docker() {
	mkdir -p /etc/docker
	jq --argjson more "${1:-{\}}" \
		'. + {bridge: "none", iptables: false, ip6tables: false} + $more' \
		"$VK_DOCS/docker/daemon.json" >/etc/docker/daemon.json
	systemctl restart docker
	docker image inspect localhost/probe:1 >/dev/null 2>&1 ||
		docker load --quiet --input "$(probe_image)"
}

stop_docker() {
	docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null
	systemctl stop docker.socket docker containerd
	rm -f /etc/docker/daemon.json
}

# For teardown: what a test that failed has left would fail those after it.
remove_if_failed() {
	[[ -z ${BATS_TEST_COMPLETED:-} ]] || return 0
	docker ps --all --quiet | xargs --no-run-if-empty docker rm --force >/dev/null
	podman rm --all --force --time 0 >/dev/null
}

# docked NAME [OPTION...] [-- COMMAND...]: a container of Docker's that sleeps, off the network
docked() {
	local name=$1 options=()
	shift
	while [[ $# -gt 0 && $1 != -- ]]; do
		options+=("$1")
		shift
	done
	docker run --detach --runtime vkernel --network none --name "$name" "${options[@]}" \
		localhost/probe:1 "${@:2}" </dev/null >"$VK_ROOM/said" 2>&1 3>&- ||
		{ cat "$VK_ROOM/said"; return 1; }
}

# answers COMMAND... -- 'ERRNO CALL [ARGUMENT...]'...: the calls, by one entry into a container; 0 for
# those that do not fail
answers() {
	local enter=()
	while [[ $1 != -- ]]; do
		enter+=("$1")
		shift
	done
	shift
	# shellcheck disable=SC2001,SC2016
	run -0 "${enter[@]}" sh -c 'for call; do callprobe native ${call#* }; done' sh "$@"
	diff <(printf '%s\n' "$@") \
		<(paste -d ' ' <(sed 's/^ret .* errno //' <<<"$output") <(printf '%s\n' "${@#* }"))
}

# patiently COMMAND...: within two minutes, for what starts more than a container
patiently() {
	local deadline=$((SECONDS + 120))
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 1
	done
}

id_of() {
	docker inspect --format '{{.Id}}' "$1"
}

pid_of() {
	docker inspect --format '{{.State.Pid}}' "$1"
}

# docker_instance NAME FIELD
docker_instance() {
	instance "$(id_of "$1")" "$2"
}

# gone ID: no instance of that container
gone() {
	[[ -z $(instance "$1" id) ]]
}

field_of_status() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}
