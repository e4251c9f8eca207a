// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * genlprobe: what the core's netlink family answers to whoever runs this, one line a way in:
 * a request, a dump, and the membership of the group of events, each with its errno.
 *
 * genlprobe instances: how many instances the core has, as only it knows.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vkernel_genl.h"

struct message {
	struct nlmsghdr header;
	struct genlmsghdr genl;
	char room[8192];
};

/* An attribute of those that lie in @room, or NULL. */
static const struct nlattr *find(const void *room, size_t length, int type)
{
	const char *at = room, *end = at + length;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN)
			return NULL;
		if ((attr->nla_type & NLA_TYPE_MASK) == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static const void *payload(const struct nlattr *attr)
{
	return (const char *)attr + NLA_HDRLEN;
}

/* Sends what @message holds and reads the first answer over it; an errno. */
static int ask(int fd, struct message *message)
{
	const struct nlmsgerr *error = (const void *)&message->genl;

	message->header.nlmsg_flags |= NLM_F_REQUEST;
	if (send(fd, message, message->header.nlmsg_len, 0) < 0)
		return errno;
	if (recv(fd, message, sizeof(*message), 0) < (ssize_t)NLMSG_HDRLEN)
		return errno;
	return message->header.nlmsg_type == NLMSG_ERROR ? -error->error : 0;
}

/* Its answer stays in @message. */
static int ask_vkernel(int fd, int family, int command, int flags, struct message *message)
{
	*message = (struct message){
		.header = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN),
			    .nlmsg_type = family,
			    .nlmsg_flags = flags },
		.genl = { .cmd = command, .version = VKERNEL_FAMILY_VERSION },
	};
	return ask(fd, message);
}

static const struct nlattr *find_in(const struct message *message, int type)
{
	return find(message->room, message->header.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN), type);
}

/* Asks the controller for the family; its answer stays in @message. */
static int find_family(int fd, struct message *message)
{
	struct nlattr *name = (void *)message->room;

	*message = (struct message){
		.header = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN) + NLA_HDRLEN +
					 NLA_ALIGN(sizeof(VKERNEL_FAMILY_NAME)),
			    .nlmsg_type = GENL_ID_CTRL },
		.genl = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
	};
	name->nla_type = CTRL_ATTR_FAMILY_NAME;
	name->nla_len = NLA_HDRLEN + sizeof(VKERNEL_FAMILY_NAME);
	memcpy(name + 1, VKERNEL_FAMILY_NAME, sizeof(VKERNEL_FAMILY_NAME));
	return ask(fd, message);
}

/* The first group there is, of the list in the controller's answer. */
static int join_events(int fd, const struct message *message)
{
	const struct nlattr *groups = find_in(message, CTRL_ATTR_MCAST_GROUPS), *id;

	if (!groups)
		return ENOENT;
	groups = payload(groups);
	id = find(payload(groups), groups->nla_len - NLA_HDRLEN, CTRL_ATTR_MCAST_GRP_ID);
	if (!id)
		return ENOENT;
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, payload(id),
			  sizeof(__u32)) < 0 ? errno : 0;
}

static int print_instances(int fd, int family)
{
	struct message message;
	int err = ask_vkernel(fd, family, VKERNEL_CMD_GET_INFO, 0, &message);
	const struct nlattr *count = err ? NULL : find_in(&message, VKERNEL_A_INFO_INSTANCES);

	if (!count)
		return 1;
	printf("%u\n", *(const __u32 *)payload(count));
	return 0;
}

/* The controller's answer, with the family's groups, is in @message. */
static int print_ways(int fd, int family, const struct message *controller)
{
	struct message message;

	printf("request errno %d\n", ask_vkernel(fd, family, VKERNEL_CMD_GET_INFO, 0, &message));
	printf("dump errno %d\n",
	       ask_vkernel(fd, family, VKERNEL_CMD_GET_HOOK, NLM_F_DUMP, &message));
	printf("events errno %d\n", join_events(fd, controller));
	return 0;
}

int main(int argc, char **argv)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), err, family;
	struct message message;

	if (fd < 0) {
		perror("socket");
		return 1;
	}
	err = find_family(fd, &message);
	if (err) {
		printf("family errno %d\n", err);
		return 0;
	}
	family = *(const __u16 *)payload(find_in(&message, CTRL_ATTR_FAMILY_ID));
	if (argc > 1 && strcmp(argv[1], "instances") == 0)
		return print_instances(fd, family);
	return print_ways(fd, family, &message);
}
