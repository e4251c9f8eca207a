/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's methods, over its socket, on a core that only pretends. */
#include <linux/capability.h>
#include <signal.h>

#include <nettle/base64.h>

#include "tests/unit/dialog.h"
#include "tests/unit/fake_core.h"
#include "tests/unit/pair.h"
#include "vkerneld/build/cache.h"
#include "vkerneld/manager.h"

static sd_event *event;
static Manager *manager;
static Conf conf;
static ManagerOptions options;
static char paths[3][128];
static Dialog d;

static void start(void)
{
	assert_int_equal(manager_new(event, &options, &conf, &manager), 0);
	dialog_open(&d, event, options.socket);
}

static void stop(void)
{
	dialog_close(&d);
	manager = manager_free(manager);
}

static int setup(void **state)
{
	assert_int_equal(scratch_setup(state), 0);
	fake_reset();
	scratch_folder("apparmor.d");
	snprintf(paths[2], sizeof(paths[2]), "%s/apparmor.d", scratch);
	snprintf(paths[0], sizeof(paths[0]), "%s/socket", scratch);
	snprintf(paths[1], sizeof(paths[1]), "%s", scratch);
	options = (ManagerOptions){ .socket = paths[0],
				    .state = paths[1],
				    .cache = paths[1],
				    .sources = paths[1],
				    .modules = paths[1],
				    .apparmor = paths[2] };
	conf = (Conf){ .build_user = (char *)"nobody",
		       .profile_user = (char *)"daemon",
		       .build_timeout = 1,
		       .cache_max = UINT64_MAX };
	assert_int_equal(sd_event_new(&event), 0);
	start();
	return 0;
}

static int teardown(void **state)
{
	stop();
	event = sd_event_unref(event);
	return scratch_teardown(state);
}

static json_object *call(const char *method, const char *parameters)
{
	char *message;
	json_object *answer;

	assert_true(asprintf(&message, "{\"method\":\"io.vkernel.%s\",\"parameters\":%s}", method,
			     parameters) > 0);
	dialog_say(&d, message);
	free(message);
	answer = dialog_hear(&d);
	assert_non_null(answer);
	return answer;
}

/* The parameters of a success, which the answer owns. */
static json_object *good(json_object *answer)
{
	if (json_get_string(answer, "error"))
		print_error("%s\n", json_object_to_json_string(answer));
	assert_null(json_get_string(answer, "error"));
	return dialog_parameters(answer);
}

static void succeed(const char *method, const char *parameters)
{
	_cleanup_json_ json_object *answer = call(method, parameters);

	good(answer);
}

static void refuse(const char *method, const char *parameters, const char *error, const char *key,
		   const char *value)
{
	_cleanup_json_ json_object *answer = call(method, parameters);

	dialog_assert_error(answer, error, key, value);
}

static size_t count(const char *method, const char *key)
{
	_cleanup_json_ json_object *answer = call(method, "{}");

	return json_object_array_length(json_get_array(good(answer), key));
}

#define NO_UNAME                                                                          \
	"{\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\",\\\"syscalls\\\":[{\\\"names\\\":" \
	"[\\\"uname\\\"],\\\"action\\\":\\\"SCMP_ACT_ERRNO\\\"}]}"
#define ADD(name) "{\"name\":\"" name "\",\"profile\":\"" NO_UNAME "\",\"images\":[\"img/*\"]}"

static void parameters(void **state)
{
	static const char *const wrong[][3] = {
		{ "AddPolicy", "{}", "name" },
		{ "AddPolicy", "{\"name\":\"a\"}", "profile" },
		{ "AddPolicy", "{\"name\":\"a\",\"profile\":{}}", "profile" },
		{ "AddPolicy", "{\"name\":\"a\",\"profile\":\"\",\"images\":\"x\"}", "images" },
		{ "ListPolicies", "{\"x\":1}", "x" },
		{ "GetPolicy", "{\"name\":7}", "name" },
		{ "RemovePolicy", "{\"name\":null}", "name" },
		{ "CheckPolicy", "{\"profile\":\"{}\",\"capabilities\":[1]}", "capabilities" },
		{ "CheckPolicy", "{}", "profile" },
		{ "AddPolicy", "{\"name\":\"a\",\"apparmor\":1}", "apparmor" },
		{ "AddPolicy", "{\"name\":\"a\",\"apparmor\":\"\",\"exec_inherit\":1}",
		  "exec_inherit" },
		{ "Bind", "{\"container\":\"c\",\"pid\":1,\"apparmor\":[]}", "apparmor" },
		{ "Build", "{\"policy\":[]}", "policy" },
		{ "ListBuilds", "{\"x\":1}", "x" },
		{ "Bind", "{\"container\":\"c\"}", "pid" },
		{ "Bind", "{\"container\":\"c\",\"pid\":\"1\"}", "pid" },
		{ "Bind", "{\"container\":\"c\",\"pid\":0}", "pid" },
		{ "Bind", "{\"container\":\"c\",\"pid\":-1}", "pid" },
		{ "Bind", "{\"container\":\"c\",\"pid\":4294967297}", "pid" },
		{ "Bind", "{\"container\":\"c\",\"pid\":1,\"seccomp\":\"{}\"}", "seccomp" },
		{ "Unbind", "{}", "container" },
		{ "List", "{\"all\":true}", "all" },
		{ "Inspect", "{\"container\":false}", "container" },
		{ "SetMode", "{\"container\":\"c\",\"mode\":\"off\"}", "mode" },
		{ "ApplyPolicy", "{\"container\":\"c\"}", "policy" },
		{ "ApplyPolicy", "{\"container\":7,\"policy\":\"p\"}", "container" },
		{ "ListModules", "{\"x\":1}", "x" },
		{ "Unload", "{\"core\":\"yes\"}", "core" },
		{ "Status", "{\"x\":1}", "x" },
		{ "ListCache", "{\"x\":1}", "x" },
		{ "CollectCache", "{\"x\":1}", "x" },
		{ "VerifyCache", "{\"x\":1}", "x" },
		{ "RemoveCached", "{}", "entry" },
	};

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
		refuse(wrong[i][0], wrong[i][1], "org.varlink.service.InvalidParameter",
		       "parameter", wrong[i][2]);
}

static void policies(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	json_object *p;

	succeed("AddPolicy", ADD("web"));
	answer = call("GetPolicy", "{\"name\":\"web\"}");
	p = json_get_object(good(answer), "policy");
	assert_false(json_get_bool(p, "built"));
	assert_int_equal(json_object_array_length(json_get_array(p, "images")), 1);
	assert_non_null(json_get_object(good(answer), "calls"));
	assert_int_equal(count("ListPolicies", "policies"), 1);
	refuse("GetPolicy", "{\"name\":\"none\"}", "io.vkernel.NoSuchPolicy", "name", "none");
	succeed("RemovePolicy", "{\"name\":\"web\"}");
	refuse("RemovePolicy", "{\"name\":\"web\"}", "io.vkernel.NoSuchPolicy", "name", "web");
}

static void bad_policies_change_nothing(void **state)
{
	static const char *const names[] = { "",     " ",     "a b",
					     "../x", "a\\nb", "a\\\";}int x;//",
					     "-",    "%s",    "\\u001b[2J" };
	char text[512];

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		snprintf(text, sizeof(text), "{\"name\":\"%s\",\"profile\":\"{}\"}", names[i]);
		refuse("AddPolicy", text, "io.vkernel.Failed", "hint", "name");
	}
	refuse("AddPolicy", "{\"name\":\"a\",\"profile\":\"{\"}", "io.vkernel.InvalidProfile",
	       "message", "line 1");
	refuse("AddPolicy", "{\"name\":\"a\",\"profile\":\"" NO_UNAME "\",\"images\":[\"a b\"]}",
	       "io.vkernel.Failed", "message", "images[0]");
	refuse("CheckPolicy", "{\"profile\":\"[]\"}", "io.vkernel.InvalidProfile", NULL, NULL);
	assert_int_equal(count("ListPolicies", "policies"), 0);
}

static void an_image_moves_with_a_warning(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	json_object *warnings;

	succeed("AddPolicy", ADD("one"));
	answer = call("AddPolicy", ADD("two"));
	warnings = json_get_array(good(answer), "warnings");
	assert_int_equal(json_object_array_length(warnings), 1);
	assert_non_null(strstr(json_object_get_string(json_object_array_get_idx(warnings, 0)),
			       "img/* was mapped to policy one"));
}

static void the_first_bind_loads_core_and_module(void **state)
{
	_cleanup_json_ json_object *first = NULL, *second = NULL;

	succeed("AddPolicy", ADD("web"));
	first = call("Bind", "{\"container\":\"c1\",\"pid\":1,\"policy\":\"web\"}");
	assert_false(json_get_bool(good(first), "cached"));
	assert_string_equal(json_get_string(json_get_object(good(first), "instance"), "policy"),
			    "web");
	assert_int_equal(fake.loads, 2);
	second = call("Bind", "{\"container\":\"c2\",\"pid\":1,\"image\":\"img/x\"}");
	assert_true(json_get_bool(good(second), "cached"));
	assert_string_equal(json_get_string(json_get_object(good(second), "instance"), "policy"),
			    "web");
	assert_int_equal(fake.loads, 2);
	assert_int_equal(fake.n_policies, 1);
	assert_int_equal(count("List", "instances"), 2);
	assert_int_equal(count("ListModules", "modules"), 1);
}

