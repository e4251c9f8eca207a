/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gelf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "vkerneld/build/hash.h"
#include "vkerneld/build/template.h"

#define POLICY_SECTION ".vkernel.policy"
#define BUILD_ID_SECTION ".note.gnu.build-id"
#define BUILD_ID_SIZE 20 /* a SHA-1 of ld's; of ours as much as there is room for */

#define NAME_LENGTH (sizeof(TEMPLATE_MODULE) - 1)
_Static_assert(NAME_LENGTH == sizeof(VK_MODULE_PREFIX) - 1 + VK_MODULE_DIGITS,
	       "one name takes the place of another");

typedef struct Template {
	Elf *elf;
	size_t names; /* the section with the names of sections */
	const Policy *policy;
	char module[NAME_LENGTH + 1];
	Failure *failure;
} Template;

typedef struct BuildId {
	Elf64_Nhdr head;
	char owner[4];
	unsigned char id[BUILD_ID_SIZE];
} BuildId;

_Static_assert(sizeof(BuildId) == sizeof(Elf64_Nhdr) + 4 + BUILD_ID_SIZE, "as it lies there");

static int lacking(const Template *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int lacking(const Template *t, const char *format, ...)
{
	_cleanup_free_ char *what = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	if (!what)
		return -ENOMEM;
	return fail(t->failure, -ENOEXEC, ERROR_BUILD_FAILED,
		    "Builder=kbuild in /etc/vkernel/vkernel.conf does without it",
		    "the template of image modules %s", what);
}

static int broken(const Template *t)
{
	return lacking(t, "is no whole module: %s", elf_errmsg(-1));
}

static int open_template(Template *t, int fd)
{
	GElf_Ehdr head;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	t->elf = elf_begin(fd, ELF_C_RDWR, NULL);
	if (!t->elf)
		return broken(t);
	if (elf_kind(t->elf) != ELF_K_ELF || gelf_getclass(t->elf) != ELFCLASS64 ||
	    !gelf_getehdr(t->elf, &head) || head.e_type != ET_REL || head.e_machine != EM_X86_64)
		return lacking(t, "is no module for x86-64");
	return elf_getshdrstrndx(t->elf, &t->names) < 0 ? broken(t) : 0;
}

/* An empty name where there is none to be read. */
static const char *name_of(const Template *t, Elf_Scn *section, GElf_Shdr *ret)
{
	const char *name =
		gelf_getshdr(section, ret) ? elf_strptr(t->elf, t->names, ret->sh_name) : NULL;

	return name ? name : "";
}

/* The section of that name, and all that is in it. */
static int find_section(const Template *t, const char *name, GElf_Shdr *ret_head, Elf_Scn **ret,
			Elf_Data **ret_data)
{
	Elf_Scn *s = NULL, *found = NULL;
	GElf_Shdr head;
	size_t n = 0;

	while ((s = elf_nextscn(t->elf, s)))
		if (strcmp(name_of(t, s, &head), name) == 0) {
			found = s;
			*ret_head = head;
			n++;
		}
	if (n != 1)
		return lacking(t, "has %zu sections %s in place of one", n, name);
	*ret = found;
	*ret_data = elf_getdata(found, NULL);
	return *ret_data && (*ret_data)->d_buf ? 0 : broken(t);
}

/* Puts the module's name wherever the template's is, and counts. */
static size_t rename_in(const Template *t, Elf_Data *data)
{
	char *at = data->d_buf, *end = at + data->d_size;
	size_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), TEMPLATE_MODULE, NAME_LENGTH))) {
		memcpy(at, t->module, NAME_LENGTH);
		at += NAME_LENGTH;
		n++;
	}
	if (n > 0)
		elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return n;
}

/* Where the kernel reads the name; names of symbols may have it as they like. */
static bool is_right(const char *section, size_t n)
{
	if (strcmp(section, ".modinfo") == 0 || strcmp(section, ".gnu.linkonce.this_module") == 0)
		return n == 1;
	return n == 0 || strcmp(section, ".strtab") == 0;
}

static int rename_module(const Template *t)
{
	Elf_Scn *s = NULL;

	while ((s = elf_nextscn(t->elf, s))) {
		GElf_Shdr head = {};
		const char *name = name_of(t, s, &head);
		Elf_Data *data = elf_getdata(s, NULL);
		size_t n = data && data->d_buf ? rename_in(t, data) : 0;

		if (!data)
			return broken(t);
		if (!is_right(name, n))
			return lacking(t, "has its name %zu times in the section %s", n, name);
	}
	return 0;
}

