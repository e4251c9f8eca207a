/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "vkerneld/kernel.h"

#define REPLY_TIMEOUT_SEC 10
#define EVENT_BUFFER (4 << 20)
#define DUMP_TRIES 16

struct Kernel {
	struct nl_sock *requests, *events;
	sd_event_source *source;
	KernelListener listener;
	void *userdata;
	int family; /* 0 while the core is not loaded */
	char message[256];
};

typedef int (*FillFunc)(struct nl_msg *msg, const void *arg);
/* Reads the attributes of one message into one item. */
typedef int (*ParseFunc)(struct nlattr **attrs, void *item);

/* A kind of object: what to ask, which attributes it has, how it is read. */
typedef struct Object {
	uint8_t cmd;
	int max;
	struct nla_policy *attrs;
	ParseFunc parse;
	size_t size;
} Object;

typedef struct Request {
	Kernel *kernel;
	const Object *object; /* of the replies; NULL if none are wanted */
	char *items;
	size_t n, allocated;
	int error;
	bool done;
} Request;

static struct nla_policy info_attrs[VKERNEL_A_INFO_MAX + 1] = {
	[VKERNEL_A_INFO_ABI] = { .type = NLA_U32 },
	[VKERNEL_A_INFO_FEATURES] = { .type = NLA_U32 },
	[VKERNEL_A_INFO_INSTANCES] = { .type = NLA_U32 },
	[VKERNEL_A_INFO_INSTANCES_MAX] = { .type = NLA_U32 },
	[VKERNEL_A_INFO_POLICIES] = { .type = NLA_U32 },
	[VKERNEL_A_INFO_VERSION] = { .type = NLA_STRING },
};

static struct nla_policy hook_attrs[VKERNEL_A_HOOK_MAX + 1] = {
	[VKERNEL_A_HOOK_SYMBOL] = { .type = NLA_STRING },
	[VKERNEL_A_HOOK_STATE] = { .type = NLA_U32 },
	[VKERNEL_A_HOOK_USERS] = { .type = NLA_U32 },
};

static struct nla_policy policy_attrs[VKERNEL_A_POLICY_MAX + 1] = {
	[VKERNEL_A_POLICY_DIGEST] = { .minlen = VK_DIGEST_SIZE },
	[VKERNEL_A_POLICY_MODULE] = { .type = NLA_STRING },
	[VKERNEL_A_POLICY_INSTANCES] = { .type = NLA_U32 },
	[VKERNEL_A_POLICY_HOOKS] = { .type = NLA_U32 },
};

static struct nla_policy instance_attrs[VKERNEL_A_INSTANCE_MAX + 1] = {
	[VKERNEL_A_INSTANCE_ID] = { .type = NLA_U32 },
	[VKERNEL_A_INSTANCE_CONTAINER] = { .type = NLA_STRING },
	[VKERNEL_A_INSTANCE_DIGEST] = { .minlen = VK_DIGEST_SIZE },
	[VKERNEL_A_INSTANCE_PID] = { .type = NLA_U32 },
	[VKERNEL_A_INSTANCE_STATE] = { .type = NLA_U32 },
	[VKERNEL_A_INSTANCE_MODE] = { .type = NLA_U32 },
	[VKERNEL_A_INSTANCE_SCOPE] = { .type = NLA_U32 },
	[VKERNEL_A_INSTANCE_CHECKED] = { .type = NLA_U64 },
	[VKERNEL_A_INSTANCE_DENIED] = { .type = NLA_U64 },
	[VKERNEL_A_INSTANCE_DROPPED] = { .type = NLA_U64 },
	[VKERNEL_A_INSTANCE_CAPABILITIES] = { .type = NLA_U64 },
	[VKERNEL_A_INSTANCE_ON_CLAIM] = { .type = NLA_U32 },
	[VKERNEL_A_INSTANCE_CLAIMS] = { .type = NLA_U64 },
	[VKERNEL_A_INSTANCE_REFUSED] = { .minlen = VK_NR_CLASSES * sizeof(uint64_t) },
};

static struct nla_policy call_attrs[VKERNEL_A_CALL_MAX + 1] = {
	[VKERNEL_A_CALL_INSTANCE] = { .type = NLA_U32 },
	[VKERNEL_A_CALL_TABLE] = { .type = NLA_U32 },
	[VKERNEL_A_CALL_NR] = { .type = NLA_U32 },
	[VKERNEL_A_CALL_DENIED] = { .type = NLA_U64 },
};

