// SPDX-License-Identifier: LGPL-2.1-or-later
/* vkctl as its users see it: run against a service that answers what a test wants. */
#include "tests/unit/vkctl_service.h"

#define INSTANCE                                                                                 \
	"{\"id\":1,\"container\":\"al\\npha\",\"image\":null,\"policy\":\"web\","                \
	"\"digest\":\"00\",\"module\":\"vkernel_000000000000\",\"pid\":42,\"state\":\"active\"," \
	"\"mode\":\"enforce\",\"scope\":\"cgroup\",\"checked\":10,\"denied\":2,\"dropped\":0,"   \
	"\"capabilities\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"on_claim\":\"refuse\",\"claims\":4,"    \
	"\"refused\":{\"file\":3,\"mount\":0},"                                                  \
	"\"bound\":null}"

static void test_list(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"instances\":[" INSTANCE "]}}", "list"), 0);
	assert_has(outcome.request, "\"method\":\"io.vkernel.List\"");
	assert_has(outcome.out, "ID CONTAINER");
	/* One line a container, whatever its name. */
	assert_has(outcome.out, "al\\x0apha");
	assert_has(outcome.out, "web");
	assert_string_equal(outcome.err, "");
	assert_null(strchr(outcome.out, '\033'));
}

static void test_list_aliases(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"instances\":[]}}", "ps"), 0);
	assert_int_equal(vkctl("{\"parameters\":{\"instances\":[]}}", "ls"), 0);
}

static void test_list_json(void **state)
{
	_cleanup_json_ json_object *list = NULL;

	assert_int_equal(vkctl("{\"parameters\":{\"instances\":[" INSTANCE "]}}", "list --json"),
			 0);
	list = json_tokener_parse(outcome.out);
	assert_true(json_object_is_type(list, json_type_array));
	assert_int_equal(json_get_int(json_object_array_get_idx(list, 0), "denied"), 2);
	assert_int_equal(vkctl("{\"parameters\":{\"instances\":[]}}", "list --json"), 0);
	assert_has(outcome.out, "[");
}

#define ENTRY(module, more)                                                                       \
	"{\"key\":\"0123456789abcdef\",\"module\":" module ",\"kernel\":\"6.12\",\"size\":11264," \
	"" more "}"

static void test_cache_list(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"entries\":[" ENTRY(
				       "\"vkernel_1\"", "\"use\":\"none\",\"last_use\":0") "]}}",
			       "cache list"),
			 0);
	assert_has(outcome.request, "\"method\":\"io.vkernel.ListCache\"");
	assert_has(outcome.out, "LAST USE");
	assert_has(outcome.out, "0123456789ab vkernel_1 6.12    11K -");
	assert_int_equal(vkctl("{\"parameters\":{\"entries\":[]}}", "cache ls --json"), 0);
	assert_has(outcome.out, "[");
}

static void test_cache_rm_and_gc(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"removed\":[" ENTRY(
				       "null", "\"reason\":\"unknown\"") "]}}",
			       "cache gc"),
			 0);
	assert_has(outcome.request, "\"method\":\"io.vkernel.CollectCache\"");
	assert_has(outcome.out, "unknown");
	assert_int_equal(vkctl("{\"parameters\":{\"removed\":[]}}", "cache gc"), 0);
	assert_string_equal(outcome.out, "there was nothing to remove\n");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.NoSuchEntry\",\"parameters\":"
			       "{\"entry\":\"x\"}}",
			       "cache rm x"),
			 5);
	assert_has(outcome.request, "\"entry\":\"x\"");
	assert_has(outcome.err, "vkctl: x: nothing in the cache is called x\nhint: ");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.EntryInUse\",\"parameters\":{\"key\":"
			       "\"00\",\"message\":\"vkernel_1 is loaded\",\"hint\":\"h\"}}",
			       "cache rm x"),
			 6);
	assert_string_equal(outcome.err, "vkctl: x: vkernel_1 is loaded\nhint: h\n");
	assert_int_equal(vkctl("", "cache rm"), 2);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.QueueFull\",\"parameters\":{\"message\":"
			       "\"9 builds wait already\",\"hint\":null}}",
			       "build x"),
			 1);
	assert_string_equal(outcome.err,
			    "vkctl: x: 9 builds wait already\nhint: try again later\n");
}

static void test_cache_verify(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"entries\":[" ENTRY("\"vkernel_1\"",
								      "\"state\":\"ok\"") "]}}",
			       "cache verify"),
			 0);
	assert_string_equal(outcome.err, "");
	assert_int_equal(vkctl("{\"parameters\":{\"entries\":[" ENTRY(
				       "\"vkernel_1\"", "\"state\":\"corrupt\"") "]}}",
			       "cache verify"),
			 1);
	assert_has(outcome.out, "corrupt");
	assert_has(outcome.err, "1 of 1 modules are not what was made\nhint: ");
}

