/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vkerneld/confinement.h"

#include <string.h>
#include <sys/resource.h>

#include "proto/varlink.h"
#include "vkerneld/capability.h"

static const char *const classes[VK_NR_CLASSES] = {
	[VK_CLASS_FILE] = "file",	[VK_CLASS_CAPABILITY] = "capability",
	[VK_CLASS_NETWORK] = "network", [VK_CLASS_MOUNT] = "mount",
	[VK_CLASS_SIGNAL] = "signal",	[VK_CLASS_PTRACE] = "ptrace",
	[VK_CLASS_RLIMIT] = "rlimit",
};

/* By bit of vk_confinement.flags. */
static const char *const flags[] = {
	"complain",	   "kill",  "audit",   "attach_disconnected", "chroot_relative",
	"mediate_deleted", "masks", "unnamed",
};

static const char *const limits[VK_NR_RLIMITS] = {
	[RLIMIT_CPU] = "cpu",		[RLIMIT_FSIZE] = "fsize",
	[RLIMIT_DATA] = "data",		[RLIMIT_STACK] = "stack",
	[RLIMIT_CORE] = "core",		[RLIMIT_RSS] = "rss",
	[RLIMIT_NPROC] = "nproc",	[RLIMIT_NOFILE] = "nofile",
	[RLIMIT_MEMLOCK] = "memlock",	[RLIMIT_AS] = "as",
	[RLIMIT_LOCKS] = "locks",	[RLIMIT_SIGPENDING] = "sigpending",
	[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
	[RLIMIT_RTPRIO] = "rtprio",	[RLIMIT_RTTIME] = "rttime",
};

_Static_assert(VK_CONFINE_FLAGS == (1u << ELEMENTSOF(flags)) - 1, "each flag has a name");

static int names_json(uint32_t bits, const char *const *names, size_t n, json_object **ret)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	int r = array ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (bits >> i & 1)
			r = json_append_string(array, names[i]);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(array);
	return 0;
}

static int add_names(json_object *o, const char *key, uint32_t bits, const char *const *names,
		     size_t n)
{
	json_object *array;
	int r = names_json(bits, names, n, &array);

	return r < 0 ? r : json_add(o, key, array);
}

/* Left out where all are left. */
static int add_capabilities(json_object *o, const struct vk_confinement *c)
{
	json_object *array;
	int r;

	if (!(c->mediates & VK_CLASS_BIT(VK_CLASS_CAPABILITY)) ||
	    capability_set_is_full(c->capabilities))
		return 0;
	r = capability_set_json(c->capabilities, &array);
	return r < 0 ? r : json_add(o, "capabilities", array);
}

static int add_limits(json_object *o, const struct vk_confinement *c)
{
	_cleanup_json_ json_object *set = json_object_new_object();
	int r = set ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < VK_NR_RLIMITS; i++)
		if (c->rlimits_set >> i & 1)
			r = json_add_int(set, limits[i], (int64_t)c->rlimits[i]);
	if (r < 0 || !c->rlimits_set)
		return r;
	return json_add(o, "rlimits", TAKE_PTR(set));
}

/* A profile may have any bytes for a name. */
static int add_label(json_object *o, const char *label)
{
	_cleanup_free_ char *text = strdup(label);

	if (!text)
		return -ENOMEM;
	for (char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return json_add_string(o, "label", text);
}

static int confinement_json(const struct vk_confinement *c, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = add_label(o, vk_confinement_label(c));
	if (r >= 0)
		r = add_names(o, "mediates", c->mediates, classes, ELEMENTSOF(classes));
	if (r >= 0)
		r = add_names(o, "flags", c->flags, flags, ELEMENTSOF(flags));
	if (r >= 0)
		r = add_capabilities(o, c);
	if (r >= 0)
		r = add_limits(o, c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

int confinements_json(const Policy *p, json_object **ret)
{
	_cleanup_json_ json_object *array = json_object_new_array();
	const struct vk_confinement *c;
	int r = array ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	vk_for_each_confinement(c, p) {
		json_object *o;

		r = confinement_json(c, &o);
		if (r >= 0)
			r = json_append(array, o);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(array);
	return 0;
}
