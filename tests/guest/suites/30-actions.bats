# Every action and comparison, to the letter what seccomp does: one profile, once as the runtime
# installs it with seccomp, once as a virtual kernel; all that probes see must be the same.

load helper

actions_profile() {
	cat <<-'END'
	{
		"defaultAction": "SCMP_ACT_ALLOW",
		"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
		"syscalls": [
			{"names": ["uname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77},
			{"names": ["swapoff"], "action": "SCMP_ACT_ERRNO"},
			{"names": ["acct"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0},
			{"names": ["sysinfo"], "action": "SCMP_ACT_TRAP"},
			{"names": ["times"], "action": "SCMP_ACT_KILL_THREAD"},
			{"names": ["getcpu"], "action": "SCMP_ACT_KILL_PROCESS"},
			{"names": ["alarm"], "action": "SCMP_ACT_LOG"},
			{"names": ["sync"], "action": "SCMP_ACT_TRACE", "errnoRet": 5},
			{"names": ["afs_syscall"], "action": "SCMP_ACT_ERRNO", "errnoRet": 70},
			{"names": ["exit"], "action": "SCMP_ACT_KILL_THREAD",
			 "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 91}]},
			{"names": ["exit_group"], "action": "SCMP_ACT_KILL_PROCESS",
			 "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 92}]},
			{"names": ["exit", "exit_group"], "action": "SCMP_ACT_ERRNO",
			 "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 93}]},
			{"names": ["sched_get_priority_max"], "action": "SCMP_ACT_ERRNO", "errnoRet": 61,
			 "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 4294967297}]},
			{"names": ["sched_get_priority_min"], "action": "SCMP_ACT_ERRNO", "errnoRet": 62,
			 "args": [{"index": 0, "op": "SCMP_CMP_NE", "value": 1}]},
			{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 63,
			 "args": [{"index": 0, "op": "SCMP_CMP_LT", "value": 3}]},
			{"names": ["setpriority"], "action": "SCMP_ACT_ERRNO", "errnoRet": 64,
			 "args": [{"index": 1, "op": "SCMP_CMP_LE", "value": 2147483648}]},
			{"names": ["ioprio_get"], "action": "SCMP_ACT_ERRNO", "errnoRet": 65,
			 "args": [{"index": 1, "op": "SCMP_CMP_GT", "value": 2147483647}]},
			{"names": ["ioprio_set"], "action": "SCMP_ACT_ERRNO", "errnoRet": 66,
			 "args": [{"index": 2, "op": "SCMP_CMP_GE", "value": 65536}]},
			{"names": ["sched_getscheduler"], "action": "SCMP_ACT_ERRNO", "errnoRet": 67,
			 "args": [{"index": 0, "op": "SCMP_CMP_MASKED_EQ", "value": 240, "valueTwo": 16}]},
			{"names": ["membarrier"], "action": "SCMP_ACT_ERRNO", "errnoRet": 68,
			 "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 100},
				  {"index": 0, "op": "SCMP_CMP_EQ", "value": 200}]},
			{"names": ["tkill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 69,
			 "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 0},
				  {"index": 1, "op": "SCMP_CMP_EQ", "value": 1}]}
		]
	}
	END
}

# What is run in both: "label: command" lines; a test looks at the labels that begin with its own.
battery() {
	local way mode call nr value

	for way in native int80; do
		for call in uname swapoff acct alarm sync afs_syscall; do
			echo "errno $way $call: callprobe $way $call buf"
		done
		echo "errno $way allowed: callprobe $way getuid"
	done
	for nr in 122 199 88; do
		echo "errno elf32 $nr: callprobe32 $nr"
	done
	for way in native int80; do
		echo "exit one $way: callprobe $way exit 91; echo \$?"
		echo "exit all $way: callprobe $way exit_group 92; echo \$?"
		echo "exit allowed $way: callprobe $way exit 94; echo \$?"
	done
	for way in "" --int80; do
		echo "trap handler $way: sigprobe $way trap sysinfo buf"
		echo "trap not refused $way: sigprobe $way trap uname buf"
		for mode in die die-blocked die-ignored die-handled die-thread die-leader; do
			echo "trap $mode $way: sigprobe $way $mode sysinfo buf"
			echo "kill thread $mode $way: sigprobe $way $mode times buf"
			echo "kill process $mode $way: sigprobe $way $mode getcpu buf buf"
			echo "kill not refused $mode $way: sigprobe $way $mode getpid"
		done
	done
	for way in native int80; do
		for value in 0 1 2 0x7fffffff 0x80000000 0xffffffff 0x100000001 0xffffffffffffffff; do
			echo "args eq $way $value: callprobe $way sched_get_priority_max $value"
			echo "args ne $way $value: callprobe $way sched_get_priority_min $value"
		done
		for value in 0 2 3 4 0x100000002 0xffffffffffffffff; do
			echo "args lt $way $value: callprobe $way getpriority $value 0"
		done
		for value in 0 0x7fffffff 0x80000000 0x80000001 0x100000000 0x180000000; do
			echo "args le $way $value: callprobe $way setpriority 9 $value 0"
			echo "args gt $way $value: callprobe $way ioprio_get 9 $value"
		done
		for value in 0 65535 65536 65537 0x100000000 0xffffffffffffffff; do
			echo "args ge $way $value: callprobe $way ioprio_set 9 0 $value"
		done
		for value in 0x10 0x1f 0x20 0x110 0xf0 0x7fffff1f 0x10000001f; do
			echo "args masked $way $value: callprobe $way sched_getscheduler $value"
		done
		for value in 99 100 101 200 0x100000064; do
			echo "args or $way $value: callprobe $way membarrier $value 0 0"
		done
		for value in "0 1" "0 2" "1 1" "0x100000000 1" "0 0x100000001"; do
			echo "args and $way $value: callprobe $way tkill $value"
		done
	done
}

run_battery() {
	local name=$1
	battery | sed 's/^\([^:]*\): \(.*\)/echo "\1: $(\2 2>\&1)"/' >"$VK_ROOTFS/tmp/battery"
	inside "$name" sh /tmp/battery >"$VK_ROOM/$name.said" 2>&1
}

setup_file() {
	vk_setup
	actions_profile | vkctl policy add actions -
	start crun actions actions
	bundle by-seccomp "" "del(.hooks) | .linux.seccomp = $(actions_profile)"
	echo runc >"$VK_ROOM/bundles/by-seccomp/runtime"
	runc run --detach --bundle "$VK_ROOM/bundles/by-seccomp" by-seccomp \
		</dev/null >"$VK_ROOM/said" 2>&1 3>&-
	run_battery actions
	run_battery by-seccomp
}

teardown_file() {
	stop_all
	vkctl policy rm actions
}

# same LABEL: what both said under labels that begin so, and that they said something
same() {
	grep "^$1" "$VK_ROOM/by-seccomp.said" >"$BATS_TEST_TMPDIR/seccomp"
	grep "^$1" "$VK_ROOM/actions.said" >"$BATS_TEST_TMPDIR/vkernel"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/seccomp")" -eq "$(battery | grep -c "^$1")" ]
	diff -u "$BATS_TEST_TMPDIR/seccomp" "$BATS_TEST_TMPDIR/vkernel"
}

# vkernel said LABEL TEXT
said() {
	output=$(grep "^$1: " "$VK_ROOM/actions.said")
	says "$2"
}

@test "errno, log and trace return what they return under seccomp" {
	same errno
	said "errno native uname" "ret -1 errno 77"
	said "errno native swapoff" "ret -1 errno 1"
	said "errno native acct" "ret 0 errno 0"
	said "errno native alarm" "errno 0"
	said "errno native sync" "ret -1 errno 38"
	said "errno int80 uname" "ret -1 errno 77"
	said "errno elf32 122" "ret -1 errno 77"
	said "errno native afs_syscall" "ret -1 errno 70"
	said "errno native allowed" "errno 0"
}

@test "trap raises the SIGSYS of seccomp, field by field" {
	same "trap handler"
	same "trap not refused"
	said "trap handler " "signals 1 signal 31 code 1 errno 0 call 99 arch 0xc000003e addr +0"
	said "trap handler --int80" "call 116 arch 0x40000003"
	said "trap not refused " "signals 0"
}

@test "trap without a handler ends a process as under seccomp" {
	same "trap die"
}

@test "kill_thread ends one thread as under seccomp" {
	same "kill thread"
	said "kill thread die-thread " "the other thread lives"
	said "kill thread die " "killed by 31"
}

@test "kill_process ends all threads as under seccomp" {
	same "kill process"
	said "kill process die-thread " "killed by 31"
	said "kill process die-handled " "killed by 31"
}

@test "who may not exit is killed where seccomp would, and exits where it would go on" {
	local way

	same exit
	for way in native int80; do
		said "exit one $way" 159
		said "exit all $way" 159
		said "exit allowed $way" 94
		# There is no way back from these two: an errno can not be had.
		run -93 inside actions callprobe $way exit 93
		run -93 inside actions callprobe $way exit_group 93
	done
	[ "$(vkctl inspect actions --json |
		jq '[.calls[] | select(.name == "exit_group") | .denied] | add')" -eq 4 ]
}

@test "what none of them refuses goes on" {
	same "kill not refused"
	said "kill not refused die " "the call returned"
}

@test "EQ and NE compare all 64 bits, or the 32 of an i386 call" {
	same "args eq"
	same "args ne"
	said "args eq native 0x100000001" "errno 61"
	said "args ne native 2" "errno 62"
	said "args ne native 1" "ret 1 errno 0"
}

@test "LT, LE, GT and GE are unsigned" {
	for op in lt le gt ge; do
		same "args $op"
	done
	said "args lt native 2" "errno 63"
	said "args lt native 0xffffffffffffffff" "errno 22"
	said "args le native 0x80000000" "errno 64"
	said "args le native 0x80000001" "errno 22"
	said "args gt native 0x80000000" "errno 65"
	said "args ge native 65536" "errno 66"
}

@test "MASKED_EQ takes value as the mask" {
	same "args masked"
	said "args masked native 0x1f" "errno 67"
}

@test "a repeated index means or, different ones mean and" {
	same "args or"
	same "args and"
	said "args or native 200" "errno 68"
	said "args and native 0 1" "errno 69"
	said "args and native 0 2" "errno 22"
}

@test "the same refusals through libseccomp on this host, to the letter" {
	[ "$(sigprobe --seccomp trap trap sysinfo buf)" = "$(inside actions sigprobe trap sysinfo buf)" ]
	for mode in die die-thread die-leader; do
		[ "$(sigprobe --seccomp kill_thread $mode times buf)" = \
			"$(inside actions sigprobe $mode times buf)" ]
		[ "$(sigprobe --seccomp kill_process $mode getcpu buf buf)" = \
			"$(inside actions sigprobe $mode getcpu buf buf)" ]
	done
}

@test "a containers-common default profile lets a shell and its tools work" {
	local profile=/usr/share/containers/seccomp.json
	[ -e $profile ] || profile=/etc/containers/seccomp.json
	vkctl policy add default - <$profile
	start runc default default
	run -0 inside default sh -c 'echo $((6 * 7)); ls / | grep -c tmp; id -u'
	[ "${lines[*]}" = "42 1 0" ]
	# What it refuses without CAP_SYS_ADMIN, or for an argument, beside what it allows.
	refused 1 inside default callprobe native quotactl 0 0 0 0
	refused 38 inside default callprobe native personality 1
	allowed inside default callprobe native personality 0xffffffff
	allowed inside default callprobe native uname buf
	stop default
	vkctl policy rm default
}