/* A broken service must not make the client crash. */
static void test_odd_replies(void **state)
{
	assert_int_equal(vkctl("{}", "list"), 0);
	assert_int_equal(vkctl("{\"parameters\":{\"instances\":[7,null,{}]}}", "list"), 0);
	assert_int_equal(vkctl("{\"parameters\":{\"instances\":{}}}", "list --json"), 0);
	assert_int_equal(vkctl("no JSON", "list"), 3);
	assert_int_equal(vkctl("", "list"), 3);
	assert_int_equal(vkctl("{}", "inspect x"), 0);
	assert_int_equal(vkctl("{}", "status"), 1);
	assert_int_equal(vkctl("{}", "events"), 0);
	assert_int_equal(vkctl("{}", "build x"), 0);
	assert_int_equal(vkctl("{}", "policy show x"), 0);
	assert_int_equal(vkctl("{}", "policy list"), 0);
	assert_int_equal(vkctl("{}", "cache list"), 0);
	assert_int_equal(vkctl("{}", "cache gc"), 0);
	assert_int_equal(vkctl("{}", "cache rm x"), 0);
	assert_int_equal(vkctl("{}", "cache verify"), 0);
	assert_int_equal(vkctl("{\"parameters\":{\"entries\":[7,null,{}]}}", "cache verify"), 1);
	assert_int_equal(vkctl("{}", "policy apply x y"), 0);
	assert_int_equal(vkctl("{}", "unload --all"), 0);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.InUse\"}", "unload x"), 6);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.InUse\",\"parameters\":"
			       "{\"name\":7,\"containers\":\"x\"}}",
			       "unload x"),
			 6);
	assert_int_equal(vkctl("{\"error\":\"what\"}", "list"), 1);
}

static void test_inspect(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"instance\":" INSTANCE ",\"calls\":[{\"arch\":"
			       "\"x86\",\"nr\":122,\"name\":\"uname\",\"denied\":2}]}}",
			       "inspect alpha"),
			 0);
	assert_has(outcome.request, "\"container\":\"alpha\"");
	assert_has(outcome.out, "al\\x0apha");
	assert_has(outcome.out, "uname");
	assert_has(outcome.out, "Capabilities:   CAP_KILL, CAP_CHOWN\n");
	assert_has(outcome.out, "On a claim:     refuse\n");
	assert_has(outcome.out, "Claims:         4\n");
	assert_has(outcome.out, "Refused:        file 3, mount 0\n");
}

static void test_inspect_capabilities(void **state)
{
	assert_int_equal(
		vkctl("{\"parameters\":{\"instance\":{\"capabilities\":[]}}}", "inspect x"), 0);
	assert_has(outcome.out, "Capabilities:   none\n");
	assert_int_equal(vkctl("{\"parameters\":{\"instance\":{\"id\":1}}}", "inspect x"), 0);
	assert_has(outcome.out, "Capabilities:   all\n");
	assert_has(outcome.out, "Refused:        -\n");
}

static void test_status(void **state)
{
	const char *reply = "{\"parameters\":{\"version\":\"1\",\"kernel\":\"6.12\",\"healthy\":%s,"
			    "\"checks\":[{\"name\":\"headers\",\"state\":\"bad\",\"detail\":"
			    "\"not there\",\"hint\":\"install them\"}]}}";
	char text[512];

	snprintf(text, sizeof(text), reply, "false");
	assert_int_equal(vkctl(text, "status"), 1);
	assert_has(outcome.out, "not there");
	assert_has(outcome.out, "hint: headers: install them");
	snprintf(text, sizeof(text), reply, "true");
	assert_int_equal(vkctl(text, "status --json"), 0);
	assert_has(outcome.out, "\"healthy\": true");
}

static void test_errors(void **state)
{
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.NoSuchContainer\",\"parameters\":"
			       "{\"container\":\"x\"}}",
			       "inspect x"),
			 5);
	assert_has(outcome.err, "vkctl: x: no virtual kernel is bound to x\nhint: ");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.InUse\",\"parameters\":{\"name\":\"web\","
			       "\"containers\":[\"a\",\"b\"]}}",
			       "unload web"),
			 6);
	assert_has(outcome.err, "web is in use by a, b\nhint: stop these containers first\n");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.PermissionDenied\"}", "list"), 4);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.Failed\",\"parameters\":{\"message\":"
			       "\"one\\ntwo\",\"hint\":\"do this\"}}",
			       "list"),
			 1);
	assert_string_equal(outcome.err, "vkctl: list: one\\x0atwo\nhint: do this\n");
	assert_int_equal(vkctl("{\"error\":\"org.varlink.service.InvalidParameter\","
			       "\"parameters\":{\"parameter\":\"container\"}}",
			       "inspect x"),
			 1);
	assert_has(outcome.err, "does not take this container");
}

