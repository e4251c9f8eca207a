// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "capability.h"
#include "compat/compat.h"
#include "genl.h"
#include "hook.h"
#include "instance.h"
#include "policy.h"
#include "security.h"
#include "symbol.h"
#include "vkernel_genl.h"

static struct genl_family vk_family;

/* What a visit writes to, one message an object. */
struct vk_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	long next; /* cursor: where the next part begins */
};

static void *vk_dump_put(struct vk_dump *dump, u8 cmd)
{
	return genlmsg_put(dump->skb, NETLINK_CB(dump->cb->skb).portid, dump->cb->nlh->nlmsg_seq,
			   &vk_family, NLM_F_MULTI, cmd);
}

/* Ends a message that was begun, whole or not at all. */
static int vk_dump_end(struct vk_dump *dump, void *header, int err)
{
	if (err) {
		genlmsg_cancel(dump->skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(dump->skb, header);
	return 0;
}

static int vk_dump_done(struct vk_dump *dump, int err)
{
	dump->cb->args[0] = dump->next;
	return err && err != -EMSGSIZE ? err : dump->skb->len;
}

static u32 vk_features(void)
{
	u32 features = 0;

	if (IS_ENABLED(CONFIG_IA32_EMULATION))
		features |= VKERNEL_FEATURE_COMPAT;
	if (IS_ENABLED(CONFIG_CGROUPS))
		features |= VKERNEL_FEATURE_CGROUP;
	if (!vk_x32_enabled())
		features |= VKERNEL_FEATURE_X32_OFF;
	if (vk_capability_available())
		features |= VKERNEL_FEATURE_CAPABILITY;
	if (vk_security_available(VK_CLASS_ALL))
		features |= VKERNEL_FEATURE_CONFINE;
	return features;
}

static int vk_put_info(struct sk_buff *skb)
{
	return nla_put_u32(skb, VKERNEL_A_INFO_ABI, VK_POLICY_ABI) ?:
	       nla_put_u32(skb, VKERNEL_A_INFO_FEATURES, vk_features()) ?:
	       nla_put_u32(skb, VKERNEL_A_INFO_INSTANCES, vk_instances_count()) ?:
	       nla_put_u32(skb, VKERNEL_A_INFO_INSTANCES_MAX, VK_ID_MAX) ?:
	       nla_put_u32(skb, VKERNEL_A_INFO_POLICIES, vk_images_count()) ?:
	       nla_put_string(skb, VKERNEL_A_INFO_VERSION, THIS_MODULE->version);
}

static int vk_put_refused(struct sk_buff *skb, const struct vk_instance *instance)
{
	u64 refused[VK_NR_CLASSES];
	size_t i;

	for (i = 0; i < VK_NR_CLASSES; i++)
		refused[i] = atomic64_read(&instance->refused[i]);
	return nla_put(skb, VKERNEL_A_INSTANCE_REFUSED, sizeof(refused), refused);
}

/* Under the mutex of instances: the policy stays. */
static int vk_put_instance(struct sk_buff *skb, const struct vk_instance *instance)
{
	return nla_put_u32(skb, VKERNEL_A_INSTANCE_ID, instance->id) ?:
	       nla_put_string(skb, VKERNEL_A_INSTANCE_CONTAINER, instance->container) ?:
	       nla_put(skb, VKERNEL_A_INSTANCE_DIGEST, VK_DIGEST_SIZE,
		       instance->image->policy->digest) ?:
	       nla_put_u32(skb, VKERNEL_A_INSTANCE_PID, pid_nr(instance->init)) ?:
	       nla_put_u32(skb, VKERNEL_A_INSTANCE_STATE, READ_ONCE(instance->state)) ?:
	       nla_put_u32(skb, VKERNEL_A_INSTANCE_MODE, instance->mode) ?:
	       nla_put_u32(skb, VKERNEL_A_INSTANCE_SCOPE, READ_ONCE(instance->scope)) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_INSTANCE_CHECKED, vk_instance_checked(instance),
				 VKERNEL_A_INSTANCE_PAD) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_INSTANCE_DENIED,
				 atomic64_read(&instance->denied), VKERNEL_A_INSTANCE_PAD) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_INSTANCE_DROPPED,
				 atomic64_read(&instance->dropped), VKERNEL_A_INSTANCE_PAD) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_INSTANCE_CAPABILITIES, instance->given,
				 VKERNEL_A_INSTANCE_PAD) ?:
	       nla_put_u32(skb, VKERNEL_A_INSTANCE_ON_CLAIM, instance->on_claim) ?:
	       nla_put_u64_64bit(skb, VKERNEL_A_INSTANCE_CLAIMS, atomic64_read(&instance->claims),
				 VKERNEL_A_INSTANCE_PAD) ?:
	       vk_put_refused(skb, instance);
}

