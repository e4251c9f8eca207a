/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/capability.h>
#include <string.h>

#include "proto/varlink.h"
#include "vkerneld/capability.h"

#define NAME(capability) [CAP_##capability] = "CAP_" #capability

static const char *const names[] = {
	/* clang-format off */
	NAME(CHOWN), NAME(DAC_OVERRIDE), NAME(DAC_READ_SEARCH), NAME(FOWNER), NAME(FSETID),
	NAME(KILL), NAME(SETGID), NAME(SETUID), NAME(SETPCAP), NAME(LINUX_IMMUTABLE),
	NAME(NET_BIND_SERVICE), NAME(NET_BROADCAST), NAME(NET_ADMIN), NAME(NET_RAW),
	NAME(IPC_LOCK), NAME(IPC_OWNER), NAME(SYS_MODULE), NAME(SYS_RAWIO), NAME(SYS_CHROOT),
	NAME(SYS_PTRACE), NAME(SYS_PACCT), NAME(SYS_ADMIN), NAME(SYS_BOOT), NAME(SYS_NICE),
	NAME(SYS_RESOURCE), NAME(SYS_TIME), NAME(SYS_TTY_CONFIG), NAME(MKNOD), NAME(LEASE),
	NAME(AUDIT_WRITE), NAME(AUDIT_CONTROL), NAME(SETFCAP), NAME(MAC_OVERRIDE),
	NAME(MAC_ADMIN), NAME(SYSLOG), NAME(WAKE_ALARM), NAME(BLOCK_SUSPEND), NAME(AUDIT_READ),
	NAME(PERFMON), NAME(BPF), NAME(CHECKPOINT_RESTORE),
	/* clang-format on */
};

_Static_assert(ELEMENTSOF(names) <= 64, "a set has 64 bits");

const char *capability_name(uint32_t capability)
{
	return capability < ELEMENTSOF(names) ? names[capability] : NULL;
}

static uint64_t bit_of(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(names); i++)
		if (strcmp(names[i], name) == 0)
			return UINT64_C(1) << i;
	return 0;
}

uint64_t capability_set(json_object *array, const char **ret_unknown)
{
	size_t n = json_object_array_length(array);
	uint64_t set = 0;

	*ret_unknown = NULL;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(array, i));
		uint64_t bit = bit_of(name);

		if (!bit && !*ret_unknown)
			*ret_unknown = name;
		set |= bit;
	}
	return set;
}

bool capability_set_is_full(uint64_t set)
{
	uint64_t all = (UINT64_C(1) << ELEMENTSOF(names)) - 1;

	return (set & all) == all;
}

int capability_set_json(uint64_t set, json_object **ret)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	int r = array ? 0 : -ENOMEM;

	for (uint32_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++)
		if (set >> i & 1)
			r = json_append_string(array, names[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(array);
	return 0;
}