static void an_installed_core_is_loaded(void **state)
{
	fake.installed = true;
	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	assert_int_equal(fake.builds, 1);
	assert_int_equal(fake.loads, 2);
}

static void one_that_does_not_load_is_replaced(void **state)
{
	fake.installed = true;
	fake.load_installed_error = -EKEYREJECTED;
	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	assert_int_equal(fake.builds, 2);
	assert_int_equal(fake.loads, 2);
}

static void what_a_container_is_bound_to(void **state)
{
	static const char seccomp[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{"
				      "\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}";
	char text[1024];

	succeed("AddPolicy", ADD("web"));
	/* Nothing, its own, that and the image's, the image's: four policies. */
	succeed("Bind", "{\"container\":\"c1\",\"pid\":1,\"image\":\"other\"}");
	snprintf(text, sizeof(text), "{\"container\":\"c2\",\"pid\":1,\"seccomp\":%s}", seccomp);
	succeed("Bind", text);
	snprintf(text, sizeof(text),
		 "{\"container\":\"c3\",\"pid\":1,\"image\":\"img/1\",\"seccomp\":%s}", seccomp);
	succeed("Bind", text);
	succeed("Bind", "{\"container\":\"c4\",\"pid\":1,\"image\":\"img/1\"}");
	assert_int_equal(fake.n_policies, 4);
}

static void a_profile_is_read_for_the_container(void **state)
{
	static const char *const capabilities[] = { "[]", "[\"CAP_SYS_ADMIN\"]" };
	char text[256];

	succeed("AddPolicy",
		"{\"name\":\"caps\",\"profile\":\"{\\\"defaultAction\\\":\\\"SCMP_ACT_ERRNO\\\","
		"\\\"syscalls\\\":[{\\\"names\\\":[\\\"mount\\\"],\\\"action\\\":"
		"\\\"SCMP_ACT_ALLOW\\\",\\\"includes\\\":{\\\"caps\\\":[\\\"CAP_SYS_ADMIN\\\"]}}]}\"}");
	for (size_t i = 0; i < ELEMENTSOF(capabilities); i++) {
		snprintf(
			text, sizeof(text),
			"{\"container\":\"c%zu\",\"pid\":1,\"policy\":\"caps\",\"capabilities\":%s}",
			i, capabilities[i]);
		succeed("Bind", text);
	}
	assert_int_equal(fake.n_policies, 2);
}

#define BIND(name, capabilities) \
	"{\"container\":\"" name "\",\"pid\":1,\"capabilities\":" capabilities "}"

static json_object *instance_of(json_object *answer)
{
	return json_get_object(good(answer), "instance");
}

static void a_container_has_the_capabilities_it_was_given(void **state)
{
	_cleanup_json_ json_object *some = NULL, *none = NULL, *all = NULL;
	json_object *list;

	some = call("Bind", BIND("some", "[\"CAP_KILL\",\"CAP_CHECKPOINT_RESTORE\"]"));
	assert_int_equal(fake.instances[0].capabilities, 1u << 5 | UINT64_C(1) << 40);
	assert_int_equal(fake.instances[0].on_claim, VKERNEL_CLAIM_REFUSE);
	list = json_get_array(instance_of(some), "capabilities");
	assert_int_equal(json_object_array_length(list), 2);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(list, 0)), "CAP_KILL");
	assert_string_equal(json_get_string(instance_of(some), "on_claim"), "refuse");
	assert_int_equal(json_get_int(instance_of(some), "claims"), 0);

	none = call("Bind", BIND("none", "[]"));
	assert_int_equal(fake.instances[1].capabilities, 0);
	list = json_get_array(instance_of(none), "capabilities");
	assert_int_equal(json_object_array_length(list), 0);

	all = call("Bind", BIND("all", "null"));
	assert_int_equal(fake.instances[2].capabilities, UINT64_MAX);
	assert_null(json_get_array(instance_of(all), "capabilities"));
}

/* What the daemon does not know can not be had. */
static void an_unknown_capability_is_left_out(void **state)
{
	succeed("Bind", BIND("c", "[\"CAP_CHOWN\",\"CAP_\",\"cap_kill\",\"KILL\",\"\"]"));
	assert_int_equal(fake.instances[0].capabilities, 1);
}

static void claims_may_kill(void **state)
{
	conf.on_claim_kill = true;
	succeed("Bind", BIND("c", "[]"));
	assert_int_equal(fake.instances[0].on_claim, VKERNEL_CLAIM_KILL);
}

static void a_core_that_can_not_check_binds_without(void **state)
{
	fake.missing = VKERNEL_FEATURE_CAPABILITY;
	succeed("Bind", BIND("c", "[\"CAP_KILL\"]"));
	assert_int_equal(fake.instances[0].capabilities, UINT64_MAX);
	assert_true(manager->told_unchecked);
}

#define APPLY(container, policy) "{\"container\":\"" container "\",\"policy\":\"" policy "\"}"

#define MASKED(name, more)                            \
	"{\"container\":\"" name "\",\"pid\":1," more \
	"\"masked_paths\":[\"/m\"],\"readonly_paths\":[\"/r\"]}"

static void masks_are_rules_and_stay(void **state)
{
	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"profile k {\\n/** rw,\\n}\\n\"}");
	succeed("Bind", MASKED("a", ""));
	succeed("Bind", MASKED("b", "\"policy\":\"kept\","));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"kept\"}");
	assert_memory_not_equal(fake.instances[1].digest, fake.instances[2].digest, VK_DIGEST_SIZE);
	succeed("ApplyPolicy", APPLY("a", "kept"));
	assert_memory_equal(fake.instances[0].digest, fake.instances[1].digest, VK_DIGEST_SIZE);
}

static void masks_that_can_not_be(void **state)
{
	refuse("Bind", "{\"container\":\"c\",\"pid\":1,\"masked_paths\":[\"m\"]}",
	       "io.vkernel.InvalidProfile", "message", "\"m\" can not be masked");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1,\"masked_paths\":[1]}",
	       "org.varlink.service.InvalidParameter", "parameter", "masked_paths");
	/* The runtime's mounts have to do where the core can not tell paths. */
	fake.missing = VKERNEL_FEATURE_CONFINE;
	succeed("Bind", MASKED("c", ""));
}

static void binds_that_fail(void **state)
{
	refuse("Bind", "{\"container\":\"a b\",\"pid\":1}", "io.vkernel.Failed", "message",
	       "container");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"none\"}",
	       "io.vkernel.NoSuchPolicy", "name", "none");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1,\"seccomp\":{\"defaultAction\":\"x\"}}",
	       "io.vkernel.InvalidProfile", NULL, NULL);
	refuse("Bind", "{\"container\":\"c\",\"pid\":4194303}", "io.vkernel.NoSuchProcess", NULL,
	       NULL);
	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.AlreadyBound", "container",
	       "c");
	fake.bind_error = -EALREADY;
	refuse("Bind", "{\"container\":\"d\",\"pid\":1}", "io.vkernel.Failed", "message",
	       "already");
	assert_int_equal(fake.n_instances, 1);
}

/* A bind that the core would refuse compiles and loads nothing. */
static void binds_that_fail_change_nothing(void **state)
{
	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\"}",
	       "io.vkernel.AlreadyBound", NULL, NULL);
	refuse("Bind", "{\"container\":\"d\",\"pid\":4194303,\"policy\":\"web\"}",
	       "io.vkernel.NoSuchProcess", NULL, NULL);
	assert_int_equal(fake.n_policies, 1);
	assert_int_equal(fake.builds, 2);
}

static void builds_that_fail(void **state)
{
	fake.build_error = -EIO;
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.BuildFailed", "hint",
	       "a hint");
	succeed("AddPolicy", ADD("web"));
	refuse("Build", "{\"policy\":\"web\"}", "io.vkernel.BuildFailed", "message", "no build");
	refuse("Build", "{\"policy\":\"none\"}", "io.vkernel.NoSuchPolicy", "name", "none");
	assert_int_equal(fake.loads, 0);
}

static void modules_that_do_not_load(void **state)
{
	static const struct {
		int error;
		const char *name, *hint;
	} cases[] = {
		{ -EKEYREJECTED, "io.vkernel.Unsupported", "ModuleSigningKey" },
		{ -EOPNOTSUPP, "io.vkernel.Unsupported", "journalctl -k" },
		{ -ENOEXEC, "io.vkernel.BuildFailed", "linux-headers" },
		{ -EPERM, "io.vkernel.Unsupported", "ModuleSigningKey" },
	};

	for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
		fake.load_error = cases[i].error;
		refuse("Bind", "{\"container\":\"c\",\"pid\":1}", cases[i].name, "hint",
		       cases[i].hint);
	}
	assert_int_equal(count("List", "instances"), 0);
}

/* The kernel's answer is the same, but not what to do about it. */
static void signatures_that_are_not_trusted(void **state)
{
	fake.load_error = -EKEYREJECTED;
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "message",
	       "there is no key to sign vkernel with");
	manager->builder_config.signer = (Signer){ .key = "/k", .cert = "/c", .hash = "sha256" };
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "message",
	       "refuses vkernel, which is signed with ModuleSigningCert=/c");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "hint",
	       "mokutil --import");
}

