/* Interfaces and the filters on them: rtnetlink and clsact. */
#ifndef MUSTER_POLICY_TC_H
#define MUSTER_POLICY_TC_H

#include <net/if.h>
#include <stdint.h>

#include "../bpf/policy.h"

/*
 * Our filters' own: others' at other priorities or handles are never
 * touched.  The priority is low enough to come before what has none given
 * (49152 and down); a filter before ours that accepts ends it for its
 * packets.
 */
enum { POLICY_TC_HANDLE = 0x6d75, POLICY_TC_PRIORITY = 7 };

struct policy_link {
	int	ifindex, loopback;
	char	name[IF_NAMESIZE];
};

/* A socket that hears of interfaces, and asks about them; or -errno. */
int	policy_links_open(void);
/* What was heard: each() for an interface that is there, gone() for one that
 * went.  0, or -ENOBUFS: something was missed, list them anew. */
int	policy_links_hear(int fd, void (*each)(const struct policy_link *,
	    void *), void (*gone)(int ifindex, void *), void *arg);
/* All that there are.  0 or -errno. */
int	policy_links_list(void (*each)(const struct policy_link *, void *),
	    void *arg);

/* The id of our program there; 0: none. */
uint32_t policy_tc_attached(int ifindex, enum policy_dir);
/* Puts the program there, in place of one of ours at once.  *made is set
 * where there was no clsact.  0 or -errno; -EEXIST: somebody else has our
 * handle and priority. */
int	policy_tc_attach(int ifindex, enum policy_dir, int program, int *made);
/* Takes it away; 0 also where there is none. */
int	policy_tc_detach(int ifindex, enum policy_dir);
/* Takes clsact away if no filter at all is left on it. */
int	policy_tc_tidy(int ifindex);
/* How many filters of others there are; *before of them come before ours. */
int	policy_tc_others(int ifindex, enum policy_dir, int *before);

#endif
