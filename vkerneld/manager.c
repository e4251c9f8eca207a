/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "proto/varlink_description.h"
#include "vkerneld/access.h"
#include "vkerneld/api.h"
#include "vkerneld/clock.h"
#include "vkerneld/confine.h"
#include "vkerneld/events.h"
#include "vkerneld/log.h"

#define PROGRAM_PATH "/usr/bin:/bin"

static int say(int r, const char *doing)
{
	log_message(LOG_ERR, "%s: %s", doing, strerror(-r));
	return r;
}

static int authorize(int fd, void *userdata)
{
	return access_check(fd);
}

static int open_database(Manager *m)
{
	_cleanup_free_ char *path = NULL, *error = NULL;
	int r;

	if (asprintf(&path, "%s/vkernel.db", m->options->state) < 0) {
		path = NULL;
		return say(-ENOMEM, "opening the database");
	}
	r = db_open(path, &m->db, &error);
	if (r < 0)
		log_message(LOG_ERR, "%s", error ? error : strerror(-r));
	return r;
}

/* Only root can become another; by hand, somebody else's builds are their own. */
static void find_build_user(Manager *m)
{
	const char *name = m->conf->build_user;
	struct passwd *user;

	if (geteuid() != 0)
		return;
	user = getpwnam(name);
	if (user && user->pw_uid != 0) {
		m->builder_config.uid = user->pw_uid;
		m->builder_config.gid = user->pw_gid;
	}
}

static int open_builder(Manager *m)
{
	int r;

	m->builder_config = (BuilderConfig){
		.cache = m->options->cache,
		.sources = m->options->sources,
		.modules = m->options->modules,
		.loaded = "/sys/module/" CORE_MODULE,
		.path = PROGRAM_PATH,
		.timeout = m->conf->build_timeout,
		.kbuild = m->conf->builder_kbuild,
		.signing_key = m->conf->signing_key,
		.signing_cert = m->conf->signing_cert,
	};
	find_build_user(m);
	if (geteuid() == 0 && !m->builder_config.uid) {
		log_message(LOG_ERR,
			    "there is no user %s to compile as: run systemd-sysusers, or set "
			    "BuildUser= in " VKERNEL_CONF,
			    m->conf->build_user);
		return -ESRCH;
	}
	r = builder_new(m->event, &m->builder_config, &m->host, m->db, &m->builder);
	return r < 0 ? say(r, "preparing the cache and the core's sources") : 0;
}

/* What a daemon that was killed left behind. */
static int recover(Manager *m)
{
	int r;

	r = db_builds_interrupted(m->db);
	if (r > 0)
		log_message(LOG_NOTICE, "%d builds were interrupted", r);
	if (r >= 0)
		r = db_instances_other_boots(m->db, m->host.boot, clock_now());
	if (r < 0)
		return say(r, "bringing the database up to date");
	events_reconcile(m);
	return 0;
}

static int listen_fd(const Manager *m)
{
	int n;

	if (m->options->socket)
		return varlink_listen_unix(m->options->socket, 0660);
	n = sd_listen_fds(true);
	if (n < 0)
		return n;
	if (n != 1 || sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0) {
		log_message(LOG_ERR, "systemd passes one socket; by hand, use --socket=PATH");
		return -EINVAL;
	}
	return SD_LISTEN_FDS_START;
}

static int open_server(Manager *m)
{
	int fd, r;

	m->service = (VarlinkService){
		.interface = VKERNEL_INTERFACE,
		.description = varlink_vkernel_description,
		.methods = api_methods,
		.vendor = "vkernel",
		.product = "vkerneld",
		.version = VK_VERSION,
		.url = "man:vkerneld(8)",
		.authorize = authorize,
		.userdata = m,
	};
	r = varlink_server_new(m->event, &m->service, &m->server);
	if (r < 0)
		return say(r, "starting the service");
	fd = listen_fd(m);
	r = fd < 0 ? fd : varlink_server_listen(m->server, fd);
	return r < 0 ? say(r, m->options->socket ? m->options->socket : "listening") : 0;
}

static int start(Manager *m)
{
	int r;

	r = host_read(&m->host);
	if (r < 0)
		return say(r, "looking at the running kernel");
	m->readings = readings_new();
	if (!m->readings)
		return say(-ENOMEM, "starting");
	r = open_database(m);
	if (r < 0)
		return r;
	r = kernel_new(m->event, events_handle, m, &m->kernel);
	if (r < 0)
		return say(r, "opening generic netlink");
	r = open_builder(m);
	if (r < 0)
		return r;
	r = recover(m);
	if (r < 0)
		return r;
	r = open_server(m);
	if (r < 0)
		return r;
	builder_prepare(m->builder);
	return 0;
}

int manager_new(sd_event *event, const ManagerOptions *options, const Conf *conf, Manager **ret)
{
	Manager *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return say(-ENOMEM, "starting");
	m->event = sd_event_ref(event);
	m->options = options;
	m->conf = conf;
	r = start(m);
	if (r < 0) {
		manager_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

/* Modules stay: the containers that run go on as they are. */
Manager *manager_free(Manager *m)
{
	if (!m)
		return NULL;
	/* First what would call back into the operations. */
	builder_free(m->builder);
	operations_done(m);
	events_done(m);
	confine_forget(m);
	readings_free(m->readings);
	varlink_server_free(m->server);
	kernel_free(m->kernel);
	db_free(m->db);
	host_done(&m->host);
	sd_event_unref(m->event);
	free(m);
	return NULL;
}