static void test_build_failure_shows_the_compiler(void **state)
{
	assert_int_equal(
		vkctl("{\"error\":\"io.vkernel.BuildFailed\",\"parameters\":{\"digest\":"
		      "\"00\",\"message\":\"make failed\",\"output\":\"cc: no\\nmake: 1\\n\","
		      "\"hint\":\"install gcc\"}}",
		      "build web"),
		1);
	assert_string_equal(outcome.err, "vkctl: web: make failed\n  | cc: no\n  | make: 1\n"
					 "hint: install gcc\n");
}

static void test_build(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"build\":{\"duration_ms\":1500,\"size\":9},"
			       "\"module\":\"vkernel_0\",\"cached\":false}}",
			       "build web"),
			 0);
	assert_string_equal(outcome.out, "vkernel_0: built in 1.500 s, 9 bytes\n");
	/* Progress is for terminals. */
	assert_string_equal(outcome.err, "");
}

static void test_events(void **state)
{
	static const char replies[] =
		"{\"parameters\":{\"event\":{\"kind\":\"bind\",\"container\":\"a\"}},"
		"\"continues\":true}\0"
		"{\"parameters\":{\"event\":{\"kind\":\"denied\",\"container\":\"a\",\"nr\":63,"
		"\"call\":\"uname\",\"arch\":\"x86_64\",\"verdict\":\"errno 1\","
		"\"args\":[1,-1,0,0,0,0],\"dropped\":3}}}\0";

	assert_int_equal(vkctl_replies(replies, "events"), 0);
	assert_has(outcome.request, "\"more\":true");
	assert_null(strstr(outcome.out, "denied"));
	assert_int_equal(vkctl_replies(replies, "events --follow --container a"), 0);
	assert_has(outcome.request, "\"container\":\"a\"");
	assert_has(outcome.out, "uname(0x1, 0xffffffffffffffff, 0x0");
	assert_has(outcome.out, "3 before it not shown");
	assert_int_equal(vkctl_replies(replies, "events --follow --json"), 0);
	assert_has(outcome.out, "{\"kind\":\"bind\",\"container\":\"a\"}\n{");
}

static void test_claims(void **state)
{
	static const char replies[] =
		"{\"parameters\":{\"event\":{\"kind\":\"capability\",\"container\":\"a\",\"pid\":7,"
		"\"comm\":\"sh\",\"mode\":\"enforce\",\"capability\":\"CAP_BPF\",\"dropped\":0}},"
		"\"continues\":true}\0"
		"{\"parameters\":{\"event\":{\"kind\":\"capability\",\"container\":\"a\","
		"\"mode\":\"audit\",\"capability\":\"CAP_BPF\",\"dropped\":2}}}\0";

	assert_int_equal(vkctl_replies(replies, "events --follow"), 0);
	assert_has(outcome.out, "capability a pid 7 sh claimed CAP_BPF: refused\n");
	assert_has(outcome.out, "claimed CAP_BPF, passed (audit) (2 before it not shown)\n");
}

#define EVENT(text) \
	"{\"parameters\":{\"event\":{\"container\":\"web\"," text "}},\"continues\":true}\0"