static struct nla_policy event_attrs[VKERNEL_A_EVENT_MAX + 1] = {
	[VKERNEL_A_EVENT_KIND] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_INSTANCE] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_CONTAINER] = { .type = NLA_STRING },
	[VKERNEL_A_EVENT_DIGEST] = { .minlen = VK_DIGEST_SIZE },
	[VKERNEL_A_EVENT_PID] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_TID] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_COMM] = { .type = NLA_STRING },
	[VKERNEL_A_EVENT_STATUS] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_MODE] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_TABLE] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_NR] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_VERDICT] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_ARGS] = { .minlen = 6 * sizeof(uint64_t) },
	[VKERNEL_A_EVENT_DROPPED] = { .type = NLA_U64 },
	[VKERNEL_A_EVENT_CAPABILITY] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_CLASS] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_OPERATION] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_REQUESTED] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_MISSING] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_PATH] = { .type = NLA_STRING },
	[VKERNEL_A_EVENT_TARGET] = { .type = NLA_STRING },
	[VKERNEL_A_EVENT_FAMILY] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_TYPE] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_SIGNAL] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_RESOURCE] = { .type = NLA_U32 },
	[VKERNEL_A_EVENT_LABEL] = { .type = NLA_STRING },
};

_Static_assert(VKERNEL_A_EVENT_MAX < 32, "has a bit in KernelEvent.has each");

/* Absent attributes leave what is there. */
static void read_u32(struct nlattr *a, uint32_t *ret)
{
	if (a)
		*ret = nla_get_u32(a);
}

static void read_u64(struct nlattr *a, uint64_t *ret)
{
	if (a)
		*ret = nla_get_u64(a);
}

static void read_bytes(struct nlattr *a, void *ret, size_t size)
{
	if (a)
		memcpy(ret, nla_data(a), size);
}

static void read_string(struct nlattr *a, char *ret, size_t size)
{
	if (a)
		nla_strlcpy(ret, a, size);
}

static int parse_info(struct nlattr **a, void *item)
{
	KernelInfo *i = item;

	read_u32(a[VKERNEL_A_INFO_ABI], &i->abi);
	read_u32(a[VKERNEL_A_INFO_FEATURES], &i->features);
	read_u32(a[VKERNEL_A_INFO_INSTANCES], &i->instances);
	read_u32(a[VKERNEL_A_INFO_INSTANCES_MAX], &i->instances_max);
	read_u32(a[VKERNEL_A_INFO_POLICIES], &i->policies);
	read_string(a[VKERNEL_A_INFO_VERSION], i->version, sizeof(i->version));
	return a[VKERNEL_A_INFO_ABI] ? 0 : -EPROTO;
}

static int parse_hook(struct nlattr **a, void *item)
{
	KernelHook *h = item;

	read_string(a[VKERNEL_A_HOOK_SYMBOL], h->symbol, sizeof(h->symbol));
	read_u32(a[VKERNEL_A_HOOK_STATE], &h->state);
	read_u32(a[VKERNEL_A_HOOK_USERS], &h->users);
	return a[VKERNEL_A_HOOK_SYMBOL] ? 0 : -EPROTO;
}

static int parse_policy(struct nlattr **a, void *item)
{
	KernelPolicy *p = item;

	read_bytes(a[VKERNEL_A_POLICY_DIGEST], p->digest, sizeof(p->digest));
	read_string(a[VKERNEL_A_POLICY_MODULE], p->module, sizeof(p->module));
	read_u32(a[VKERNEL_A_POLICY_INSTANCES], &p->instances);
	read_u32(a[VKERNEL_A_POLICY_HOOKS], &p->hooks);
	return a[VKERNEL_A_POLICY_DIGEST] ? 0 : -EPROTO;
}

