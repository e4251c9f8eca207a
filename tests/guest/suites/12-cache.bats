# The cache of modules, and the settings that are reloaded.

load helper

fully || return 0

CONF_D=/etc/vkernel/vkernel.conf.d

setup_file() {
	vk_setup
	add_alpha_and_beta
	policy gamma "$(rule ERRNO:61 uname)"
	start runc holds-alpha alpha
	vkctl unload --all
	forget_unused
}

# The suites before this one may have made the same modules with another core, or by Kbuild.
forget_unused() {
	local key

	for key in $(vkctl cache list --json | jq -r '.[] | select(.use == "none") | .key'); do
		vkctl cache rm "$key"
	done
}

setup() {
	vkctl build beta
	vkctl build gamma
}

teardown_file() {
	teardown
	stop_all
	vkctl policy rm gamma
}

teardown() {
	[[ ! -e $CONF_D ]] || { rm -rf "$CONF_D"; systemctl reload vkerneld.service; }
}

# module POLICY
module() {
	vkctl policy list --json | jq -r --arg name "$1" '.[] | select(.name == $name) | .module'
}

# file POLICY: of its module
file() {
	find "$VK_MODULES" -name "$(module "$1").ko"
}

# cached POLICY: is its module in the cache, by what it says of itself?
cached() {
	vkctl cache list --json | jq -e --arg module "$(module "$1")" \
		'any(.[]; .module == $module)' >/dev/null
}

# used NAME: how the module of that name is used
used() {
	vkctl cache list --json | jq -r --arg module "$1" '.[] | select(.module == $module) | .use'
}

# setting LINE...: a drop-in says so from now on
setting() {
	mkdir -p "$CONF_D"
	printf '%s\n' "$@" >"$CONF_D/50-test.conf"
	systemctl reload vkerneld.service
}

journal() {
	journalctl --boot --unit vkerneld --since "@$1" --quiet --grep "$2"
}

@test "list shows what there is, and what is used" {
	run -0 vkctl cache list
	says KEY MODULE LAST "$(module alpha)" "$(module beta)" vkernel_000000000000 "$(uname -r)"
	expect loaded used "$(module alpha)"
	expect none used "$(module beta)"
	expect needed used vkernel_000000000000
	vkctl cache list --json | jq -e 'all(.[]; (.key | length) == 64 and .size > 0)'
	run -0 varlinkctl call "unix:$VK_SOCKET" io.vkernel.ListCache '{}'
}

@test "rm removes, and refuses what is loaded" {
	run -0 vkctl cache rm beta
	says "$(module beta)" asked
	run ! cached beta
	[ -z "$(file beta)" ]
	fails 5 vkctl cache rm beta
	says "hint: "
	fails 6 vkctl cache rm alpha
	says "is loaded" "hint: " unload
	[ -n "$(file alpha)" ]
	run -2 vkctl cache rm
	run -0 vkctl build beta
	says "built in"
}

# flip FILE: another byte in the middle
flip() {
	printf '\xff' | dd of="$1" bs=1 seek=5000 conv=notrunc status=none
}

@test "verify finds a byte that was flipped" {
	run -0 vkctl cache verify
	run ! grep -E 'corrupt|missing' <<<"$output"
	cp -a "$(file beta)" "$BATS_TEST_TMPDIR/beta"
	flip "$(file beta)"
	fails 1 vkctl cache verify
	says corrupt "1 of " "hint: "
	vkctl cache verify --json | jq -e --arg module "$(module beta)" \
		'map(select(.state != "ok")) | length == 1 and .[0].module == $module'
	cat "$BATS_TEST_TMPDIR/beta" >"$(file beta)"
	run -0 vkctl cache verify
}

@test "what is corrupt is told of and made anew when a container binds it" {
	local began=$EPOCHSECONDS

	flip "$(file beta)"
	start runc binds-beta beta
	refused $BETA_ERRNO inside binds-beta callprobe native uname buf
	allowed inside binds-beta callprobe native mkdir str:/tmp/made 0700
	inside binds-beta rmdir /tmp/made
	journal "$began" "cache's entry .*$(module beta), is corrupt"
	stop binds-beta
	eventually no_beta
	run -0 vkctl cache verify
}

no_beta() {
	[[ -z $(instance binds-beta id) ]]
}

@test "gc removes what nobody knows, and nothing else" {
	local stray

	stray=$VK_MODULES/ab/ab$(printf '0%.0s' {1..62})
	run -0 vkctl cache gc
	says "nothing to remove"
	mkdir -p "$stray"
	touch "$stray/vkernel_abcdefabcdef.ko"
	run -0 vkctl cache gc
	says "ab0000000000" unknown
	[ ! -e "$stray" ]
	cached beta
}

@test "beyond the limit the longest unused goes, and what is used stays" {
	vkctl unload --all
	setting CacheMax=1K
	eventually gone_beta
	cached gamma
	cached alpha
	expect loaded used "$(module alpha)"
	expect needed used vkernel_000000000000
	refused $ALPHA_ERRNO inside holds-alpha callprobe native mkdir str:/tmp/x 0700
	allowed inside holds-alpha callprobe native uname buf
	# Another one pushes out the one that was the last.
	run -0 vkctl build beta
	eventually gone_gamma
	cached beta
}

gone_beta() {
	! cached beta
}

gone_gamma() {
	! cached gamma
}

says_settings() {
	vkctl status --json | jq -r '.checks[] | select(.name == "settings") | .state'
}

settings_are() {
	[[ $(says_settings) == "$1" ]]
}

on_claim() {
	vkctl list --json | jq -r --arg name "$1" '.[] | select(.container == $name) | .on_claim'
}

@test "a reload changes a setting, and a bad one keeps those of before" {
	local pid began=$EPOCHSECONDS

	pid=$(systemctl show --property MainPID --value vkerneld)
	expect refuse on_claim holds-alpha
	setting OnClaim=kill
	start runc claims alpha
	expect kill on_claim claims
	stop claims

	setting OnClaim=kill BuildsMax=0
	eventually settings_are warn
	run -0 vkctl status
	says "$CONF_D/50-test.conf:2: BuildsMax= wants a number from 1 to 64"
	journal "$began" "50-test.conf:2: BuildsMax= wants .*stay as they were"
	[ "$(systemctl is-active vkerneld.service)" = active ]
	start runc claims alpha
	expect kill on_claim claims
	stop claims

	setting
	eventually settings_are ok
	start runc claims alpha
	expect refuse on_claim claims
	stop claims
	[ "$(systemctl show --property MainPID --value vkerneld)" = "$pid" ]
}
