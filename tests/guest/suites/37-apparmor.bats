# A virtual kernel permits of a profile what AppArmor in this kernel permits of it, operation by
# operation; where that is not so, confine/known says why.
#
# 6.12 compares the most of the profiles that have names; VK_SHARE=all compares all of them on any.
# VK_RANDOM is how many random profiles there are, of ten sets of rules each, VK_SEED what they begin
# with: hundreds of them take
# BATS_TEST_TIMEOUT= of some thousand seconds. What was compared comes back in $VK_RESULTS.

load helper

CONFINE=$BATS_TEST_DIRNAME/confine
WORK=$VK_ROOM/apparmor
RANDOM_COUNT=${VK_RANDOM:-10}
SEED=${VK_SEED:-${VK_KERNEL//./}}
# The kinds of rules that vkerneld has packed, so that both kernels read the same bytes.
PARSER=(apparmor_parser --config-file=/dev/null --base /etc/apparmor.d --skip-cache
	--Optimize=no-expr-simplify --features-file "$VK_PAYLOAD/features"
	--policy-features "$VK_PAYLOAD/features")

setup_file() {
	vk_setup
	mkdir -p "$WORK" "$VK_RESULTS/apparmor"
	cp "$CONFINE"/*.profile "$WORK/"
	python3 "$CONFINE/generate.py" "$SEED" "$RANDOM_COUNT" "$WORK"
	start_siblings
}

teardown_file() {
	kill -KILL "$(cat "$WORK/sibling.apparmor")" || true
	stop_all
	"${PARSER[@]}" --remove "$WORK/sibling.profile" || true
	rmdir /sys/fs/cgroup/confine || true
}

start_siblings() {
	"${PARSER[@]}" --replace "$WORK/sibling.profile"
	aa-exec -p sibling -- sh -c 'trap "" TERM; exec sleep 100000' </dev/null >/dev/null 2>&1 3>&- &
	echo $! >"$WORK/sibling.apparmor"
	vkctl policy add sibling --apparmor "$WORK/sibling.profile"
	start crun sibling sibling
	instance sibling pid >"$WORK/sibling.vkernel"
}

# under_apparmor NAME PROFILE LIST: as the profile PROFILE of NAME's file
under_apparmor() {
	"${PARSER[@]}" --replace "$WORK/$1.profile" || return 1
	confine_run --apparmor "$2" --sibling "$(cat "$WORK/sibling.apparmor")" "$3" \
		>"$WORK/$1.apparmor" || return 1
	# It may be that of programs of this host.
	"${PARSER[@]}" --remove "$WORK/$1.profile"
}

in_container() {
	vkctl policy add "$1" --apparmor "$WORK/$1.profile" --apparmor-profile "$2" \
		--allow-unmediated >"$WORK/$1.notes" 2>&1 || { cat "$WORK/$1.notes"; return 1; }
	confine_run --vkernel "$1" --sibling "$(cat "$WORK/sibling.vkernel")" "$3" \
		>"$WORK/$1.vkernel" || return 1
	eventually only_siblings || return 1
	vkctl policy rm "$1"
}

only_siblings() {
	[[ $(vkctl list --json | jq length) == 1 ]]
}

# compare NAME [PROFILE] [LIST]
compare() {
	local name=$1 profile=${2:-$1} list=${3:-$WORK/$1.list}

	echo "$name:"
	cp "$WORK/$name.profile" "$list" "$VK_RESULTS/apparmor/"
	under_apparmor "$name" "$profile" "$list" && in_container "$name" "$profile" "$list" ||
		return 1
	cp "$WORK/$name".{apparmor,vkernel} "$VK_RESULTS/apparmor/"
	python3 "$CONFINE/compare.py" "$WORK/$name".{apparmor,vkernel}
}

# All of them, though one differs.
compare_each() {
	local name status=0
	for name; do
		compare "$name" || status=1
	done
	return $status
}

# Debian's: FILE...
compare_distributed() {
	local file name profile status=0
	for file; do
		name=debian-${file##*/}
		name=${name//./-}
		profile=$(python3 "$CONFINE/distribution.py" "$file" "$name" "$WORK") &&
			compare "$name" "$profile" || status=1
	done
	return $status
}

# Of operations that nobody confines, some fail all the same.
@test "control: without a confinement" {
	run -0 confine_run "$CONFINE/operations.list"
	cp "$CONFINE/operations.list" "$VK_RESULTS/apparmor/"
	echo "$output" >"$VK_RESULTS/apparmor/none"
	run ! grep -E 'EACCES|no such operation|gone|exited' <<<"$output"
}

write_ours() {
	printf 'profile all {\n file,\n network,\n capability,\n signal,\n ptrace,\n mount,\n umount,
		pivot_root,\n}\n' >"$WORK/all.profile"
	printf 'profile nothing {\n /confine_ops mrix,\n network unix stream,\n}\n' \
		>"$WORK/nothing.profile"
}

# Nothing but to run, one half file by file, the other half refused, all.
ours() {
	local name status=0
	write_ours
	for name in nothing half most ${VK_SHARE:+all}; do
		compare "$name" "$name" "$CONFINE/operations.list" || status=1
	done
	return $status
}

# Of the profiles that Debian's packages bring.
distributed() {
	local extra=/usr/share/apparmor/extra-profiles
	printf '%s\n' /etc/apparmor.d/{bin.ping,php-fpm} /etc/apparmor.d/usr.sbin.dnsmasq \
		"$extra"/{usr.sbin.sshd,postfix-smtpd}
	[[ -z ${VK_SHARE:-} ]] || printf '%s\n' "$extra"/{usr.sbin.dovecot,usr.bin.man} \
		/etc/apparmor.d/{sbin.syslogd,unix-chkpwd} \
		/etc/apparmor.d/usr.sbin.{avahi-daemon,nscd,traceroute}
}

random_ones() {
	local i names=()
	for ((i = 0; i < RANDOM_COUNT; i++)); do
		names+=("random$i")
	done
	compare_each "${names[@]}"
}

@test "this kernel's share of profiles that have names" {
	local files status=0
	mapfile -t files < <(distributed)
	if fully; then
		ours || status=1
		compare_distributed "${files[@]}" || status=1
	else
		compare_distributed "${files[0]}" || status=1
	fi
	return $status
}

@test "random profiles, and random operations on what they name" {
	random_ones
}

@test "docker-default" {
	compare docker-default docker-default "$CONFINE/operations.list"
}

@test "paths of a chroot, of those who left it, and of what is mounted nowhere" {
	compare jail jail "$CONFINE/jail.list"
	grep -F 'chroot-open r /t /yes/a -> ok' "$WORK/jail.vkernel"
	grep -F 'chroot-detached r /t yes no/a -> EACCES' "$WORK/jail.vkernel"
	grep -F 'link-tmpfile /t/yes /t/no/new -> ENOENT' "$WORK/jail.vkernel"
}

@test "to create or to truncate is no way around a rule on appending" {
	compare append append "$CONFINE/append.list"
	grep -F 'open ac /t/other -> ok' "$WORK/append.vkernel"
	grep -F 'open ac /t/log -> EACCES' "$WORK/append.vkernel"
}

# AppArmor shows that the test is right, and without either the test shows that it can fail.
@test "renames and mounts while files are opened: neither refused nor permitted wrongly" {
	expect "1 mount-race 20 -> leaked:EPERM" quiet confine_run "$CONFINE/race.list"
	under_apparmor race race "$CONFINE/race.list"
	cat "$WORK/race.apparmor"
	grep -E '^1 mount-race 20 -> ok [0-9]+$' "$WORK/race.apparmor"
	in_container race race "$CONFINE/race.list"
	cat "$WORK/race.vkernel"
	grep -E '^1 mount-race 20 -> ok [0-9]+$' "$WORK/race.vkernel"
}

quiet() {
	"$@" 2>/dev/null
}