/* The key of this host has nothing to do with it. */
static void imports_that_do_not_load(void **state)
{
	fake.imported = "CN=x";
	fake.load_error = -EKEYREJECTED;
	manager->builder_config.signer = (Signer){ .key = "/k", .cert = "/c", .hash = "sha256" };
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "message",
	       "refuses vkernel, which was imported, signed by CN=x: it does not trust");
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "hint",
	       "vkctl cache rm vkernel");
	fake.imported = "";
	fake.load_error = -ENOEXEC;
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "message",
	       "signed by nobody who is known: it does not fit");
	/* It would be so with any other. */
	fake.load_error = -EPROTO;
	refuse("Bind", "{\"container\":\"c\",\"pid\":1}", "io.vkernel.Unsupported", "message",
	       "is of another version");
}

/* Unloaded between the look at it and the bind, it is loaded again; for ever it is not tried. */
static void a_policy_that_vanishes_is_loaded_again(void **state)
{
	fake.bind_error = -ENOENT;
	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
}

static void containers_by_name(void **state)
{
	succeed("Bind", "{\"container\":\"alpha-1\",\"pid\":1}");
	succeed("Bind", "{\"container\":\"alpha-2\",\"pid\":1}");
	succeed("Bind", "{\"container\":\"alpha\",\"pid\":1}");
	succeed("Inspect", "{\"container\":\"alpha\"}");
	succeed("Inspect", "{\"container\":\"alpha-2\"}");
	succeed("Inspect", "{\"container\":\"3\"}");
	refuse("Inspect", "{\"container\":\"al\"}", "io.vkernel.Ambiguous", "container", "al");
	refuse("Inspect", "{\"container\":\"\"}", "io.vkernel.NoSuchContainer", NULL, NULL);
	refuse("Inspect", "{\"container\":\"b\"}", "io.vkernel.NoSuchContainer", "container", "b");
	refuse("Unbind", "{\"container\":\"al\"}", "io.vkernel.NoSuchContainer", NULL, NULL);
	succeed("SetMode", "{\"container\":\"alpha-1\",\"mode\":\"audit\"}");
	assert_int_equal(fake.instances[0].mode, VKERNEL_MODE_AUDIT);
}

#define NO_MKDIR                                                          \
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":" \
	"[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\"}]}"

static void assert_instance(json_object *answer, const char *key, const char *wanted)
{
	assert_string_equal(json_get_string(instance_of(answer), key), wanted);
}

static void a_container_that_runs_gets_another_policy(void **state)
{
	_cleanup_json_ json_object *first = NULL, *again = NULL, *seen = NULL;
	uint8_t before[VK_DIGEST_SIZE];

	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"alpha\",\"pid\":1}");
	memcpy(before, fake.instances[0].digest, VK_DIGEST_SIZE);
	first = call("ApplyPolicy", APPLY("al", "web"));
	good(first);
	assert_int_equal(fake.loads, 3);
	assert_instance(first, "policy", "web");
	assert_int_equal(fake.swaps, 1);
	assert_memory_not_equal(fake.instances[0].digest, before, VK_DIGEST_SIZE);
	again = call("ApplyPolicy", APPLY("1", "web"));
	assert_true(json_get_bool(good(again), "cached"));
	assert_int_equal(fake.swaps, 1);
	assert_int_equal(fake.loads, 3);
	seen = call("Inspect", "{\"container\":\"alpha\"}");
	assert_instance(seen, "policy", "web");
	assert_instance(seen, "digest", json_get_string(instance_of(first), "digest"));
}

/* As if it had been bound with both from the start. */
static void its_own_rules_stay(void **state)
{
	succeed("AddPolicy", ADD("web"));
	succeed("Bind",
		"{\"container\":\"both\",\"pid\":1,\"policy\":\"web\",\"seccomp\":" NO_MKDIR "}");
	succeed("Bind", "{\"container\":\"own\",\"pid\":1,\"seccomp\":" NO_MKDIR "}");
	succeed("Bind", "{\"container\":\"none\",\"pid\":1}");
	succeed("ApplyPolicy", APPLY("own", "web"));
	succeed("ApplyPolicy", APPLY("none", "web"));
	assert_memory_equal(fake.instances[1].digest, fake.instances[0].digest, VK_DIGEST_SIZE);
	assert_memory_not_equal(fake.instances[2].digest, fake.instances[0].digest, VK_DIGEST_SIZE);
	/* Both that it was bound to, its own, none, and the one named alone. */
	assert_int_equal(fake.n_policies, 4);
}

/* Nor are they lost with the daemon, nor by a second policy. */
static void its_own_rules_outlive_the_daemon(void **state)
{
	uint8_t both[VK_DIGEST_SIZE];

	succeed("AddPolicy", ADD("web"));
	succeed("AddPolicy", "{\"name\":\"open\",\"profile\":"
			     "\"{\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\"}\"}");
	succeed("Bind",
		"{\"container\":\"c\",\"pid\":1,\"policy\":\"web\",\"seccomp\":" NO_MKDIR "}");
	memcpy(both, fake.instances[0].digest, VK_DIGEST_SIZE);
	stop();
	start();
	succeed("ApplyPolicy", APPLY("c", "open"));
	assert_memory_not_equal(fake.instances[0].digest, both, VK_DIGEST_SIZE);
	succeed("ApplyPolicy", APPLY("c", "web"));
	assert_memory_equal(fake.instances[0].digest, both, VK_DIGEST_SIZE);
}

/* The profile that its configuration names is a part of them. */
static void its_own_apparmor_profile_stays(void **state)
{
	succeed("AddPolicy", ADD("web"));
	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"profile k {\\n/k r,\\n}\\n\"}");
	succeed("Bind",
		"{\"container\":\"web\",\"pid\":1,\"policy\":\"web\",\"apparmor\":\"kept\"}");
	succeed("Bind", "{\"container\":\"own\",\"pid\":1,\"apparmor\":\"kept\"}");
	succeed("Bind",
		"{\"container\":\"two\",\"pid\":1,\"apparmor\":\"kept\",\"seccomp\":" NO_MKDIR "}");
	succeed("Bind",
		"{\"container\":\"both\",\"pid\":1,\"policy\":\"web\",\"apparmor\":\"kept\","
		"\"seccomp\":" NO_MKDIR "}");
	succeed("ApplyPolicy", APPLY("own", "web"));
	assert_memory_equal(fake.instances[1].digest, fake.instances[0].digest, VK_DIGEST_SIZE);
	succeed("ApplyPolicy", APPLY("two", "web"));
	assert_memory_equal(fake.instances[2].digest, fake.instances[3].digest, VK_DIGEST_SIZE);
}

/* The profile's rules may depend on what the container was given. */
static void it_is_read_for_the_capabilities_of_the_bind(void **state)
{
	static const char bind[] = "{\"container\":\"%s\",\"pid\":1,%s\"capabilities\":%s}";
	static const struct {
		const char *name, *policy, *capabilities;
	} binds[] = {
		{ "a", "\"policy\":\"caps\",", "[\"CAP_SYS_ADMIN\"]" },
		{ "b", "", "[\"CAP_SYS_ADMIN\"]" },
		{ "c", "", "null" },
	};
	char text[256];

	succeed("AddPolicy",
		"{\"name\":\"caps\",\"profile\":\"{\\\"defaultAction\\\":\\\"SCMP_ACT_ERRNO\\\","
		"\\\"syscalls\\\":[{\\\"names\\\":[\\\"mount\\\"],\\\"action\\\":"
		"\\\"SCMP_ACT_ALLOW\\\",\\\"includes\\\":{\\\"caps\\\":[\\\"CAP_SYS_ADMIN\\\"]}}]}\"}");
	for (size_t i = 0; i < ELEMENTSOF(binds); i++) {
		snprintf(text, sizeof(text), bind, binds[i].name, binds[i].policy,
			 binds[i].capabilities);
		succeed("Bind", text);
	}
	succeed("ApplyPolicy", APPLY("b", "caps"));
	succeed("ApplyPolicy", APPLY("c", "caps"));
	assert_memory_equal(fake.instances[1].digest, fake.instances[0].digest, VK_DIGEST_SIZE);
	assert_memory_not_equal(fake.instances[2].digest, fake.instances[0].digest, VK_DIGEST_SIZE);
}

static void policies_that_can_not_be_applied(void **state)
{
	static const uint8_t digest[VK_DIGEST_SIZE] = { 1 };

	succeed("AddPolicy", ADD("web"));
	refuse("ApplyPolicy", APPLY("c", "web"), "io.vkernel.NoSuchContainer", "container", "c");
	succeed("Bind", "{\"container\":\"alpha-1\",\"pid\":1}");
	succeed("Bind", "{\"container\":\"alpha-2\",\"pid\":1}");
	refuse("ApplyPolicy", APPLY("al", "web"), "io.vkernel.Ambiguous", "container", "al");
	refuse("ApplyPolicy", APPLY("alpha-1", "none"), "io.vkernel.NoSuchPolicy", "name", "none");
	fake.load_error = -EOPNOTSUPP;
	refuse("ApplyPolicy", APPLY("alpha-1", "web"), "io.vkernel.Unsupported", "message", "");
	fake.load_error = 0;
	fake.policy_error = -EBUSY;
	refuse("ApplyPolicy", APPLY("alpha-1", "web"), "io.vkernel.Failed", "message", "another");
	assert_int_equal(fake.swaps, 0);
	/* Unloaded between the look at it and its use. */
	fake.policy_error = -ENOENT;
	succeed("ApplyPolicy", APPLY("alpha-1", "web"));
	stop();
	fake_instance("unknown", digest);
	start();
	refuse("ApplyPolicy", APPLY("unknown", "web"), "io.vkernel.Failed", "message",
	       "must not be lost");
	assert_int_equal(fake.swaps, 1);
}

