/* What child.c and child_role.c tell each other. */
#ifndef MUSTER_CHILD_IMPL_H
#define MUSTER_CHILD_IMPL_H

enum {
	CHILD_STATUS_FD	= 3,	/* the supervisor's; we read the other end */
	CHILD_STATUS_SIZE = 32
};

/* The supervisor's arguments; the command's follow. */
enum {
	CHILD_ARG_SELF, CHILD_ARG_P, CHILD_ARG_ROLE, CHILD_ARG_DIR,
	CHILD_ARG_CPU, CHILD_ARG_MEMORY, CHILD_ARG_FILE, CHILD_ARG_FILES,
	CHILD_ARG_NICE, CHILD_ARG_COMMAND
};

/* The one line on the status descriptor, at the end. */
#define CHILD_STATUS_FORMAT	"ended %d %d\n"	/* exit code, signal */

#endif
