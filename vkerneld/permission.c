/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <vkernel/confine.h>

#include "proto/varlink.h"
#include "vkerneld/permission.h"

typedef struct Word {
	uint32_t bits;
	const char *word;
} Word;

static const Word file[] = {
	{ VK_MAY_READ, "read" },      { VK_MAY_WRITE, "write" },
	{ VK_MAY_APPEND, "append" },  { VK_MAY_EXEC, "exec" },
	{ VK_MAY_MMAP_EXEC, "mmap" }, { VK_MAY_LINK, "link" },
	{ VK_MAY_LOCK, "lock" },      {},
};

/* Sockets have no others. */
static const Word network[] = { { UINT32_MAX, "create" }, {} };

static const Word mount[] = {
	{ VK_MAY_MOUNT, "mount" },
	{ VK_MAY_UMOUNT, "umount" },
	{ VK_MAY_PIVOT_ROOT, "pivot_root" },
	{},
};

static const Word signals[] = { { VK_MAY_SEND, "send" }, { VK_MAY_RECEIVE, "receive" }, {} };

static const Word ptrace[] = {
	{ VK_MAY_TRACE, "trace" },
	{ VK_MAY_TRACE_READ, "read" },
	{ VK_MAY_BE_TRACED, "traced-by" },
	{ VK_MAY_BE_READ, "read-by" },
	{},
};

static const Word none[] = { {} };

static const Word *words_of(uint32_t class)
{
	switch (class) {
	case VK_CLASS_FILE:
		return file;
	case VK_CLASS_NETWORK:
		return network;
	case VK_CLASS_MOUNT:
		return mount;
	case VK_CLASS_SIGNAL:
		return signals;
	case VK_CLASS_PTRACE:
		return ptrace;
	default:
		return none;
	}
}

int permissions_json(uint32_t class, uint32_t set, json_object **ret)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	int r = array ? 0 : -ENOMEM;

	for (const Word *w = words_of(class); r >= 0 && w->word; w++)
		if (set & w->bits)
			r = json_append_string(array, w->word);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(array);
	return 0;
}

char *permissions_text(uint32_t class, uint32_t set)
{
	char text[128], *to = text;

	*to = 0;
	for (const Word *w = words_of(class); w->word; w++)
		if (set & w->bits)
			to += sprintf(to, "%s%s", to == text ? "" : ", ", w->word);
	return strdup(text);
}
