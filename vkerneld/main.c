/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <argp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "vkerneld/apparmor/compile.h"
#include "vkerneld/log.h"
#include "vkerneld/settings.h"

typedef struct Arguments {
	ManagerOptions options;
	const char *conf;
} Arguments;

/* An option's key says which string it sets. */
#define KEY(member) (256 + (int)offsetof(Arguments, member))

static const struct argp_option argp_options[] = {
	{ "socket", KEY(options.socket), "PATH", 0, "Listen there, instead of on systemd's socket",
	  0 },
	{ "state", KEY(options.state), "DIR", 0, "The database's folder (/var/lib/vkernel)", 0 },
	{ "cache", KEY(options.cache), "DIR", 0, "Where modules are kept (/var/cache/vkernel)", 0 },
	{ "sources", KEY(options.sources), "DIR", 0, "The core's sources (" VK_SOURCE_DIR ")", 0 },
	{ "modules", KEY(options.modules), "DIR", 0, "Where kernels' headers are (/lib/modules)",
	  0 },
	{ "apparmor", KEY(options.apparmor), "DIR", 0, "AppArmor's profiles (" ARMOR_INCLUDES ")",
	  0 },
	{ "conf", KEY(conf), "FILE", 0, "The settings (" VKERNEL_CONF ")", 0 },
	{},
};

static error_t parse_argument(int key, char *value, struct argp_state *state)
{
	/* argp's own keys are below, and far above. */
	if (key < 256 || key >= 256 + (int)sizeof(Arguments))
		return ARGP_ERR_UNKNOWN;
	*(const char **)((char *)state->input + (key - 256)) = value;
	return 0;
}

const char *argp_program_version = "vkerneld " VK_VERSION;

static const struct argp argp = {
	.options = argp_options,
	.parser = parse_argument,
	.doc = "Builds, loads and binds the virtual kernels of containers.\v"
	       "systemd starts it: see vkerneld.service. The options are for running it by hand.",
};

/* Children are watched, signals end the loop or have settings read: none may interrupt. */
static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

static int prepare_loop(sd_event **ret)
{
	sd_event *event = NULL;
	int r;

	r = block_signals();
	if (r >= 0)
		r = sd_event_default(&event);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r < 0) {
		sd_event_unref(event);
		return r;
	}
	*ret = event;
	return 0;
}

static int run(const Arguments *a)
{
	_cleanup_settings_ Settings settings = { .path = a->conf };
	_cleanup_(manager_freep) Manager *m = NULL;
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	int r;

	r = settings_load(&settings);
	if (r < 0)
		return r;
	r = prepare_loop(&event);
	if (r < 0) {
		log_message(LOG_ERR, "preparing the event loop: %s", strerror(-r));
		return r;
	}
	r = manager_new(event, &a->options, settings.conf, &m);
	if (r < 0)
		return r;
	settings.manager = m;
	r = settings_watch(&settings, event);
	if (r < 0) {
		log_message(LOG_ERR, "watching for SIGHUP: %s", strerror(-r));
		return r;
	}
	(void)sd_notify(false, "READY=1\nSTATUS=Ready.");
	r = sd_event_loop(event);
	(void)sd_notify(false, "STOPPING=1");
	m = manager_free(m);
	return r;
}

int main(int argc, char **argv)
{
	Arguments a = {
		.options = { .state = "/var/lib/vkernel",
			     .cache = "/var/cache/vkernel",
			     .sources = VK_SOURCE_DIR,
			     .modules = "/lib/modules",
			     .apparmor = ARMOR_INCLUDES },
		.conf = VKERNEL_CONF,
	};

	if (argp_parse(&argp, argc, argv, 0, NULL, &a) != 0)
		return EXIT_FAILURE;
	umask(0077);
	log_to_stderr(a.options.socket);
	return run(&a) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
