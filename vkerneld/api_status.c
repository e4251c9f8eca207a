/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>

#include "vkerneld/api.h"
#include "vkerneld/apparmor/compile.h"
#include "vkerneld/renew.h"

#define SPACE_WANTED (256ull << 20)

typedef enum State { OK, WARN, BAD } State;

typedef struct Checks {
	Manager *manager;
	json_object *array;
	const Toolchain *toolchain; /* NULL if there is none */
	bool healthy;
	int error;
} Checks;

static int check_json(const char *name, State state, const char *detail, const char *hint,
		      json_object **ret)
{
	static const char *const states[] = { "ok", "warn", "bad" };
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "name", name);
	if (r >= 0)
		r = json_add_string(o, "state", states[state]);
	if (r >= 0)
		r = json_add_string(o, "detail", detail);
	if (r >= 0)
		r = json_add_string(o, "hint", hint);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

/* hint: NULL where all is well. */
static void check(Checks *c, const char *name, State state, const char *hint, const char *format,
		  ...) __attribute__((format(printf, 5, 6)));

static void check(Checks *c, const char *name, State state, const char *hint, const char *format,
		  ...)
{
	_cleanup_free_ char *detail = NULL;
	json_object *o = NULL;
	va_list ap;
	int r;

	va_start(ap, format);
	r = vasprintf(&detail, format, ap) < 0 ? -ENOMEM : 0;
	va_end(ap);
	if (r < 0)
		detail = NULL;
	if (r >= 0)
		r = check_json(name, state, detail, hint, &o);
	if (r >= 0)
		r = json_append(c->array, o);
	if (r < 0)
		c->error = r;
	if (state == BAD)
		c->healthy = false;
}

static void check_toolchain(Checks *c)
{
	_cleanup_failure_ Failure f = {};
	State missing = builder_has_template(c->manager->builder) ? WARN : BAD;
	const Toolchain *t;

	if (builder_toolchain(c->manager->builder, &t, &f) < 0) {
		check(c, "compiler", missing, json_get_string(f.parameters, "hint"), "%s%s",
		      failure_message(&f),
		      missing == WARN ? "; policies go into the template that is kept" : "");
		return;
	}
	c->toolchain = t;
	check(c, "headers", OK, NULL, "%s", t->headers);
	check(c, "compiler", OK, NULL, "%s", t->cc_version);
}

static void check_template(Checks *c)
{
	const Manager *m = c->manager;
	const char *detail = "made before the next policy's module";

	if (m->conf->builder_kbuild)
		detail = "none: Builder=kbuild";
	else if (builder_has_template(m->builder))
		detail = "kept";
	check(c, "template", OK, NULL, "%s", detail);
}

static void check_tracing(Checks *c)
{
	static const char name[] = "DYNAMIC_FTRACE_WITH_DIRECT_CALLS";

	if (!c->toolchain)
		return;
	if (toolchain_config(c->toolchain, name))
		check(c, "ftrace", OK, NULL, "direct calls");
	else
		check(c, "ftrace", BAD, "use a kernel that has it, as those of Debian do",
		      "the kernel is built without CONFIG_%s", name);
}

static bool modules_disabled(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/modules_disabled", "re");

	return f && fgetc(f) == '1';
}

/* Whether the kernel trusts the certificate, only loading a module shows. */
static void check_signer(Checks *c, const Signer *s)
{
	_cleanup_failure_ Failure f = {};
	SignReport report;

	if (signing_check(s, &report, &f) < 0)
		check(c, "modules", BAD, json_get_string(f.parameters, "hint"),
		      "none can be signed: %s", failure_message(&f));
	else if (report.warning[0])
		check(c, "modules", WARN, "make another: see vkernel.conf(5)",
		      "are signed by %s, with %s; %s", report.name, s->hash, report.warning);
	else
		check(c, "modules", OK, NULL, "are signed by %s, with %s%s", report.name, s->hash,
		      signing_required() ? ", and the kernel takes no others" : "");
}

static void check_loading(Checks *c)
{
	const BuilderConfig *b = &c->manager->builder_config;

	if (modules_disabled())
		check(c, "modules", BAD, "kernel.modules_disabled is 1 until the next boot",
		      "the kernel loads no modules any more");
	else if (signer_is_set(&b->signer))
		check_signer(c, &b->signer);
	else if (signing_required())
		check(c, "modules", BAD,
		      "set ModuleSigningKey= and ModuleSigningCert= in /etc/vkernel/vkernel.conf to "
		      "a key that this kernel trusts (mokutil --import)",
		      "the kernel loads signed modules only, and there is no key to sign with");
	else
		check(c, "modules", OK, NULL, "need no signature");
}

static void check_features(Checks *c, const KernelInfo *info)
{
	if (info->features & VKERNEL_FEATURE_X32_OFF)
		check(c, "x32", OK, NULL, "the kernel refuses x32 calls");
	else
		check(c, "x32", BAD, "boot with syscall.x32=0",
		      "the kernel takes x32 calls, so no container can be bound");
	if (info->features & VKERNEL_FEATURE_COMPAT)
		check(c, "32-bit", OK, NULL, "calls of 32-bit programs are filtered");
	else
		check(c, "32-bit", OK, NULL, "the kernel runs no 32-bit programs");
	if (info->features & VKERNEL_FEATURE_CGROUP)
		check(c, "cgroup", OK, NULL, "tasks that enter later are found by cgroup");
	else
		check(c, "cgroup", WARN, "boot with cgroup v2",
		      "tasks that enter later are found by pid namespace only");
	if (info->features & VKERNEL_FEATURE_CAPABILITY)
		check(c, "capabilities", OK, NULL, "are checked a second time");
	else
		check(c, "capabilities", WARN,
		      "use a kernel that lets cap_capable() be traced, as those of Debian do",
		      "are checked by the kernel alone");
	if (info->features & VKERNEL_FEATURE_CONFINE)
		check(c, "confinement", OK, NULL, "AppArmor profiles are enforced by the core");
	else
		check(c, "confinement", WARN, "'journalctl -k -g vkernel' names what it lacks",
		      "the core can not enforce AppArmor profiles on this kernel");
}