/* A swap that the daemon did not live to write down. */
static void a_restart_notes_another_policy(void **state)
{
	_cleanup_json_ json_object *seen = NULL;

	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\"}");
	stop();
	fake.instances[0].digest[0] ^= 1;
	start();
	seen = call("Inspect", "{\"container\":\"c\"}");
	assert_null(json_get_string(instance_of(seen), "policy"));
	succeed("ApplyPolicy", APPLY("c", "web"));
	assert_int_equal(fake.swaps, 1);
}

/* Nor did anybody write down what somebody else did; what came before the last is old. */
static void an_event_notes_another_policy(void **state)
{
	KernelEvent e = { .kind = VKERNEL_EVENT_POLICY,
			  .has = 1u << VKERNEL_A_EVENT_DIGEST,
			  .instance = 1,
			  .container = "c",
			  .digest = { 1 } };
	_cleanup_json_ json_object *before = NULL, *after = NULL;

	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\"}");
	fake_event(&e);
	before = call("Inspect", "{\"container\":\"c\"}");
	assert_instance(before, "policy", "web");
	memcpy(fake.instances[0].digest, e.digest, VK_DIGEST_SIZE);
	fake_event(&e);
	after = call("Inspect", "{\"container\":\"c\"}");
	assert_null(json_get_string(instance_of(after), "policy"));
}

static void inspect_counts_refusals(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	json_object *refused;

	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	fake.instances[0].refused[VK_CLASS_FILE] = 5;
	fake.instances[0].refused[VK_CLASS_RLIMIT] = 2;
	answer = call("Inspect", "{\"container\":\"c\"}");
	refused = json_get_object(instance_of(answer), "refused");
	assert_int_equal(json_object_object_length(refused), VK_NR_CLASSES);
	assert_int_equal(json_get_int(refused, "file"), 5);
	assert_int_equal(json_get_int(refused, "mount"), 0);
	assert_int_equal(json_get_int(refused, "rlimit"), 2);
}

static void inspect_names_calls(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	json_object *calls;

	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	answer = call("Inspect", "{\"container\":\"c\"}");
	calls = json_get_array(good(answer), "calls");
	assert_int_equal(json_object_array_length(calls), 2);
	assert_string_equal(json_get_string(json_object_array_get_idx(calls, 0), "name"), "uname");
	assert_null(json_get_string(json_object_array_get_idx(calls, 1), "name"));
}

static void unbind(void **state)
{
	succeed("Bind", "{\"container\":\"c\",\"pid\":1}");
	fake.instances[0].state = VKERNEL_STATE_ACTIVE;
	refuse("Unbind", "{\"container\":\"c\"}", "io.vkernel.InUse", "name", "c");
	fake.instances[0].state = VKERNEL_STATE_PENDING;
	succeed("Unbind", "{\"container\":\"c\"}");
	refuse("Unbind", "{\"container\":\"c\"}", "io.vkernel.NoSuchContainer", NULL, NULL);
}

static void unload(void **state)
{
	_cleanup_json_ json_object *answer = NULL;

	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\"}");
	refuse("Unload", "{\"module\":\"none\"}", "io.vkernel.NoSuchModule", "module", "none");
	refuse("Unload", "{\"module\":\"web\"}", "io.vkernel.InUse", "name", "web");
	refuse("Unload", "{\"core\":true}", "io.vkernel.InUse", "name", "vkernel");
	succeed("Unload", "{}");
	assert_int_equal(fake.n_policies, 1);
	fake_forget("c");
	answer = call("Unload", "{\"module\":\"web\"}");
	assert_int_equal(json_object_array_length(json_get_array(good(answer), "unloaded")), 1);
	assert_int_equal(fake.n_policies, 0);
	assert_int_equal(count("Unload", "unloaded"), 0);
}

/* A container may begin to use a module while it is on its way out. */
static void unload_races(void **state)
{
	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\"}");
	fake_forget("c");
	fake.unload_error = -EWOULDBLOCK;
	succeed("Unload", "{}");
	succeed("Bind", "{\"container\":\"d\",\"pid\":1,\"policy\":\"web\"}");
	fake_forget("d");
	refuse("Unload", "{\"core\":true}", "io.vkernel.InUse", NULL, NULL);
	succeed("Bind", "{\"container\":\"e\",\"pid\":1,\"policy\":\"web\"}");
	fake_forget("e");
	refuse("Unload", "{\"module\":\"web\"}", "io.vkernel.InUse", NULL, NULL);
	fake.unload_error = -EPERM;
	succeed("Bind", "{\"container\":\"f\",\"pid\":1,\"policy\":\"web\"}");
	fake_forget("f");
	refuse("Unload", "{}", "io.vkernel.Unsupported", NULL, NULL);
}

/* The container's own rules make another module of the policy. */
static void a_policy_that_is_part_of_a_module_is_in_use(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	json_object *web;

	succeed("AddPolicy", ADD("web"));
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\","
			"\"masked_paths\":[\"/m\"]}");
	answer = call("GetPolicy", "{\"name\":\"web\"}");
	web = json_get_object(good(answer), "policy");
	assert_false(json_get_bool(web, "loaded"));
	assert_int_equal(json_get_int(web, "instances"), 1);
	refuse("Unload", "{\"module\":\"web\"}", "io.vkernel.InUse", "name", "web");
	fake_forget("c");
	refuse("Unload", "{\"module\":\"web\"}", "io.vkernel.NoSuchModule", "module", "web");
}

static void watch(const char *container)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "{\"method\":\"io.vkernel.Monitor\",\"more\":true,"
		 "\"parameters\":{\"container\":\"%s\"}}",
		 container);
	dialog_say(&d, text);
	for (int i = 0; i < 5; i++)
		dialog_step(&d);
}

static void assert_claim(uint32_t capability, const char *name)
{
	KernelEvent e = { .kind = VKERNEL_EVENT_CAPABILITY,
			  .has = 1u << VKERNEL_A_EVENT_CAPABILITY | 1u << VKERNEL_A_EVENT_DROPPED,
			  .instance = 7,
			  .mode = VKERNEL_MODE_AUDIT,
			  .capability = capability,
			  .dropped = 3,
			  .container = "c" };
	_cleanup_json_ json_object *answer = NULL;
	json_object *o;

	fake_event(&e);
	answer = dialog_hear(&d);
	o = json_get_object(good(answer), "event");
	assert_string_equal(json_get_string(o, "kind"), "capability");
	assert_string_equal(json_get_string(o, "capability"), name);
	assert_string_equal(json_get_string(o, "mode"), "audit");
	assert_int_equal(json_get_int(o, "dropped"), 3);
	assert_null(json_get_string(o, "call"));
}

static void claims_are_events(void **state)
{
	watch("c");
	assert_claim(CAP_SYS_ADMIN, "CAP_SYS_ADMIN");
	/* Of a kernel that has more of them. */
	assert_claim(62, "62");
}

static void events(void **state)
{
	KernelEvent e = { .kind = VKERNEL_EVENT_DENIED,
			  .instance = 7,
			  .nr = 63,
			  .verdict = VK_VERDICT(VK_ERRNO, 1),
			  .container = "c",
			  .comm = "a\n\033b\xff" };
	_cleanup_json_ json_object *answer = NULL;
	json_object *o;

	e.has = 1u << VKERNEL_A_EVENT_NR | 1u << VKERNEL_A_EVENT_VERDICT |
		1u << VKERNEL_A_EVENT_COMM | 1u << VKERNEL_A_EVENT_ARGS;
	watch("c");
	strcpy(e.container, "other");
	fake_event(&e);
	strcpy(e.container, "c");
	fake_event(&e);
	answer = dialog_hear(&d);
	o = json_get_object(good(answer), "event");
	assert_string_equal(json_get_string(o, "container"), "c");
	assert_string_equal(json_get_string(o, "call"), "uname");
	assert_string_equal(json_get_string(o, "verdict"), "errno(1)");
	assert_string_equal(json_get_string(o, "comm"), "a??b?");
	assert_int_equal(json_object_array_length(json_get_array(o, "args")), 6);
	dialog_close(&d);
	for (int i = 0; i < 5; i++)
		assert_true(sd_event_run(event, 1000) >= 0);
	assert_null(manager->monitors);
	fake_event(&e);
	dialog_open(&d, event, options.socket);
}

static json_object *told(KernelEvent *e, json_object **answer)
{
	fake_event(e);
	*answer = dialog_hear(&d);
	return json_get_object(good(*answer), "event");
}

static void assert_words(json_object *o, const char *key, const char *wanted)
{
	assert_string_equal(
		json_object_to_json_string_ext(json_get_array(o, key), JSON_C_TO_STRING_PLAIN),
		wanted);
}