static int parse_instance(struct nlattr **a, void *item)
{
	KernelInstance *i = item;

	read_u32(a[VKERNEL_A_INSTANCE_ID], &i->id);
	read_string(a[VKERNEL_A_INSTANCE_CONTAINER], i->container, sizeof(i->container));
	read_bytes(a[VKERNEL_A_INSTANCE_DIGEST], i->digest, sizeof(i->digest));
	read_u32(a[VKERNEL_A_INSTANCE_PID], &i->pid);
	read_u32(a[VKERNEL_A_INSTANCE_STATE], &i->state);
	read_u32(a[VKERNEL_A_INSTANCE_MODE], &i->mode);
	read_u32(a[VKERNEL_A_INSTANCE_SCOPE], &i->scope);
	read_u64(a[VKERNEL_A_INSTANCE_CHECKED], &i->checked);
	read_u64(a[VKERNEL_A_INSTANCE_DENIED], &i->denied);
	read_u64(a[VKERNEL_A_INSTANCE_DROPPED], &i->dropped);
	i->capabilities = UINT64_MAX;
	read_u64(a[VKERNEL_A_INSTANCE_CAPABILITIES], &i->capabilities);
	read_u32(a[VKERNEL_A_INSTANCE_ON_CLAIM], &i->on_claim);
	read_u64(a[VKERNEL_A_INSTANCE_CLAIMS], &i->claims);
	read_bytes(a[VKERNEL_A_INSTANCE_REFUSED], i->refused, sizeof(i->refused));
	return a[VKERNEL_A_INSTANCE_ID] ? 0 : -EPROTO;
}

static int parse_call(struct nlattr **a, void *item)
{
	KernelCall *c = item;

	read_u32(a[VKERNEL_A_CALL_TABLE], &c->table);
	read_u32(a[VKERNEL_A_CALL_NR], &c->nr);
	read_u64(a[VKERNEL_A_CALL_DENIED], &c->denied);
	return a[VKERNEL_A_CALL_NR] ? 0 : -EPROTO;
}

/* libnl made sure of the NUL at the end. */
static void borrow_string(struct nlattr *a, const char **ret)
{
	if (a)
		*ret = nla_data(a);
}

static void parse_operation(struct nlattr **a, KernelEvent *e)
{
	read_u32(a[VKERNEL_A_EVENT_CLASS], &e->class);
	read_u32(a[VKERNEL_A_EVENT_OPERATION], &e->operation);
	read_u32(a[VKERNEL_A_EVENT_REQUESTED], &e->requested);
	read_u32(a[VKERNEL_A_EVENT_MISSING], &e->missing);
	borrow_string(a[VKERNEL_A_EVENT_PATH], &e->path);
	borrow_string(a[VKERNEL_A_EVENT_TARGET], &e->target);
	read_u32(a[VKERNEL_A_EVENT_FAMILY], &e->family);
	read_u32(a[VKERNEL_A_EVENT_TYPE], &e->type);
	read_u32(a[VKERNEL_A_EVENT_SIGNAL], &e->signal);
	read_u32(a[VKERNEL_A_EVENT_RESOURCE], &e->resource);
	borrow_string(a[VKERNEL_A_EVENT_LABEL], &e->label);
}

static int parse_event(struct nlattr **a, void *item)
{
	KernelEvent *e = item;

	for (int i = 1; i <= VKERNEL_A_EVENT_MAX; i++)
		if (a[i])
			e->has |= 1u << i;
	read_u32(a[VKERNEL_A_EVENT_KIND], &e->kind);
	read_u32(a[VKERNEL_A_EVENT_INSTANCE], &e->instance);
	read_string(a[VKERNEL_A_EVENT_CONTAINER], e->container, sizeof(e->container));
	read_bytes(a[VKERNEL_A_EVENT_DIGEST], e->digest, sizeof(e->digest));
	read_u32(a[VKERNEL_A_EVENT_PID], &e->pid);
	read_u32(a[VKERNEL_A_EVENT_TID], &e->tid);
	read_string(a[VKERNEL_A_EVENT_COMM], e->comm, sizeof(e->comm));
	read_u32(a[VKERNEL_A_EVENT_STATUS], &e->status);
	read_u32(a[VKERNEL_A_EVENT_MODE], &e->mode);
	read_u32(a[VKERNEL_A_EVENT_TABLE], &e->table);
	read_u32(a[VKERNEL_A_EVENT_NR], &e->nr);
	read_u32(a[VKERNEL_A_EVENT_VERDICT], &e->verdict);
	read_bytes(a[VKERNEL_A_EVENT_ARGS], e->args, sizeof(e->args));
	read_u64(a[VKERNEL_A_EVENT_DROPPED], &e->dropped);
	read_u32(a[VKERNEL_A_EVENT_CAPABILITY], &e->capability);
	parse_operation(a, e);
	return a[VKERNEL_A_EVENT_KIND] && a[VKERNEL_A_EVENT_INSTANCE] ? 0 : -EPROTO;
}

