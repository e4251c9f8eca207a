# shellcheck shell=bash
# Sourced by every script of the harness: where things are and how to complain.

VK_TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
VK_CACHE=${VK_CACHE:-$VK_TREE/.cache}
VK_GUEST=$VK_TREE/tests/guest
VK_ROOTFS=$VK_CACHE/rootfs
# mke2fs and others are not in the path of every user.
PATH=$PATH:/usr/sbin:/sbin
export VK_TREE VK_CACHE VK_GUEST VK_ROOTFS

# shellcheck disable=SC2034 # read by the sourcing scripts
VK_KERNELS=(6.1 6.12 7.3)

say() {
	printf '== %s\n' "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Runs as root: the rootfs holds files of many owners, and chroot and mount need it.
as_root() {
	if [[ $EUID -eq 0 ]]; then
		"$@"
	else
		command -v sudo >/dev/null || die "needs root or sudo: $*"
		sudo --preserve-env=VK_CACHE,DEBIAN_MIRROR,DEBIAN_SECURITY_MIRROR,NO_INSTALL "$@"
	fi
}
