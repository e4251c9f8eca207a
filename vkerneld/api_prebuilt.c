/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules that leave for other hosts, and those that come from them. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <nettle/base64.h>

#include "vkerneld/api.h"
#include "vkerneld/build/prebuilt.h"
#include "vkerneld/build/vouch.h"
#include "vkerneld/compose.h"
#include "vkerneld/log.h"

#define ARCHITECTURE "x86_64"
#define CORE_DIGEST "core"

typedef struct ExportOperation {
	Operation operation;
	Policy *policy; /* NULL: the core */
} ExportOperation;

/* What stands beside a module, so that it can be told where it fits. */
typedef struct Prebuilt {
	const char *module, *digest, *architecture, *kernel, *build_id, *version, *address, *key;
	int64_t abi;
} Prebuilt;

typedef struct ImportParameters {
	json_object *prebuilt;
	const char *data;
	bool insecure;
} ImportParameters;

typedef struct ImportOperation {
	Operation operation;
	json_object *claims;
	Prebuilt prebuilt; /* lies in claims */
	uint8_t *data;
	size_t size;
	Vouch *vouch;
} ImportOperation;

static int prebuilt_json(const Prebuilt *p, json_object **ret)
{
	_cleanup_json_ json_object *o = json_object_new_object();
	int r;

	if (!o)
		return -ENOMEM;
	r = json_add_string(o, "module", p->module);
	if (r >= 0)
		r = json_add_string(o, "digest", p->digest);
	if (r >= 0)
		r = json_add_string(o, "architecture", p->architecture);
	if (r >= 0)
		r = json_add_string(o, "kernel", p->kernel);
	if (r >= 0)
		r = json_add_string(o, "build_id", p->build_id);
	if (r >= 0)
		r = json_add_int(o, "abi", p->abi);
	if (r >= 0)
		r = json_add_string(o, "version", p->version);
	if (r >= 0)
		r = json_add_string(o, "address", p->address);
	if (r >= 0)
		r = json_add_string(o, "key", p->key);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

static int read_module(int fd, uint8_t **ret, size_t *ret_size, Failure *f)
{
	_cleanup_free_ uint8_t *data = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > PREBUILT_MAX)
		return fail(f, -EFBIG, ERROR_UNSUPPORTED, "build it where it is needed",
			    "the module has %jd bytes, and only %u can be moved",
			    (intmax_t)st.st_size, PREBUILT_MAX);
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return -ENOMEM;
	if (pread(fd, data, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	*ret = TAKE_PTR(data);
	*ret_size = (size_t)st.st_size;
	return 0;
}

static int encode(const uint8_t *data, size_t size, json_object **ret)
{
	size_t length = BASE64_ENCODE_RAW_LENGTH(size);
	_cleanup_free_ char *text = malloc(length + 1);

	if (!text)
		return -ENOMEM;
	base64_encode_raw(text, size, data);
	*ret = json_object_new_string_len(text, (int)length);
	return *ret ? 0 : -ENOMEM;
}

static int export_json(Manager *m, const BuildResult *result, const char *digest, json_object **ret,
		       Failure *f)
{
	_cleanup_close_ int fd = builder_open(m->builder, result->key, result->module);
	_cleanup_json_ json_object *o = NULL, *reply = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	json_object *text = NULL;
	char address[HASH_HEX_SIZE];
	size_t size;
	int r;

	r = fd < 0 ? fd : read_module(fd, &data, &size, f);
	if (r < 0)
		return r;
	prebuilt_address(m->builder, digest, address);
	r = prebuilt_json(&(Prebuilt){ .module = result->module,
				       .digest = digest,
				       .architecture = ARCHITECTURE,
				       .kernel = m->host.release,
				       .build_id = m->host.build_id,
				       .abi = VK_POLICY_ABI,
				       .version = VK_VERSION,
				       .address = address,
				       .key = result->key },
			  &o);
	if (r >= 0)
		r = api_object("prebuilt", TAKE_PTR(o), &reply);
	if (r >= 0)
		r = encode(data, size, &text);
	if (r >= 0)
		r = json_add(reply, "data", text);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

static void on_built(const BuildResult *result, void *userdata)
{
	ExportOperation *e = userdata;
	_cleanup_failure_ Failure f = {};
	char digest[HASH_HEX_SIZE] = CORE_DIGEST;
	json_object *reply = NULL;
	int r;

	if (e->policy)
		policy_digest_hex(e->policy, digest);
	if (result->failure) {
		failure_copy(&f, result->failure);
		r = -EIO;
	} else {
		r = export_json(e->operation.manager, result, digest, &reply, &f);
	}
	if (r < 0)
		fail_errno(&f, r, "reading the module");
	operation_end(&e->operation, r, reply, &f);
}

static void release(Operation *o)
{
	ExportOperation *e = (ExportOperation *)o;

	free(e->policy);
	free(e);
}

/* What DKMS made is DKMS's to make on the other host as well. */
static int check_core(Manager *m, Failure *f)
{
	_cleanup_installed_ Installed core = {};
	_cleanup_failure_ Failure none = {};

	if (builder_installed(m->builder, &core, &none) < 0)
		return 0;
	return fail(f, -EEXIST, ERROR_UNSUPPORTED,
		    "install it on the other hosts, too; their modules have to fit it",
		    "the core is not made by vkerneld here, but installed: %s", core.path);
}

static int begin(Manager *m, VarlinkCall *call, const char *name, Failure *f)
{
	ExportOperation *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	r = name ? compose_named(m, name, &e->policy, f) : check_core(m, f);
	if (r < 0) {
		release(&e->operation);
		return r;
	}
	operation_begin(&e->operation, m, call, release);
	r = builder_request(m->builder, e->policy, on_built, e, f);
	if (r < 0)
		operation_end(&e->operation, r, NULL, f);
	return 0;
}

int api_export(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ .name = "policy", .type = VARLINK_STRING, .nullable = true },
		{},
	};
	_cleanup_failure_ Failure f = {};
	const char *name = NULL;
	int r;

	if (api_dispatch(call, parameters, fields, &name))
		return 0;
	r = begin(userdata, call, name, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}

static int misfit(Failure *f, const char *what, const char *theirs, const char *ours)
{
	return fail(f, -EXDEV, ERROR_UNSUPPORTED, "export it on a host like this one",
		    "it was made for another %s: %s; here it is %s", what, theirs, ours);
}

/* Each by its name; what is left is the same kernel with another core. */
static int check_fit(Manager *m, const Prebuilt *p, Failure *f)
{
	char address[HASH_HEX_SIZE], theirs[24], ours[24];

	snprintf(theirs, sizeof(theirs), "%" PRId64, p->abi);
	snprintf(ours, sizeof(ours), "%d", VK_POLICY_ABI);
	if (strcmp(p->architecture, ARCHITECTURE) != 0)
		return misfit(f, "architecture", p->architecture, ARCHITECTURE);
	if (strcmp(p->kernel, m->host.release) != 0)
		return misfit(f, "kernel", p->kernel, m->host.release);
	if (strcmp(p->build_id, m->host.build_id) != 0)
		return misfit(f, "build of this kernel", p->build_id, m->host.build_id);
	if (p->abi != VK_POLICY_ABI)
		return misfit(f, "ABI of policies", theirs, ours);
	if (strcmp(p->version, VK_VERSION) != 0)
		return misfit(f, "version of vkernel", p->version, VK_VERSION);
	prebuilt_address(m->builder, p->digest, address);
	if (strcmp(p->address, address) != 0)
		return fail(f, -EXDEV, ERROR_UNSUPPORTED,
			    "'vkctl status' says which core is used, on both hosts",
			    "it was made for another core than the one that is used here");
	return 0;
}

static int check_same(const Prebuilt *p, const PrebuiltLook *look, Failure *f)
{
	if (strcmp(look->release, p->kernel) != 0)
		return misfit(f, "kernel", look->release, p->kernel);
	if (strcmp(look->digest, p->digest) != 0 || strcmp(look->module, p->module) != 0)
		return fail(
			f, -EBADMSG, ERROR_UNSUPPORTED, "export it again where it was made",
			"what is said of it is not true: it is %s, of the policy %.12s, and not "
			"%s, of %.12s",
			look->module, look->digest, p->module, p->digest);
	return 0;
}

/* What was announced is not signed; this is. */
static int check_look(Manager *m, const Prebuilt *p, const PrebuiltLook *look, Failure *f)
{
	char fit[HASH_HEX_SIZE];
	int r = check_same(p, look, f);

	if (r < 0)
		return r;
	prebuilt_fit(m->builder, p->digest, fit);
	return strcmp(look->fit, fit) == 0
		       ? 0
		       : fail(f, -EXDEV, ERROR_UNSUPPORTED, "export it again where it was made",
			      "what is said of it is not true: it was made for another build of "
			      "this kernel, or another version of vkernel or core");
}

/* Who can say that it need not be signed by somebody known can load modules anyway. */
static int check_root(const VarlinkCall *call, Failure *f)
{
	uid_t uid;
	int r = varlink_call_peer(call, &uid);

	if (r < 0)
		return r;
	return uid == 0 || uid == geteuid()
		       ? 0
		       : fail(f, -EPERM, ERROR_FAILED, "ask root",
			      "only root may import a module that nobody vouches for");
}

static int decode(const char *text, uint8_t **ret, size_t *ret_size, Failure *f)
{
	size_t length = strlen(text), size = BASE64_DECODE_LENGTH(length);
	_cleanup_free_ uint8_t *data = malloc(size + 1);
	struct base64_decode_ctx ctx;

	if (!data)
		return -ENOMEM;
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &size, data, length, text) || !base64_decode_final(&ctx))
		return fail(f, -EBADMSG, ERROR_FAILED, NULL, "the module is no base64");
	if (size == 0 || size > PREBUILT_MAX)
		return fail(f, -EFBIG, ERROR_UNSUPPORTED, NULL,
			    "a module has between 1 and %u bytes", PREBUILT_MAX);
	*ret = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

static int import_reply(const Prebuilt *p, const char *key, const char *signer, json_object **ret)
{
	_cleanup_json_ json_object *reply = json_object_new_object();
	int r;

	if (!reply)
		return -ENOMEM;
	r = json_add_string(reply, "module", p->module);
	if (r >= 0)
		r = json_add_string(reply, "digest", p->digest);
	if (r >= 0)
		r = json_add_string(reply, "key", key);
	if (r >= 0)
		r = json_add_string(reply, "signer", signer);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(reply);
	return 0;
}

/* signer: NULL if nobody vouches for it, which root allowed. */
static int keep(const ImportOperation *i, const char *signer, json_object **ret, Failure *f)
{
	Manager *m = i->operation.manager;
	const Prebuilt *p = &i->prebuilt;
	const PrebuiltFile file = {
		.digest = p->digest,
		.module = p->module,
		.signer = signer ? signer : "",
		.data = i->data,
		.size = i->size,
	};
	char key[HASH_HEX_SIZE];
	PrebuiltLook look;
	int r;

	r = prebuilt_look(i->data, i->size, &look, f);
	if (r >= 0)
		r = check_look(m, p, &look, f);
	/* The core may be another since this was asked first. */
	if (r >= 0)
		r = check_fit(m, p, f);
	if (r >= 0)
		r = prebuilt_keep(m->builder, &file, key);
	if (r < 0)
		return r;
	log_message(LOG_NOTICE, "imported %s for %s (%.12s), %s%s", p->module, p->kernel, key,
		    signer ? "signed by " : "which nobody vouches for", signer ? signer : "");
	return import_reply(p, key, signer, ret);
}

static void keep_and_end(ImportOperation *i, const char *signer)
{
	_cleanup_failure_ Failure f = {};
	json_object *reply = NULL;
	int r;

	r = keep(i, signer, &reply, &f);
	if (r < 0)
		fail_errno(&f, r, "importing the module");
	operation_end(&i->operation, r, reply, &f);
}

static void on_vouched(const char *name, Failure *f, void *userdata)
{
	ImportOperation *i = userdata;
	_cleanup_failure_ Failure refused = {};

	i->vouch = NULL;
	if (!f) {
		keep_and_end(i, name);
		return;
	}
	fail(&refused, -EKEYREJECTED, ERROR_UNSUPPORTED, json_get_string(f->parameters, "hint"),
	     "it is not trusted: %s", failure_message(f));
	operation_end(&i->operation, -EKEYREJECTED, NULL, &refused);
}

static void import_release(Operation *o)
{
	ImportOperation *i = (ImportOperation *)o;

	vouch_free(i->vouch);
	json_object_put(i->claims);
	free(i->data);
	free(i);
}

/* Nothing in it is read before somebody vouches for it. */
static int look_for_signer(Manager *m, ImportOperation *i, Failure *f)
{
	const VouchOrder order = {
		.certificates = m->conf->import_certs,
		.module = i->data,
		.size = i->size,
		.uid = m->profile_uid,
		.gid = m->profile_gid,
	};

	if (!order.certificates)
		return fail(f, -ENOKEY, ERROR_UNSUPPORTED,
			    "set ModuleImportCerts= in /etc/vkernel/vkernel.conf to a folder with "
			    "the certificate of who exported it, or let root say --insecure",
			    "there is no certificate to verify it with");
	return vouch_start(m->event, &order, on_vouched, i, &i->vouch, f);
}

static int import_prepare(Manager *m, const VarlinkCall *call, const ImportParameters *q,
			  ImportOperation *i, Failure *f)
{
	int r;

	r = decode(q->data, &i->data, &i->size, f);
	if (r >= 0)
		r = check_fit(m, &i->prebuilt, f);
	if (r >= 0)
		r = q->insecure ? check_root(call, f) : look_for_signer(m, i, f);
	return r;
}

static int import(Manager *m, VarlinkCall *call, const ImportParameters *q, const Prebuilt *p,
		  Failure *f)
{
	ImportOperation *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return -ENOMEM;
	i->claims = json_object_get(q->prebuilt);
	i->prebuilt = *p;
	r = import_prepare(m, call, q, i, f);
	if (r < 0) {
		import_release(&i->operation);
		return fail_errno(f, r, "importing the module");
	}
	operation_begin(&i->operation, m, call, import_release);
	if (q->insecure)
		keep_and_end(i, NULL);
	return 0;
}

int api_import(VarlinkCall *call, json_object *parameters, void *userdata)
{
	static const VarlinkField fields[] = {
		{ "prebuilt", VARLINK_OBJECT, .offset = offsetof(ImportParameters, prebuilt) },
		{ "data", VARLINK_STRING, .offset = offsetof(ImportParameters, data) },
		{ "insecure", VARLINK_BOOL, .nullable = true,
		  .offset = offsetof(ImportParameters, insecure) },
		{},
	};
	static const VarlinkField inner[] = {
		{ "module", VARLINK_STRING, .offset = offsetof(Prebuilt, module) },
		{ "digest", VARLINK_STRING, .offset = offsetof(Prebuilt, digest) },
		{ "architecture", VARLINK_STRING, .offset = offsetof(Prebuilt, architecture) },
		{ "kernel", VARLINK_STRING, .offset = offsetof(Prebuilt, kernel) },
		{ "build_id", VARLINK_STRING, .offset = offsetof(Prebuilt, build_id) },
		{ "abi", VARLINK_INT, .offset = offsetof(Prebuilt, abi) },
		{ "version", VARLINK_STRING, .offset = offsetof(Prebuilt, version) },
		{ "address", VARLINK_STRING, .offset = offsetof(Prebuilt, address) },
		{ "key", VARLINK_STRING, .nullable = true, .offset = offsetof(Prebuilt, key) },
		{},
	};
	_cleanup_failure_ Failure f = {};
	ImportParameters q = {};
	Prebuilt p = {};
	int r;

	if (api_dispatch(call, parameters, fields, &q) || api_dispatch(call, q.prebuilt, inner, &p))
		return 0;
	r = import(userdata, call, &q, &p, &f);
	return r < 0 ? api_end(call, r, NULL, &f) : 0;
}