static const Object info_object = { VKERNEL_CMD_GET_INFO, VKERNEL_A_INFO_MAX, info_attrs,
				    parse_info, sizeof(KernelInfo) };
static const Object hook_object = { VKERNEL_CMD_GET_HOOK, VKERNEL_A_HOOK_MAX, hook_attrs,
				    parse_hook, sizeof(KernelHook) };
static const Object policy_object = { VKERNEL_CMD_GET_POLICY, VKERNEL_A_POLICY_MAX, policy_attrs,
				      parse_policy, sizeof(KernelPolicy) };
static const Object instance_object = { VKERNEL_CMD_GET_INSTANCE, VKERNEL_A_INSTANCE_MAX,
					instance_attrs, parse_instance, sizeof(KernelInstance) };
static const Object call_object = { VKERNEL_CMD_GET_CALL, VKERNEL_A_CALL_MAX, call_attrs,
				    parse_call, sizeof(KernelCall) };

static int from_libnl(int r)
{
	switch (r < 0 ? -r : 0) {
	case 0:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_AGAIN:
		return -ETIMEDOUT;
	case NLE_OBJ_NOTFOUND:
		return -ENOPKG;
	case NLE_PERM:
		return -EPERM;
	case NLE_DUMP_INTR:
		return -EINTR;
	case NLE_MSG_OVERFLOW:
		return -ENOBUFS;
	default:
		return -EIO;
	}
}

static int item_new(Request *q, void **ret)
{
	size_t size = q->object->size;

	if (q->n == q->allocated) {
		size_t allocated = q->allocated ? 2 * q->allocated : 16;
		char *items = reallocarray(q->items, allocated, size);

		if (!items)
			return -ENOMEM;
		q->items = items;
		q->allocated = allocated;
	}
	*ret = q->items + q->n * size;
	memset(*ret, 0, size);
	return 0;
}

/* libnl goes on for as long as callbacks say NL_OK; errors are kept for the end. */
static int on_valid(struct nl_msg *msg, void *userdata)
{
	Request *q = userdata;
	const Object *o = q->object;
	struct nlattr *attrs[VKERNEL_A_EVENT_MAX + 1] = {};
	void *item;
	int r;

	if (!o || q->error < 0)
		return NL_OK;
	r = genlmsg_parse(nlmsg_hdr(msg), 0, attrs, o->max, o->attrs) < 0 ? -EPROTO : 0;
	if (r >= 0)
		r = item_new(q, &item);
	if (r >= 0)
		r = o->parse(attrs, item);
	if (r < 0)
		q->error = r;
	else
		q->n++;
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *userdata)
{
	Request *q = userdata;

	q->done = true;
	return NL_STOP;
}

/* The end of a dump says how it went. */
static int on_finish(struct nl_msg *msg, void *userdata)
{
	Request *q = userdata;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	int error;

	q->done = true;
	if (nlmsg_datalen(h) >= (int)sizeof(error)) {
		memcpy(&error, nlmsg_data(h), sizeof(error));
		if (error < 0 && q->error >= 0)
			q->error = error;
	}
	return NL_STOP;
}

/* The core's own words are an attribute after the copy of the request. */
static void keep_message(Kernel *k, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1] = {};

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += e->msg.nlmsg_len - sizeof(e->msg);
	skip = NLMSG_ALIGN(skip);
	if (h->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	if (nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)e + skip),
		      (int)(h->nlmsg_len - NLMSG_HDRLEN - skip), NULL) >= 0)
		read_string(attrs[NLMSGERR_ATTR_MSG], k->message, sizeof(k->message));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *userdata)
{
	Request *q = userdata;
	const struct nlmsghdr *h = (const struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);

	q->error = e->error < 0 ? e->error : -EPROTO;
	q->done = true;
	keep_message(q->kernel, h);
	return NL_STOP;
}