#define HAS(attribute) (1u << VKERNEL_A_EVENT_##attribute)

static void refusals_are_events(void **state)
{
	KernelEvent e = { .kind = VKERNEL_EVENT_REFUSED,
			  .has = HAS(CLASS) | HAS(OPERATION) | HAS(REQUESTED) | HAS(MISSING) |
				 HAS(PATH) | HAS(TARGET) | HAS(LABEL) | HAS(DROPPED),
			  .container = "c",
			  .class = VK_CLASS_FILE,
			  .operation = VKERNEL_OP_LINK,
			  .requested = VK_MAY_LINK | VK_MAY_READ,
			  .missing = VK_MAY_LINK,
			  .path = "/tmp/\xff\n\xc3\xa4",
			  .target = "/etc/shadow",
			  .label = "docker-default" };
	_cleanup_json_ json_object *answer = NULL;
	json_object *o;

	watch("c");
	o = told(&e, &answer);
	assert_string_equal(json_get_string(o, "kind"), "refused");
	assert_string_equal(json_get_string(o, "class"), "file");
	assert_string_equal(json_get_string(o, "operation"), "link");
	assert_words(o, "requested", "[\"read\",\"link\"]");
	assert_words(o, "missing", "[\"link\"]");
	assert_string_equal(json_get_string(o, "path"), "/tmp/\\xff\\x0a\xc3\xa4");
	assert_string_equal(json_get_string(o, "target"), "/etc/shadow");
	assert_string_equal(json_get_string(o, "label"), "docker-default");
	assert_string_equal(json_get_string(o, "mode"), "enforce");
	assert_true(json_object_object_get_ex(o, "allowed", NULL));
	assert_false(json_get_bool(o, "allowed"));
	assert_null(json_get_string(o, "family"));
	assert_false(json_object_object_get_ex(o, "arch", NULL));
}

static void audited_operations_are_events(void **state)
{
	KernelEvent e = { .kind = VKERNEL_EVENT_AUDITED,
			  .has = HAS(CLASS) | HAS(OPERATION) | HAS(FAMILY) | HAS(TYPE) |
				 HAS(SIGNAL) | HAS(RESOURCE) | HAS(CAPABILITY),
			  .container = "c",
			  .class = VK_CLASS_NETWORK,
			  .operation = VKERNEL_OP_SOCKET,
			  .family = 2,
			  .type = 15,
			  .signal = 9,
			  .resource = 7 };
	_cleanup_json_ json_object *answer = NULL;
	json_object *o;

	watch("c");
	o = told(&e, &answer);
	assert_string_equal(json_get_string(o, "kind"), "audited");
	assert_true(json_get_bool(o, "allowed"));
	assert_string_equal(json_get_string(o, "family"), "inet");
	assert_string_equal(json_get_string(o, "socket_type"), "15");
	assert_string_equal(json_get_string(o, "signal"), "SIGKILL");
	assert_string_equal(json_get_string(o, "resource"), "nofile");
	assert_string_equal(json_get_string(o, "capability"), "CAP_CHOWN");
	assert_null(json_get_array(o, "missing"));
	assert_null(json_get_string(o, "path"));
}

static void another_policy_is_an_event(void **state)
{
	KernelEvent e = { .kind = VKERNEL_EVENT_POLICY,
			  .has = HAS(DIGEST),
			  .container = "c",
			  .digest = { 0xab } };
	_cleanup_json_ json_object *answer = NULL;
	json_object *o;

	watch("c");
	o = told(&e, &answer);
	assert_string_equal(json_get_string(o, "kind"), "policy");
	assert_memory_equal(json_get_string(o, "digest"), "ab00", 4);
	assert_false(json_object_object_get_ex(o, "allowed", NULL));
	/* What a later core may tell is not for those that do not know it. */
	e.kind = VKERNEL_EVENT_POLICY + 1;
	fake_event(&e);
}

static int recorded(int64_t instance)
{
	_cleanup_db_instance_ DbInstance i = {};

	return db_instance_get(manager->db, manager->host.boot, instance, &i);
}

static void a_restart_takes_up_what_the_kernel_has(void **state)
{
	static const uint8_t digest[VK_DIGEST_SIZE] = { 1 };
	KernelEvent release = { .kind = VKERNEL_EVENT_RELEASE };

	succeed("Bind", "{\"container\":\"stays\",\"pid\":1}");
	succeed("Bind", "{\"container\":\"goes\",\"pid\":1}");
	assert_int_equal(db_build_start(manager->db, "k", "d", "6.12", 1), 0);
	stop();
	fake_forget("goes");
	fake_instance("unknown", digest);
	start();
	assert_int_equal(count("List", "instances"), 2);
	assert_int_equal(recorded(1), 0);
	assert_int_equal(recorded(2), -ENOENT);
	assert_int_equal(recorded(3), 0);
	/* The end of one that had the number before is not the end of this one. */
	release.instance = 3;
	strcpy(release.container, "before");
	fake_event(&release);
	assert_int_equal(recorded(3), 0);
	strcpy(release.container, "unknown");
	fake_event(&release);
	assert_int_equal(recorded(3), -ENOENT);
}

#define ARMOR(name, rules) "profile " name " {\\n" rules "\\n}\\n"
#define BIND_AS(container, apparmor) \
	"{\"container\":\"" container "\",\"pid\":1,\"apparmor\":\"" apparmor "\"}"

static json_object *first_of(json_object *answer, const char *key)
{
	return json_object_array_get_idx(json_get_array(good(answer), key), 0);
}

static void a_policy_of_both_parts(void **state)
{
	_cleanup_json_ json_object *added = NULL, *shown = NULL;
	json_object *p, *c;

	added = call("AddPolicy", "{\"name\":\"web\",\"profile\":\"" NO_UNAME
				  "\",\"apparmor\":\"" ARMOR("web", "capability kill,") "\"}");
	p = json_get_object(good(added), "policy");
	assert_string_equal(json_get_string(p, "source"), "both");
	assert_false(json_get_bool(p, "exec_inherit"));
	assert_int_equal(json_object_array_length(json_get_array(good(added), "warnings")), 0);
	shown = call("GetPolicy", "{\"name\":\"web\"}");
	assert_non_null(strstr(json_get_string(good(shown), "apparmor"), "profile web"));
	c = first_of(shown, "confinements");
	assert_string_equal(json_get_string(c, "label"), "web");
	assert_int_equal(json_object_array_length(json_get_array(c, "capabilities")), 1);
	assert_int_equal(json_object_array_length(json_get_array(c, "mediates")), 6);
	succeed("Bind", "{\"container\":\"c\",\"pid\":1,\"policy\":\"web\"}");
	assert_int_equal(fake.n_policies, 1);
}

static void a_policy_of_apparmor_alone(void **state)
{
	_cleanup_json_ json_object *added = NULL, *checked = NULL;
	const char *digest;

	added = call("AddPolicy", "{\"name\":\"files\",\"apparmor\":\"" ARMOR(
					  "f", "/x px,") "\",\"exec_inherit\":true}");
	assert_string_equal(json_get_string(json_get_object(good(added), "policy"), "source"),
			    "apparmor");
	assert_non_null(strstr(json_object_get_string(first_of(added, "warnings")), "/x"));
	digest = json_get_string(json_get_object(good(added), "policy"), "digest");
	checked = call("CheckPolicy",
		       "{\"apparmor\":\"" ARMOR("f", "/x px,") "\",\"exec_inherit\":true}");
	assert_string_equal(json_get_string(good(checked), "digest"), digest);
}

static void bad_apparmor_changes_nothing(void **state)
{
	refuse("AddPolicy", "{\"name\":\"a\",\"apparmor\":\"" ARMOR("a", "/x zz,") "\"}",
	       "io.vkernel.InvalidProfile", "message", "line 2");
	refuse("AddPolicy", "{\"name\":\"a\",\"apparmor\":\"" ARMOR("a", "/x px,") "\"}",
	       "io.vkernel.Unsupported", "message", "/x");
	refuse("AddPolicy", "{\"name\":\"a\",\"apparmor\":\"" ARMOR("a", "dbus,") "\"}",
	       "io.vkernel.Unsupported", "hint", "--allow-unmediated");
	refuse("AddPolicy", "{\"name\":\"a\",\"apparmor\":\"" ARMOR("a", "") ARMOR("b", "") "\"}",
	       "io.vkernel.InvalidProfile", "message", "name one");
	refuse("CheckPolicy", "{\"apparmor\":\"" ARMOR("a", "") "\",\"apparmor_profile\":\"b\"}",
	       "io.vkernel.InvalidProfile", "message", "no profile");
	assert_int_equal(count("ListPolicies", "policies"), 0);
}

