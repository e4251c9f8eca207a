/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "vkerneld/log.h"
#include "vkerneld/settings.h"

static void conf_free(Conf *c)
{
	if (c)
		conf_done(c);
	free(c);
}

static void conf_freep(Conf **c)
{
	conf_free(*c);
}

void settings_done(Settings *s)
{
	conf_free(TAKE_PTR(s->conf));
}

static int load(const char *path, Conf **ret, char **ret_error)
{
	_cleanup_(conf_freep) Conf *c = calloc(1, sizeof(*c));
	int r;

	*ret_error = NULL;
	if (!c)
		return -ENOMEM;
	r = conf_load(path, c, ret_error);
	if (r >= 0)
		*ret = TAKE_PTR(c);
	return r;
}

int settings_load(Settings *s)
{
	_cleanup_free_ char *error = NULL;
	int r = load(s->path, &s->conf, &error);

	if (r < 0)
		log_message(LOG_ERR, "%s", error ? error : strerror(-r));
	return r;
}

/* The old ones go once nobody reads them any more. */
static int replace(Settings *s, char **ret_error)
{
	_cleanup_(conf_freep) Conf *fresh = NULL, *old = NULL;
	int r;

	r = load(s->path, &fresh, ret_error);
	if (r >= 0)
		r = manager_configure(s->manager, fresh, ret_error);
	if (r < 0)
		return r;
	old = s->conf;
	s->conf = TAKE_PTR(fresh);
	return 0;
}

/* systemd takes it for done when it was told so, and wants to know when it began. */
static void tell_begin(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
			 ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000);
}

void settings_reload(Settings *s)
{
	_cleanup_free_ char *error = NULL;
	const char *why;
	int r;

	tell_begin();
	r = replace(s, &error);
	if (r >= 0) {
		log_message(LOG_INFO, "the settings were read again");
		(void)sd_notify(false, "READY=1\nSTATUS=Ready.");
	} else {
		why = error ? error : strerror(-r);
		log_message(LOG_ERR, "%s; the settings stay as they were", why);
		(void)sd_notifyf(false, "READY=1\nSTATUS=Ready, with the settings of before: %s",
				 why);
	}
	free(s->manager->settings_error);
	s->manager->settings_error = r < 0 ? TAKE_PTR(error) : NULL;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	settings_reload(userdata);
	return 0;
}

int settings_watch(Settings *s, sd_event *event)
{
	return sd_event_add_signal(event, NULL, SIGHUP, on_hangup, s);
}