static void test_refusals(void **state)
{
	static const char replies[] = EVENT(
		"\"kind\":\"refused\",\"class\":\"file\",\"operation\":\"open\",\"path\":"
		"\"/etc/shadow\",\"requested\":[\"read\",\"write\"],\"missing\":[\"read\"],"
		"\"label\":\"docker-default\",\"comm\":\"cat\",\"pid\":123,\"allowed\":false,"
		"\"dropped\":2") EVENT("\"kind\":\"audited\",\"class\":\"file\",\"operation\":\"link\",\"path\":"
				       "\"/a\",\"target\":\"/b\",\"requested\":[\"link\"],\"allowed\":true")
		EVENT("\"kind\":\"refused\",\"class\":\"signal\",\"operation\":\"signal\","
		      "\"signal\":\"SIGTERM\",\"target\":\"unconfined\",\"missing\":[\"send\"],"
		      "\"label\":\"p\",\"mode\":\"audit\",\"allowed\":true")
			EVENT("\"kind\":\"refused\",\"class\":\"mount\",\"operation\":\"mount\",\"path\":"
			      "\"/mnt\",\"target\":\"proc\",\"missing\":[\"mount\"],\"label\":\"p\"")
				EVENT("\"kind\":\"refused\",\"class\":\"network\",\"operation\":\"socket\","
				      "\"family\":\"inet\",\"socket_type\":\"raw\",\"missing\":[\"create\"]")
					EVENT("\"kind\":\"refused\",\"class\":\"rlimit\",\"operation\":\"rlimit\","
					      "\"resource\":\"nofile\"")
						EVENT("\"kind\":\"policy\",\"digest\":\"0123456789abcdef\"");

	assert_int_equal(vkctl_replies(replies, "events --follow"), 3);
	assert_has(outcome.out, " refused open /etc/shadow (read) by docker-default  web  cat[123]"
				" (2 before it not shown)\n");
	assert_has(outcome.out, " audited link /a -> /b (link)  web\n");
	assert_has(outcome.out, " refused signal SIGTERM unconfined (send) by p  web,"
				" passed (audit)\n");
	assert_has(outcome.out, " refused mount /mnt from proc by p  web\n");
	assert_has(outcome.out, " refused socket inet raw  web\n");
	assert_has(outcome.out, " refused rlimit nofile  web\n");
	assert_has(outcome.out, "policy     web runs on vkernel_0123456789ab\n");
}

/* A container chooses paths and names, and a terminal obeys what it is sent. */
static void test_refusals_steer_nothing(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"event\":{\"kind\":\"refused\",\"operation\":"
			       "\"open\",\"path\":\"/\\u001b[2J\",\"target\":\"\\n\",\"label\":"
			       "\"\\u009b\",\"comm\":\"\\r\",\"missing\":[\"\\u0007\"],"
			       "\"class\":\"file\"}}}",
			       "events"),
			 0);
	assert_has(outcome.out, "refused open /\\x1b[2J -> \\x0a (\\x07) by \\xc2");
	assert_null(strpbrk(outcome.out, "\033\r\a"));
	assert_int_equal(vkctl("{\"parameters\":{\"event\":{\"kind\":\"refused\",\"missing\":7,"
			       "\"class\":[],\"path\":{}}}}",
			       "events"),
			 0);
}

static void test_policy_apply(void **state)
{
	static const char replies[] =
		"{\"parameters\":{\"instance\":" INSTANCE ",\"cached\":true}}\0"
		"{\"error\":\"io.vkernel.NoSuchContainer\",\"parameters\":{\"container\":\"b\"}}\0"
		"{\"parameters\":{\"instance\":" INSTANCE ",\"cached\":true}}\0";
	_cleanup_json_ json_object *list = NULL;

	assert_int_equal(vkctl_service(replies, true, "policy apply web a b c"), 5);
	assert_has(outcome.request, "\"method\":\"io.vkernel.ApplyPolicy\"");
	assert_has(outcome.request, "{\"container\":\"a\",\"policy\":\"web\"}");
	assert_has(outcome.request, "{\"container\":\"c\",\"policy\":\"web\"}");
	assert_string_equal(outcome.out, "al\\x0apha: web (vkernel_000000000000)\n"
					 "al\\x0apha: web (vkernel_000000000000)\n");
	assert_has(outcome.err, "vkctl: b: no virtual kernel is bound to b\nhint: ");
	assert_int_equal(vkctl_service(replies, true, "policy apply --json web a b c"), 5);
	list = json_tokener_parse(outcome.out);
	assert_int_equal(json_object_array_length(list), 2);
	/* A service that goes is not asked on. */
	assert_int_equal(vkctl_service(replies, true, "policy apply web a b c d e"), 3);
	assert_null(strstr(outcome.request, "\"e\""));
	assert_int_equal(vkctl("", "policy apply web \xff"), 5);
	assert_string_equal(outcome.request, "");
}

static void test_policy_add(void **state)
{
	char words[256];

	put_file("profile", "{\"defaultAction\":\"x\"}\n");
	snprintf(words, sizeof(words), "policy add web %s/profile --image a/* -i b", directory);
	assert_int_equal(vkctl("{\"parameters\":{\"policy\":{\"name\":\"web\",\"module\":\"m\"},"
			       "\"warnings\":[\"unknown call foo\"]}}",
			       words),
			 0);
	assert_has(outcome.request, "\"images\":[\"a/*\",\"b\"]");
	assert_has(outcome.request, "\"profile\":\"{\\\"defaultAction\\\":\\\"x\\\"}\\n\"");
	assert_string_equal(outcome.out, "web: m\n");
	assert_has(outcome.err, "warning: unknown call foo");
}

