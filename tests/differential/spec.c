/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/differential/spec.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t scmp_arches[N_ARCHES] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86 };
static const uint32_t audit_arches[N_ARCHES] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386 };

static void read_line(Spec *s, char *line)
{
	SpecRule *r = s->n ? &s->rules[s->n - 1] : NULL;
	struct scmp_arg_cmp c = {};
	unsigned int op, i386;

	if (sscanf(line, "default %" SCNx32, &s->default_action) == 1)
		return;
	if (sscanf(line, "i386 %u", &i386) == 1) {
		s->i386 = i386;
		return;
	}
	if (strncmp(line, "rule ", 5) == 0 && s->n < SPEC_RULES) {
		r = &s->rules[s->n++];
		r->n_names = 1;
		if (sscanf(line, "rule %" SCNx32 " %47s", &r->action, r->names[0]) == 2)
			return;
	}
	if (r && r->n_conditions < SPEC_CONDITIONS &&
	    sscanf(line, "arg %u %u %" SCNu64 " %" SCNu64, &c.arg, &op, &c.datum_a, &c.datum_b) ==
		    4) {
		c.op = (enum scmp_compare)op;
		r->conditions[r->n_conditions++] = c;
		return;
	}
	fprintf(stderr, "not from resolve.py: %s", line);
	exit(1);
}

void spec_read(Spec *s, FILE *f)
{
	char line[256];

	memset(s, 0, sizeof(*s));
	while (fgets(line, sizeof(line), f))
		read_line(s, line);
}

static bool repeats_index(const SpecRule *r)
{
	for (unsigned int i = 0; i < r->n_conditions; i++)
		for (unsigned int k = 0; k < i; k++)
			if (r->conditions[i].arg == r->conditions[k].arg)
				return true;
	return false;
}

static bool add_rule(scmp_filter_ctx ctx, const SpecRule *r, int number)
{
	if (!repeats_index(r))
		return seccomp_rule_add_array(ctx, r->action, number, r->n_conditions,
					      r->conditions) == 0;
	for (unsigned int i = 0; i < r->n_conditions; i++)
		if (seccomp_rule_add_array(ctx, r->action, number, 1, &r->conditions[i]) != 0)
			return false;
	return true;
}

static void note_last(Oracle *o, const char *name)
{
	for (int a = 0; a < N_ARCHES; a++) {
		int number = seccomp_syscall_resolve_name_arch(scmp_arches[a], name);

		if (number > o->last[a])
			o->last[a] = number;
	}
}

static bool add_rules(Oracle *o, scmp_filter_ctx ctx, const Spec *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const SpecRule *r = &s->rules[i];

		for (unsigned int k = 0; k < r->n_names && !r->absent; k++) {
			int number = seccomp_syscall_resolve_name(r->names[k]);

			if (number == __NR_SCMP_ERROR)
				continue;
			note_last(o, r->names[k]);
			if (r->action != s->default_action && !add_rule(ctx, r, number))
				return false;
		}
	}
	return true;
}

static void export(Oracle *o, scmp_filter_ctx ctx)
{
	int fd = memfd_create("oracle", 0);
	off_t size;

	if (fd < 0 || seccomp_export_bpf(ctx, fd) < 0 || (size = lseek(fd, 0, SEEK_END)) < 0)
		abort();
	o->n = (size_t)size / sizeof(*o->code);
	o->code = malloc((size_t)size);
	if (!o->code || pread(fd, o->code, (size_t)size, 0) != size)
		abort();
	close(fd);
}

bool oracle_build(Oracle *o, const Spec *s)
{
	uint32_t action = s->default_action & SECCOMP_RET_ACTION_FULL;
	bool passes = action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ||
		      action == SECCOMP_RET_TRACE;
	scmp_filter_ctx ctx;
	bool accepted;

	*o = (Oracle){};
	seccomp_api_set(3);
	ctx = seccomp_init(s->default_action);
	if (!ctx || (s->i386 && seccomp_arch_add(ctx, SCMP_ARCH_X86) < 0))
		abort();
	accepted = add_rules(o, ctx, s);
	if (accepted)
		export(o, ctx);
	seccomp_release(ctx);
	for (int a = 0; a < N_ARCHES; a++)
		if (passes || !o->last[a] || (a == I386 && !s->i386))
			o->last[a] = INT_MAX;
	return accepted;
}

void oracle_done(Oracle *o)
{
	free(o->code);
}

uint32_t oracle_verdict(const Oracle *o, int arch, uint32_t number, const uint64_t args[6])
{
	struct seccomp_data data = { .nr = (int)number, .arch = audit_arches[arch] };

	if (number > (uint32_t)o->last[arch])
		return SECCOMP_RET_ERRNO | ENOSYS;
	for (int i = 0; i < 6; i++)
		data.args[i] = arch == I386 ? (uint32_t)args[i] : args[i];
	return bpf_run(o->code, o->n, &data);
}

uint32_t more_restrictive(uint32_t a, uint32_t b)
{
	return (int32_t)(b & SECCOMP_RET_ACTION_FULL) < (int32_t)(a & SECCOMP_RET_ACTION_FULL) ? b
											       : a;
}
