/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <seccomp.h>

#include "vkerneld/build/hash.h"
#include "vkerneld/names.h"

static const char *name_of(const char *const *names, size_t n, uint32_t i)
{
	return i < n ? names[i] : NULL;
}

const char *state_name(uint32_t state)
{
	static const char *const names[] = { "pending", "active", "exited" };

	return name_of(names, ELEMENTSOF(names), state);
}

const char *mode_name(uint32_t mode)
{
	static const char *const names[] = { "enforce", "audit" };

	return name_of(names, ELEMENTSOF(names), mode);
}

const char *scope_name(uint32_t scope)
{
	static const char *const names[] = { "none", "cgroup", "pidns", "both" };

	return name_of(names, ELEMENTSOF(names), scope);
}

const char *event_name(uint32_t kind)
{
	static const char *const names[] = { "bind",	"activate", "join",	  "exit",
					     "release", "denied",   "capability", "refused",
					     "audited", "policy" };

	return name_of(names, ELEMENTSOF(names), kind);
}

const char *arch_name(uint32_t table)
{
	static const char *const names[] = { "x86_64", "x86" };

	return name_of(names, ELEMENTSOF(names), table);
}

const char *claim_name(uint32_t on_claim)
{
	static const char *const names[] = { "refuse", "kill" };

	return name_of(names, ELEMENTSOF(names), on_claim);
}

const char *class_name(uint32_t class)
{
	static const char *const names[VK_NR_CLASSES] = {
		[VK_CLASS_FILE] = "file",	[VK_CLASS_CAPABILITY] = "capability",
		[VK_CLASS_NETWORK] = "network", [VK_CLASS_MOUNT] = "mount",
		[VK_CLASS_SIGNAL] = "signal",	[VK_CLASS_PTRACE] = "ptrace",
		[VK_CLASS_RLIMIT] = "rlimit",
	};

	return name_of(names, ELEMENTSOF(names), class);
}

const char *operation_name(uint32_t operation)
{
	static const char *const names[] = {
		"open",	  "exec",	"mmap",	  "lock",    "receive", "truncate",
		"chmod",  "chown",	"mknod",  "mkdir",   "symlink", "link",
		"unlink", "rmdir",	"rename", "capable", "socket",	"mount",
		"umount", "pivot_root", "signal", "ptrace",  "rlimit",
	};

	_Static_assert(ELEMENTSOF(names) == VKERNEL_NR_OPS, "a word each");
	return name_of(names, ELEMENTSOF(names), operation);
}

const char *family_name(uint32_t family)
{
	static const char *const names[] = {
		/* clang-format off */
		[AF_UNSPEC] = "unspec", [AF_UNIX] = "unix", [AF_INET] = "inet", [AF_AX25] = "ax25",
		[AF_IPX] = "ipx", [AF_APPLETALK] = "appletalk", [AF_NETROM] = "netrom",
		[AF_BRIDGE] = "bridge", [AF_ATMPVC] = "atmpvc", [AF_X25] = "x25",
		[AF_INET6] = "inet6", [AF_ROSE] = "rose", [AF_NETBEUI] = "netbeui",
		[AF_SECURITY] = "security", [AF_KEY] = "key", [AF_NETLINK] = "netlink",
		[AF_PACKET] = "packet", [AF_ASH] = "ash", [AF_ECONET] = "econet",
		[AF_ATMSVC] = "atmsvc", [AF_RDS] = "rds", [AF_SNA] = "sna", [AF_IRDA] = "irda",
		[AF_PPPOX] = "pppox", [AF_WANPIPE] = "wanpipe", [AF_LLC] = "llc", [AF_IB] = "ib",
		[AF_MPLS] = "mpls", [AF_CAN] = "can", [AF_TIPC] = "tipc",
		[AF_BLUETOOTH] = "bluetooth", [AF_IUCV] = "iucv", [AF_RXRPC] = "rxrpc",
		[AF_ISDN] = "isdn", [AF_PHONET] = "phonet", [AF_IEEE802154] = "ieee802154",
		[AF_CAIF] = "caif", [AF_ALG] = "alg", [AF_NFC] = "nfc", [AF_VSOCK] = "vsock",
		[AF_KCM] = "kcm", [AF_QIPCRTR] = "qipcrtr", [AF_SMC] = "smc", [AF_XDP] = "xdp",
		[AF_MCTP] = "mctp",
		/* clang-format on */
	};

	return name_of(names, ELEMENTSOF(names), family);
}

const char *socket_type_name(uint32_t type)
{
	static const char *const names[] = {
		[SOCK_STREAM] = "stream", [SOCK_DGRAM] = "dgram",	  [SOCK_RAW] = "raw",
		[SOCK_RDM] = "rdm",	  [SOCK_SEQPACKET] = "seqpacket", [SOCK_DCCP] = "dccp",
		[SOCK_PACKET] = "packet",
	};

	return name_of(names, ELEMENTSOF(names), type);
}

const char *resource_name(uint32_t resource)
{
	static const char *const names[] = {
		[RLIMIT_CPU] = "cpu",		[RLIMIT_FSIZE] = "fsize",
		[RLIMIT_DATA] = "data",		[RLIMIT_STACK] = "stack",
		[RLIMIT_CORE] = "core",		[RLIMIT_RSS] = "rss",
		[RLIMIT_NPROC] = "nproc",	[RLIMIT_NOFILE] = "nofile",
		[RLIMIT_MEMLOCK] = "memlock",	[RLIMIT_AS] = "as",
		[RLIMIT_LOCKS] = "locks",	[RLIMIT_SIGPENDING] = "sigpending",
		[RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
		[RLIMIT_RTPRIO] = "rtprio",	[RLIMIT_RTTIME] = "rttime",
	};

	return name_of(names, ELEMENTSOF(names), resource);
}

const char *signal_name(uint32_t sig, char ret[SIGNAL_NAME_SIZE])
{
	const char *name = sig < 32 ? sigabbrev_np((int)sig) : NULL;

	if (!name || !sig)
		return NULL;
	snprintf(ret, SIGNAL_NAME_SIZE, "SIG%s", name);
	return ret;
}

char *call_name(uint32_t table, uint32_t nr)
{
	uint32_t arch = table == VK_TABLE_COMPAT ? SCMP_ARCH_X86 : SCMP_ARCH_X86_64;

	return nr < VK_NR_CALLS ? seccomp_syscall_resolve_num_arch(arch, (int)nr) : NULL;
}

char *verdict_name(uint32_t verdict)
{
	static const char *const names[] = { "allow", "log",	     "trace",	    "errno",
					     "trap",  "kill-thread", "kill-process" };
	const char *name = name_of(names, ELEMENTSOF(names), VK_VERDICT_ACTION(verdict));
	char *text;
	int r;

	if (VK_VERDICT_ACTION(verdict) == VK_ERRNO)
		r = asprintf(&text, "%s(%u)", name, VK_VERDICT_DATA(verdict));
	else
		r = asprintf(&text, "%s", name ? name : "unknown");
	return r < 0 ? NULL : text;
}

void module_name(const uint8_t digest[VK_DIGEST_SIZE], char ret[MODULE_NAME_SIZE])
{
	strcpy(ret, VK_MODULE_PREFIX);
	hex_encode(digest, VK_MODULE_DIGITS / 2, ret + sizeof(VK_MODULE_PREFIX) - 1);
}