static int vk_put_policy(struct sk_buff *skb, const struct vk_image *image)
{
	return nla_put(skb, VKERNEL_A_POLICY_DIGEST, VK_DIGEST_SIZE, image->policy->digest) ?:
	       nla_put_string(skb, VKERNEL_A_POLICY_MODULE, module_name(image->owner)) ?:
	       nla_put_u32(skb, VKERNEL_A_POLICY_INSTANCES, atomic_read(&image->instances)) ?:
	       nla_put_u32(skb, VKERNEL_A_POLICY_HOOKS, vk_hook_set_size(image->handlers) +
			   vk_security_count(&image->security));
}

static int vk_put_hook(struct sk_buff *skb, const struct vk_hook *hook)
{
	char symbol[KSYM_NAME_LEN];

	snprintf(symbol, sizeof(symbol), "%ps", (void *)hook->addr);
	return nla_put_string(skb, VKERNEL_A_HOOK_SYMBOL, symbol) ?:
	       nla_put_u32(skb, VKERNEL_A_HOOK_STATE, vk_hook_state(hook)) ?:
	       nla_put_u32(skb, VKERNEL_A_HOOK_USERS, hook->users);
}

/* The answer to a request for one object. */
struct vk_reply {
	struct sk_buff *skb;
	void *header;
};

static int vk_reply_begin(struct vk_reply *reply, struct genl_info *info, u8 cmd)
{
	reply->skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!reply->skb)
		return -ENOMEM;
	reply->header = genlmsg_put_reply(reply->skb, info, &vk_family, 0, cmd);
	if (!reply->header) {
		nlmsg_free(reply->skb);
		return -EMSGSIZE;
	}
	return 0;
}

static int vk_reply_end(struct vk_reply *reply, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(reply->skb);
		return err;
	}
	genlmsg_end(reply->skb, reply->header);
	return genlmsg_reply(reply->skb, info);
}

static int vk_get_info(struct sk_buff *skb, struct genl_info *info)
{
	struct vk_reply reply;
	int err = vk_reply_begin(&reply, info, VKERNEL_CMD_GET_INFO);

	return err ?: vk_reply_end(&reply, info, vk_put_info(reply.skb));
}

static int vk_dump_hook(const struct vk_hook *hook, void *data)
{
	struct vk_dump *dump = data;
	void *header = vk_dump_put(dump, VKERNEL_CMD_GET_HOOK);
	int err;

	if (!header)
		return -EMSGSIZE;
	err = vk_dump_end(dump, header, vk_put_hook(dump->skb, hook));
	if (!err)
		dump->next = hook->serial + 1;
	return err;
}

static int vk_dump_hooks(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vk_dump dump = { .skb = skb, .cb = cb, .next = cb->args[0] };

	return vk_dump_done(&dump, vk_hooks_visit(dump.next, vk_dump_hook, &dump));
}

static int vk_dump_policy(const struct vk_image *image, void *data)
{
	struct vk_dump *dump = data;
	void *header = vk_dump_put(dump, VKERNEL_CMD_GET_POLICY);
	int err;

	if (!header)
		return -EMSGSIZE;
	err = vk_dump_end(dump, header, vk_put_policy(dump->skb, image));
	if (!err)
		dump->next = image->serial + 1;
	return err;
}

static int vk_dump_policies(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vk_dump dump = { .skb = skb, .cb = cb, .next = cb->args[0] };

	return vk_dump_done(&dump, vk_images_visit(dump.next, vk_dump_policy, &dump));
}