/* Once more, for what has to be there exactly like this. */
static int check_name(const Template *t, const char *section, const char *prefix)
{
	char text[2 * NAME_LENGTH];
	GElf_Shdr head;
	Elf_Data *data;
	Elf_Scn *s;
	int n, r;

	r = find_section(t, section, &head, &s, &data);
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "%s%s", prefix, t->module);
	if (!memmem(data->d_buf, data->d_size, text, (size_t)n + 1))
		return lacking(t, "has no %s" TEMPLATE_MODULE " in the section %s", prefix,
			       section);
	return 0;
}

static int resize_symbol(const Template *t, size_t section)
{
	GElf_Shdr head;
	GElf_Sym symbol;
	Elf_Data *data;
	Elf_Scn *s;
	int n = 0, r;

	r = find_section(t, ".symtab", &head, &s, &data);
	if (r < 0)
		return r;
	for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
		if (symbol.st_shndx != section || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT)
			continue;
		n++;
		symbol.st_size = policy_size(t->policy);
		if (symbol.st_value != 0 || !gelf_update_sym(data, i, &symbol))
			return lacking(t, "has a symbol inside the section " POLICY_SECTION);
	}
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return n == 1 ? 0 : lacking(t, "has %d symbols in the section " POLICY_SECTION, n);
}

static int place_policy(const Template *t)
{
	GElf_Shdr head;
	Elf_Data *data;
	Elf_Scn *s;
	int r;

	r = find_section(t, POLICY_SECTION, &head, &s, &data);
	if (r < 0)
		return r;
	if (head.sh_type != SHT_PROGBITS || head.sh_flags != SHF_ALLOC || head.sh_addralign != 8 ||
	    elf_getdata(s, data))
		return lacking(t, "has a section " POLICY_SECTION " that is not one of constants");
	/* libelf only reads it, and lays the rest out behind it. */
	data->d_buf = (void *)t->policy;
	data->d_size = policy_size(t->policy);
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return resize_symbol(t, elf_ndxscn(s));
}

/* The template's is of all else that the module is made of. */
static void hash_build_id(const Template *t, BuildId *b)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	Hash h;

	hash_init(&h);
	hash_add_field(&h, "template", b->id, sizeof(b->id));
	hash_add_string(&h, "module", t->module);
	hash_add_field(&h, "policy", t->policy, policy_size(t->policy));
	sha256_digest(&h, sizeof(digest), digest);
	memcpy(b->id, digest, sizeof(b->id));
}

static int place_build_id(const Template *t)
{
	GElf_Shdr head;
	Elf_Data *data;
	Elf_Scn *s;
	BuildId b;
	int r;

	r = find_section(t, BUILD_ID_SECTION, &head, &s, &data);
	if (r < 0)
		return r;
	if (data->d_size == sizeof(b))
		memcpy(&b, data->d_buf, sizeof(b));
	if (data->d_size != sizeof(b) || b.head.n_type != NT_GNU_BUILD_ID ||
	    b.head.n_namesz != sizeof(b.owner) || b.head.n_descsz != sizeof(b.id))
		return lacking(t, "has a build id of another form");
	hash_build_id(t, &b);
	memcpy(data->d_buf, &b, sizeof(b));
	elf_flagdata(data, ELF_C_SET, ELF_F_DIRTY);
	return 0;
}

static int fill(Template *t, int fd)
{
	int r;

	r = open_template(t, fd);
	if (r >= 0)
		r = rename_module(t);
	if (r >= 0)
		r = check_name(t, ".modinfo", "name=");
	if (r >= 0)
		r = check_name(t, ".gnu.linkonce.this_module", "");
	if (r >= 0)
		r = place_build_id(t);
	if (r >= 0)
		r = place_policy(t);
	if (r < 0)
		return r;
	errno = 0;
	if (elf_update(t->elf, ELF_C_WRITE) >= 0)
		return 0;
	return errno ? -errno : broken(t);
}

int template_fill(int fd, const Policy *p, Failure *f)
{
	Template t = { .policy = p, .failure = f };
	int r;

	policy_module_name(p, t.module);
	r = fill(&t, fd);
	(void)elf_end(t.elf);
	return r;
}