static void test_policy_add_apparmor(void **state)
{
	char words[512];

	put_file("profile", "{}");
	put_file("armor", "profile web { }\n");
	snprintf(words, sizeof(words),
		 "policy add web %s/profile --apparmor %s/armor --apparmor-profile web "
		 "--exec-inherit --allow-unmediated",
		 directory, directory);
	assert_int_equal(vkctl("{\"parameters\":{\"policy\":{\"name\":\"web\",\"module\":\"m\"},"
			       "\"warnings\":[\"w\"]}}",
			       words),
			 0);
	assert_has(outcome.request, "\"apparmor\":\"profile web { }\\n\"");
	assert_has(outcome.request, "\"apparmor_profile\":\"web\"");
	assert_has(outcome.request, "\"exec_inherit\":true");
	assert_has(outcome.request, "\"allow_unmediated\":true");
	assert_has(outcome.err, "vkctl: web: warning: w");
	snprintf(words, sizeof(words), "policy add web -a %s/armor", directory);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.InvalidProfile\",\"parameters\":"
			       "{\"message\":\"line 1: no\"}}",
			       words),
			 1);
	assert_null(strstr(outcome.request, "\"profile\""));
	assert_null(strstr(outcome.request, "exec_inherit"));
	assert_has(outcome.err, "/armor: line 1: no");
	assert_int_equal(vkctl("", "policy add web -a /nonexistent"), 1);
	assert_has(outcome.err, "vkctl: /nonexistent: No such file or directory\n");
}

static void test_policy_confinements(void **state)
{
	put_file("in", "profile a { }");
	assert_int_equal(
		vkctl("{\"parameters\":{\"digest\":\"00\",\"calls\":{},\"confinements\":[{\"label\":"
		      "\"a\",\"mediates\":[\"file\",\"mount\"],\"flags\":[],\"capabilities\":[],"
		      "\"rlimits\":{\"nofile\":100}}]}}",
		      "policy check -a -"),
		0);
	assert_has(outcome.request, "\"apparmor\":\"profile a { }\"");
	assert_has(outcome.out, "AppArmor profile a\n  mediates      file, mount\n"
				"  capabilities  none\n  limit         nofile 100\n");
	put_file("in", "");
}

static void test_policy_check_stdin(void **state)
{
	put_file("in", "{}");
	assert_int_equal(vkctl("{\"parameters\":{\"digest\":\"00\",\"calls\":{},\"warnings\":[]}}",
			       "policy check - -c CAP_KILL"),
			 0);
	assert_has(outcome.request, "\"profile\":\"{}\"");
	assert_has(outcome.request, "\"capabilities\":[\"CAP_KILL\"]");
	put_file("in", "");
}

static void test_policy_calls(void **state)
{
	assert_int_equal(
		vkctl("{\"parameters\":{\"digest\":\"00\",\"calls\":{\"x86_64\":{\"default\":"
		      "\"errno(1)\",\"calls\":{\"uname\":\"allow\",\"clone\":[{\"if\":"
		      "\"arg0 == 0x1\",\"then\":[{\"else\":\"log\"}]},{\"else\":\"trap\"}]},"
		      "\"unnamed\":{\"470-\":\"errno(38)\"}},\"i386\":7},\"warnings\":null}}",
		      "policy check /dev/null"),
		0);
	assert_has(outcome.out, "x86_64: errno(1), but for\n");
	assert_has(outcome.out, "  uname                    allow\n");
	assert_has(outcome.out, "      if arg0 == 0x1: \n        else log\n      else trap\n");
	assert_has(outcome.out, "  470-                     errno(38)\n");
}

/* Nothing of that size, nor what is no text, is worth the way to the daemon. */
static void test_policy_add_refuses(void **state)
{
	char words[256], path[128];

	put_file("profile", "");
	path_of("profile", path);
	assert_int_equal(truncate(path, 50 << 20), 0);
	snprintf(words, sizeof(words), "policy add web %s", path);
	assert_int_equal(vkctl("", words), 1);
	assert_has(outcome.err, "4 MiB");
	assert_string_equal(outcome.request, "");
	put_bytes("profile",
		  "\x7f"
		  "ELF\0\xff",
		  6);
	assert_int_equal(vkctl("", words), 1);
	assert_has(outcome.err, "no text");
	assert_string_equal(outcome.request, "");
	assert_int_equal(vkctl("", "policy add web /nonexistent"), 1);
	assert_has(outcome.err, "vkctl: /nonexistent: No such file or directory\n");
	assert_int_equal(vkctl("", "policy add web /"), 1);
	assert_has(outcome.err, "Is a directory");
}