static void check_hooks(Checks *c)
{
	_cleanup_free_ KernelHook *hooks = NULL;
	size_t n = 0, slow = 0;

	if (kernel_hooks(c->manager->kernel, &hooks, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		slow += hooks[i].state == VKERNEL_HOOK_IPMODIFY;
	if (slow)
		check(c, "hooks", WARN, "another tracer holds these functions",
		      "%zu, %zu of them by the slower way", n, slow);
	else
		check(c, "hooks", OK, NULL, "%zu", n);
}

static void check_core(Checks *c)
{
	KernelInfo info = {};
	int r = kernel_info(c->manager->kernel, &info);

	if (r == -ENOPKG) {
		check(c, "core", OK, NULL, "not loaded; the first container loads it");
		return;
	}
	if (r < 0) {
		check(c, "core", BAD, "vkerneld needs CAP_NET_ADMIN", "it does not answer: %s",
		      strerror(-r));
		return;
	}
	if (info.abi != VK_POLICY_ABI)
		check(c, "core", BAD, "stop all containers; the next one loads this version's",
		      "version %s has policy ABI %u, this vkerneld %u: its %u containers stay on "
		      "it, and no other can start",
		      info.version, info.abi, VK_POLICY_ABI, info.instances);
	else if (!core_is_own(&info))
		check(c, "core", WARN,
		      "when no container runs, 'systemctl restart vkerneld' exchanges it",
		      "version %s, this vkerneld is " VK_VERSION
		      "; %u of %u instances, %u policies",
		      info.version, info.instances, info.instances_max, info.policies);
	else
		check(c, "core", OK, NULL, "version %s, %u of %u instances, %u policies",
		      info.version, info.instances, info.instances_max, info.policies);
	check_features(c, &info);
	check_hooks(c);
}

/* Which file that is, or will be. */
static void check_installed(Checks *c)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};

	if (builder_installed(c->manager->builder, &core, &f) < 0)
		check(c, "core-file", OK, NULL, "built here: %s", failure_message(&f));
	else
		check(c, "core-file", OK, NULL, "installed: %s", core.path);
}

static void check_user(Checks *c)
{
	const Manager *m = c->manager;

	if (m->builder_config.uid)
		check(c, "build-user", OK, NULL, "%s (uid %u)", m->conf->build_user,
		      m->builder_config.uid);
	else
		check(c, "build-user", BAD,
		      "run systemd-sysusers, or set BuildUser= in /etc/vkernel/vkernel.conf",
		      "there is no user %s, so builds run as root", m->conf->build_user);
	if (m->profile_uid)
		check(c, "profile-user", OK, NULL, "%s (uid %u)", m->conf->profile_user,
		      m->profile_uid);
}

static void check_apparmor(Checks *c)
{
	if (access(ARMOR_PARSER, X_OK) == 0)
		check(c, "apparmor", OK, NULL, "%s", ARMOR_PARSER);
	else
		check(c, "apparmor", WARN, "install the package apparmor",
		      "there is no %s, so no AppArmor profile can be compiled", ARMOR_PARSER);
}

static void check_space(Checks *c)
{
	const char *cache = c->manager->options->cache;
	struct statvfs s;

	if (statvfs(cache, &s) < 0)
		check(c, "cache", BAD, "the folder must exist and be writable", "%s: %s", cache,
		      strerror(errno));
	else if (s.f_bavail * s.f_frsize < SPACE_WANTED)
		check(c, "cache", WARN, "free some space", "%s: only %llu MiB are free", cache,
		      (unsigned long long)(s.f_bavail * s.f_frsize) >> 20);
	else
		check(c, "cache", OK, NULL, "%s", cache);
}

static void check_settings(Checks *c)
{
	if (c->manager->settings_error)
		check(c, "settings", WARN, "mend it, then 'systemctl reload vkerneld'",
		      "those of before hold: %s", c->manager->settings_error);
	else
		check(c, "settings", OK, NULL, "are read");
}

static int status_json(Checks *c, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "version", VK_VERSION);
	if (r >= 0)
		r = json_add_string(o, "kernel", c->manager->host.release);
	if (r >= 0)
		r = json_add_bool(o, "healthy", c->healthy);
	if (r >= 0)
		r = json_add(o, "checks", TAKE_PTR(c->array));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

int api_status(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = { {} };
	_cleanup_failure_ Failure f = {};
	Checks c = { .manager = userdata, .healthy = true };
	json_object *reply = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, NULL))
		return 0;
	c.array = json_object_new_array();
	if (c.array) {
		check_toolchain(&c);
		check_template(&c);
		check_tracing(&c);
		check_loading(&c);
		check_core(&c);
		check_installed(&c);
		check_user(&c);
		check_apparmor(&c);
		check_space(&c);
		check_settings(&c);
	}
	r = c.array ? c.error : -ENOMEM;
	if (r >= 0)
		r = status_json(&c, &reply);
	json_object_put(c.array);
	return api_end(call, r, reply, &f);
}
