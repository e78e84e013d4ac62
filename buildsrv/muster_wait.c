/*
 * Waiting for a build's end.  The build is the server's: a server that
 * restarts is waited for, and a Ctrl-C ends our waiting alone.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "muster.h"

enum {
	POLL_FIRST	= 20,	/* ms; a cached build takes less than 100 */
	POLL_MAX	= 500,	/* ms; each wait is half as long again */
	WHY_EVERY	= 2000	/* ms between questions why it waits */
};

/* What on_signal() says; a handler cannot make it. */
static char	parting[200];
static size_t	parting_len;

static void
on_signal(int sig)
{
	ssize_t	n = write(STDERR_FILENO, parting, parting_len);

	(void)n;		/* there is nobody left to tell */
	raise(sig);		/* its handler is the default's again */
}

/* From here on a signal says how to go on; with NULL no more. */
static void
say_at_signal(const char *id)
{
	static const int	signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction	sa = { .sa_handler = SIG_DFL };
	size_t			i;

	if (id != NULL) {
		snprintf(parting, sizeof(parting), "%smuster: job %s goes on;"
		    " \"muster job -w %s\" waits for it\n",
		    at_terminal(STDERR_FILENO) ? "\r\033[K" : "", id, id);
		parting_len = strlen(parting);
		sa.sa_handler = on_signal;
		sa.sa_flags = (int)SA_RESETHAND;
	}
	for (i = 0; i < nitems(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

struct wait {
	const struct client	*client;
	const char		*id;
	char			*path;
	int64_t			 began, until;	/* until 0: for ever */
	int64_t			 lost_at;	/* 0: the server answers */
	int64_t			 asked_why;
	char			*why;		/* words, while it is pending */
	unsigned		 pause;
};

static int
has_ended(const json_t *job)
{
	const char	*status = json_str(job, "status", "");

	return strcmp(status, "pending") != 0 &&
	    strcmp(status, "running") != 0;
}

/* Why it waits, asked now and then; a server that cannot tell need not. */
static void
ask_why(struct wait *w)
{
	int64_t		 now = clock_mono_ms();
	struct answer	 a;
	char		*path;

	if (now - w->asked_why < WHY_EVERY)
		return;
	w->asked_why = now;
	path = job_path(w->id, "/why");
	client_ask(w->client, (struct request){ .path = path }, &a);
	free(w->why);
	w->why = answer_good(&a) ? xstrdup(json_str(a.body, "reason", "")) :
	    NULL;
	answer_release(&a);
	free(path);
}

static void
show(struct wait *w, const json_t *job)
{
	const char	*status = json_str(job, "status", "");
	int64_t		 percent = json_int(job, "progress", 0);
	char		 bar[CELL], time[CELL];

	if (!at_terminal(STDERR_FILENO))
		return;
	human_ms((clock_mono_ms() - w->began) / 100 * 100, time);
	if (strcmp(status, "pending") == 0) {
		ask_why(w);
		progress_show("pending  %s  %s", time,
		    w->why != NULL ? w->why : "");
	} else
		progress_show("%s %3lld %% %s %s  %s", status,
		    (long long)percent, progress_bar(percent, 100, 24, bar),
		    time, json_str(job, "step", ""));
}

/* No answer, or one that passes: 1 while it is worth to go on. */
static int
may_pass(struct wait *w, const struct answer *a)
{
	int64_t	 now = clock_mono_ms();
	char	*words;

	if (!answer_passes(a))
		return 0;
	if (w->lost_at == 0) {
		w->lost_at = now;
		words = answer_words(w->client, a);
		progress_clear();
		log_warn(NULL, "%s; asking again", words);
		free(words);
	}
	if (now - w->lost_at >= FOLLOW_PATIENCE)
		return 0;
	progress_show("the server is lost; asking again");
	return 1;
}

/* The job when it has ended, else NULL. */
static json_t *
look(struct wait *w)
{
	struct answer	 a;
	json_t		*job = NULL;

	client_ask(w->client, (struct request){ .path = w->path }, &a);
	if (answer_good(&a)) {
		w->lost_at = 0;
		job = json_object_get(a.body, "job");
		show(w, job);
		job = has_ended(job) ? json_incref(job) : NULL;
	} else if (!may_pass(w, &a)) {
		progress_clear();
		die(answer_code(&a), "job %s: %s", w->id,
		    answer_words(w->client, &a));
	}
	answer_release(&a);
	return job;
}

json_t *
job_wait(const struct client *c, const char *id, int64_t timeout_ms)
{
	struct wait	 w = {
		.client = c, .id = id, .path = job_path(id, ""),
		.began = clock_mono_ms(), .pause = POLL_FIRST
	};
	json_t		*job;
	int64_t		 now, left;

	w.until = timeout_ms > 0 ? w.began + timeout_ms : 0;
	w.asked_why = w.began;		/* the first look needs no why */
	say_at_signal(id);
	while ((job = look(&w)) == NULL) {
		now = clock_mono_ms();
		left = w.until > 0 ? w.until - now : w.pause;
		if (left <= 0) {
			progress_clear();
			die(EXIT_TIMEOUT, "job %s goes on; its time is up",
			    id);
		}
		uv_sleep(left < w.pause ? (unsigned)left : w.pause);
		if ((w.pause += w.pause / 2) > POLL_MAX)
			w.pause = POLL_MAX;
	}
	say_at_signal(NULL);
	progress_clear();
	free(w.why);
	free(w.path);
	return job;
}

void
job_must_be_good(const json_t *job)
{
	const char	*status = json_str(job, "status", "");
	const char	*id = json_str(job, "id", "");
	char		*words;

	if (strcmp(status, "completed") == 0)
		return;
	words = xasprintf("job %s %s: %s (muster logs %s tells more)", id,
	    status, json_str(job, "error", "no reason is recorded"), id);
	die(EXIT_NO, "%s", clean_text(words));
}
