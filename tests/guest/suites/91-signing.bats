# Modules are signed as the kernel's own program does; where the kernel wants that, refusals tell why.
#
# Modules that another host made are taken from who is known, and need no compiler.
#
# The last of the suites: a kernel that has begun to enforce signatures does so until it ends.

load helper

fully || return 0

ENFORCE=/sys/module/module/parameters/sig_enforce

setup_file() {
	vk_setup
	restart_daemon
	mkdir -p /etc/vkernel
	(
		umask 077
		openssl req -new -x509 -newkey rsa:2048 -noenc -days 2 -subj /CN=vk-suite/ \
			-keyout /etc/vkernel/suite.key -out /etc/vkernel/suite.crt
	) 2>/dev/null
	policy lone "$(rule ERRNO:54 uname)"
}

teardown_file() {
	unhide
	stop_all
	sign_with
	vkctl policy rm lone || true
}

# sign_with [NAME]: what the daemon signs with from here on; without a name, nothing
sign_with() {
	touch /etc/vkernel/vkernel.conf
	sed -i '/^Module/d' /etc/vkernel/vkernel.conf
	[[ $# -eq 0 ]] || printf '%s\n' "ModuleSigningKey=/etc/vkernel/$1.key" \
		"ModuleSigningCert=/etc/vkernel/$1.crt" >>/etc/vkernel/vkernel.conf
	systemctl reload vkerneld.service
}

# What `vkctl status` says of loading modules.
loading() {
	vkctl status --json | jq -r '.checks[] | select(.name == "modules") | "\(.state) \(.detail)"'
}

signed_file() {
	find "$VK_MODULES" -name "$1.ko" -exec grep -lF 'Module signature appended' {} +
}

@test "a signed module loads, and is what sign-file of the headers makes" {
	local module file size

	sign_with suite
	expect "ok are signed by CN=vk-suite, with sha256" loading
	start runc signed lone
	module=$(instance signed module)
	file=$(signed_file "$module")
	expect vk-suite modinfo --field signer "$file"
	expect sha256 modinfo --field sig_hashalgo "$file"
	# The size of the signature stands before the 28 bytes of the magic word.
	size=$((16#$(tail --bytes 32 "$file" | head --bytes 4 | od -An -tx1 | tr -d ' \n')))
	head --bytes "-$((size + 12 + 28))" "$file" >"$BATS_TEST_TMPDIR/plain.ko"
	"/lib/modules/$(uname -r)/build/scripts/sign-file" sha256 /etc/vkernel/suite.key \
		/etc/vkernel/suite.crt "$BATS_TEST_TMPDIR/plain.ko"
	cmp "$file" "$BATS_TEST_TMPDIR/plain.ko"
	refused 54 inside signed callprobe native uname buf
	allowed inside signed callprobe native getuid
	stop signed
}

@test "a host without a compiler takes a module that another one made and signed" {
	local folder=$BATS_TEST_TMPDIR/layout tag

	run -0 vkctl export --json "$folder" lone
	tag=$(jq -r '.[0].tag' <<<"$output")
	vkctl unload lone
	vkctl cache rm lone
	vkctl cache rm vkernel_000000000000
	hide_compilers
	hide_headers
	restart_daemon
	run ! start runc without lone
	fails 1 vkctl import "$folder" "$tag"
	says "no certificate to verify it with" ModuleImportCerts=
	mkdir -p /etc/vkernel/import
	cp /etc/vkernel/suite.crt /etc/vkernel/import/
	echo ModuleImportCerts=/etc/vkernel/import >>/etc/vkernel/vkernel.conf
	systemctl reload vkerneld.service
	run -0 vkctl import "$folder" "$tag"
	says CN=vk-suite
	start runc imported lone
	refused 54 inside imported callprobe native uname buf
	allowed inside imported callprobe native getuid
	stop imported
	unhide
}

@test "where the kernel enforces signatures, what it does not trust is told" {
	echo 1 >"$ENFORCE"
	sign_with
	loading | grep -q '^bad the kernel loads signed modules only, and there is no key'
	policy lone "$(rule ERRNO:55 uname)"
	run ! start runc unsigned lone
	run cat "$VK_ROOM/said"
	says "takes only signed modules, and there is no key to sign vkernel_" hint: mokutil
	sign_with suite
	expect "ok are signed by CN=vk-suite, with sha256, and the kernel takes no others" loading
	run ! start runc untrusted lone
	run cat "$VK_ROOM/said"
	says "which is signed with ModuleSigningCert=/etc/vkernel/suite.crt" hint: mokutil
}
