/*
 * Detached GPG signatures.  The file that a caller names is opened here,
 * once, below the one directory that was allowed, and its bytes go to gpg's
 * standard input: no path of a caller reaches gpg, and what is signed is
 * what was read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "list.h"
#include "log.h"
#include "signer.h"

struct gpg {
	struct link	 link;
	struct child	*child;
	struct buf	 armor;
	struct buf	 words;		/* gpg's last line on stderr */
	void		(*done)(const char *, const char *, void *);
	void		*arg;
};

static struct link	running = LIST_INIT(running);
static int		running_n;

/* The kernel walks the path: beneath dir, and no link on the way. */
static int
open_beneath(const char *dir, const char *path)
{
	struct open_how	how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
	};
	size_t		n = strlen(dir);
	int		at, fd;

	if (strncmp(path, dir, n) != 0 || path[n] != '/')
		return -EACCES;
	if ((at = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, at, path + n + 1, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(at);
	return fd;
}

static int
check_file(int fd, int64_t uid, size_t *size)
{
	struct stat	st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uid != 0 && (int64_t)st.st_uid != uid))
		return -EACCES;
	if (st.st_size > SIGNER_MAX_FILE)
		return -EFBIG;
	*size = (size_t)st.st_size;
	return 0;
}

int
gpg_read(const char *dir, const char *path, int64_t uid,
    struct gpg_input *in)
{
	size_t	size = 0;
	ssize_t	r = 1;
	int	fd, rc;

	in->p = NULL;
	in->n = 0;
	if ((fd = open_beneath(dir, path)) < 0)
		return fd;
	if ((rc = check_file(fd, uid, &size)) == 0) {
		in->p = xmalloc(size);
		while (r > 0 && in->n < size) {
			if ((r = read(fd, in->p + in->n, size - in->n)) > 0)
				in->n += (size_t)r;
		}
		if (r < 0)
			rc = -errno;
		else if (in->n < size)
			rc = -EBUSY;	/* somebody still writes it */
	}
	if (rc < 0) {
		free(in->p);
		in->p = NULL;
	}
	close(fd);
	return rc;
}

static void
on_line(struct child *c, const char *text, size_t n, int err, void *arg)
{
	struct gpg	*g = arg;

	(void)c;
	if (err) {
		log_info("gpg", "%.*s", (int)n, text);
		buf_clear(&g->words);
		buf_add(&g->words, text, n);
	} else if (g->armor.len + n < SIGNER_MAX_ARMOR) {
		buf_add(&g->armor, text, n);
		buf_addc(&g->armor, '\n');
	}
}

static void
on_ended(struct child *c, int code, int sig, int timed_out, void *arg)
{
	struct gpg	*g = arg;
	const char	*why = NULL;

	(void)c;
	if (timed_out)
		why = "gpg: timed out";
	else if (code != 0 || sig != 0)
		why = g->words.len > 0 ? buf_str(&g->words) : "gpg: failed";
	else if (g->armor.len == 0)
		why = "gpg: gave no signature";
	list_remove(&g->link);
	running_n--;
	g->done(why == NULL ? buf_str(&g->armor) : NULL, why, g->arg);
	buf_release(&g->armor);
	buf_release(&g->words);
	free(g);
}

static const struct child_events	gpg_events = { on_line, on_ended };

int
gpg_start(uv_loop_t *loop, const char *key, const struct gpg_input *in,
    void (*done)(const char *, const char *, void *), void *arg)
{
	/* child.h takes char *const *, as execvp(3) does; none is written. */
	char	*words[] = {
		(char *)(uintptr_t)"gpg", (char *)(uintptr_t)"--batch",
		(char *)(uintptr_t)"--no-tty",
		(char *)(uintptr_t)"--pinentry-mode",
		(char *)(uintptr_t)"error",
		(char *)(uintptr_t)"--local-user", (char *)(uintptr_t)key,
		(char *)(uintptr_t)"--armor",
		(char *)(uintptr_t)"--detach-sign", NULL
	};
	struct child_options	 o = { .argv = words };
	struct gpg		*g;
	int			 rc;

	if (running_n >= SIGNER_MAX_GPG)
		return -EBUSY;
	o.timeout_ms = SIGNER_GPG_TIMEOUT;
	o.input = in->p;
	o.input_len = in->n;
	g = xcalloc(1, sizeof(*g));
	g->done = done;
	g->arg = arg;
	if ((rc = child_start(&g->child, loop, &o, &gpg_events, g)) < 0) {
		free(g);
		return rc;
	}
	list_append(&running, &g->link);
	running_n++;
	return 0;
}

void
gpg_kill_all(void)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &running)
		child_kill(LIST_ITEM(l, struct gpg, link)->child);
}

int
gpg_running(void)
{
	return running_n;
}
