/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "vkerneld/child.h"
#include "vkerneld/task.h"

struct Task {
	sd_event_source *child;
	TaskDone done;
	void *userdata;
};

/* The exit status has room for every errno there is. */
static int result_of(const siginfo_t *info)
{
	if (info->si_code != CLD_EXITED)
		return -ECANCELED;
	return -info->si_status;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	Task *t = userdata;
	int result = result_of(info);

	sd_event_source_disable_unref(t->child);
	t->done(result, t->userdata);
	free(t);
	return 0;
}

int task_start(sd_event *event, TaskWork work, void *arg, TaskDone done, void *userdata, Task **ret)
{
	Task *t = calloc(1, sizeof(*t));
	pid_t pid;
	int r;

	if (!t)
		return -ENOMEM;
	pid = fork();
	if (pid == 0) {
		child_reset_signals();
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-work(arg) & 0xff);
	}
	if (pid < 0) {
		r = -errno;
		free(t);
		return r;
	}
	t->done = done;
	t->userdata = userdata;
	r = sd_event_add_child(event, &t->child, pid, WEXITED, on_child, t);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		free(t);
		return r;
	}
	(void)sd_event_source_set_child_process_own(t->child, true);
	if (ret)
		*ret = t;
	return 0;
}

Task *task_free(Task *t)
{
	if (!t)
		return NULL;
	sd_event_source_disable_unref(t->child);
	free(t);
	return NULL;
}