static int vk_reply_instance(struct vk_instance *instance, void *data)
{
	return vk_put_instance(data, instance);
}

/* Ids are 16 bits; the policy of the attribute has refused others. */
static u16 vk_id(const struct genl_info *info, int attr)
{
	return nla_get_u32(info->attrs[attr]);
}

static int vk_get_instance(struct sk_buff *skb, struct genl_info *info)
{
	struct vk_reply reply;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_ID))
		return -EINVAL;
	err = vk_reply_begin(&reply, info, VKERNEL_CMD_GET_INSTANCE);
	if (err)
		return err;
	err = vk_instance_visit(vk_id(info, VKERNEL_A_INSTANCE_ID), vk_reply_instance, reply.skb);
	return vk_reply_end(&reply, info, err);
}

static int vk_dump_instance(struct vk_instance *instance, void *data)
{
	struct vk_dump *dump = data;
	void *header = vk_dump_put(dump, VKERNEL_CMD_GET_INSTANCE);
	int err;

	if (!header)
		return -EMSGSIZE;
	err = vk_dump_end(dump, header, vk_put_instance(dump->skb, instance));
	if (!err)
		dump->next = instance->id + 1;
	return err;
}

static int vk_dump_instances(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vk_dump dump = { .skb = skb, .cb = cb, .next = cb->args[0] };

	return vk_dump_done(&dump, vk_instances_visit(dump.next, vk_dump_instance, &dump));
}

static int vk_dump_call(struct vk_dump *dump, u32 table, u32 nr, u32 denied)
{
	void *header = vk_dump_put(dump, VKERNEL_CMD_GET_CALL);

	if (!header)
		return -EMSGSIZE;
	return vk_dump_end(dump, header,
			   nla_put_u32(dump->skb, VKERNEL_A_CALL_TABLE, table) ?:
			   nla_put_u32(dump->skb, VKERNEL_A_CALL_NR, nr) ?:
			   nla_put_u64_64bit(dump->skb, VKERNEL_A_CALL_DENIED, denied,
					     VKERNEL_A_CALL_PAD));
}

static int vk_dump_denials(struct vk_instance *instance, void *data)
{
	struct vk_dump *dump = data;
	int err = 0;

	for (; dump->next < VK_NR_TABLES * VK_NR_CALLS; dump->next++) {
		u32 table = dump->next / VK_NR_CALLS, nr = dump->next % VK_NR_CALLS;
		struct vk_denials *denials = READ_ONCE(instance->denials[table]);
		u32 denied = denials ? atomic_read(&denials->count[nr]) : 0;

		if (denied)
			err = vk_dump_call(dump, table, nr, denied);
		if (err)
			break;
	}
	return err;
}

static int vk_dump_calls(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *id = vk_genl_dump_attrs(cb)[VKERNEL_A_CALL_INSTANCE];
	struct vk_dump dump = { .skb = skb, .cb = cb, .next = cb->args[0] };

	if (!id)
		return -EINVAL;
	return vk_dump_done(&dump, vk_instance_visit(nla_get_u32(id), vk_dump_denials, &dump));
}

/* Attributes that may be left out. */
static u32 vk_u32_or(const struct nlattr *attr, u32 otherwise)
{
	return attr ? nla_get_u32(attr) : otherwise;
}

static u64 vk_u64_or(const struct nlattr *attr, u64 otherwise)
{
	return attr ? nla_get_u64(attr) : otherwise;
}

