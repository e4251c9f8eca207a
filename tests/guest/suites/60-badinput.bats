# Whatever is wrong ends in a reason, something to do about it, an exit status, and no change.

load helper

fully || return 0

setup_file() {
	vk_setup
	add_alpha_and_beta
	start crun witness beta
}

teardown_file() {
	repair
	stop_all
}

setup() {
	remember
}

teardown() {
	repair
}

# Puts back what a test took away, however it ended.
repair() {
	unhide
	if mountpoint -q "$VK_MODULES"; then
		systemctl stop vkerneld.service
		umount "$VK_MODULES"
	fi
	! grep -q '^Builder=kbuild' /etc/vkernel/vkernel.conf 2>/dev/null || builder template
	vkctl policy rm fresh 2>/dev/null || true
}

# bad TEXT WORD...: the profile is refused, with those words in the reason
bad() {
	local text=$1
	shift
	fails 1 vkctl policy add bad - <<<"$text"
	says "$@"
	fails 1 vkctl policy check - <<<"$text"
	unchanged
}

# varlink METHOD PARAMETERS: past vkctl's own checks
varlink() {
	run varlinkctl call "unix:$VK_SOCKET" "io.vkernel.$1" "$2"
	[ "$status" -ne 0 ]
	unchanged
}

@test "broken JSON" {
	bad '{"defaultAction": "SCMP_ACT_ALLOW", '
	bad '{"defaultAction": "SCMP_ACT_ALLOW"} trailing'
	bad '["SCMP_ACT_ALLOW"]'
	bad ''
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [7]}' 'syscalls[0]'
	bad "$(printf '[%.0s' {1..5000})"
}

@test "unknown actions, operators and architectures" {
	bad '{"defaultAction": "SCMP_ACT_PERHAPS"}' SCMP_ACT_PERHAPS
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["uname"],
		"action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_ALMOST"}]}]}' \
		SCMP_CMP_ALMOST
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["uname"],
		"action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]}'
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]}' SCMP_ARCH_PDP11
}

@test "what cannot be enforced is refused, not ignored" {
	bad "$(profile "$(rule NOTIFY uname)")" SCMP_ACT_NOTIFY
}

@test "fields that contradict each other" {
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
		"archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}]}' archMap
	bad '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "uname", "names": ["uname"],
		"action": "SCMP_ACT_ERRNO"}]}' name
	bad "$(profile "$(rule KILL_PROCESS:5 uname)")" errnoRet
}

@test "a profile of 50 MB, to vkctl and to the daemon" {
	head -c 50M /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/huge"
	fails 1 vkctl policy add huge "$BATS_TEST_TMPDIR/huge"
	says "4 MiB"
	fails 1 vkctl policy add huge - <"$BATS_TEST_TMPDIR/huge"
	says "4 MiB"
	{
		printf '{"method":"io.vkernel.AddPolicy","parameters":{"name":"huge","profile":"'
		cat "$BATS_TEST_TMPDIR/huge"
		printf '"}}\0'
	} | timeout 60 nc -U -N "$VK_SOCKET" >"$BATS_TEST_TMPDIR/answer" || true
	# It may say so or hang up; it must not keep it, nor die of it.
	run ! grep -q '"policy"' "$BATS_TEST_TMPDIR/answer"
	unchanged
}

@test "hostile names of policies" {
	for name in '' ' ' 'a b' '../../etc/passwd' '/etc/passwd' $'a\nb' 'a";}int x;//' '#include <x>' \
		'$(reboot)' '%s%s%n' $'\033[2J' "$(printf 'n%.0s' {1..300})" '-'; do
		run vkctl policy add -- "$name" /dev/stdin <<<'{"defaultAction": "SCMP_ACT_ALLOW"}'
		[ "$status" -ne 0 ]
		says vkctl:
		[[ $output != *$'\033'* ]]
	done
	unchanged
}

@test "hostile words in a profile stay words" {
	profile "$(rule ERRNO:58 uname)" | jq '.comment = "*/ #error" | .syscalls[0].names +=
		["*/ } int x; /*", "a\nb", "\"; system(\"reboot\"); \""]' >"$BATS_TEST_TMPDIR/profile"
	run -0 vkctl policy add fresh "$BATS_TEST_TMPDIR/profile"
	run -0 vkctl build fresh
	start crun words fresh
	refused 58 inside words callprobe native uname buf
	allowed inside words callprobe native getpid
	stop words
}

@test "hostile names of containers" {
	for name in '' 'a\nb' 'a\u0000b' 'a/b\u001b[2J' "$(printf 'n%.0s' {1..129})"; do
		sleep 100 3>&- &
		varlink Bind "{\"container\":\"$name\",\"pid\":$!,\"policy\":\"beta\"}"
		kill $!
	done
}