/* Of the same text under the name: a kept policy, a file, an engine's; none is a refusal. */
static void a_profile_that_the_config_names(void **state)
{
	scratch_write("apparmor.d/usr.bin.x", "profile /usr/bin/x {\n/etc/x r,\n}\n");
	scratch_write("apparmor.d/mine", "profile other {\n/a px -> mine2,\n}\n"
					 "profile mine2 {\n/etc/x r,\n}\n");
	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"" ARMOR("k", "/k r,") "\"}");
	succeed("Bind", BIND_AS("c1", ""));
	succeed("Bind", BIND_AS("c2", "unconfined"));
	assert_int_equal(fake.n_policies, 1);
	succeed("Bind", BIND_AS("c3", "kept"));
	succeed("Bind", BIND_AS("c4", "/usr/bin/x"));
	succeed("Bind", BIND_AS("c5", "mine2"));
	succeed("Bind", BIND_AS("c6", "docker-default"));
	succeed("Bind", BIND_AS("c7", "containers-default-0.57.4"));
	assert_int_equal(fake.n_policies, 6);
	refuse("Bind", BIND_AS("c8", "none"), "io.vkernel.InvalidProfile", "message", "none");
	refuse("Bind", BIND_AS("c8", "other"), "io.vkernel.Unsupported", "message", "mine: ");
	assert_int_equal(fake.n_instances, 7);
}

#define PREPARE_AS(container, apparmor) \
	"{\"container\":\"" container "\",\"apparmor\":\"" apparmor "\"}"

static void assert_prepared(const char *parameters, bool taken)
{
	_cleanup_json_ json_object *answer = call("Prepare", parameters);

	assert_int_equal(json_get_bool(good(answer), "apparmor_taken"), taken);
	assert_int_equal(strlen(json_get_string(good(answer), "digest")), 64);
	assert_non_null(json_get_string(good(answer), "module"));
}

static void assert_enforces(const char *container, const char *apparmor)
{
	_cleanup_json_ json_object *answer = NULL;
	const char *found;
	char text[128];

	snprintf(text, sizeof(text), "{\"container\":\"%s\"}", container);
	answer = call("Inspect", text);
	found = json_get_string(json_get_object(good(answer), "instance"), "apparmor");
	assert_string_equal(found ? found : "", apparmor);
}

/* All is done that can be without a process. */
static void preparing_binds_nothing(void **state)
{
	succeed("AddPolicy", ADD("web"));
	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"" ARMOR("k", "/k r,") "\"}");
	assert_prepared("{\"container\":\"c\",\"policy\":\"web\"}", false);
	assert_prepared(PREPARE_AS("c", "unconfined"), false);
	assert_prepared(PREPARE_AS("c", "kept"), true);
	refuse("Prepare", PREPARE_AS("c", "web"), "io.vkernel.InvalidProfile", "message", "web");
	assert_prepared(PREPARE_AS("c", "docker-default"), true);
	assert_int_equal(fake.n_instances, 0);
	assert_int_equal(fake.n_policies, 4);
	succeed("Bind", BIND_AS("c", "docker-default"));
	succeed("Bind", BIND_AS("free", "unconfined"));
	assert_int_equal(fake.n_policies, 4);
	assert_enforces("c", "docker-default");
	assert_enforces("free", "");
}

static void preparing_that_fails(void **state)
{
	refuse("Prepare", "{\"container\":\"a b\"}", "io.vkernel.Failed", "message", "container");
	refuse("Prepare", "{\"container\":\"c\",\"pid\":1}", "org.varlink.service.InvalidParameter",
	       "parameter", "pid");
	refuse("Prepare", "{\"container\":\"c\",\"policy\":\"none\"}", "io.vkernel.NoSuchPolicy",
	       "name", "none");
	refuse("Prepare", PREPARE_AS("c", "none"), "io.vkernel.InvalidProfile", "message", "none");
	refuse("Prepare",
	       "{\"container\":\"c\",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}}",
	       "io.vkernel.Unsupported", "message", "NOTIFY");
	assert_int_equal(fake.loads, 0);
}

/* As AppArmor's own tools have it. */
static void profiles_that_do_not_count(void **state)
{
	scratch_write("apparmor.d/off", "profile off {\n}\n");
	scratch_folder("apparmor.d/disable");
	scratch_write("apparmor.d/disable/off", "");
	scratch_write("apparmor.d/new.dpkg-new", "profile new {\n}\n");
	scratch_folder("apparmor.d/local");
	scratch_write("apparmor.d/local/deep", "profile deep {\n}\n");
	scratch_write("apparmor.d/talk", "profile talk {\ndbus,\n}\n");
	refuse("Bind", BIND_AS("c", "off"), "io.vkernel.InvalidProfile", "message", "off");
	refuse("Bind", BIND_AS("c", "new"), "io.vkernel.InvalidProfile", "message", "new");
	refuse("Bind", BIND_AS("c", "deep"), "io.vkernel.InvalidProfile", "hint", "--apparmor");
	refuse("Bind", BIND_AS("c", "talk"), "io.vkernel.Unsupported", "message", "talk: ");
	assert_null(manager->remembered);
}

static void names_are_remembered(void **state)
{
	scratch_write("apparmor.d/mine", "profile mine {\n/etc/x r,\n}\n");
	succeed("Bind", BIND_AS("c1", "mine"));
	assert_non_null(manager->remembered);
	succeed("Bind", BIND_AS("c2", "mine"));
	assert_int_equal(fake.n_policies, 1);
	scratch_write("apparmor.d/mine", "profile mine {\n/etc/xyz r,\n}\n");
	succeed("Bind", BIND_AS("c3", "mine"));
	assert_int_equal(fake.n_policies, 2);
}

/* The policy's and the container's, one on the other; not twice the same. */
static void profiles_are_stacked(void **state)
{
	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"" ARMOR("k", "/k r,") "\"}");
	succeed("Bind", "{\"container\":\"c1\",\"pid\":1,\"policy\":\"kept\"}");
	succeed("Bind", "{\"container\":\"c2\",\"pid\":1,\"policy\":\"kept\","
			"\"apparmor\":\"kept\"}");
	assert_int_equal(fake.n_policies, 1);
	succeed("Bind", "{\"container\":\"c3\",\"pid\":1,\"policy\":\"kept\","
			"\"apparmor\":\"docker-default\"}");
	assert_int_equal(fake.n_policies, 2);
}

static void a_core_that_can_not_confine_refuses(void **state)
{
	fake.missing = VKERNEL_FEATURE_CONFINE;
	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"" ARMOR("k", "/k r,") "\"}");
	refuse("Bind", BIND_AS("c", "kept"), "io.vkernel.Unsupported", "message", "AppArmor");
	refuse("Build", "{\"policy\":\"kept\"}", "io.vkernel.Unsupported", "message", "AppArmor");
	succeed("Bind", BIND_AS("c", "unconfined"));
	assert_int_equal(fake.n_instances, 1);
}

/* As after an upgrade: the core of the version before, with a policy's module. */
static void load_other(uint32_t abi)
{
	stop();
	fake.loaded = true;
	fake.abi = abi;
	strcpy(fake.version, "0.0.1");
	strcpy(fake.policies[0].module, "vkernel_000000000001");
	fake.n_policies = 1;
}

static void an_unused_core_of_another_version_goes(void **state)
{
	load_other(VK_POLICY_ABI);
	start();
	assert_false(fake.loaded);
	assert_int_equal(fake.n_policies, 0);
	succeed("Bind", "{\"container\":\"new\",\"pid\":1}");
	assert_string_equal(fake.version, VK_VERSION);
}

static void one_in_use_stays_and_takes_more(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	char detail[64];

	load_other(VK_POLICY_ABI);
	fake_instance("old", fake.policies[0].digest);
	start();
	assert_true(fake.loaded);
	assert_int_equal(count("List", "instances"), 1);
	answer = call("Status", "{}");
	snprintf(detail, sizeof(detail), "version 0.0.1, this vkerneld is %s", VK_VERSION);
	assert_non_null(strstr(json_object_to_json_string(good(answer)), detail));
	succeed("Bind", "{\"container\":\"new\",\"pid\":1}");
	assert_string_equal(fake.version, "0.0.1");
}

/* Until its containers have ended: they stay bound and can be listed. */
static void one_of_another_abi_takes_none(void **state)
{
	load_other(VK_POLICY_ABI - 1);
	fake_instance("old", fake.policies[0].digest);
	start();
	refuse("Bind", "{\"container\":\"new\",\"pid\":1}", "io.vkernel.Unsupported", "message",
	       "version 0.0.1, has policy ABI");
	refuse("Bind", "{\"container\":\"new\",\"pid\":1}", "io.vkernel.Unsupported", "hint",
	       "vkctl list");
	assert_int_equal(count("List", "instances"), 1);
	assert_true(fake.loaded);
	assert_int_equal(fake.loads, 0);
	fake_forget("old");
	succeed("Bind", "{\"container\":\"new\",\"pid\":1}");
	assert_string_equal(fake.version, VK_VERSION);
	assert_int_equal(fake.loads, 2);
}

/* As if another version had compiled it. */
static void an_old_confinement_is_renewed(void **state)
{
	const DbBlob junk = { .data = (char *)"junk", .size = 4 };
	_cleanup_db_policy_ DbPolicy p = {};

	succeed("AddPolicy", "{\"name\":\"kept\",\"apparmor\":\"" ARMOR("k", "/k r,") "\"}");
	assert_int_equal(db_policy_compiled(manager->db, "kept", "d", &junk, "0:x"), 0);
	succeed("GetPolicy", "{\"name\":\"kept\"}");
	assert_int_equal(db_policy_get(manager->db, "kept", &p), 0);
	assert_int_equal(strlen(p.digest), 64);
	assert_true(p.confinement.size > 100);
	assert_int_equal(db_policy_compiled(manager->db, "kept", "d", &junk, p.compiled), 0);
	refuse("GetPolicy", "{\"name\":\"kept\"}", "io.vkernel.Failed", "message", "damaged");
}