static int vk_read_binding(struct genl_info *info, struct vk_binding *binding)
{
	struct nlattr **attrs = info->attrs;

	if (GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_PID) ||
	    GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_DIGEST) ||
	    GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_CONTAINER))
		return -EINVAL;
	*binding = (struct vk_binding){
		.pid = nla_get_u32(attrs[VKERNEL_A_INSTANCE_PID]),
		.digest = nla_data(attrs[VKERNEL_A_INSTANCE_DIGEST]),
		.container = nla_data(attrs[VKERNEL_A_INSTANCE_CONTAINER]),
		.mode = vk_u32_or(attrs[VKERNEL_A_INSTANCE_MODE], VKERNEL_MODE_ENFORCE),
		.on_claim = vk_u32_or(attrs[VKERNEL_A_INSTANCE_ON_CLAIM], VKERNEL_CLAIM_REFUSE),
		.capabilities = vk_u64_or(attrs[VKERNEL_A_INSTANCE_CAPABILITIES], U64_MAX),
	};
	if (!*binding->container) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[VKERNEL_A_INSTANCE_CONTAINER],
				    "the container needs a name");
		return -EINVAL;
	}
	if (attrs[VKERNEL_A_INSTANCE_CAPABILITIES] && !vk_capability_available()) {
		NL_SET_ERR_MSG_ATTR(info->extack, attrs[VKERNEL_A_INSTANCE_CAPABILITIES],
				    "this kernel does not let capabilities be checked");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int vk_bind(struct sk_buff *skb, struct genl_info *info)
{
	struct vk_binding binding;
	struct vk_reply reply;
	int id, err;

	err = vk_read_binding(info, &binding) ?: vk_reply_begin(&reply, info, VKERNEL_CMD_BIND);
	if (err)
		return err;
	id = vk_instance_bind(&binding);
	if (id == -EOPNOTSUPP)
		NL_SET_ERR_MSG(info->extack, "this kernel takes x32 calls: boot without syscall.x32");
	err = id < 0 ? id : nla_put_u32(reply.skb, VKERNEL_A_INSTANCE_ID, id);
	err = vk_reply_end(&reply, info, err);
	/* Who asked does not know of it. */
	if (err && id > 0)
		vk_instance_unbind(id, binding.container);
	return err;
}

/* The container's name, which commands that have an id may leave out. */
static const char *vk_container(const struct genl_info *info)
{
	struct nlattr *name = info->attrs[VKERNEL_A_INSTANCE_CONTAINER];

	return name ? nla_data(name) : NULL;
}

static int vk_unbind(struct sk_buff *skb, struct genl_info *info)
{
	int err;

	if (GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_ID))
		return -EINVAL;
	err = vk_instance_unbind(vk_id(info, VKERNEL_A_INSTANCE_ID), vk_container(info));
	if (err == -EBUSY)
		NL_SET_ERR_MSG(info->extack, "the container runs: no process of it can leave");
	return err;
}

static int vk_set_mode(struct sk_buff *skb, struct genl_info *info)
{
	if (GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_ID) ||
	    GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_MODE))
		return -EINVAL;
	return vk_instance_set_mode(vk_id(info, VKERNEL_A_INSTANCE_ID), vk_container(info),
				    nla_get_u32(info->attrs[VKERNEL_A_INSTANCE_MODE]));
}

static int vk_set_policy(struct sk_buff *skb, struct genl_info *info)
{
	if (GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_ID) ||
	    GENL_REQ_ATTR_CHECK(info, VKERNEL_A_INSTANCE_DIGEST))
		return -EINVAL;
	return vk_instance_set_policy(vk_id(info, VKERNEL_A_INSTANCE_ID), vk_container(info),
				      nla_data(info->attrs[VKERNEL_A_INSTANCE_DIGEST]));
}

/*
 * A container that shares the host's network may have the capability for it, and would be let
 * command the kernel that it runs on.
 */
static int vk_refuse_contained(void)
{
	return vk_task_id(current) || vk_task_pending(current) ? -EPERM : 0;
}

static int vk_pre_doit(const vk_genl_op_t *op, struct sk_buff *skb, struct genl_info *info)
{
	return vk_refuse_contained();
}

static int vk_dump_start(struct netlink_callback *cb)
{
	return vk_refuse_contained();
}

/* NLA_POLICY_RANGE() has room for 16 signed bits. Not const: 6.1 takes a pointer to change. */
static struct netlink_range_validation vk_id_range __ro_after_init = { .min = 1, .max = VK_ID_MAX };

