// SPDX-License-Identifier: LGPL-2.1-or-later
/* vkernel-runtime: command lines, what becomes of config.json, and what it hands on. */
#include "tests/unit/vkctl_service.h"
#include "vkctl/move.h"
#include "vkctl/shim_arguments.h"

static struct shim_arguments arguments;

/* The words of "vkernel-runtime WORDS"; the arguments borrow of them. */
static int read_words(const char *words, struct failure *failure)
{
	static char copy[512];
	char *argv[32] = { "vkernel-runtime" }, *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	arguments = (struct shim_arguments){};
	return shim_arguments_read(&arguments, argc, argv, failure);
}

static void assert_words(const char *words, enum shim_verb verb, const char *container,
			 const char *bundle)
{
	_cleanup_failure_ struct failure failure = {};

	if (read_words(words, &failure) < 0)
		fail_msg("%s: %s", words, failure.why);
	assert_int_equal(arguments.verb, verb);
	assert_string_equal(arguments.container ?: "", container ?: "");
	assert_string_equal(arguments.bundle ?: "", bundle ?: "");
}

static void assert_words_refused(const char *words, const char *why)
{
	_cleanup_failure_ struct failure failure = {};

	assert_true(read_words(words, &failure) < 0);
	assert_has(failure.why, why);
}

static void test_create_words(void **state)
{
	/* containerd's, podman's, CRI-O's and people's */
	assert_words("--root /r --log /l/log.json --log-format json --systemd-cgroup create "
		     "--bundle /b --pid-file /b/init.pid --console-socket /s c1",
		     SHIM_CREATE, "c1", "/b");
	assert_string_equal(arguments.log, "/l/log.json");
	assert_string_equal(arguments.log_format, "json");
	assert_words("--cgroup-manager cgroupfs --root=/r --log=l create --bundle=/b c1",
		     SHIM_CREATE, "c1", "/b");
	assert_string_equal(arguments.log, "l");
	assert_words("--rootless=false --debug run -d -b /b --preserve-fds 3 c1", SHIM_CREATE, "c1",
		     "/b");
	assert_words("run -b/b c1", SHIM_CREATE, "c1", "/b");
	assert_words("run -b=/b c1", SHIM_CREATE, "c1", "/b");
	assert_words("-log l run -bundle /b --no-pivot --keep c1", SHIM_CREATE, "c1", "/b");
	assert_words("create --bundle /a --bundle /b -- c1", SHIM_CREATE, "c1", "/b");
	assert_words("run --config config.json c1", SHIM_CREATE, "c1", NULL);
	assert_words("run --new-flag c1", SHIM_CREATE, "c1", NULL);
	assert_words("run --new-option=value c1", SHIM_CREATE, "c1", NULL);
}

static void test_other_words(void **state)
{
	assert_words("", SHIM_OTHER, NULL, NULL);
	assert_words("--version", SHIM_OTHER, NULL, NULL);
	assert_words("features", SHIM_OTHER, NULL, NULL);
	assert_words("--root /create state c1", SHIM_OTHER, NULL, NULL);
	assert_words("--new-flag delete --force create", SHIM_OTHER, NULL, NULL);
	assert_words("create --help", SHIM_OTHER, NULL, NULL);
	assert_words("checkpoint --image-path /i c1", SHIM_OTHER, NULL, NULL);
	assert_words("restore --bundle /b c1", SHIM_RESTORE, NULL, NULL);
}

static void test_exec_words(void **state)
{
	assert_words("--root /r exec --process /p --detach --pid-file /q c1", SHIM_EXEC, "c1",
		     NULL);
	assert_string_equal(arguments.process, "/p");
	assert_words("exec -p/p -t -e A=b --cap CAP_KILL c1 sh -p /x", SHIM_EXEC, "c1", NULL);
	assert_string_equal(arguments.process, "/p");
	assert_words("exec c1 sh --process /x", SHIM_EXEC, "c1", NULL);
	assert_null(arguments.process);
}

static void test_words_that_nobody_knows(void **state)
{
	assert_words_refused("--new-option value create c1", "value");
	assert_words_refused("create --new-option value c1", "--new-option");
	assert_words_refused("run c1 c2", "c2");
	assert_words_refused("run --config other.json c1", "other.json");
	assert_words_refused("run -fother.json c1", "other.json");
}