/* While the parser runs. */
static void the_end_answers_who_waits_for_the_parser(void **state)
{
	_cleanup_json_ json_object *answer = NULL;

	dialog_say(&d, "{\"method\":\"io.vkernel.AddPolicy\",\"parameters\":"
		       "{\"name\":\"kept\",\"apparmor\":\"" ARMOR("k", "/k r,") "\"}}");
	while (!manager->operations)
		dialog_step(&d);
	manager = manager_free(manager);
	assert_int_equal(varlink_stream_read(&d.stream), 1);
	assert_int_equal(varlink_stream_next(&d.stream, &answer), 1);
	dialog_assert_error(answer, "io.vkernel.Failed", NULL, NULL);
	dialog_close(&d);
	start();
	assert_int_equal(count("ListPolicies", "policies"), 0);
}

/* With a call that waits, the daemon ends as well. */
static void the_end_answers_who_waits(void **state)
{
	_cleanup_json_ json_object *answer = NULL;

	dialog_say(&d, "{\"method\":\"io.vkernel.Monitor\",\"more\":true}");
	for (int i = 0; i < 5; i++)
		dialog_step(&d);
	manager = manager_free(manager);
	assert_int_equal(varlink_stream_read(&d.stream), 1);
	assert_int_equal(varlink_stream_next(&d.stream, &answer), 1);
	dialog_assert_error(answer, "io.vkernel.Failed", NULL, NULL);
	dialog_close(&d);
	start();
}

#define ENTRY_KEY "abcdef0000000000000000000000000000000000000000000000000000000000"
#define ENTRY_DIGEST "12345678abcd0000000000000000000000000000000000000000000000000000"
#define ENTRY_FOLDER "ab/" ENTRY_KEY
#define ENTRY_MODULE "vkernel_12345678abcd"

/* A module that was made, with what becomes of its file: NULL for nothing. */
static void keep_entry(const char *changed)
{
	char content[HASH_HEX_SIZE];

	assert_true(mkdir(scratch_path("ab"), 0755) == 0 || errno == EEXIST);
	assert_true(mkdir(scratch_path(ENTRY_FOLDER), 0755) == 0 || errno == EEXIST);
	scratch_write(ENTRY_FOLDER "/" ENTRY_MODULE ".ko", "module");
	assert_int_equal(cache_content(scratch_path(ENTRY_FOLDER), ENTRY_MODULE, content), 0);
	assert_int_equal(
		db_build_start(manager->db, ENTRY_KEY, ENTRY_DIGEST, manager->host.release, 1), 0);
	assert_int_equal(db_build_ok(manager->db, ENTRY_KEY, 1, 6, content), 0);
	if (changed)
		scratch_write(ENTRY_FOLDER "/" ENTRY_MODULE ".ko", changed);
}

static void assert_first(const char *method, const char *parameters, const char *array,
			 const char *key, const char *value)
{
	_cleanup_json_ json_object *answer = call(method, parameters);
	json_object *all = json_get_array(good(answer), array);

	assert_true(json_object_array_length(all) > 0);
	assert_string_equal(json_get_string(json_object_array_get_idx(all, 0), key), value);
}

static void the_cache_is_listed_and_verified(void **state)
{
	assert_int_equal(count("ListCache", "entries"), 0);
	assert_int_equal(count("VerifyCache", "entries"), 0);
	keep_entry(NULL);
	assert_first("ListCache", "{}", "entries", "module", ENTRY_MODULE);
	assert_first("ListCache", "{}", "entries", "use", "none");
	assert_first("VerifyCache", "{}", "entries", "state", "ok");
	keep_entry("changed");
	assert_first("VerifyCache", "{}", "entries", "state", "corrupt");
	assert_int_equal(unlink(scratch_path(ENTRY_FOLDER "/" ENTRY_MODULE ".ko")), 0);
	assert_first("VerifyCache", "{}", "entries", "state", "missing");
	assert_int_equal(count("ListCache", "entries"), 0);
	assert_first("CollectCache", "{}", "removed", "reason", "missing");
	assert_int_equal(count("CollectCache", "removed"), 0);
}

static void entries_are_removed_by_their_names(void **state)
{
	static const char *const names[] = { ENTRY_KEY, "abcdef00", ENTRY_MODULE, ENTRY_DIGEST };
	char text[128];

	for (size_t i = 0; i < ELEMENTSOF(names); i++) {
		keep_entry(NULL);
		snprintf(text, sizeof(text), "{\"entry\":\"%s\"}", names[i]);
		assert_first("RemoveCached", text, "removed", "key", ENTRY_KEY);
		assert_int_equal(access(scratch_path("ab"), F_OK), -1);
		refuse("RemoveCached", text, "io.vkernel.NoSuchEntry", "entry", names[i]);
	}
	keep_entry(NULL);
	refuse("RemoveCached", "{\"entry\":\"abcdef0\"}", "io.vkernel.NoSuchEntry", "entry",
	       "abcdef0");
	refuse("RemoveCached", "{\"entry\":\"\"}", "io.vkernel.NoSuchEntry", "entry", "");
}

static void an_entry_in_use_is_not_removed(void **state)
{
	static const char module[] = "{\"entry\":\"" ENTRY_MODULE "\"}";

	keep_entry(NULL);
	strcpy(fake.works_on, ENTRY_KEY);
	refuse("RemoveCached", module, "io.vkernel.EntryInUse", "message", "under way");
	fake.works_on[0] = 0;
	fake.loaded = true;
	fake.policies[fake.n_policies++] = (KernelPolicy){
		.digest = { 0x12, 0x34, 0x56, 0x78, 0xab, 0xcd },
	};
	refuse("RemoveCached", module, "io.vkernel.EntryInUse", "message", "is loaded");
	refuse("RemoveCached", module, "io.vkernel.EntryInUse", "key", ENTRY_KEY);
	assert_first("ListCache", "{}", "entries", "use", "loaded");
	fake.n_policies = 0;
	succeed("RemoveCached", module);
}

/* While it reads one after the other. */
static void the_end_answers_who_verifies(void **state)
{
	keep_entry(NULL);
	dialog_say(&d, "{\"method\":\"io.vkernel.VerifyCache\"}");
	while (!manager->operations)
		dialog_step(&d);
	stop();
	start();
	assert_int_equal(count("ListCache", "entries"), 1);
}

static void status(void **state)
{
	_cleanup_json_ json_object *answer = call("Status", "{}");

	assert_false(json_get_bool(good(answer), "healthy"));
}

/* What the check of that name says, in one line. */
static void checked(const char *name, const char *wanted, const char *detail)
{
	_cleanup_json_ json_object *answer = call("Status", "{}");
	json_object *checks = json_get_array(good(answer), "checks"), *found = NULL;

	for (size_t i = 0; i < json_object_array_length(checks); i++) {
		json_object *c = json_object_array_get_idx(checks, i);

		if (strcmp(json_get_string(c, "name"), name) == 0)
			found = c;
	}
	assert_non_null(found);
	assert_string_equal(json_get_string(found, "state"), wanted);
	assert_non_null(strstr(json_get_string(found, "detail"), detail));
}

static void status_tells_who_signs(void **state)
{
	char key[128], cert[128];
	X509 *expired = pair_certificate(pair_key(), 1, -9, -2);

	pair_write("a", pair_key(), 1);
	pair_write_certificate("old.crt", expired, false);
	X509_free(expired);
	snprintf(key, sizeof(key), "%s/a.key", scratch);
	snprintf(cert, sizeof(cert), "%s/a.crt", scratch);
	manager->builder_config.signer = (Signer){ .key = key, .cert = cert, .hash = "sha256" };
	checked("modules", "ok", "are signed by CN=" PAIR_NAME ", with sha256");
	snprintf(cert, sizeof(cert), "%s/old.crt", scratch);
	checked("modules", "warn", "old.crt expired at ");
	assert_int_equal(chmod(key, 0644), 0);
	checked("modules", "bad", "a.key is open to others than its owner (mode 0644)");
	manager->builder_config.signer.cert = NULL;
	checked("modules", "bad", "ModuleSigningCert= is not");
}

#define IMPORT_DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *import_data = "bW9kdWxl";

/* Import() of six bytes, or of what was signed; what differs from what fits comes last, where it holds. */
static const char *import_of(const char *more, const char *insecure)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "{\"prebuilt\":{\"module\":\"vkernel_0123456789ab\",\"digest\":\"" IMPORT_DIGEST
		 "\",\"architecture\":\"x86_64\",\"kernel\":\"%s\",\"build_id\":\"%s\","
		 "\"abi\":%d,\"version\":\"" VK_VERSION
		 "\",\"address\":\"address-0123456789ab\"%s},\"data\":\"%s\"%s}",
		 manager->host.release, manager->host.build_id, VK_POLICY_ABI, more, import_data,
		 insecure);
	return text;
}

#define INSECURE ",\"insecure\":true"

static void fake_look(void)
{
	strcpy(fake.look.module, "vkernel_0123456789ab");
	strcpy(fake.look.digest, IMPORT_DIGEST);
	strcpy(fake.look.fit, "fit-0123456789ab");
	snprintf(fake.look.release, sizeof(fake.look.release), "%s", manager->host.release);
}