static const struct nla_policy vk_instance_attrs[VKERNEL_A_INSTANCE_MAX + 1] = {
	[VKERNEL_A_INSTANCE_ID] = NLA_POLICY_FULL_RANGE(NLA_U32, &vk_id_range),
	[VKERNEL_A_INSTANCE_CONTAINER] = { .type = NLA_NUL_STRING, .len = VKERNEL_CONTAINER_MAX },
	[VKERNEL_A_INSTANCE_DIGEST] = NLA_POLICY_EXACT_LEN(VK_DIGEST_SIZE),
	[VKERNEL_A_INSTANCE_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VKERNEL_A_INSTANCE_MODE] = NLA_POLICY_MAX(NLA_U32, VKERNEL_MODE_AUDIT),
	[VKERNEL_A_INSTANCE_CAPABILITIES] = { .type = NLA_U64 },
	[VKERNEL_A_INSTANCE_ON_CLAIM] = NLA_POLICY_MAX(NLA_U32, VKERNEL_CLAIM_KILL),
};

static const struct nla_policy vk_call_attrs[VKERNEL_A_CALL_MAX + 1] = {
	[VKERNEL_A_CALL_INSTANCE] = NLA_POLICY_FULL_RANGE(NLA_U32, &vk_id_range),
};

#define VK_INSTANCE_OP(command, handler)                                                           \
	{                                                                                          \
		.cmd = (command), .flags = GENL_ADMIN_PERM, .doit = (handler),                     \
		.policy = vk_instance_attrs, .maxattr = VKERNEL_A_INSTANCE_MAX                     \
	}

static const struct genl_ops vk_ops[] = {
	{ .cmd = VKERNEL_CMD_GET_INFO, .flags = GENL_ADMIN_PERM, .doit = vk_get_info },
	{
		.cmd = VKERNEL_CMD_GET_HOOK,
		.flags = GENL_ADMIN_PERM,
		.start = vk_dump_start,
		.dumpit = vk_dump_hooks,
	},
	{
		.cmd = VKERNEL_CMD_GET_POLICY,
		.flags = GENL_ADMIN_PERM,
		.start = vk_dump_start,
		.dumpit = vk_dump_policies,
	},
	{
		.cmd = VKERNEL_CMD_GET_INSTANCE,
		.flags = GENL_ADMIN_PERM,
		.doit = vk_get_instance,
		.start = vk_dump_start,
		.dumpit = vk_dump_instances,
		.policy = vk_instance_attrs,
		.maxattr = VKERNEL_A_INSTANCE_MAX,
	},
	{
		.cmd = VKERNEL_CMD_GET_CALL,
		.flags = GENL_ADMIN_PERM,
		.start = vk_dump_start,
		.dumpit = vk_dump_calls,
		.policy = vk_call_attrs,
		.maxattr = VKERNEL_A_CALL_MAX,
	},
	VK_INSTANCE_OP(VKERNEL_CMD_BIND, vk_bind),
	VK_INSTANCE_OP(VKERNEL_CMD_UNBIND, vk_unbind),
	VK_INSTANCE_OP(VKERNEL_CMD_SET_MODE, vk_set_mode),
	VK_INSTANCE_OP(VKERNEL_CMD_SET_POLICY, vk_set_policy),
};

static const struct genl_multicast_group vk_groups[] = {
	{ .name = VKERNEL_MCGRP_EVENTS, .flags = VK_GENL_MCGRP_PERM },
};

static struct genl_family vk_family __ro_after_init = {
	.name = VKERNEL_FAMILY_NAME,
	.version = VKERNEL_FAMILY_VERSION,
	.module = THIS_MODULE,
	.ops = vk_ops,
	.n_ops = ARRAY_SIZE(vk_ops),
	.pre_doit = vk_pre_doit,
	/* Every handler takes its own locks; a dump of hooks may wait for ftrace. */
	.parallel_ops = true,
	.mcgrps = vk_groups,
	.n_mcgrps = ARRAY_SIZE(vk_groups),
};

int __init vk_genl_register(void)
{
	return genl_register_family(&vk_family);
}

void vk_genl_unregister(void)
{
	genl_unregister_family(&vk_family);
}

bool vk_genl_has_listeners(void)
{
	return genl_has_listeners(&vk_family, &init_net, 0);
}

void *vk_genl_put(struct sk_buff *skb, u8 cmd)
{
	return genlmsg_put(skb, 0, 0, &vk_family, 0, cmd);
}

void vk_genl_multicast(struct sk_buff *skb)
{
	genlmsg_multicast(&vk_family, skb, 0, 0, GFP_NOWAIT | __GFP_NOWARN);
}