#define SECCOMP "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"n\":18446744073709551615}"
#define OURS "{\"path\":\"/usr/bin/vkctl\",\"args\":[\"vkctl\",\"hook\"]}"
#define OTHERS "{\"path\":\"/bin/x\",\"args\":[\"x\",\"hook\"]}"
#define BIND_HOOK(stage) \
	"{\"path\":\"/me\",\"args\":[\"vkctl\",\"hook\",\"" stage "\"],\"timeout\":540}"

static void read_config(struct container *container, const char *text)
{
	_cleanup_failure_ struct failure failure = {};
	char path[128];

	put_file("config.json", text);
	path_of("config.json", path);
	if (container_from_config(container, path, &failure) < 0)
		fail_msg("%s: %s", text, failure.why);
}

static void assert_config(const struct container *container, const char *expected)
{
	assert_string_equal(json_object_to_json_string_ext(container->config,
							   JSON_C_TO_STRING_PLAIN |
								   JSON_C_TO_STRING_NOSLASHESCAPE),
			    expected);
}

static void assert_moved(const char *config, bool apparmor, const char *expected)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	read_config(&container, config);
	assert_int_equal(config_move(&container, apparmor, "/me", &failure), 0);
	assert_config(&container, expected);
}

#define HOOKS                                                                                     \
	"\"hooks\":{\"createRuntime\":[" BIND_HOOK("createRuntime") "],\"poststop\":[" BIND_HOOK( \
		"poststop") "]}"

static void test_move(void **state)
{
	assert_moved("{\"linux\":{\"seccomp\":" SECCOMP
		     ",\"x\":1},\"process\":{\"apparmorProfile\":"
		     "\"d\"}}",
		     true,
		     "{\"linux\":{\"x\":1},\"process\":{},\"annotations\":{\"io.vkernel.moved\":"
		     "\"{\\\"seccomp\\\":{\\\"defaultAction\\\":\\\"SCMP_ACT_ALLOW\\\",\\\"n\\\":"
		     "18446744073709551615},\\\"apparmorProfile\\\":\\\"d\\\"}\"}," HOOKS "}");
	assert_moved("{\"process\":{\"apparmorProfile\":\"d\"}}", false,
		     "{\"process\":{\"apparmorProfile\":\"d\"}," HOOKS "}");
	assert_moved("{}", false, "{" HOOKS "}");
}

/* What nobody asked about keeps its text and its order. */
static void test_all_else_stays(void **state)
{
#define REST                                                                                      \
	"\"z\":[1.50,1e5,-9223372036854775808,18446744073709551615,null,true,{}],\"a\":\"/gr\xc3" \
	"\xbc\xc3\x9f \xf0\x9f\x90\xb3 \\u0001\\\"\""
	assert_moved("{" REST ",\"hooks\":{\"poststart\":[{\"path\":\"/y\"}]}}", false,
		     "{" REST
		     ",\"hooks\":{\"poststart\":[{\"path\":\"/y\"}],\"createRuntime\":[" BIND_HOOK(
			     "createRuntime") "],\"poststop\":[" BIND_HOOK("poststop") "]}}");
}

static void test_hooks_that_are_there(void **state)
{
	assert_moved("{\"hooks\":{\"prestart\":[" OURS "],\"createRuntime\":[" OURS "," OTHERS
		     "," OURS "],\"poststop\":null}}",
		     false,
		     "{\"hooks\":{\"prestart\":[],\"createRuntime\":[" OTHERS
		     "," BIND_HOOK("createRuntime") "],\"poststop\":[" BIND_HOOK("poststop") "]}}");
}

static void test_hooks_that_are_none(void **state)
{
	static const char *const configs[] = { "{\"hooks\":[]}",
					       "{\"hooks\":{\"createRuntime\":{}}}" };

	for (size_t i = 0; i < ELEMENTSOF(configs); i++) {
		_cleanup_container_ struct container container = {};
		_cleanup_failure_ struct failure failure = {};

		read_config(&container, configs[i]);
		assert_true(config_move(&container, false, "/me", &failure) < 0);
		assert_has(failure.why, "hooks");
	}
}

