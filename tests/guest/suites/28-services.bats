# What programs see on a virtual kernel with the default profiles is what they see under seccomp and
# AppArmor with them; and services that people run start, serve and stop.

load helper
load engine

setup_file() {
	vk_setup
	mkdir -p "$VK_RESULTS/parity"
	start_docker
}

teardown_file() {
	stop_docker
	stop_all
}

teardown() {
	remove_if_failed
}

# under RUNTIME COMMAND...: in a container of Docker's, with its default profiles
under() {
	docker run --rm --runtime "$1" --network none localhost/probe:1 "${@:2}" </dev/null
}

# calls_under RUNTIME WAY: what became of every call, kept for comparing
calls_under() {
	local file=$VK_RESULTS/parity/$2.$1
	under "$1" everycall "$2" >"$file"
	# Such as are refused, and such as are not, are in there.
	grep -Eq ' (mount|keyctl) zeros -> errno 1$' "$file"
	grep -Eq ' getpid ones -> ok$' "$file"
	[ "$(wc -l <"$file")" -gt 1000 ]
}

# table_size WAY: how many numbers this kernel has entries for
table_size() {
	local bits=64
	[[ $1 == native ]] || bits=32
	sed -n 's/^#define __NR_syscalls //p' \
		"/lib/modules/$(uname -r)/build/arch/x86/include/generated/uapi/asm/unistd_$bits.h"
}

# expected_calls WAY: from what they are under runc. Under a filter no process can choose the strict
# mode (22); on a virtual kernel there is none. Numbers that the kernel has no entry for it answers
# itself (38), whatever the policy says.
expected_calls() {
	sed 's/ seccomp zeros -> errno 22$/ seccomp zeros -> ok/' "$VK_RESULTS/parity/$1.runc" |
		awk -v size="$(table_size "$1")" \
			'size > 0 && $1 >= size { sub(/ errno 1$/, " errno 38") } { print }'
}

same_calls() {
	calls_under runc "$1"
	calls_under vkernel "$1"
	diff <(expected_calls "$1") "$VK_RESULTS/parity/$1.vkernel"
}

@test "every system call, natively, has the same outcome under runc and on a virtual kernel" {
	same_calls native
}

# serve NAME [OPTION...] -- COMMAND...: a service of this system, in a container that has a copy of it
serve() {
	local name=$1 options=()
	shift
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	podman --runtime /usr/bin/vkernel-runtime run --detach --name "$name" --network none \
		"${options[@]}" --rootfs /:O "${@:2}" </dev/null >"$VK_ROOM/said" 2>&1 3>&- ||
		{ cat "$VK_ROOM/said"; return 1; }
}

in_service() {
	podman exec "$@" </dev/null
}

# serving NAME COMMAND...: it is on a virtual kernel alone, and the command has succeeded
serving() {
	local name=$1 pid
	pid=$(podman inspect --format '{{.State.Pid}}' "$name")
	[ "$(vkctl list --json | jq -r --argjson pid "$pid" \
		'.[] | select(.pid == $pid) | .state')" = active ]
	expect 0 field_of_status "$pid" Seccomp
	patiently in_service "$@"
}

# ends_well NAME
ends_well() {
	podman stop --time 60 "$1"
	expect 0 podman inspect --format '{{.State.ExitCode}}' "$1"
	eventually no_instances
	podman rm "$1"
}

@test "nginx serves" {
	serve nginx --stop-signal QUIT -- nginx -g 'daemon off;'
	serving nginx ab -q -n 1 http://127.0.0.1/
	run -0 in_service nginx ab -q -n 500 -c 10 http://127.0.0.1/
	[[ $output =~ Complete\ requests:\ +500 && $output =~ Failed\ requests:\ +0 ]]
	[[ $output != *Non-2xx* ]]
	ends_well nginx
}

@test "redis serves" {
	serve redis --user redis -- redis-server --bind 127.0.0.1 --save '' --dir /tmp
	serving redis redis-cli ping
	run -0 in_service redis redis-benchmark -q -n 500 -c 10 -t set,get,lpush
	says "SET: " "GET: " "LPUSH: "
	expect PONG in_service redis redis-cli ping
	ends_well redis
}

@test "postgres serves" {
	local bin=/usr/lib/postgresql/17/bin
	serve postgres --user postgres --stop-signal INT -- sh -c "
		$bin/initdb --no-sync --auth trust --pgdata /tmp/db >/dev/null &&
		exec $bin/postgres -D /tmp/db -k /tmp -c fsync=off"
	serving postgres pg_isready --quiet --host /tmp
	in_service postgres pgbench --quiet --initialize --host /tmp postgres
	run -0 in_service postgres pgbench --no-vacuum --host /tmp --client 2 --transactions 50 postgres
	says "number of transactions actually processed: 100/100" "number of failed transactions: 0"
	ends_well postgres
}

fully || return 0

@test "every system call by int 0x80 has the same outcome under runc and on a virtual kernel" {
	same_calls int80
}

# Few operations of many kinds, and each looks at what it got.
STRESSORS=(access chdir chmod chown clone close copy-file dentry dir dup enosys epoll eventfd
	fallocate fcntl fiemap file-ioctl filename flock fstat fork futex get getdent getrandom
	hdd kill link lockf madvise memfd metamix mknod mmap mprotect mq msg nanosleep
	open pidfd pipe poll pty readahead rename seek sem-sysv sendfile set shm shm-sysv
	sigfd signal signest splice symlink sync-file sysbadaddr tee timer timerfd touch
	umask unshare userfaultfd utime vforkmany wait xattr)

stress_under() {
	local options=() stressor
	for stressor in "${STRESSORS[@]}"; do
		options+=("--$stressor" 1 "--$stressor-ops" 4)
	done
	under "$1" stress-ng --verify --timeout 20 --temp-path /tmp --no-rand-seed "${options[@]}" \
		>"$VK_RESULTS/parity/stress.$1" 2>&1
	grep -Eo '(skipped|passed|failed): .*' "$VK_RESULTS/parity/stress.$1" |
		tee "$VK_RESULTS/parity/stressors.$1"
	grep -q '^failed: 0$' "$VK_RESULTS/parity/stressors.$1"
}

# Events that come late on a machine with others at work are failures to some.
@test "stress-ng's stressors of system calls and files find the same under both" {
	stress_under runc || stress_under runc
	stress_under vkernel || stress_under vkernel
	diff "$VK_RESULTS/parity"/stressors.{runc,vkernel}
}
