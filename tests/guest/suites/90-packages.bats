# The Debian packages: installed, upgraded with containers running, removed, purged. They have the
# system to themselves: what the other suites run is taken away, and laid there again in the end.

load helper

fully || return 0

PACKAGES=$VK_PAYLOAD/packages
DKMS=$UPDATES/dkms

# All that the payload laid over the system, but for modules and the guest's own service.
remove_staged() {
	cd "$VK_PAYLOAD/root" || return
	find . -path ./usr/lib/modules -prune -o -path ./etc -prune -o ! -type d -print |
		sed 's/^\.//' | xargs rm -f
}

# The core that DKMS compiles of its package, where it would put it.
install_core() {
	rm -rf "$UPDATES"
	mkdir -p "$DKMS"
	cp "$PACKAGES"/core/vkernel.ko* "$DKMS/"
	depmod
}

# As a version before may have left it loaded. That of DKMS is signed: no byte of it may change.
load_other_core() {
	sed 's/\x00version=0/\x00version=9/' \
		"$VK_PAYLOAD/root/usr/lib/modules/$(uname -r)/updates/vkernel.ko" >"$VK_ROOM/other.ko"
	insmod "$VK_ROOM/other.ko"
}

setup_file() {
	vk_setup
	stop_all
	vkctl unload --all --core || true
	systemctl stop vkerneld.service vkerneld.socket
	rm -rf /etc/vkernel /var/lib/vkernel /run/vkernel
	remove_staged
	install_core
}

teardown_file() {
	dpkg --purge vkernel || true
	rm -rf "$UPDATES"
	tar -C "$VK_PAYLOAD/root" -cf - . | tar -C / -xf - --keep-directory-symlink
	depmod
	systemctl daemon-reload
	rm "$VK_ROOM/ready"
}

main_pid() {
	systemctl show --property MainPID --value vkerneld.service
}

refuses_uname() {
	refused $BETA_ERRNO inside "$1" callprobe native uname buf
}

@test "the package installs, and its service starts" {
	load_other_core
	run -1 which vkctl vkerneld vkernel-runtime
	dpkg --install "$PACKAGES"/vkernel_*.deb
	systemctl is-active vkerneld.service vkerneld.socket
	systemctl is-enabled vkerneld.service vkerneld.socket
	getent group vkernel
	getent passwd vkernel-build vkernel-profile
	vkctl status
	expect "installed: $(echo "$DKMS"/vkernel.ko*)" core_file
}

@test "the core of another version that no container uses is gone" {
	run ! core_loaded
	journalctl --boot --unit vkerneld --quiet --grep 'unloaded the core of version 9'
}

@test "containers run by the package's hook and runtime" {
	policy beta "$(rule ERRNO:$BETA_ERRNO uname)"
	start runc packaged beta || { cat "$VK_ROOM/said"; false; }
	start vkernel-runtime shimmed beta 'del(.hooks)' || { cat "$VK_ROOM/said"; false; }
	refuses_uname packaged
	refuses_uname shimmed
	test -e /usr/share/containers/oci/hooks.d/vkernel.json
}

@test "an upgrade leaves them be" {
	local pid id
	pid=$(main_pid)
	id=$(instance packaged id)
	dpkg --install "$PACKAGES"/later/vkernel_*.deb
	[ "$(main_pid)" -ne "$pid" ]
	[ "$(instance packaged id)" = "$id" ]
	active packaged
	active shimmed
	refuses_uname packaged
	refuses_uname shimmed
	start runc after-upgrade beta || { cat "$VK_ROOM/said"; false; }
	refuses_uname after-upgrade
	stop after-upgrade shimmed
}

@test "a removal says that they stay, and keeps what was set" {
	run -0 dpkg --remove vkernel
	says "in use by packaged" "stay on them"
	run ! systemctl is-active vkerneld.service vkerneld.socket
	run -1 which vkctl vkerneld vkernel-runtime
	test -e /var/lib/vkernel/vkernel.db
	core_loaded
	refuses_uname packaged
}

@test "a purge takes everything but the core that is in use" {
	run -0 dpkg --purge vkernel
	for path in /etc/vkernel /var/lib/vkernel /var/cache/vkernel /usr/share/vkernel \
		/usr/share/containers/oci/hooks.d/vkernel.json; do
		[ ! -e "$path" ]
	done
	core_loaded
	refuses_uname packaged
	stop packaged
	unload_rest() {
		rmmod $(modules) vkernel
	}
	eventually unload_rest
	run ! core_loaded
}