static void test_usage(void **state)
{
	static const char *const wrong[] = {
		"",
		"nonsense",
		"policy",
		"policy nonsense",
		"policy add",
		"list more",
		"unload",
		"unload x --all",
		"mode a",
		"mode a b c",
		"mode a on",
		"inspect",
		"build",
		"events x",
		"hook a b",
		"list --no",
		"policy show",
		"policy rm",
		"policy check",
		"policy apply",
		"policy apply web",
	};

	for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
		if (vkctl("{}", wrong[i]) != 2)
			fail_msg("'%s' exits %d", wrong[i], outcome.status);
		assert_string_equal(outcome.request, "");
		assert_string_not_equal(outcome.err, "");
	}
}

#define PREBUILT                                                                   \
	"{\"module\":\"vkernel_1\",\"digest\":\"d1\",\"architecture\":\"x86_64\"," \
	"\"kernel\":\"6.12+x\",\"build_id\":\"b\",\"abi\":3,\"version\":\"v\",\"address\":\"a\"}"
#define EXPORTED "{\"parameters\":{\"prebuilt\":" PREBUILT ",\"data\":\"bW9kdWxl\"}}"
#define IMPORTED                                                                                \
	"{\"parameters\":{\"module\":\"vkernel_1\",\"digest\":\"d1\",\"key\":\"k\",\"signer\":" \
	"\"CN=build\"}}"

static void remove_layout(const char *path)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", path);
	assert_int_equal(system(command), 0);
}

/* What one host exports another imports, byte for byte. */
static void test_export_and_import(void **state)
{
	char path[108], words[256];

	path_of("layout", path);
	snprintf(words, sizeof(words), "export %s web", path);
	assert_int_equal(vkctl(EXPORTED, words), 0);
	assert_has(outcome.request, "{\"policy\":\"web\"}");
	assert_has(outcome.out, "vkernel_1 6.12+x d1-6.12_x");
	assert_int_equal(vkctl(EXPORTED, words), 1);
	assert_has(outcome.err, "File exists");
	snprintf(words, sizeof(words), "import --json %s d1-6.12_x", path);
	assert_int_equal(vkctl(IMPORTED, words), 0);
	assert_has(outcome.request, "\"data\":\"bW9kdWxl\"");
	assert_has(outcome.request, "\"abi\":3");
	assert_null(strstr(outcome.request, "insecure"));
	assert_has(outcome.out, "\"signer\": \"CN=build\"");
	snprintf(words, sizeof(words), "import -k %s", path);
	assert_int_equal(vkctl(IMPORTED, words), 0);
	assert_has(outcome.request, "\"insecure\":true");
	assert_has(outcome.out, "vkernel_1 CN=build d1-6.12_x");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.Unsupported\",\"parameters\":{\"message\":"
			       "\"it is not trusted\",\"hint\":\"h\"}}",
			       words),
			 1);
	assert_string_equal(outcome.err, "vkctl: d1-6.12_x: it is not trusted\nhint: h\n");
	snprintf(words, sizeof(words), "import %s nosuchtag", path);
	assert_int_equal(vkctl(IMPORTED, words), 5);
	assert_has(outcome.err, "there is no module tagged nosuchtag");
	remove_layout(path);
	assert_int_equal(vkctl(IMPORTED, words), 1);
	assert_has(outcome.err, "No such file");
}

static void test_exports_that_fail(void **state)
{
	char path[108], words[256];

	path_of("layout", path);
	snprintf(words, sizeof(words), "export %s web", path);
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.NoSuchPolicy\",\"parameters\":{\"name\":"
			       "\"web\"}}",
			       words),
			 5);
	assert_int_equal(
		vkctl("{\"parameters\":{\"prebuilt\":" PREBUILT ",\"data\":\"?\"}}", words), 1);
	assert_has(outcome.err, "answered without a module");
	/* Nothing is left of it. */
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(vkctl("", "export"), 2);
	assert_int_equal(vkctl("", "export /nonexistent/x"), 2);
	assert_int_equal(vkctl("", "export --core /nonexistent/x"), 1);
}

static void test_help(void **state)
{
	static const char *const verbs[] = {
		"",	 "policy",    "policy add", "policy check", "policy list", "policy show",
		"build", "list",      "inspect",    "mode",	    "unload",	   "events",
		"hook",	 "policy rm", "status",	    "policy apply", "export",	   "import",
	};
	char words[64];

	for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
		snprintf(words, sizeof(words), "%s --help", verbs[i]);
		assert_int_equal(vkctl("", words), 0);
		assert_has(outcome.out, "Usage: vkctl");
	}
	assert_int_equal(vkctl("", "--version"), 0);
	assert_has(outcome.out, "vkctl " VK_VERSION);
}