#define ANNOTATED(moved) "\"annotations\":{\"io.vkernel.moved\":\"" moved "\"}"
#define MOVED_BOTH "{\\\"seccomp\\\":{\\\"a\\\":1},\\\"apparmorProfile\\\":\\\"d\\\"}"

static void test_second_use(void **state)
{
	assert_moved("{" ANNOTATED(MOVED_BOTH) ",\"linux\":{}," HOOKS "}", true,
		     "{" ANNOTATED(MOVED_BOTH) ",\"linux\":{}," HOOKS "}");
	/* What the file has again goes first. */
	assert_moved("{" ANNOTATED(MOVED_BOTH) ",\"linux\":{\"seccomp\":{\"b\":2}}," HOOKS "}",
		     true,
		     "{" ANNOTATED("{\\\"seccomp\\\":{\\\"b\\\":2},\\\"apparmorProfile\\\":"
				   "\\\"d\\\"}") ",\"linux\":{}," HOOKS "}");
	/* The profile became the host's. */
	assert_moved("{" ANNOTATED(MOVED_BOTH) ",\"process\":{}," HOOKS "}", false,
		     "{" ANNOTATED(
			     "{\\\"seccomp\\\":{\\\"a\\\":1}}") ",\"process\":"
								"{\"apparmorProfile\":\"d\"}," HOOKS
								"}");
	assert_moved("{" ANNOTATED("{}") "}", false, "{\"annotations\":{}," HOOKS "}");
}

static void test_restore(void **state)
{
	_cleanup_container_ struct container container = {};
	_cleanup_failure_ struct failure failure = {};

	read_config(&container, "{" ANNOTATED(MOVED_BOTH) "," HOOKS "}");
	assert_true(container.was_moved);
	assert_int_equal(config_restore(&container, &failure), 0);
	assert_config(&container,
		      "{\"annotations\":{},\"hooks\":{\"createRuntime\":[],\"poststop\":[]},"
		      "\"linux\":{\"seccomp\":{\"a\":1}},\"process\":{\"apparmorProfile\":\"d\"}}");
}

static void test_annotation_of_another_type(void **state)
{
	static const char *const wrong[][2] = {
		{ "{\"annotations\":{\"io.vkernel.moved\":{}}}", "not of type string" },
		{ "{" ANNOTATED("{") "}", "ends too early" },
		{ "{" ANNOTATED("[]") "}", "not an object" },
		{ "{" ANNOTATED("{\\\"seccomp\\\":7}") "}", "seccomp is not of type object" },
		{ "{" ANNOTATED("{\\\"apparmorProfile\\\":{}}") "}",
		  "apparmorProfile is not of type string" },
	};
	char path[128];

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
		_cleanup_container_ struct container container = {};
		_cleanup_failure_ struct failure failure = {};

		put_file("config.json", wrong[i][0]);
		path_of("config.json", path);
		assert_true(container_from_config(&container, path, &failure) < 0);
		assert_has(failure.why, wrong[i][1]);
		/* So that it does not start with a warning. */
		assert_true(container.was_moved);
	}
}

static void test_sandbox(void **state)
{
	_cleanup_container_ struct container container = {}, other = {};

	read_config(&container,
		    "{\"annotations\":{\"io.kubernetes.cri.container-type\":\"sandbox\","
		    "\"io.vkernel.policy\":\"web\",\"io.vkernel.image\":\"i\"}}");
	assert_null(container.policy);
	assert_null(container.image);
	read_config(&other, "{\"annotations\":{\"io.kubernetes.cri-o.ContainerType\":\"container\","
			    "\"io.vkernel.policy\":\"web\"}}");
	assert_string_equal(other.policy, "web");
}

/* A runtime that says what it was called with. */
static void make_runtime(const char *settings)
{
	char path[128], text[512];

	path_of("said", path);
	snprintf(text, sizeof(text), "#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s\nexit 7\n", path);
	put_file("runtime", text);
	path_of("runtime", path);
	assert_int_equal(chmod(path, 0755), 0);
	snprintf(text, sizeof(text), "Runtimes=nonesuch %s\n%s", path, settings);
	put_file("conf", text);
	path_of("conf", path);
	setenv("VKERNEL_CONF", path, 1);
	path_of("said", path);
	unlink(path);
}