static int resolve(Kernel *k)
{
	int r = genl_ctrl_resolve(k->requests, VKERNEL_FAMILY_NAME);

	k->family = r > 0 ? r : 0;
	return r > 0 ? 0 : from_libnl(r);
}

/* The group leaves with the family, so it is joined each time that is found. */
static bool join_events(Kernel *k)
{
	int group;

	if (resolve(k) < 0)
		return false;
	group = genl_ctrl_resolve_grp(k->requests, VKERNEL_FAMILY_NAME, VKERNEL_MCGRP_EVENTS);
	return group > 0 && nl_socket_add_membership(k->events, group) >= 0;
}

static struct nl_cb *make_callbacks(Request *q)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);

	if (!cb)
		return NULL;
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, q);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, q);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, q);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, q);
	return cb;
}

static int receive(Request *q)
{
	struct nl_cb *cb = make_callbacks(q);
	int r = 0;

	if (!cb)
		return -ENOMEM;
	while (!q->done && r >= 0)
		r = nl_recvmsgs(q->kernel->requests, cb);
	nl_cb_put(cb);
	return q->error < 0 ? q->error : from_libnl(r);
}

static int send_request(Kernel *k, uint8_t cmd, int flags, FillFunc fill, const void *arg)
{
	struct nl_msg *msg = nlmsg_alloc();
	int r = 0;

	if (!msg)
		return -ENOMEM;
	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, k->family, 0, flags, cmd,
			 VKERNEL_FAMILY_VERSION))
		r = -ENOMEM;
	else if (fill && fill(msg, arg) < 0)
		r = -EMSGSIZE;
	if (r >= 0)
		r = from_libnl(nl_send_auto(k->requests, msg));
	nlmsg_free(msg);
	return r;
}

/* What a broken exchange left in the socket must not be taken for the next answer. */
static int open_requests(Kernel *k)
{
	struct timeval timeout = { .tv_sec = REPLY_TIMEOUT_SEC };
	int on = 1, fd;

	if (k->requests)
		nl_socket_free(k->requests);
	k->requests = nl_socket_alloc();
	if (!k->requests)
		return -ENOMEM;
	if (genl_connect(k->requests) < 0)
		return -EIO;
	fd = nl_socket_get_fd(k->requests);
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	return 0;
}

static int exchange(Request *q, uint8_t cmd, int flags, FillFunc fill, const void *arg)
{
	Kernel *k = q->kernel;
	int r;

	q->n = 0;
	q->error = 0;
	q->done = false;
	k->message[0] = 0;
	r = send_request(k, cmd, flags, fill, arg);
	if (r >= 0)
		r = receive(q);
	if (r < 0 && !q->done)
		(void)open_requests(k);
	return r;
}

/* The core may have been replaced since its family was looked up. */
static bool family_changed(Kernel *k)
{
	int family = k->family;

	if (resolve(k) < 0 || k->family == family)
		return false;
	(void)join_events(k);
	return true;
}

static int request(Request *q, uint8_t cmd, int flags, FillFunc fill, const void *arg)
{
	Kernel *k = q->kernel;
	int r;

	r = kernel_probe(k);
	if (r < 0)
		return r;
	r = exchange(q, cmd, flags, fill, arg);
	if (r == -ENOENT && family_changed(k))
		r = exchange(q, cmd, flags, fill, arg);
	return r < 0 && k->family == 0 ? -ENOPKG : r;
}

static int dump(Kernel *k, const Object *object, FillFunc fill, const void *arg, void **ret,
		size_t *ret_n)
{
	Request q = { .kernel = k, .object = object };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < DUMP_TRIES; i++)
		r = request(&q, object->cmd, NLM_F_DUMP, fill, arg);
	if (r < 0) {
		free(q.items);
		return r;
	}
	*ret = q.items;
	*ret_n = q.n;
	return 0;
}

/* One object, asked for by itself or as the answer to a command; -ENODATA if none came. */
static int get(Kernel *k, const Object *object, uint8_t cmd, FillFunc fill, const void *arg,
	       void *ret)
{
	Request q = { .kernel = k, .object = object };
	int r;

	r = request(&q, cmd, NLM_F_ACK, fill, arg);
	if (r >= 0 && q.n == 0)
		r = -ENODATA;
	if (r >= 0)
		memcpy(ret, q.items, object->size);
	free(q.items);
	return r;
}