static void test_mode_and_unload(void **state)
{
	assert_int_equal(vkctl("{\"parameters\":{\"instance\":" INSTANCE "}}", "mode a audit"), 0);
	assert_has(outcome.request, "{\"container\":\"a\",\"mode\":\"audit\"}");
	assert_int_equal(vkctl("{\"parameters\":{\"unloaded\":[\"vkernel_0\",\"vkernel\"]}}",
			       "unload --all --core"),
			 0);
	assert_has(outcome.request, "\"parameters\":{\"core\":true}");
	assert_string_equal(outcome.out, "unloaded vkernel_0\nunloaded vkernel\n");
}

static void test_unreachable(void **state)
{
	char path[128];

	path_of("socket", path);
	unlink(path);
	spawn((char *[]){ "vkctl", "list", NULL });
	assert_int_equal(outcome.status, 3);
	assert_has(outcome.err, "cannot reach vkerneld");
	assert_has(outcome.err, "\nhint: ");
}

static void make_bundle(const char *config)
{
	char state[256];

	put_file("config.json", config);
	snprintf(state, sizeof(state),
		 "{\"id\":\"c1\",\"pid\":%d,\"status\":\"created\",\"bundle\":\"%s\"}", getpid(),
		 directory);
	put_file("in", state);
}

static void test_hook_binds(void **state)
{
	if (!may_bind())
		skip();
	make_bundle("{\"annotations\":{\"io.vkernel.policy\":\"web\"},\"process\":"
		    "{\"apparmorProfile\":\"docker-default\"},\"linux\":{\"seccomp\":"
		    "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"uname\"],"
		    "\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":0,\"value\":"
		    "18446744073709551615,\"op\":\"SCMP_CMP_EQ\"}]}]}}}");
	assert_int_equal(vkctl("{\"parameters\":{\"instance\":" INSTANCE ",\"cached\":true}}",
			       "hook createRuntime"),
			 0);
	assert_has(outcome.request, "\"method\":\"io.vkernel.Bind\"");
	assert_has(outcome.request, "\"container\":\"c1\"");
	assert_has(outcome.request, "\"policy\":\"web\"");
	assert_has(outcome.request, "\"apparmor\":\"docker-default\"");
	/* The runtimes leave none where the config names none. */
	assert_has(outcome.request, "\"capabilities\":[]");
	/* Not a digit of a 64-bit argument may be lost on the way. */
	assert_has(outcome.request, "\"value\":18446744073709551615");
	assert_string_equal(outcome.out, "");
}

static void test_hook_fails_closed(void **state)
{
	char conf[128];

	if (!may_bind())
		skip();
	make_bundle("{}");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.NoSuchPolicy\",\"parameters\":"
			       "{\"name\":\"web\"}}",
			       "hook"),
			 5);
	assert_has(outcome.err, "vkctl: c1: no policy is called web");
	make_bundle("{\"annotations\":7}");
	assert_int_equal(vkctl("{}", "hook createRuntime"), 1);
	assert_string_equal(outcome.request, "");
	assert_int_equal(vkctl("{}", "hook startContainer"), 2);

	path_of("conf", conf);
	put_file("conf", "OnFailure=warn\n");
	setenv("VKERNEL_CONF", conf, 1);
	assert_int_equal(vkctl("{}", "hook createRuntime"), 0);
	assert_has(outcome.err, "starts without a virtual kernel");
	put_file("conf", "OnFailure=wran\n");
	assert_int_equal(vkctl("{}", "hook createRuntime"), 1);
	setenv("VKERNEL_CONF", "/nonexistent", 1);
}

static void test_hook_poststop(void **state)
{
	put_file("in", "{\"id\":\"c1\",\"status\":\"stopped\",\"bundle\":\"/gone\"}");
	assert_int_equal(vkctl("{\"error\":\"io.vkernel.NoSuchContainer\",\"parameters\":"
			       "{\"container\":\"c1\"}}",
			       "hook"),
			 0);
	assert_has(outcome.request, "\"method\":\"io.vkernel.Unbind\"");
	assert_int_equal(vkctl("{\"parameters\":{}}", "hook poststop"), 0);
	put_file("in", "");
	assert_int_equal(vkctl("{}", "hook poststop"), 1);
}

