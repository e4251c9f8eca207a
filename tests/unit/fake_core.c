/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>

#include "tests/unit/fake_core.h"
#include "vkerneld/kmod.h"

FakeCore fake;

/* What builder_open() was asked for last is what is loaded. */
static char opened[64];
static uint8_t built[FAKE_MAX][VK_DIGEST_SIZE];
static char built_names[FAKE_MAX][64];
static size_t n_built;

struct Kernel {
	int unused;
};

struct Builder {
	Db *db;
};

struct Task {
	sd_event_source *source;
	TaskDone done;
	void *userdata;
	int result;
};

void fake_reset(void)
{
	fake = (FakeCore){ .next_id = 1, .abi = VK_POLICY_ABI, .version = VK_VERSION };
	n_built = 0;
}

int kernel_new(sd_event *event, KernelListener listener, void *userdata, Kernel **ret)
{
	fake.listener = listener;
	fake.userdata = userdata;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

Kernel *kernel_free(Kernel *k)
{
	free(k);
	return NULL;
}

const char *kernel_message(const Kernel *k)
{
	return NULL;
}

int kernel_probe(Kernel *k)
{
	return fake.loaded ? 0 : -ENOPKG;
}

int kernel_info(Kernel *k, KernelInfo *ret)
{
	*ret = (KernelInfo){ .abi = fake.abi,
			     .features = ~fake.missing,
			     .instances = fake.n_instances,
			     .policies = fake.n_policies };
	strcpy(ret->version, fake.version);
	return kernel_probe(k);
}

static int copy_out(const void *from, size_t n, size_t size, void *ret, size_t *ret_n)
{
	void *copy = malloc(n * size + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, from, n * size);
	*(void **)ret = copy;
	*ret_n = n;
	return 0;
}

int kernel_hooks(Kernel *k, KernelHook **ret, size_t *ret_n)
{
	return fake.loaded ? copy_out("", 0, sizeof(**ret), ret, ret_n) : -ENOPKG;
}

int kernel_policies(Kernel *k, KernelPolicy **ret, size_t *ret_n)
{
	if (!fake.loaded)
		return -ENOPKG;
	return copy_out(fake.policies, fake.n_policies, sizeof(**ret), ret, ret_n);
}

int kernel_instances(Kernel *k, KernelInstance **ret, size_t *ret_n)
{
	if (!fake.loaded)
		return -ENOPKG;
	return copy_out(fake.instances, fake.n_instances, sizeof(**ret), ret, ret_n);
}

int kernel_calls(Kernel *k, uint32_t instance, KernelCall **ret, size_t *ret_n)
{
	static const KernelCall calls[] = { { VK_TABLE_NATIVE, 63, 2 },
					    { VK_TABLE_COMPAT, 512, 1 } };

	return copy_out(calls, 2, sizeof(**ret), ret, ret_n);
}

static KernelPolicy *find_policy(const uint8_t *digest)
{
	for (size_t i = 0; i < fake.n_policies; i++)
		if (memcmp(fake.policies[i].digest, digest, VK_DIGEST_SIZE) == 0)
			return &fake.policies[i];
	return NULL;
}

static KernelInstance *find_instance(uint32_t id)
{
	for (size_t i = 0; i < fake.n_instances; i++)
		if (fake.instances[i].id == id)
			return &fake.instances[i];
	return NULL;
}

void fake_instance(const char *container, const uint8_t *digest)
{
	KernelInstance *i = &fake.instances[fake.n_instances++];

	*i = (KernelInstance){ .id = fake.next_id++ };
	strcpy(i->container, container);
	memcpy(i->digest, digest, VK_DIGEST_SIZE);
}

void fake_forget(const char *container)
{
	for (size_t i = 0; i < fake.n_instances; i++)
		if (strcmp(fake.instances[i].container, container) == 0) {
			KernelPolicy *p = find_policy(fake.instances[i].digest);

			if (p)
				p->instances--;
			fake.instances[i] = fake.instances[--fake.n_instances];
			return;
		}
}

int kernel_bind(Kernel *k, const KernelBinding *want, KernelInstance *ret)
{
	KernelPolicy *p = find_policy(want->digest);
	int r = fake.bind_error;
	KernelInstance *i;

	fake.bind_error = 0;
	if (r < 0)
		return r;
	if (want->pid == FAKE_DEAD_PID)
		return -ESRCH;
	if (!p)
		return -ENOENT;
	for (size_t n = 0; n < fake.n_instances; n++)
		if (strcmp(fake.instances[n].container, want->container) == 0)
			return -EEXIST;
	fake_instance(want->container, want->digest);
	p->instances++;
	i = &fake.instances[fake.n_instances - 1];
	i->pid = want->pid;
	i->on_claim = want->on_claim;
	i->capabilities = want->capabilities;
	*ret = *i;
	return 0;
}

int kernel_unbind(Kernel *k, const KernelInstance *which)
{
	KernelInstance *i = find_instance(which->id);

	if (!i)
		return -ENOENT;
	if (i->state == VKERNEL_STATE_ACTIVE)
		return -EBUSY;
	fake_forget(i->container);
	return 0;
}

int kernel_set_mode(Kernel *k, const KernelInstance *which, uint32_t mode)
{
	KernelInstance *i = find_instance(which->id);

	if (!i)
		return -ENOENT;
	i->mode = mode;
	return 0;
}

int kernel_set_policy(Kernel *k, const KernelInstance *which, const uint8_t digest[VK_DIGEST_SIZE])
{
	KernelInstance *i = find_instance(which->id);
	KernelPolicy *p = find_policy(digest), *before;
	int r = fake.policy_error;

	fake.policy_error = 0;
	if (r < 0)
		return r;
	if (!i || strcmp(i->container, which->container) != 0 || !p)
		return -ENOENT;
	before = find_policy(i->digest);
	if (before)
		before->instances--;
	p->instances++;
	memcpy(i->digest, digest, VK_DIGEST_SIZE);
	fake.swaps++;
	return 0;
}

void fake_event(KernelEvent *event)
{
	fake.listener(event, fake.userdata);
}

int builder_new(sd_event *event, const BuilderConfig *config, const Host *host, Db *db,
		Builder **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->db = db;
	return 0;
}

Builder *builder_free(Builder *b)
{
	free(b);
	return NULL;
}

int builder_toolchain(Builder *b, const Toolchain **ret, Failure *f)
{
	return fail(f, -ENOENT, ERROR_KERNEL_MISSING, "hint", "no toolchain");
}

void builder_prepare(Builder *b)
{
}

void builder_keys(Builder *b, BuilderKeys *ret)
{
	*ret = fake.keys;
}

bool builder_works_on(const Builder *b, const char *key)
{
	return strcmp(fake.works_on, key) == 0;
}

bool builder_has_template(Builder *b)
{
	return false;
}

int builder_installed(Builder *b, Installed *ret, Failure *f)
{
	if (!fake.installed)
		return fail(f, -ENOENT, ERROR_FAILED, NULL, "none is installed");
	ret->path = strdup("/vkernel.ko");
	return ret->path ? 0 : -ENOMEM;
}

void prebuilt_fit(Builder *b, const char *digest, char ret[HASH_HEX_SIZE])
{
	snprintf(ret, HASH_HEX_SIZE, "fit-%.12s", digest);
}

void prebuilt_address(Builder *b, const char *digest, char ret[HASH_HEX_SIZE])
{
	snprintf(ret, HASH_HEX_SIZE, "address-%.12s", digest);
}

int prebuilt_look(const void *data, size_t size, PrebuiltLook *ret, Failure *f)
{
	*ret = fake.look;
	return 0;
}

int prebuilt_keep(Builder *b, const PrebuiltFile *p, char ret_key[HASH_HEX_SIZE])
{
	fake.imports++;
	prebuilt_address(b, p->digest, ret_key);
	return 0;
}

static void remember(const Policy *policy, char module[64])
{
	snprintf(module, 64, CORE_MODULE);
	if (!policy)
		return;
	policy_module_name(policy, module);
	memcpy(built[n_built], policy->digest, VK_DIGEST_SIZE);
	strcpy(built_names[n_built++], module);
}

int builder_request(Builder *b, const Policy *policy, BuilderDone done, void *userdata, Failure *f)
{
	char module[64], digest[HASH_HEX_SIZE] = "core";

	fake.builds++;
	if (fake.build_error)
		return fail(f, fake.build_error, ERROR_BUILD_FAILED, "a hint", "no build");
	remember(policy, module);
	if (policy)
		policy_digest_hex(policy, digest);
	(void)db_build_start(b->db, module, digest, "6.12", 1);
	(void)db_build_ok(b->db, module, 1, 2, "c");
	done(&(BuildResult){ .key = module, .module = module, .imported = fake.imported },
	     userdata);
	return 0;
}

int builder_open(Builder *b, const char *key, const char *module)
{
	strcpy(opened, module);
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int on_defer(sd_event_source *source, void *userdata)
{
	Task *t = userdata;
	TaskDone done = t->done;
	void *u = t->userdata;
	int result = t->result;

	sd_event_source_disable_unref(t->source);
	free(t);
	done(result, u);
	return 0;
}

static int later(sd_event *event, int result, TaskDone done, void *userdata)
{
	Task *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (Task){ .done = done, .userdata = userdata, .result = result };
	return sd_event_add_defer(event, &t->source, on_defer, t);
}

static void register_policy(void)
{
	for (size_t i = 0; i < n_built; i++)
		if (strcmp(built_names[i], opened) == 0) {
			KernelPolicy *p = &fake.policies[fake.n_policies++];

			*p = (KernelPolicy){ .hooks = 3 };
			memcpy(p->digest, built[i], VK_DIGEST_SIZE);
			strcpy(p->module, opened);
			return;
		}
}

static void load_own(void)
{
	fake.loaded = true;
	fake.abi = VK_POLICY_ABI;
	strcpy(fake.version, VK_VERSION);
}

int kmod_load(sd_event *event, int fd, TaskDone done, void *userdata, Task **ret)
{
	int r = fake.load_error;

	fake.loads++;
	if (r == 0 && strcmp(opened, CORE_MODULE) == 0)
		load_own();
	else if (r == 0)
		register_policy();
	return later(event, r, done, userdata);
}

int kmod_load_installed(sd_event *event, const char *path, TaskDone done, void *userdata,
			Task **ret)
{
	if (fake.load_installed_error == 0) {
		fake.loads++;
		load_own();
	}
	return later(event, fake.load_installed_error, done, userdata);
}

static void unload(const char *name)
{
	if (strcmp(name, CORE_MODULE) == 0)
		fake.loaded = false;
	for (size_t i = 0; i < fake.n_policies; i++)
		if (strcmp(fake.policies[i].module, name) == 0) {
			fake.policies[i] = fake.policies[--fake.n_policies];
			return;
		}
}

int kmod_unload_now(const char *const *names)
{
	for (; *names; names++)
		unload(*names);
	return fake.unload_error;
}

int kmod_unload(sd_event *event, const char *const *names, TaskDone done, void *userdata,
		Task **ret)
{
	return later(event, kmod_unload_now(names), done, userdata);
}
