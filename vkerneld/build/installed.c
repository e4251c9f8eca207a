/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include <libkmod.h>

#include "vkerneld/build/installed.h"

/* Every image module is built against it. */
#define CORE_SYMBOL "vkernel_policy_register"

static void ctx_unrefp(struct kmod_ctx **ctx)
{
	kmod_unref(*ctx);
}

static void module_unrefp(struct kmod_module **m)
{
	kmod_module_unref(*m);
}

static void info_freep(struct kmod_list **list)
{
	kmod_module_info_free_list(*list);
}

static void symbols_freep(struct kmod_list **list)
{
	kmod_module_symbols_free_list(*list);
}

void installed_done(Installed *i)
{
	free(i->path);
	free(i->symvers);
	*i = (Installed){};
}

static int open_modules(const char *modules, const char *release, struct kmod_ctx **ret)
{
	static const char *const no_config[] = { NULL };
	_cleanup_free_ char *folder = NULL;

	if (asprintf(&folder, "%s/%s", modules, release) < 0)
		return -ENOMEM;
	*ret = kmod_new(folder, no_config);
	return *ret ? 0 : -ENOMEM;
}

static const char *info_value(const struct kmod_list *info, const char *key)
{
	const struct kmod_list *i;

	kmod_list_foreach(i, info)
		if (strcmp(kmod_module_info_get_key(i), key) == 0)
			return kmod_module_info_get_value(i);
	return "";
}

/* The hash of its sources' text; NULL if no core is loaded. */
static char *loaded_sources(const char *loaded)
{
	_cleanup_free_ char *path = NULL, *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t size = 0;

	if (asprintf(&path, "%s/srcversion", loaded) < 0)
		return NULL;
	f = fopen(path, "re");
	if (!f || getline(&line, &size, f) < 0)
		return NULL;
	line[strcspn(line, "\n")] = 0;
	return TAKE_PTR(line);
}

static int check_info(const struct kmod_list *info, const char *path, const char *release,
		      const char *loaded, Failure *f)
{
	const char *version = info_value(info, "version"), *magic = info_value(info, "vermagic");
	_cleanup_free_ char *sources = NULL;
	size_t n = strlen(release);

	if (strcmp(version, VK_VERSION) != 0)
		return fail(f, -ESTALE, ERROR_FAILED, NULL,
			    "%s has version '%s', this vkerneld " VK_VERSION, path, version);
	if (strncmp(magic, release, n) != 0 || magic[n] != ' ')
		return fail(f, -ESTALE, ERROR_FAILED, NULL, "%s is built for another kernel: '%s'",
			    path, magic);
	sources = loaded_sources(loaded);
	if (sources && strcmp(info_value(info, "srcversion"), sources) != 0)
		return fail(f, -ESTALE, ERROR_FAILED, NULL,
			    "the core that is loaded is another than %s", path);
	return 0;
}

static int check_module(struct kmod_module *m, const char *release, const char *loaded, Failure *f)
{
	_cleanup_(info_freep) struct kmod_list *info = NULL;
	int r;

	r = kmod_module_get_info(m, &info);
	if (r < 0)
		return fail(f, r, ERROR_FAILED, NULL, "%s can not be read: %s",
			    kmod_module_get_path(m), strerror(-r));
	return check_info(info, kmod_module_get_path(m), release, loaded, f);
}

/* All that the core exports is for GPL modules; on a kernel without CRCs they are 0. */
static int print_symbols(const struct kmod_list *symbols, FILE *out)
{
	const struct kmod_list *i;
	int r = -ENOEXEC;

	kmod_list_foreach(i, symbols) {
		const char *name = kmod_module_symbol_get_symbol(i);

		if (strcmp(name, CORE_SYMBOL) == 0)
			r = 0;
		fprintf(out, "0x%08" PRIx64 "\t%s\t" CORE_MODULE "\tEXPORT_SYMBOL_GPL\t\n",
			kmod_module_symbol_get_crc(i), name);
	}
	return r;
}

static int make_symvers(const struct kmod_module *m, char **ret, Failure *f)
{
	_cleanup_(symbols_freep) struct kmod_list *symbols = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	r = kmod_module_get_symbols(m, &symbols);
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	if (r >= 0)
		r = print_symbols(symbols, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	if (r < 0)
		return fail(f, r, ERROR_FAILED, NULL, "%s does not export " CORE_SYMBOL,
			    kmod_module_get_path(m));
	*ret = TAKE_PTR(text);
	return 0;
}

int installed_find(const char *modules, const char *release, const char *loaded, Installed *ret,
		   Failure *f)
{
	_cleanup_(ctx_unrefp) struct kmod_ctx *ctx = NULL;
	_cleanup_(module_unrefp) struct kmod_module *m = NULL;
	_cleanup_installed_ Installed i = {};
	int r;

	r = open_modules(modules, release, &ctx);
	if (r >= 0)
		r = kmod_module_new_from_name(ctx, CORE_MODULE, &m);
	if (r < 0)
		return fail_errno(f, r, "looking for an installed vkernel.ko");
	if (!kmod_module_get_path(m))
		return fail(f, -ENOENT, ERROR_FAILED, NULL, "no vkernel.ko is installed for %s",
			    release);
	r = check_module(m, release, loaded, f);
	if (r >= 0)
		r = make_symvers(m, &i.symvers, f);
	if (r >= 0 && !(i.path = strdup(kmod_module_get_path(m))))
		r = -ENOMEM;
	if (r < 0)
		return fail_errno(f, r, "looking at the installed vkernel.ko");
	*ret = i;
	i = (Installed){};
	return 0;
}
