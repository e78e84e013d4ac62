/*
 * The terminal as a screen to draw on.  It is left as it was found, however
 * we end: atexit() sees to the ends that nobody planned.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "muster_terminal.h"

static struct termios	was;
static int		is_ours, has_was;
static int		tty = -1;	/* our own description: the loop makes
					 * it non-blocking, and stdin is others'
					 * as well */

void
terminal_put(const char *s, size_t n)
{
	ssize_t	w;

	while (n > 0) {
		if ((w = write(STDOUT_FILENO, s, n)) < 0) {
			if (errno == EINTR)
				continue;
			return;		/* the terminal has gone: SIGHUP comes */
		}
		s += w;
		n -= (size_t)w;
	}
}

int
terminal_open(void)
{
	tty = open("/dev/tty", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	atexit(terminal_give_back);
	return tty;
}

/* The second screen, without a cursor; no echo, keys as they are pressed. */
void
terminal_take(void)
{
	static const char	enter[] = "\033[?1049h\033[?25l\033[H\033[2J";
	struct termios		t;

	if (is_ours)
		return;
	is_ours = 1;
	if ((has_was = tcgetattr(tty, &was) == 0)) {
		t = was;
		t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		t.c_cc[VMIN] = 1;
		t.c_cc[VTIME] = 0;
		tcsetattr(tty, TCSADRAIN, &t);
	}
	terminal_put(enter, sizeof(enter) - 1);
}

void
terminal_give_back(void)
{
	static const char	leave[] = "\033[?25h\033[?1049l";

	if (!is_ours)
		return;
	is_ours = 0;
	terminal_put(leave, sizeof(leave) - 1);
	if (has_was)
		tcsetattr(tty, TCSADRAIN, &was);
}