/* Runs it with DIR in the words for the directory. */
static int shim(const char *replies, const char *format)
{
	char words[1024];

	snprintf(words, sizeof(words), format, directory, directory);
	return program_service("vkernel-runtime", replies, false, words);
}

static void assert_file(const char *name, const char *expected)
{
	char text[8192];

	get_file(name, text, sizeof(text));
	assert_string_equal(text, expected);
}

static bool exists(const char *name)
{
	char path[128];

	path_of(name, path);
	return access(path, F_OK) == 0;
}

static void test_other_verbs_pass(void **state)
{
	char expected[128];

	make_runtime("");
	assert_int_equal(shim("", "--root %s state c1"), 7);
	snprintf(expected, sizeof(expected), "--root\n%s\nstate\nc1\n", directory);
	assert_file("said", expected);
}

#define CONFIG                                                                               \
	"{ \"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ALLOW\"}},\n\"process\":" \
	"{\"apparmorProfile\": \"d\"}}\n"
#define PREPARED(taken)                                                                     \
	"{\"parameters\":{\"digest\":\"00\",\"module\":\"m\",\"apparmor_taken\":" taken "," \
	"\"cached\":true}}\0"

static void test_create(void **state)
{
	_cleanup_container_ struct container container = {};
	struct stat st;
	char path[128];

	if (!may_bind())
		skip();
	make_runtime("");
	put_file("config.json", CONFIG);
	path_of("config.json", path);
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(chown(path, 1, 2), 0);
	assert_int_equal(shim(PREPARED("true"), "create --bundle %s c1"), 7);
	assert_has(outcome.request, "\"method\":\"io.vkernel.Prepare\"");
	assert_has(outcome.request, "\"container\":\"c1\"");
	assert_has(outcome.request, "\"apparmor\":\"d\"");
	assert_null(strstr(outcome.request, "\"pid\""));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, 1);
	assert_int_equal(st.st_gid, 2);
	assert_int_equal(container_from_config(&container, path, &(struct failure){}), 0);
	assert_null(json_object_object_get(json_get_object(container.config, "linux"), "seccomp"));
	assert_non_null(container.seccomp);
	assert_string_equal(container.apparmor, "d");
	assert_true(exists("said"));
}

static void assert_refused_unchanged(const char *replies, const char *why)
{
	put_file("config.json", CONFIG);
	assert_int_equal(shim(replies, "--log %s/log --log-format json create --bundle %s c1"), 1);
	assert_has(outcome.err, why);
	assert_file("config.json", CONFIG);
	assert_false(exists("said"));
}

static void test_failure_changes_nothing(void **state)
{
	_cleanup_json_ json_object *line = NULL;
	char text[1024], path[128];

	if (!may_bind())
		skip();
	make_runtime("");
	path_of("log", path);
	unlink(path);
	assert_refused_unchanged("{\"error\":\"io.vkernel.NoSuchPolicy\",\"parameters\":"
				 "{\"name\":\"web\"}}\0",
				 "vkernel-runtime: c1: no policy is called web");
	get_file("log", text, sizeof(text));
	line = json_tokener_parse(text);
	assert_string_equal(json_get_string(line, "level"), "error");
	assert_has(json_get_string(line, "msg"), "no policy is called web");
	assert_non_null(json_get_string(line, "time"));
	assert_refused_unchanged("", "connection to vkerneld broke");
	/* Without a runtime, the daemon is not even asked. */
	put_file("conf", "Runtimes=/nonexistent\n");
	assert_refused_unchanged(PREPARED("true"), "no container runtime");
	assert_string_equal(outcome.request, "");
}

/* It can not be executed, and the config is as it was. */
static void test_runtime_that_does_not_start(void **state)
{
	if (!may_bind())
		skip();
	make_runtime("");
	put_file("runtime", "\177ELF");
	assert_refused_unchanged(PREPARED("true"), "starting ");
	assert_has(outcome.request, "Prepare");
}

#define AGAIN "{" ANNOTATED(MOVED_BOTH) "," HOOKS "}"

