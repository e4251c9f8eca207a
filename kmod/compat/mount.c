// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/err.h>
#include <linux/string.h>

#include "../symbol.h"
#include "mount.h"

/* Of a member of a struct, in bytes; -1 if there is none of that name. */
static long __init vk_member_offset(const struct btf *btf, const struct btf_type *type,
				    const char *name)
{
	const struct btf_member *member = btf_type_member(type);
	u32 i, bits;

	for (i = 0; i < btf_type_vlen(type); i++) {
		if (strcmp(static_call(vk_btf_name_by_offset)(btf, member[i].name_off), name))
			continue;
		bits = __btf_member_bit_offset(type, &member[i]);
		return bits % BITS_PER_BYTE ? -1 : bits / BITS_PER_BYTE;
	}
	return -1;
}

static int __init vk_read_layout(const struct btf *btf, const struct btf_type *type,
				 struct vk_mount_layout *layout)
{
	long parent = vk_member_offset(btf, type, "mnt_parent");
	long mountpoint = vk_member_offset(btf, type, "mnt_mountpoint");
	long namespace = vk_member_offset(btf, type, "mnt_ns");
	long vfsmount = vk_member_offset(btf, type, "mnt");

	if (parent < 0 || mountpoint < 0 || namespace < 0 || vfsmount < 0)
		return -EOPNOTSUPP;
	*layout = (struct vk_mount_layout){
		.parent = parent - vfsmount,
		.mountpoint = mountpoint - vfsmount,
		.namespace = namespace - vfsmount,
		.vfsmount = vfsmount,
	};
	return 0;
}

int __init vk_mount_layout_find(struct vk_mount_layout *layout)
{
	struct btf *btf;
	s32 id;

	if (!vk_symbols_find_btf())
		return -EOPNOTSUPP;
	btf = static_call(vk_bpf_get_btf_vmlinux)();
	if (IS_ERR_OR_NULL(btf))
		return -EOPNOTSUPP;
	id = static_call(vk_btf_find_by_name_kind)(btf, "mount", BTF_KIND_STRUCT);
	return id < 0 ? -EOPNOTSUPP : vk_read_layout(btf, btf_type_by_id(btf, id), layout);
}