@test "a process that is not there, and processes that are none of a container" {
	varlink Bind '{"container":"dead","pid":4194303,"policy":"beta"}'
	says NoSuchProcess
	varlink Bind '{"container":"dead","pid":0,"policy":"beta"}'
	varlink Bind '{"container":"dead","pid":-1,"policy":"beta"}'
	varlink Bind '{"container":"dead","pid":4294967297,"policy":"beta"}'
	varlink Bind '{"container":"dead","pid":2,"policy":"beta"}'
}

@test "a container that is bound already" {
	varlink Bind "{\"container\":\"witness\",\"pid\":$(instance witness pid),\"policy\":\"alpha\"}"
	refused $BETA_ERRNO inside witness callprobe native uname buf
}

@test "a container that runs is not taken back" {
	varlink Unbind '{"container":"witness"}'
	refused $BETA_ERRNO inside witness callprobe native uname buf
}

@test "containers and policies that are not there" {
	fails 5 vkctl inspect nonesuch
	fails 5 vkctl mode nonesuch audit
	fails 5 vkctl policy show nonesuch
	fails 5 vkctl policy rm nonesuch
	fails 5 vkctl build nonesuch
	fails 5 vkctl unload nonesuch
	says hint:
	unchanged
}

@test "a hook's input that is none" {
	for state in '' '{' '[]' '{"id": 7}' '{"id": "x"}' '{"id": "x", "pid": 1, "bundle": "/nonexistent"}' \
		'{"id": "x", "pid": 1, "bundle": "/etc"}'; do
		run vkctl hook createRuntime <<<"$state"
		[ "$status" -ne 0 ]
		says vkctl:
	done
	unchanged
}

@test "a container that is restored from a checkpoint" {
	local name state

	bundle restored beta
	for name in criu other; do
		cp /usr/bin/sleep "$BATS_TEST_TMPDIR/$name"
		"$BATS_TEST_TMPDIR/$name" 100 3>&- &
		state="{\"id\": \"$name\", \"pid\": $!, \"bundle\": \"$VK_ROOM/bundles/restored\"}"
		run vkctl hook createRuntime <<<"$state"
		if [ "$name" = criu ]; then
			[ "$status" -eq 1 ]
			says "vkctl: " checkpoint
		else
			[ "$status" -eq 0 ]
		fi
		run -0 vkctl hook poststop <<<"$state"
		kill $!
	done
	eventually unchanged
}

@test "parameters that are none" {
	varlink Bind '{}'
	varlink Bind '{"container":7,"pid":"x"}'
	varlink SetMode '{"container":"witness","mode":"off"}'
	varlink NoSuchMethod '{}'
	varlink AddPolicy '{"name":"x","profile":{}}'
}

# What is there is all that fits.
full_disk() {
	systemctl stop vkerneld.service
	cp -a "$VK_MODULES" "$BATS_TEST_TMPDIR/cache"
	mount -t tmpfs -o size=8M,mode=755 tmpfs "$VK_MODULES"
	cp -a "$BATS_TEST_TMPDIR/cache/." "$VK_MODULES/"
	dd if=/dev/zero of="$VK_MODULES/full" bs=4k 2>/dev/null || true
}

@test "a full disk" {
	full_disk
	policy fresh "$(rule ERRNO:59 uname)"
	run ! vkctl build fresh
	says "vkctl: " "hint: "
	run ! start crun full-disk fresh
	crun delete --force full-disk 2>/dev/null || true
	# Whoever runs goes on.
	refused $BETA_ERRNO inside witness callprobe native uname buf
	rm "$VK_MODULES/full"
	run -0 vkctl build fresh
	repair
	unchanged
}

@test "a disk that is full when Kbuild runs" {
	builder kbuild
	full_disk
	policy fresh "$(rule ERRNO:59 uname)"
	run ! vkctl build fresh
	says "vkctl: " "hint: "
	repair
	unchanged
}

# With a template there is nothing to compile: suite 15.
@test "no compiler" {
	builder kbuild
	policy fresh "$(rule ERRNO:60 uname)"
	hide_compilers
	run ! vkctl build fresh
	says "vkctl: " "hint: " gcc
	run ! start crun no-compiler fresh
	crun delete --force no-compiler 2>/dev/null || true
	run ! vkctl status
	says gcc
	repair
	unchanged
	policy fresh "$(rule ERRNO:60 uname)"
	run -0 vkctl build fresh
}

@test "no headers for this kernel" {
	builder kbuild
	policy fresh "$(rule ERRNO:71 uname)"
	hide_headers
	run ! vkctl build fresh
	says "vkctl: " "hint: " linux-headers
	run ! start crun no-headers fresh
	crun delete --force no-headers 2>/dev/null || true
	run ! vkctl status
	says linux-headers
	repair
	unchanged
}

@test "the witness never noticed" {
	refused $BETA_ERRNO inside witness callprobe native uname buf
	allowed inside witness callprobe native mkdir str:/tmp/witness 0700
	rmdir "$VK_ROOTFS/tmp/witness"
}
