/*
 * Child processes: each runs under a small supervisor process (child_role)
 * that has made itself the reaper of all its descendants, so that when it is
 * told to end, or when we die, nothing survives, double-forked or not.
 * Where there is no such reaper (not Linux), a process group has to do.
 */
#ifndef MUSTER_CHILD_H
#define MUSTER_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

enum {
	CHILD_MAX_LINE	= 8192,		/* longer ones arrive in pieces */
	CHILD_GRACE	= 300,		/* ms from SIGTERM to SIGKILL */
	CHILD_LINGER	= 1000		/* ms for output after the end: somebody
					 * else may have got hold of the pipe */
};

struct child;

struct child_events {
	/* One line without its end; err is 1 for stderr. */
	void	(*line)(struct child *, const char *, size_t, int err,
		    void *arg);
	/*
	 * Once, last, when every descendant is gone and all output was read;
	 * the child is freed right after.  signal is 0 for an exit, else
	 * code is 128 + signal.  A command that cannot be run is code 127
	 * (not found) or 126, with a line on stderr that says why.
	 */
	void	(*ended)(struct child *, int code, int signal, int timed_out,
		    void *arg);
};

struct child_options {
	char		*const *argv;	/* argv[0] is looked up in PATH */
	char		*const *env;	/* NULL: ours */
	const char	*dir;		/* NULL: ours */
	int64_t		 timeout_ms;	/* 0: none; then killed */
	/* The limits hold for each process of the child, on Linux alone. */
	int64_t		 max_cpu_s;	/* RLIMIT_CPU; 0: none */
	int64_t		 max_memory;	/* RLIMIT_AS in bytes; 0: none */
	int64_t		 max_file;	/* RLIMIT_FSIZE in bytes; 0: none */
	int64_t		 max_files;	/* RLIMIT_NOFILE; 0: ours */
	int		 nice;		/* added to ours */
	const void	*input;		/* to stdin, copied; NULL: /dev/null */
	size_t		 input_len;
};

/* 0 and *c, or -errno: nothing was started and no event follows. */
int	child_start(struct child **c, uv_loop_t *,
	    const struct child_options *, const struct child_events *,
	    void *arg);
/* SIGTERM to the group, SIGKILL to every descendant after CHILD_GRACE. */
void	child_kill(struct child *);
int	child_pid(const struct child *);	/* the supervisor's */

/*
 * First thing in the main of every tool that starts children: becomes the
 * supervisor and never returns where argv says so (-P child), else returns.
 */
void	child_role(int argc, char **argv);

#endif
