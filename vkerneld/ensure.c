/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vkerneld/ensure.h"
#include "vkerneld/kmod.h"
#include "vkerneld/log.h"
#include "vkerneld/renew.h"

static void ensure_core(Ensure *e);
static void ensure_policy(Ensure *e);

static void finish(Ensure *e, Failure *f)
{
	e->done(f, e->cached, e->userdata);
}

int fail_kernel(Failure *f, int r, const Kernel *k, const char *doing)
{
	const char *words = kernel_message(k);

	if (r == -ENOPKG)
		return fail(f, r, ERROR_UNSUPPORTED, "the next container that starts loads it",
			    "%s: vkernel.ko is not loaded", doing);
	if (r == -EPERM)
		return fail(f, r, ERROR_UNSUPPORTED,
			    "vkerneld needs CAP_NET_ADMIN in the host's user namespace",
			    "%s: the core refuses to talk", doing);
	if (words)
		return fail(f, r, r == -EOPNOTSUPP ? ERROR_UNSUPPORTED : ERROR_FAILED, NULL,
			    "%s: %s", doing, words);
	return fail_errno(f, r, doing);
}

int ensure_find(Kernel *k, const uint8_t digest[VK_DIGEST_SIZE], KernelPolicy *ret)
{
	_cleanup_free_ KernelPolicy *all = NULL;
	size_t n;
	int r;

	r = kernel_policies(k, &all, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (memcmp(all[i].digest, digest, VK_DIGEST_SIZE) == 0) {
			if (ret)
				*ret = all[i];
			return 0;
		}
	return -ENOENT;
}

#define SIGNING_HINT                                                                               \
	"set ModuleSigningKey= and ModuleSigningCert= in /etc/vkernel/vkernel.conf to a key that " \
	"this kernel trusts (mokutil --import)"

#define OTHER_CORE_HINT                                                                          \
	"stop the containers that 'vkctl list' shows; the next one that starts then loads this " \
	"version's"

static int fail_untrusted(Failure *f, int r, const char *module, const Signer *signer)
{
	if (!signer_is_set(signer))
		return fail(f, r, ERROR_UNSUPPORTED, SIGNING_HINT,
			    "the kernel takes only signed modules, and there is no key to sign %s "
			    "with",
			    module);
	return fail(f, r, ERROR_UNSUPPORTED,
		    "enroll the certificate in DER (mokutil --import) and restart, or set "
		    "ModuleSigningKey= and ModuleSigningCert= to one that 'keyctl list "
		    "%:.machine' or '%:.secondary_trusted_keys' has",
		    "the kernel takes only modules that it trusts the signer of, and refuses %s, "
		    "which is signed with ModuleSigningCert=%s",
		    module, signer->cert);
}

/* What is wrong with a module, or with who made it; NULL if it would be so with any. */
static const char *what_is_wrong(int r)
{
	switch (r) {
	case -EKEYREJECTED:
	case -ENOKEY:
		return "it does not trust who signed it";
	case -EBADMSG:
		return "it can not make sense of its signature";
	case -EPERM:
		return "it is locked down, or loading modules is switched off";
	case -ENOEXEC:
		return "it does not fit";
	case -ENOENT:
	case -EINVAL:
		return "'journalctl -k -g vkernel' says why";
	default:
		return NULL;
	}
}

/* This host had no hand in it, so what may help is to do without it. */
static int fail_imported(Failure *f, int r, const Ensure *e, const char *wrong)
{
	char hint[128];

	snprintf(hint, sizeof(hint),
		 "'vkctl cache rm %.12s' removes it, and it is made here then, if that is possible",
		 e->imported);
	return fail(f, r, ERROR_UNSUPPORTED, hint,
		    "the kernel refuses %s, which was imported, %s%s: %s", e->module,
		    e->signer[0] ? "signed by " : "signed by nobody who is known", e->signer,
		    wrong);
}

static int fail_load(Failure *f, int r, const char *module, const Signer *signer)
{
	switch (r) {
	case -EKEYREJECTED:
	case -ENOKEY:
		return fail_untrusted(f, r, module, signer);
	case -EBADMSG:
		return fail(f, r, ERROR_FAILED,
			    "'journalctl -k -g PKCS' says more; set ModuleSigningHash= to sha256",
			    "the kernel can not make sense of the signature of %s", module);
	case -EPERM:
		return fail(f, r, ERROR_UNSUPPORTED, SIGNING_HINT,
			    "the kernel refuses to load %s: it is locked down, or loading modules "
			    "is switched off (kernel.modules_disabled)",
			    module);
	case -EOPNOTSUPP:
		return fail(f, r, ERROR_UNSUPPORTED,
			    "'journalctl -k -g vkernel' names what this kernel lacks",
			    "this kernel can not enforce the policy of %s", module);
	case -ENOEXEC:
		return fail(f, r, ERROR_BUILD_FAILED,
			    "the headers may be of another build of this kernel: compare "
			    "linux-headers with linux-image",
			    "%s does not fit the running kernel", module);
	case -ENOSYS:
		return fail(f, r, ERROR_UNSUPPORTED, "use a kernel of the distribution",
			    "this kernel loads no modules");
	case -EPROTO:
		return fail(f, r, ERROR_UNSUPPORTED, OTHER_CORE_HINT,
			    "the vkernel.ko that is loaded is of another version");
	case -ENOENT:
	case -EINVAL:
		return fail(f, r, ERROR_FAILED, "'journalctl -k -g vkernel' says why",
			    "the kernel can not load %s: %s", module, strerror(-r));
	default:
		return fail(f, r, ERROR_FAILED, NULL, "loading %s: %s", module, strerror(-r));
	}
}

static void finish_load(Ensure *e, int r)
{
	_cleanup_failure_ Failure f = {};

	if (e->imported[0] && what_is_wrong(r))
		fail_imported(&f, r, e, what_is_wrong(r));
	else
		fail_load(&f, r, e->module, &e->manager->builder_config.signer);
	log_message(LOG_ERR, "%s", failure_message(&f));
	finish(e, &f);
}

static void on_loaded(int result, void *userdata)
{
	Ensure *e = userdata;
	bool core = strcmp(e->module, CORE_MODULE) == 0;

	e->task = NULL;
	if (result < 0) {
		finish_load(e, result);
		return;
	}
	log_fields(LOG_INFO, (const char *const[]){ "VKERNEL_EVENT=load", NULL }, "loaded %s",
		   e->module);
	if (core)
		ensure_core(e);
	else
		ensure_policy(e);
}

/* What the cache gave was verified; only now it goes to the kernel. */
static void on_built(const BuildResult *result, void *userdata)
{
	Ensure *e = userdata;
	_cleanup_failure_ Failure f = {};
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (result->failure) {
		failure_copy(&f, result->failure);
		finish(e, &f);
		return;
	}
	e->cached = e->cached && result->cached;
	snprintf(e->module, sizeof(e->module), "%s", result->module);
	snprintf(e->imported, sizeof(e->imported), "%s", result->imported ? result->key : "");
	snprintf(e->signer, sizeof(e->signer), "%s", result->imported ? result->imported : "");
	fd = builder_open(e->manager->builder, result->key, result->module);
	r = fd < 0 ? fd : kmod_load(e->manager->event, fd, on_loaded, e, &e->task);
	if (r < 0)
		finish_load(e, r);
}

static void build(Ensure *e, const Policy *policy)
{
	_cleanup_failure_ Failure f = {};

	if (builder_request(e->manager->builder, policy, on_built, e, &f) < 0)
		finish(e, &f);
}

/* One that DKMS did not sign, say, may still be replaced by one that the builder does. */
static void on_installed(int result, void *userdata)
{
	Ensure *e = userdata;

	if (result >= 0) {
		on_loaded(result, e);
		return;
	}
	e->task = NULL;
	log_message(LOG_WARNING,
		    "the kernel does not load the installed vkernel.ko (%s), building one",
		    strerror(-result));
	build(e, NULL);
}

static void load_core(Ensure *e)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure f = {};
	int r;

	if (builder_installed(e->manager->builder, &core, &f) < 0) {
		build(e, NULL);
		return;
	}
	snprintf(e->module, sizeof(e->module), CORE_MODULE);
	e->imported[0] = 0;
	r = kmod_load_installed(e->manager->event, core.path, on_installed, e, &e->task);
	if (r < 0)
		on_installed(r, e);
}