static void test_warn(void **state)
{
	const char *refusal =
		"{\"error\":\"io.vkernel.Failed\",\"parameters\":{\"message\":\"no\"}}\0";
	_cleanup_container_ struct container container = {};
	char path[128];

	if (!may_bind())
		skip();
	make_runtime("OnFailure=warn\n");
	put_file("config.json", CONFIG);
	assert_int_equal(shim(refusal, "run -b %s c1"), 7);
	assert_has(outcome.err, "starts without a virtual kernel");
	assert_file("config.json", CONFIG);
	/* Nothing stays away that an earlier start took out. */
	put_file("config.json", AGAIN);
	assert_int_equal(shim(refusal, "run -b %s c1"), 7);
	path_of("config.json", path);
	assert_int_equal(container_from_config(&container, path, &(struct failure){}), 0);
	assert_false(container.was_moved);
	assert_non_null(container.seccomp);
	assert_string_equal(container.apparmor, "d");
	/* What can not be read can not be put back. */
	make_runtime("OnFailure=warn\n");
	put_file("config.json", "{" ANNOTATED("[]") "}");
	assert_int_equal(shim(refusal, "run -b %s c1"), 1);
	assert_false(exists("said"));
}

static void test_hook_does_not_warn_of_what_was_moved(void **state)
{
	char text[256];

	if (!may_bind())
		skip();
	make_runtime("OnFailure=warn\n");
	put_file("config.json", AGAIN);
	snprintf(text, sizeof(text), "{\"id\":\"c1\",\"pid\":%d,\"bundle\":\"%s\"}", getpid(),
		 directory);
	put_file("in", text);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.Failed\",\"parameters\":{\"message\":"
			       "\"no\"}}",
			       "hook createRuntime"),
			 1);
	assert_has(outcome.request, "\"seccomp\":{\"a\":1}");
	assert_has(outcome.request, "\"apparmor\":\"d\"");
	put_file("in", "");
}

#define INSPECTED(name, profile)                                                            \
	"{\"parameters\":{\"instance\":{\"container\":\"" name "\",\"apparmor\":\"" profile \
	"\"},\"calls\":[]}}\0"
#define PROCESS "{ \"args\": [\"sh\"], \"apparmorProfile\": \"d\", \"n\": 1.0 }\n"

static void assert_process(const char *replies, const char *before, const char *after)
{
	put_file("process.json", before);
	assert_int_equal(shim(replies, "exec --process %s/process.json c1"), 7);
	assert_file("process.json", after);
}

static void test_exec(void **state)
{
	make_runtime("");
	assert_process(INSPECTED("c1", "d"), PROCESS, "{\"args\":[\"sh\"],\"n\":1.0}");
	assert_has(outcome.request, "\"method\":\"io.vkernel.Inspect\"");
	assert_process(INSPECTED("c12", "d"), PROCESS, PROCESS);
	assert_process(INSPECTED("c1", "e"), PROCESS, PROCESS);
	assert_process("{\"error\":\"io.vkernel.NoSuchContainer\",\"parameters\":{\"container\":"
		       "\"c1\"}}\0",
		       PROCESS, PROCESS);
	assert_process("", PROCESS, PROCESS);
	assert_process("", "no JSON", "no JSON");
	assert_process("", "{\"apparmorProfile\":7}", "{\"apparmorProfile\":7}");
	/* Without a profile there is nothing to ask. */
	assert_process(INSPECTED("c1", "d"), "{}", "{}");
	assert_string_equal(outcome.request, "");
}

static void test_restore_is_refused(void **state)
{
	make_runtime("OnFailure=warn\n");
	assert_int_equal(shim("", "restore --bundle %s c1"), 1);
	assert_has(outcome.err, "restored from a checkpoint");
	assert_false(exists("said"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create_words),
		cmocka_unit_test(test_other_words),
		cmocka_unit_test(test_exec_words),
		cmocka_unit_test(test_words_that_nobody_knows),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_all_else_stays),
		cmocka_unit_test(test_hooks_that_are_there),
		cmocka_unit_test(test_hooks_that_are_none),
		cmocka_unit_test(test_second_use),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_annotation_of_another_type),
		cmocka_unit_test(test_sandbox),
		cmocka_unit_test(test_other_verbs_pass),
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_failure_changes_nothing),
		cmocka_unit_test(test_runtime_that_does_not_start),
		cmocka_unit_test(test_warn),
		cmocka_unit_test(test_hook_does_not_warn_of_what_was_moved),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_restore_is_refused),
	};

	return cmocka_run_group_tests_name("vkctl_shim", tests, prepare, clean_up);
}
