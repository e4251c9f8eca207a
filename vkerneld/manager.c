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
#include "vkerneld/keep.h"
#include "vkerneld/log.h"
#include "vkerneld/renew.h"

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
	else if (db_made(m->db))
		log_message(LOG_NOTICE, "%s: there was no database, so there are no policies yet",
			    path);
	return r;
}

/* Only root can become another; by hand, somebody else's builds are their own. */
static int find_user(const char *name, const char *key, uid_t *ret_uid, gid_t *ret_gid,
		     char **ret_error)
{
	struct passwd *user;

	*ret_uid = 0;
	*ret_gid = 0;
	if (geteuid() != 0)
		return 0;
	user = getpwnam(name);
	if (!user || user->pw_uid == 0) {
		if (asprintf(ret_error,
			     "there is no user %s to compile as: run systemd-sysusers, or set "
			     "%s= in " VKERNEL_CONF,
			     name, key) < 0)
			*ret_error = NULL;
		return -ESRCH;
	}
	*ret_uid = user->pw_uid;
	*ret_gid = user->pw_gid;
	return 0;
}

/* A profile that takes its parser over must not come to what is compiled for the kernel. */
static int check_apart(const Conf *conf, uid_t builds, uid_t profiles, char **ret_error)
{
	if (builds == 0 || builds != profiles)
		return 0;
	if (asprintf(ret_error, "BuildUser= and ProfileUser= in " VKERNEL_CONF " are both %s",
		     conf->build_user) < 0)
		*ret_error = NULL;
	return -EINVAL;
}

static int use_conf(Manager *m, const Conf *conf, char **ret_error)
{
	BuilderConfig *c = &m->builder_config;
	uid_t builds, profiles;
	gid_t builds_gid, profiles_gid;
	int r;

	r = find_user(conf->build_user, "BuildUser", &builds, &builds_gid, ret_error);
	if (r >= 0)
		r = find_user(conf->profile_user, "ProfileUser", &profiles, &profiles_gid,
			      ret_error);
	if (r >= 0)
		r = check_apart(conf, builds, profiles, ret_error);
	if (r < 0)
		return r;
	m->conf = conf;
	m->profile_uid = profiles;
	m->profile_gid = profiles_gid;
	c->uid = builds;
	c->gid = builds_gid;
	c->timeout = conf->build_timeout;
	c->builds_max = conf->builds_max;
	c->queue_max = conf->build_queue_max;
	c->kbuild = conf->builder_kbuild;
	c->signer = (Signer){
		.key = conf->signing_key,
		.cert = conf->signing_cert,
		.hash = conf->signing_hash,
	};
	return 0;
}

/* What is loaded, or signed already, is good without the key, so this is no reason not to start. */
static void tell_signer(const Manager *m)
{
	const Signer *s = &m->builder_config.signer;
	_cleanup_failure_ Failure f = {};
	SignReport report;

	if (!signer_is_set(s))
		return;
	if (signing_check(s, &report, &f) < 0)
		log_message(LOG_ERR, "no module can be signed: %s", failure_message(&f));
	else if (report.warning[0])
		log_message(LOG_WARNING, "%s", report.warning);
}

int manager_configure(Manager *m, const Conf *conf, char **ret_error)
{
	int r;

	*ret_error = NULL;
	r = use_conf(m, conf, ret_error);
	if (r < 0)
		return r;
	tell_signer(m);
	builder_prepare(m->builder);
	keep_grown(m);
	return 0;
}

static int open_builder(Manager *m)
{
	_cleanup_free_ char *error = NULL;
	int r;

	m->builder_config = (BuilderConfig){
		.cache = m->options->cache,
		.sources = m->options->sources,
		.modules = m->options->modules,
		.loaded = "/sys/module/" CORE_MODULE,
		.path = PROGRAM_PATH,
		.grown = keep_grown,
		.userdata = m,
	};
	r = use_conf(m, m->conf, &error);
	if (r < 0) {
		log_message(LOG_ERR, "%s", error ? error : strerror(-r));
		return r;
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
	if (r < 0) {
		_cleanup_free_ char *error = db_explain(m->db, r);

		log_message(LOG_ERR, "%s", error ? error : strerror(-r));
		return r;
	}
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
	core_renew(m);
	r = recover(m);
	if (r < 0)
		return r;
	r = keep_start(m);
	if (r < 0)
		return say(r, "preparing to look after the cache");
	tell_signer(m);
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
	/* A call that ends would have its connection begin the next. */
	if (m->server)
		varlink_server_stop(m->server);
	/* First what would call back into the operations. */
	builder_free(m->builder);
	operations_done(m);
	events_done(m);
	confine_forget(m);
	sd_event_source_disable_unref(m->trim);
	readings_free(m->readings);
	varlink_server_free(m->server);
	kernel_free(m->kernel);
	db_free(m->db);
	host_done(&m->host);
	free(m->settings_error);
	sd_event_unref(m->event);
	free(m);
	return NULL;
}