static void what_does_not_fit_is_not_imported(void **state)
{
	static const char *const cases[][2] = {
		{ ",\"architecture\":\"aarch64\"", "another architecture: aarch64" },
		{ ",\"kernel\":\"6.99\"", "another kernel: 6.99" },
		{ ",\"build_id\":\"00\"", "another build of this kernel: 00" },
		{ ",\"abi\":99", "another ABI of policies: 99" },
		{ ",\"version\":\"9.9\"", "another version of vkernel: 9.9" },
		{ ",\"address\":\"x\"", "another core" },
		{ ",\"module\":\"vkernel_ffffffffffff\"", "not true" },
	};

	fake_look();
	for (size_t i = 0; i < ELEMENTSOF(cases); i++)
		refuse("Import", import_of(cases[i][0], INSECURE), "io.vkernel.Unsupported",
		       "message", cases[i][1]);
	strcpy(fake.look.digest, "core");
	refuse("Import", import_of("", INSECURE), "io.vkernel.Unsupported", "message", "not true");
	fake_look();
	strcpy(fake.look.release, "6.98");
	refuse("Import", import_of("", INSECURE), "io.vkernel.Unsupported", "message",
	       "another kernel: 6.98");
	fake_look();
	strcpy(fake.look.fit, "fit-another");
	refuse("Import", import_of("", INSECURE), "io.vkernel.Unsupported", "message",
	       "another build of this kernel");
	refuse("Import", "{\"prebuilt\":{},\"data\":\"\"}", "org.varlink.service.InvalidParameter",
	       "parameter", "module");
	assert_int_equal(fake.imports, 0);
}

/* Of whom nobody here has the certificate is not believed, unless root says so. */
static void who_vouches_for_an_import(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	char folder[128];

	fake_look();
	refuse("Import", import_of("", ""), "io.vkernel.Unsupported", "hint", "ModuleImportCerts=");
	scratch_folder("certs");
	snprintf(folder, sizeof(folder), "%s/certs", scratch);
	conf.import_certs = folder;
	refuse("Import", import_of("", ""), "io.vkernel.Unsupported", "message",
	       "holds no certificate");
	pair_write("certs/a", pair_key(), 1);
	refuse("Import", import_of("", ""), "io.vkernel.Unsupported", "message",
	       "it is not trusted: it has no signature");
	assert_int_equal(fake.imports, 0);
	answer = call("Import", import_of("", INSECURE));
	assert_string_equal(json_get_string(good(answer), "key"), "address-0123456789ab");
	assert_null(json_get_string(good(answer), "signer"));
	assert_int_equal(fake.imports, 1);
	conf.import_certs = NULL;
}

/* Signed by the pair a of the folder certs, which is the one that is trusted from here on. */
static void sign_import(char folder[128])
{
	static char text[2048];
	char key[128], cert[128], path[128], module[1024], id[HASH_HEX_SIZE];
	const Signer signer = { .key = key, .cert = cert, .hash = "sha256" };
	_cleanup_failure_ Failure f = {};
	SignReport report = {};
	FILE *file;
	size_t n;

	fake_look();
	scratch_folder("certs");
	snprintf(folder, 128, "%s/certs", scratch);
	conf.import_certs = folder;
	pair_write("certs/a", pair_key(), 1);
	snprintf(key, sizeof(key), "%s/a.key", folder);
	snprintf(cert, sizeof(cert), "%s/a.crt", folder);
	snprintf(path, sizeof(path), "%s/m.ko", scratch);
	scratch_write("m.ko", "module");
	assert_int_equal(signing_identify(&signer, id, &f), 0);
	assert_int_equal(sign_module(&signer, id, path, &report), 0);
	file = fopen(path, "re");
	assert_non_null(file);
	n = fread(module, 1, sizeof(module), file);
	fclose(file);
	assert_true(n < sizeof(module) && BASE64_ENCODE_RAW_LENGTH(n) < sizeof(text));
	base64_encode_raw(text, n, (const uint8_t *)module);
	text[BASE64_ENCODE_RAW_LENGTH(n)] = 0;
	import_data = text;
}

static void forget_import(void)
{
	import_data = "bW9kdWxl";
	conf.import_certs = NULL;
}

static void a_signed_import_is_kept(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	char folder[128];

	sign_import(folder);
	answer = call("Import", import_of("", ""));
	assert_string_equal(json_get_string(good(answer), "signer"), "CN=" PAIR_NAME);
	assert_int_equal(fake.imports, 1);
	/* The signature does not make what is said of it true. */
	strcpy(fake.look.fit, "fit-another");
	refuse("Import", import_of("", ""), "io.vkernel.Unsupported", "message", "not true");
	assert_int_equal(fake.imports, 1);
	forget_import();
}

/* While the child still looks at it. */
static void the_end_answers_who_imports(void **state)
{
	char folder[128], *message;

	sign_import(folder);
	assert_true(asprintf(&message, "{\"method\":\"io.vkernel.Import\",\"parameters\":%s}",
			     import_of("", "")) > 0);
	dialog_say(&d, message);
	free(message);
	while (!manager->operations)
		dialog_step(&d);
	stop();
	start();
	assert_int_equal(fake.imports, 0);
	forget_import();
}

static void exports(void **state)
{
	_cleanup_json_ json_object *answer = NULL;
	json_object *p;

	succeed("AddPolicy", ADD("web"));
	answer = call("Export", "{\"policy\":\"web\"}");
	p = json_get_object(good(answer), "prebuilt");
	assert_string_equal(json_get_string(p, "kernel"), manager->host.release);
	assert_int_equal(strncmp(json_get_string(p, "address"), "address-", 8), 0);
	assert_non_null(json_get_string(good(answer), "data"));
	assert_int_equal(fake.builds, 1);
	refuse("Export", "{\"policy\":\"none\"}", "io.vkernel.NoSuchPolicy", "name", "none");
	succeed("Export", "{}");
	fake.installed = true;
	refuse("Export", "{}", "io.vkernel.Unsupported", "message", "installed: /vkernel.ko");
}

#define api_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		api_test(parameters),
		api_test(policies),
		api_test(bad_policies_change_nothing),
		api_test(an_image_moves_with_a_warning),
		api_test(the_first_bind_loads_core_and_module),
		api_test(an_installed_core_is_loaded),
		api_test(one_that_does_not_load_is_replaced),
		api_test(what_a_container_is_bound_to),
		api_test(a_profile_is_read_for_the_container),
		api_test(a_container_has_the_capabilities_it_was_given),
		api_test(an_unknown_capability_is_left_out),
		api_test(claims_may_kill),
		api_test(a_core_that_can_not_check_binds_without),
		api_test(binds_that_fail),
		api_test(binds_that_fail_change_nothing),
		api_test(builds_that_fail),
		api_test(modules_that_do_not_load),
		api_test(signatures_that_are_not_trusted),
		api_test(imports_that_do_not_load),
		api_test(a_policy_that_vanishes_is_loaded_again),
		api_test(containers_by_name),
		api_test(a_container_that_runs_gets_another_policy),
		api_test(its_own_rules_stay),
		api_test(its_own_rules_outlive_the_daemon),
		api_test(its_own_apparmor_profile_stays),
		api_test(masks_are_rules_and_stay),
		api_test(masks_that_can_not_be),
		api_test(it_is_read_for_the_capabilities_of_the_bind),
		api_test(policies_that_can_not_be_applied),
		api_test(a_restart_notes_another_policy),
		api_test(an_event_notes_another_policy),
		api_test(inspect_counts_refusals),
		api_test(inspect_names_calls),
		api_test(unbind),
		api_test(unload),
		api_test(unload_races),
		api_test(a_policy_that_is_part_of_a_module_is_in_use),
		api_test(claims_are_events),
		api_test(events),
		api_test(refusals_are_events),
		api_test(audited_operations_are_events),
		api_test(another_policy_is_an_event),
		api_test(a_restart_takes_up_what_the_kernel_has),
		api_test(the_end_answers_who_waits),
		api_test(a_policy_of_both_parts),
		api_test(a_policy_of_apparmor_alone),
		api_test(bad_apparmor_changes_nothing),
		api_test(a_profile_that_the_config_names),
		api_test(preparing_binds_nothing),
		api_test(preparing_that_fails),
		api_test(profiles_that_do_not_count),
		api_test(names_are_remembered),
		api_test(profiles_are_stacked),
		api_test(a_core_that_can_not_confine_refuses),
		api_test(an_unused_core_of_another_version_goes),
		api_test(one_in_use_stays_and_takes_more),
		api_test(one_of_another_abi_takes_none),
		api_test(an_old_confinement_is_renewed),
		api_test(the_end_answers_who_waits_for_the_parser),
		api_test(the_cache_is_listed_and_verified),
		api_test(entries_are_removed_by_their_names),
		api_test(an_entry_in_use_is_not_removed),
		api_test(the_end_answers_who_verifies),
		api_test(status),
		api_test(status_tells_who_signs),
		api_test(what_does_not_fit_is_not_imported),
		api_test(who_vouches_for_an_import),
		api_test(a_signed_import_is_kept),
		api_test(the_end_answers_who_imports),
		api_test(exports),
	};

	sigset_t set;

	/* As vkerneld's own main() has it. */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
