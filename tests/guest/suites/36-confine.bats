# What a policy's AppArmor profile says of files, capabilities, sockets, mounts, signals, tracing
# and limits; and a policy that changes while its container runs.

load helper

EACCES=13
EPERM=1

# confined NAME [FLAG...] [- RULE...]: a policy of a profile that permits what a shell needs
confined() {
	local name=$1 flags=attach_disconnected,mediate_deleted
	shift
	{
		printf 'profile %s flags=(%s) {\n  file,\n  network,\n  capability,\n' "$name" "$flags"
		printf '  signal,\n  ptrace,\n  mount,\n  umount,\n  pivot_root,\n'
		printf '  %s,\n' "$@"
		printf '}\n'
	} >"$VK_ROOM/$name.profile"
	vkctl policy add "$name" --apparmor "$VK_ROOM/$name.profile"
}

# only NAME RULE...: a policy of a profile with just these rules
only() {
	local name=$1
	shift
	{
		printf 'profile %s flags=(attach_disconnected,mediate_deleted) {\n' "$name"
		printf '  %s,\n' "$@"
		printf '}\n'
	} >"$VK_ROOM/$name.profile"
	vkctl policy add "$name" --apparmor "$VK_ROOM/$name.profile"
}

make_files() {
	rm -rf "$VK_ROOTFS/t"
	mkdir -p "$VK_ROOTFS"/t/{open,closed/deep/er,sub}
	echo secret >"$VK_ROOTFS/t/closed/secret"
	echo deep >"$VK_ROOTFS/t/closed/deep/er/file"
	echo plain >"$VK_ROOTFS/t/open/plain"
	echo own >"$VK_ROOTFS/t/sub/own"
	cp /bin/busybox "$VK_ROOTFS/t/closed/busybox"
	ln -s ../closed/secret "$VK_ROOTFS/t/open/link"
	chmod -R a+rwX "$VK_ROOTFS/t"
}

setup_file() {
	vk_setup
	make_files
	confined files 'deny /t/closed/** rwklmx' 'deny /t/closed/ w'
	only narrow '/** rix' '/t/** rw' '/dev/null rw' 'capability setuid' 'capability setgid' \
		'network inet dgram' 'signal (send, receive) set=(term, kill, exists)' \
		'ptrace (read, readby)' 'set rlimit nofile <= 512'
	start crun free "" 'del(.hooks)'
	start crun files files
	start crun narrow narrow
}

teardown_file() {
	stop_all
	rm -rf "$VK_ROOTFS/t"
}

opens() {
	local name=$1 path=$2 flags=$3
	inside "$name" callprobe native openat -100 "str:$path" "$flags" 438
}

# Refuses it again until the listener has heard of it.
refusal_was_told() {
	opens narrow /etc/passwd 1
	opens files /t/closed/secret 0
	grep -q /etc/passwd "$BATS_TEST_TMPDIR/events"
}

@test "control: without a policy, all of it is permitted" {
	allowed opens free /t/closed/secret 0
	allowed opens free /t/closed/secret 2
	allowed opens free /t/closed/deep/er/file 0
	allowed inside free callprobe native socket 2 1 0
	allowed inside free callprobe native kill 1 0
}

@test "a file is refused by its path, whatever leads to it" {
	allowed opens files /t/open/plain 0
	refused $EACCES opens files /t/closed/secret 0
	refused $EACCES opens files /t/closed/secret 1
	refused $EACCES opens files /t/closed/deep/er/file 0
	refused $EACCES opens files /t/open/link 0
	refused $EACCES opens files /t/open/../closed/./secret 0
	refused $EACCES opens files /proc/1/root/t/closed/secret 0
}

