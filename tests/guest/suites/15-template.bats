# Modules of policies are made out of a template, and are as good as those that Kbuild makes.

load helper

setup_file() {
	vk_setup
	builder template
	add_alpha_and_beta
	policy both "$(rule ERRNO:51 uname)" '{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO",
		"errnoRet": 63, "args": [{"index": 0, "op": "SCMP_CMP_LT", "value": 3}]}'
	# What the kernel says of the first module of all is none of this.
	start runc first alpha
	stop first
	builds_of template >"$BATS_FILE_TMPDIR/builds"
}

teardown_file() {
	builder template
	stop_all
	for name in both lone fourth; do
		vkctl policy rm "$name" 2>/dev/null || true
	done
}

teardown() {
	unhide
}

# The file of a module that is loaded: that of one policy lies there once for each core.
file_of() {
	find "$VK_MODULES" -name "$1.ko" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2
}

compiled_once() {
	expect "$(cat "$BATS_FILE_TMPDIR/builds")" builds_of template
}

kernel_log() {
	dmesg --notime | sed 's/vkernel_[0-9a-f]\{12\}/MODULE/g'
}

# verdicts NAME: of a container's calls; some are refused, and beside each one is allowed
verdicts() {
	local call way

	for way in native int80; do
		for call in "uname buf" "getpriority 0 0" "getpriority 3 0" "getuid" "sync"; do
			# shellcheck disable=SC2086
			echo "$way $call: $(inside "$1" callprobe $way $call)"
		done
	done
}

# try NAME: runs a container on the policy `both` and keeps all that can be told of its module
try() {
	local module dir=$BATS_FILE_TMPDIR/$1

	mkdir "$dir"
	kernel_log >"$dir/before"
	start runc "$1" both
	verdicts "$1" >"$dir/verdicts"
	module=$(instance "$1" module)
	cp "$(file_of "$module")" "$dir/"
	cp "/sys/module/$module/notes/.note.gnu.build-id" "$dir/build-id"
	stop "$1"
	eventually no_instances
	vkctl unload "$module"
	kernel_log | tail -n "+$(($(wc -l <"$dir/before") + 1))" >"$dir/log"
}

# alike FILE COMMAND...: the two are, in what the command says of each one's file
alike() {
	# shellcheck disable=SC2086
	diff <("${@:2}" "$BATS_FILE_TMPDIR"/placed/$1) <("${@:2}" "$BATS_FILE_TMPDIR"/compiled/$1)
}

@test "the template is compiled once, and serves whatever comes" {
	compiled_once
	run -0 vkctl build both
	says "built in"
	run -0 vkctl build both
	says "already built"
	compiled_once
	vkctl status --json | jq -e '.checks[] | select(.name == "template") | .detail == "kept"'
}

@test "build ids are the modules' own" {
	local note modules=()

	start runc one alpha
	start crun two beta
	modules=("$(instance one module)" "$(instance two module)")
	for module in "${modules[@]}"; do
		note=/sys/module/$module/notes/.note.gnu.build-id
		[ "$(stat --format %s "$note")" -gt 0 ]
		objcopy --dump-section ".note.gnu.build-id=$BATS_TEST_TMPDIR/$module" \
			"$(file_of "$module")" /dev/null
		cmp "$note" "$BATS_TEST_TMPDIR/$module"
	done
	run ! cmp /sys/module/{"${modules[0]}","${modules[1]}"}/notes/.note.gnu.build-id
	refused $ALPHA_ERRNO inside one callprobe native mkdir str:/tmp/x 0700
	allowed inside one callprobe native uname buf
	refused $BETA_ERRNO inside two callprobe native uname buf
	stop one two
}

@test "a host that lost its compiler and its headers goes on with new policies" {
	hide_compilers
	hide_headers
	restart_daemon
	policy lone "$(rule ERRNO:52 uname)"
	run -0 vkctl build lone
	start runc lone lone
	refused 52 inside lone callprobe native uname buf
	allowed inside lone callprobe native getuid
	stop lone
	run -0 vkctl status
	says "the template that is kept"
	compiled_once
}

@test "a template that was changed serves nobody" {
	local template templates

	# Of each core that there was.
	mapfile -t templates < <(find "$VK_MODULES" -name vkernel_000000000000.ko)
	hide_compilers
	systemctl stop vkerneld.service
	for template in "${templates[@]}"; do
		cp -a --parents "$template" "$BATS_TEST_TMPDIR/"
		echo >>"$template"
	done
	policy fourth "$(rule ERRNO:53 uname)"
	run ! vkctl build fourth
	says "vkctl: " "hint: " gcc
	cp -a "$BATS_TEST_TMPDIR$VK_MODULES/." "$VK_MODULES/"
	run -0 vkctl build fourth
	compiled_once
}

# Kbuild takes long.
fully || return 0

@test "what it makes and what Kbuild makes refuse the same, and allow the same" {
	try placed
	# The key of the other is another, so one file is found at a time.
	mv "$VK_MODULES" "$VK_MODULES.placed"
	builder kbuild
	try compiled
	rm -rf "$VK_MODULES"
	mv "$VK_MODULES.placed" "$VK_MODULES"
	builder template
	alike verdicts cat
	cat "$BATS_FILE_TMPDIR/placed/verdicts"
	grep -q '^native uname buf: ret -1 errno 51$' "$BATS_FILE_TMPDIR/placed/verdicts"
	grep -q '^int80 getpriority 0 0: ret -1 errno 63$' "$BATS_FILE_TMPDIR/placed/verdicts"
	# The kernel's own answer.
	grep -q '^native getpriority 3 0: ret -1 errno 22$' "$BATS_FILE_TMPDIR/placed/verdicts"
	grep -q '^int80 getuid: ret 0 errno 0$' "$BATS_FILE_TMPDIR/placed/verdicts"
}

describe() {
	modinfo --field "$1" "$2"
}

sections() {
	readelf --wide --section-headers "$1" | sed -E 's/^ *\[ *[0-9]+\] //' | grep '^[._]' |
		awk '{ print $1, $2, $5, $NF }' | sort
}

@test "the kernel is told the same of both, and says the same" {
	local field

	for field in name vermagic depends license srcversion; do
		alike 'vkernel_*.ko' describe "$field"
	done
	alike 'vkernel_*.ko' modprobe --dump-modversions
	alike 'vkernel_*.ko' sections
	alike log cat
	run ! cmp "$BATS_FILE_TMPDIR"/{placed,compiled}/build-id
}