static int command(Kernel *k, uint8_t cmd, FillFunc fill, const void *arg)
{
	Request q = { .kernel = k };

	return request(&q, cmd, NLM_F_ACK, fill, arg);
}

int kernel_probe(Kernel *k)
{
	if (k->family > 0)
		return 0;
	(void)join_events(k);
	return k->family > 0 ? 0 : -ENOPKG;
}

const char *kernel_message(const Kernel *k)
{
	return k->message[0] ? k->message : NULL;
}

int kernel_info(Kernel *k, KernelInfo *ret)
{
	return get(k, &info_object, VKERNEL_CMD_GET_INFO, NULL, NULL, ret);
}

int kernel_hooks(Kernel *k, KernelHook **ret, size_t *ret_n)
{
	return dump(k, &hook_object, NULL, NULL, (void **)ret, ret_n);
}

int kernel_policies(Kernel *k, KernelPolicy **ret, size_t *ret_n)
{
	return dump(k, &policy_object, NULL, NULL, (void **)ret, ret_n);
}

int kernel_instances(Kernel *k, KernelInstance **ret, size_t *ret_n)
{
	return dump(k, &instance_object, NULL, NULL, (void **)ret, ret_n);
}

static int fill_call(struct nl_msg *msg, const void *arg)
{
	return nla_put_u32(msg, VKERNEL_A_CALL_INSTANCE, *(const uint32_t *)arg);
}

int kernel_calls(Kernel *k, uint32_t instance, KernelCall **ret, size_t *ret_n)
{
	return dump(k, &call_object, fill_call, &instance, (void **)ret, ret_n);
}

static int fill_bind(struct nl_msg *msg, const void *arg)
{
	const KernelBinding *want = arg;
	int r;

	r = nla_put_string(msg, VKERNEL_A_INSTANCE_CONTAINER, want->container);
	if (r >= 0)
		r = nla_put(msg, VKERNEL_A_INSTANCE_DIGEST, VK_DIGEST_SIZE, want->digest);
	if (r >= 0)
		r = nla_put_u32(msg, VKERNEL_A_INSTANCE_PID, want->pid);
	if (r >= 0)
		r = nla_put_u32(msg, VKERNEL_A_INSTANCE_MODE, want->mode);
	if (r >= 0)
		r = nla_put_u32(msg, VKERNEL_A_INSTANCE_ON_CLAIM, want->on_claim);
	if (r >= 0 && want->capabilities != UINT64_MAX)
		r = nla_put_u64(msg, VKERNEL_A_INSTANCE_CAPABILITIES, want->capabilities);
	return r;
}

static int fill_instance(struct nl_msg *msg, const void *arg)
{
	return nla_put_u32(msg, VKERNEL_A_INSTANCE_ID, ((const KernelInstance *)arg)->id);
}

/* The core answers with the number; the rest is asked for. */
int kernel_bind(Kernel *k, const KernelBinding *want, KernelInstance *ret)
{
	KernelInstance bound;
	int r;

	if (strlen(want->container) > VKERNEL_CONTAINER_MAX)
		return -ENAMETOOLONG;
	r = get(k, &instance_object, VKERNEL_CMD_BIND, fill_bind, want, &bound);
	if (r < 0)
		return r;
	return get(k, &instance_object, VKERNEL_CMD_GET_INSTANCE, fill_instance, &bound, ret);
}

static int fill_named(struct nl_msg *msg, const void *arg)
{
	int r = fill_instance(msg, arg);

	if (r < 0)
		return r;
	return nla_put_string(msg, VKERNEL_A_INSTANCE_CONTAINER,
			      ((const KernelInstance *)arg)->container);
}

static int fill_mode(struct nl_msg *msg, const void *arg)
{
	int r = fill_named(msg, arg);

	if (r < 0)
		return r;
	return nla_put_u32(msg, VKERNEL_A_INSTANCE_MODE, ((const KernelInstance *)arg)->mode);
}

static int fill_policy(struct nl_msg *msg, const void *arg)
{
	int r = fill_named(msg, arg);

	if (r < 0)
		return r;
	return nla_put(msg, VKERNEL_A_INSTANCE_DIGEST, VK_DIGEST_SIZE,
		       ((const KernelInstance *)arg)->digest);
}