@test "what is created, removed, renamed, truncated and changed is refused" {
	allowed inside files callprobe native mkdir str:/t/open/dir 448
	allowed inside files callprobe native rmdir str:/t/open/dir
	refused $EACCES inside files callprobe native mkdir str:/t/closed/dir 448
	refused $EACCES opens files /t/closed/new 65
	refused $EACCES inside files callprobe native unlink str:/t/closed/secret
	refused $EACCES inside files callprobe native rmdir str:/t/closed/deep/er
	refused $EACCES inside files callprobe native truncate str:/t/closed/secret 0
	refused $EACCES inside files callprobe native chmod str:/t/closed/secret 511
	refused $EACCES inside files callprobe native chown str:/t/closed/secret 1 1
	refused $EACCES inside files callprobe native symlink str:/x str:/t/closed/s
	refused $EACCES inside files callprobe native mknod str:/t/closed/p 4534 0
	refused $EACCES inside files callprobe native rename str:/t/closed/secret str:/t/open/x
	refused $EACCES inside files callprobe native rename str:/t/open/plain str:/t/closed/x
	refused $EACCES inside files callprobe native link str:/t/closed/secret str:/t/open/l
	allowed inside files callprobe native rename str:/t/open/plain str:/t/open/other
	allowed inside files callprobe native rename str:/t/open/other str:/t/open/plain
	[[ $(cat "$VK_ROOTFS/t/closed/secret") == secret ]]
}

@test "what stands for no file rule costs nothing and is not asked" {
	allowed inside files callprobe native access str:/t/closed/secret 4
	[[ $(inside files busybox stat -c %s /t/closed/secret) == 7 ]]
}

@test "a program is refused by its path" {
	run inside free sh -c '/t/closed/busybox true'
	[[ $status -eq 0 ]]
	# Who enters joins by its first program, and is asked from then on.
	run inside files sh -c '/t/closed/busybox true'
	[[ $status -eq 126 ]]
}

@test "a mount over it does not lead around the rules" {
	run inside files sh -c 'echo moved >/t/open/moved && cat /t/open/moved'
	[[ $output == moved ]]
	run inside files sh -c 'cd /t/closed && cat secret'
	says "ermission denied"
	run inside files sh -c 'cd /t && cat <closed/secret'
	says "ermission denied"
}

@test "a profile that names what is permitted permits no more" {
	allowed opens narrow /t/open/plain 2
	allowed opens narrow /etc/passwd 0
	refused $EACCES opens narrow /etc/passwd 1
	refused $EACCES inside narrow callprobe native mkdir str:/etc/dir 448
	allowed inside narrow callprobe native socket 2 2 0
	refused $EACCES inside narrow callprobe native socket 2 1 0
	refused $EACCES inside narrow callprobe native socket 1 1 0
	refused $EACCES inside narrow callprobe native socketpair 1 1 0 buf
	allowed inside narrow callprobe native setuid 65534
	refused $EPERM inside narrow callprobe native chown str:/t/open/plain 1 1
	allowed inside narrow callprobe native kill 1 0
	refused $EACCES inside narrow callprobe native kill 1 18
	run inside narrow sh -c 'ulimit -H -n'
	[[ $output == 512 ]]
}

@test "counts and events tell what was refused" {
	vkctl inspect narrow --json | jq -e '.instance.refused | .file > 0 and .network > 0 and .signal > 0'
	vkctl events --follow --json >"$BATS_TEST_TMPDIR/events" 3>&- &
	eventually refusal_was_told
	kill $!
	jq -e --slurp 'map(select(.path == "/etc/passwd"))[0]
		| .kind == "refused" and .class == "file" and .operation == "open"
		and .requested == ["write"] and .label == "narrow" and .mode == "enforce"' \
		"$BATS_TEST_TMPDIR/events"
	# Who writes deny without audit knows, and asks for silence.
	run grep -c /t/closed/secret "$BATS_TEST_TMPDIR/events"
	[[ $output == 0 ]]
	vkctl inspect files --json | jq -e '.instance.refused.file > 0'
}

@test "in audit mode all of it is reported and nothing refused" {
	vkctl mode narrow audit
	allowed opens narrow /etc/passwd 1
	allowed inside narrow callprobe native socket 2 1 0
	allowed inside narrow callprobe native kill 1 18
	vkctl mode narrow enforce
	refused $EACCES opens narrow /etc/passwd 1
}

@test "another policy holds from one call to the next, for processes that run" {
	start crun changing files
	inside changing sh -c 'for i in $(busybox seq 600); do
		cat /t/closed/secret >/dev/null 2>&1 && echo yes || echo no
		busybox usleep 100000; done' >"$BATS_TEST_TMPDIR/seen" 3>&- &
	eventually grep -q no "$BATS_TEST_TMPDIR/seen"
	run grep -c yes "$BATS_TEST_TMPDIR/seen"
	[[ $output == 0 ]]
	vkctl policy apply narrow changing
	eventually grep -q yes "$BATS_TEST_TMPDIR/seen"
	refused $EACCES inside changing callprobe native socket 2 1 0
	vkctl policy apply files changing
	allowed inside changing callprobe native socket 2 1 0
	refused $EACCES opens changing /t/closed/secret 0
	stop changing
	kill %1 || true
}