/* Loading it once did not help: there is no point in a second time. */
static bool tried(const Ensure *e, const char *module)
{
	return strcmp(e->module, module) == 0;
}

static void ensure_policy(Ensure *e)
{
	_cleanup_failure_ Failure f = {};
	char module[MODULE_NAME_SIZE];
	int r;

	policy_module_name(e->policy, module);
	r = ensure_find(e->manager->kernel, e->policy->digest, NULL);
	if (r >= 0) {
		finish(e, NULL);
	} else if (r != -ENOENT) {
		fail_kernel(&f, r, e->manager->kernel, "listing policies");
		finish(e, &f);
	} else if (tried(e, module)) {
		fail(&f, -EEXIST, ERROR_FAILED, "unload it: 'vkctl unload MODULE'",
		     "another module has the name %s", module);
		finish(e, &f);
	} else {
		build(e, e->policy);
	}
}

int ensure_supported(const KernelInfo *info, const Policy *policy, Failure *f)
{
	if (policy && policy->mediates && !(info->features & VKERNEL_FEATURE_CONFINE))
		return fail(f, -EOPNOTSUPP, ERROR_UNSUPPORTED,
			    "use a kernel that has what 'journalctl -k -g vkernel' says it lacks, "
			    "or a policy and a container without an AppArmor profile",
			    "on this kernel vkernel can not enforce AppArmor profiles");
	return 0;
}

static int check_core(const KernelInfo *info, const Policy *policy, Failure *f)
{
	if (info->abi != VK_POLICY_ABI)
		return fail(f, -EPROTO, ERROR_UNSUPPORTED, OTHER_CORE_HINT,
			    "the vkernel.ko that is loaded, version %s, has policy ABI %u, this "
			    "vkerneld, " VK_VERSION ", %u; %u containers run on it",
			    info->version, info->abi, VK_POLICY_ABI, info->instances);
	return ensure_supported(info, policy, f);
}

static void ensure_core(Ensure *e)
{
	_cleanup_failure_ Failure f = {};
	KernelInfo info = {};
	int r;

	r = kernel_info(e->manager->kernel, &info);
	/* Nothing else can be on its way to a core whose ABI is refused. */
	if (r >= 0 && info.abi != VK_POLICY_ABI && core_make_room(e->manager, &info))
		r = -ENOPKG;
	if (r == -ENOPKG && !tried(e, CORE_MODULE)) {
		load_core(e);
		return;
	}
	r = r < 0 ? fail_kernel(&f, r, e->manager->kernel, "asking the core")
		  : check_core(&info, e->policy, &f);
	if (r < 0)
		finish(e, &f);
	else if (e->policy)
		ensure_policy(e);
	else
		finish(e, NULL);
}

void ensure_loaded(Ensure *e, Manager *m, const Policy *policy, EnsureDone done, void *userdata)
{
	*e = (Ensure){
		.manager = m,
		.policy = policy,
		.done = done,
		.userdata = userdata,
		.cached = true,
	};
	ensure_core(e);
}

void ensure_cancel(Ensure *e)
{
	e->task = task_free(e->task);
}