int kernel_unbind(Kernel *k, const KernelInstance *i)
{
	return command(k, VKERNEL_CMD_UNBIND, fill_named, i);
}

int kernel_set_mode(Kernel *k, const KernelInstance *i, uint32_t mode)
{
	KernelInstance want = *i;

	want.mode = mode;
	return command(k, VKERNEL_CMD_SET_MODE, fill_mode, &want);
}

int kernel_set_policy(Kernel *k, const KernelInstance *i, const uint8_t digest[VK_DIGEST_SIZE])
{
	KernelInstance want = *i;

	memcpy(want.digest, digest, VK_DIGEST_SIZE);
	return command(k, VKERNEL_CMD_SET_POLICY, fill_policy, &want);
}

/* News of families: ours may have come or gone. */
static void on_control(Kernel *k, struct nl_msg *msg)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1] = {};
	const struct genlmsghdr *h = nlmsg_data(nlmsg_hdr(msg));

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, CTRL_ATTR_MAX, NULL) < 0 ||
	    !attrs[CTRL_ATTR_FAMILY_NAME] ||
	    nla_strcmp(attrs[CTRL_ATTR_FAMILY_NAME], VKERNEL_FAMILY_NAME) != 0)
		return;
	if (h->cmd == CTRL_CMD_DELFAMILY)
		k->family = 0;
	else if (h->cmd == CTRL_CMD_NEWFAMILY && join_events(k))
		k->listener(NULL, k->userdata);
}

static int on_event_message(struct nl_msg *msg, void *userdata)
{
	Kernel *k = userdata;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlattr *attrs[VKERNEL_A_EVENT_MAX + 1] = {};
	KernelEvent event = {};

	if (!genlmsg_valid_hdr(h, 0))
		return NL_SKIP;
	if (h->nlmsg_type == GENL_ID_CTRL) {
		on_control(k, msg);
		return NL_OK;
	}
	if (h->nlmsg_type != k->family ||
	    ((struct genlmsghdr *)nlmsg_data(h))->cmd != VKERNEL_CMD_EVENT ||
	    genlmsg_parse(h, 0, attrs, VKERNEL_A_EVENT_MAX, event_attrs) < 0 ||
	    parse_event(attrs, &event) < 0)
		return NL_SKIP;
	k->listener(&event, k->userdata);
	return NL_OK;
}

static int on_events(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	Kernel *k = userdata;
	int r = nl_recvmsgs_default(k->events);

	/* Lost messages are no reason to stop, but for looking anew: ENOBUFS comes as NOMEM too. */
	if (r < 0 && r != -NLE_AGAIN) {
		(void)join_events(k);
		k->listener(NULL, k->userdata);
	}
	return 0;
}

static int open_events(Kernel *k, sd_event *event)
{
	int group;

	k->events = nl_socket_alloc();
	if (!k->events)
		return -ENOMEM;
	nl_socket_disable_seq_check(k->events);
	nl_socket_modify_cb(k->events, NL_CB_VALID, NL_CB_CUSTOM, on_event_message, k);
	if (genl_connect(k->events) < 0 || nl_socket_set_nonblocking(k->events) < 0)
		return -EIO;
	(void)nl_socket_set_buffer_size(k->events, EVENT_BUFFER, 0);
	group = genl_ctrl_resolve_grp(k->requests, "nlctrl", "notify");
	if (group < 0 || nl_socket_add_membership(k->events, group) < 0)
		return -EIO;
	(void)join_events(k);
	return sd_event_add_io(event, &k->source, nl_socket_get_fd(k->events), EPOLLIN, on_events,
			       k);
}

int kernel_new(sd_event *event, KernelListener listener, void *userdata, Kernel **ret)
{
	Kernel *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->listener = listener;
	k->userdata = userdata;
	r = open_requests(k);
	if (r >= 0)
		r = open_events(k, event);
	if (r < 0) {
		kernel_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

Kernel *kernel_free(Kernel *k)
{
	if (!k)
		return NULL;
	sd_event_source_disable_unref(k->source);
	if (k->events)
		nl_socket_free(k->events);
	if (k->requests)
		nl_socket_free(k->requests);
	free(k);
	return NULL;
}