# Paths of /t that a configuration hides, and the right to take the runtime's mounts away.
MASKS='.linux.maskedPaths = ["/t/closed/secret", "/t/closed/deep"]
	| .linux.readonlyPaths = ["/t/sub"]
	| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'

unhide() {
	local path
	for path in /t/closed/secret /t/closed/deep /t/sub; do
		allowed inside "$1" callprobe native umount2 "str:$path" 0 || return 1
	done
}

hidden() {
	refused $EACCES opens "$1" /t/closed/secret 0 &&
		refused $EACCES opens "$1" /t/closed/deep/er/file 0 &&
		refused $EACCES opens "$1" /t/sub/own 1 && allowed opens "$1" /t/sub/own 0
}

@test "what a configuration masks stays so when the runtime's mounts are gone" {
	start crun bare "" "$MASKS | del(.hooks)"
	start crun masked "" "$MASKS"
	# As long as they are there, they are met first, and there is nothing beneath them.
	for name in bare masked; do
		allowed opens $name /t/closed/secret 0
		refused 2 opens $name /t/closed/deep/er/file 0
		refused 30 opens $name /t/sub/own 1
		allowed opens $name /t/sub/own 0
		unhide $name
	done
	allowed opens bare /t/closed/secret 0
	allowed opens bare /t/closed/deep/er/file 0
	allowed opens bare /t/sub/own 1
	hidden masked
	refused $EACCES inside masked callprobe native unlink str:/t/closed/deep/er/file
	allowed inside masked callprobe native link str:/t/open/plain str:/t/open/link2
	allowed inside masked callprobe native unlink str:/t/open/link2
	refused $EACCES inside masked callprobe native link str:/t/closed/secret str:/t/open/link2
	refused $EACCES inside masked callprobe native link str:/t/sub/own str:/t/open/link2
	allowed opens masked /t/open/plain 2
	allowed inside masked callprobe native socket 2 1 0
	stop bare
}

@test "and beside a policy of files, and beside the next one" {
	start crun folded files "$MASKS"
	unhide folded
	hidden folded
	refused $EACCES opens folded /t/closed/busybox 0
	allowed opens folded /t/open/plain 2
	vkctl policy apply narrow folded
	hidden folded
	refused $EACCES opens folded /etc/passwd 1
	vkctl policy apply files masked
	hidden masked
	refused $EACCES opens masked /t/closed/busybox 0
	stop folded masked
}

# Who stays in a folder whose mounts are taken away, the masks among them, is still where he was.
left_behind() {
	inside "$1" sh -c 'cd "$0" && callprobe native umount2 "str:$0" 2 >/dev/null &&
		exec callprobe native openat -100 "str:$1" "$2" 0' "$2" "$3" "$4"
}

@test "nor does a lazy unmount of all that is masked lead to it" {
	local proc='.linux.maskedPaths = ["/proc/keys", "/sys/kernel/notes"]
		| .linux.readonlyPaths = ["/proc/sys"]
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'

	start crun bare "" "$proc | del(.hooks)"
	start crun lazy "" "$proc"
	allowed left_behind bare /sys kernel/notes 0
	refused $EACCES left_behind lazy /sys kernel/notes 0
	allowed left_behind bare /proc keys 0
	refused $EACCES left_behind lazy /proc keys 0
	stop bare lazy
	start crun bare "" "$proc | del(.hooks)"
	start crun lazy "" "$proc"
	allowed left_behind bare /proc sys/kernel/hostname 1
	refused $EACCES left_behind lazy /proc sys/kernel/hostname 1
	stop bare lazy
}

@test "a path that can not be masked is named" {
	run start runc odd "" '.linux.maskedPaths = ["secret"]'
	run -0 cat "$VK_ROOM/said"
	says "can not be masked"
	[[ -z $(instance odd id) ]]
}

@test "the hooks leave with the last policy that needs them" {
	stop_all
	eventually vkctl unload --all >/dev/null
	[[ -z $(modules) ]]
}