#define PODMANS                                                                              \
	"{\"annotations\":{\"io.vkernel.policy\":\"web\"},\"process\":{\"apparmorProfile\":" \
	"\"containers-default\"},\"hooks\":{\"createRuntime\":[{\"path\":\"/bin/other\"},"   \
	"{\"path\":\"/usr/bin/vkctl\",\"args\":[\"vkctl\",\"hook\"]}]},\"linux\":{\"x\":"    \
	"18446744073709551615,\"cgroupsPath\":\"machine.slice:libpod:c1\",\"seccomp\":"      \
	"{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}}"

static void test_hook_precreate(void **state)
{
	_cleanup_json_ json_object *config = NULL;
	json_object *hooks;

	if (!may_bind())
		skip();
	put_file("in", PODMANS);
	assert_int_equal(vkctl("{\"parameters\":{\"apparmor_taken\":true}}", "hook precreate"), 0);
	assert_has(outcome.request, "\"method\":\"io.vkernel.Prepare\"");
	assert_has(outcome.request, "\"container\":\"c1\"");
	assert_has(outcome.request, "\"seccomp\":{");
	config = json_tokener_parse(outcome.out);
	assert_non_null(config);
	assert_null(json_get_object(json_get_object(config, "linux"), "seccomp"));
	assert_has(outcome.out, "\"x\":18446744073709551615");
	assert_string_equal(
		json_get_string(json_get_object(config, "annotations"), "io.vkernel.moved"),
		"{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}}");
	assert_string_equal(json_get_string(json_get_object(config, "process"), "apparmorProfile"),
			    "containers-default");
	/* The hook that binds is there in any case, and once. */
	hooks = json_get_object(config, "hooks");
	assert_int_equal(json_object_array_length(json_get_array(hooks, "createRuntime")), 2);
	assert_int_equal(json_object_array_length(json_get_array(hooks, "poststop")), 1);
}

static void test_hook_precreate_fails_closed(void **state)
{
	const char *gone = "{\"error\":\"io.vkernel.NoSuchPolicy\",\"parameters\":"
			   "{\"name\":\"web\"}}";
	char conf[128];

	if (!may_bind())
		skip();
	put_file("in", PODMANS);
	assert_int_equal(vkctl(gone, "hook precreate"), 5);
	assert_has(outcome.err, "vkctl: c1: no policy is called web");
	assert_string_equal(outcome.out, "");
	path_of("conf", conf);
	put_file("conf", "OnFailure=warn\n");
	setenv("VKERNEL_CONF", conf, 1);
	assert_int_equal(vkctl(gone, "hook precreate"), 0);
	assert_string_equal(outcome.out, PODMANS "\n");
	put_file("in", "{\"annotations\":{\"io.vkernel.moved\":\"{}\"}}");
	assert_int_equal(vkctl(gone, "hook precreate"), 5);
	assert_string_equal(outcome.out, "");
	setenv("VKERNEL_CONF", "/nonexistent", 1);
	put_file("in", "[]");
	assert_int_equal(vkctl("{}", "hook precreate"), 1);
	assert_has(outcome.err, "config.json is not JSON");
}

static void test_hook_input_is_bounded(void **state)
{
	char path[128];

	path_of("in", path);
	put_file("in", "");
	assert_int_equal(truncate(path, 64 << 20), 0);
	assert_int_equal(vkctl("{}", "hook createRuntime"), 1);
	assert_has(outcome.err, "1 MiB");
	assert_string_equal(outcome.request, "");
	put_file("in", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_aliases),
		cmocka_unit_test(test_list_json),
		cmocka_unit_test(test_cache_list),
		cmocka_unit_test(test_cache_rm_and_gc),
		cmocka_unit_test(test_cache_verify),
		cmocka_unit_test(test_odd_replies),
		cmocka_unit_test(test_inspect),
		cmocka_unit_test(test_inspect_capabilities),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_build_failure_shows_the_compiler),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refusals_steer_nothing),
		cmocka_unit_test(test_policy_apply),
		cmocka_unit_test(test_policy_add),
		cmocka_unit_test(test_policy_add_apparmor),
		cmocka_unit_test(test_policy_confinements),
		cmocka_unit_test(test_policy_check_stdin),
		cmocka_unit_test(test_policy_calls),
		cmocka_unit_test(test_policy_add_refuses),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_export_and_import),
		cmocka_unit_test(test_exports_that_fail),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_mode_and_unload),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_hook_binds),
		cmocka_unit_test(test_hook_fails_closed),
		cmocka_unit_test(test_hook_poststop),
		cmocka_unit_test(test_hook_precreate),
		cmocka_unit_test(test_hook_precreate_fails_closed),
		cmocka_unit_test(test_hook_input_is_bounded),
	};

	return cmocka_run_group_tests_name("vkctl_cli", tests, prepare, clean_up);
}
