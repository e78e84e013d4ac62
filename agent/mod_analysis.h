/*
 * Shared by the files of the module analysis: a graph of who depends on whom
 * on this host.  Nodes and edges are JSON objects by their ids, so that two
 * graphs are compared by their keys.
 *
 *   service -runs-> program -maps-> library -from-> package
 *   program -from-> package, program -listens-> socket,
 *   program -connects-> remote or program, program -needs-> soname
 *
 * A program is an executable within a service: processes come and go, and
 * are no nodes of their own.
 */
#ifndef MUSTER_MOD_ANALYSIS_H
#define MUSTER_MOD_ANALYSIS_H

#include "buf.h"
#include "module.h"

/* Limits, with their reasons. */
enum {
	GRAPH_MAX_NODES	= 50000,	/* 1 KB each in memory, at the most */
	GRAPH_MAX_EDGES	= 200000,
	GRAPH_MAX_PIDS	= 16,		/* told of a program */
	GRAPH_MAX_ID	= 4400,		/* PATH_MAX and a word */
	GRAPH_MAX_TEXT	= 64 * 1024 * 1024, /* dpkg's status: 5 MB usual */
	GRAPH_PART	= 100		/* items, or lines, of one answer */
};

struct graph {
	json_t	*nodes;		/* id: {kind, label, ...} */
	json_t	*edges;		/* "from\tto\tkind": {} or what is known */
	int	 full;		/* some did not fit, and were left out */
};

void	graph_init(struct graph *);
void	graph_release(struct graph *);
/* The node, borrowed; made where it is not there.  NULL: no more fit. */
json_t	*graph_node(struct graph *, const char *kind, const char *name);
/* "kind:name"; at most n bytes, returns out. */
char	*graph_id(char *out, size_t n, const char *kind, const char *name);
/* Between two ids; NULL: no more fit. */
json_t	*graph_edge(struct graph *, const char *from, const char *to,
	    const char *kind);

/* mod_analysis_proc.c: processes, their services, what they have mapped */
struct owners;			/* sockets' inodes, and whose they are */
struct owners *graph_processes(struct graph *);
void	owners_free(struct owners *);
/* The id of the program that holds this socket, or NULL. */
const char *owner_of(const struct owners *, uint64_t inode);

/* mod_analysis_net.c: TCP and UDP, v4 and v6 */
void	graph_sockets(struct graph *, const struct owners *);

/* mod_analysis_unix.c */
void	graph_unix(struct graph *, const struct owners *);

/* mod_analysis_pkg.c */
/* Which package each program and library is from, by dpkg's lists.  0, or
 * -errno: there are none. */
int	graph_packages(struct graph *, const char *dpkg);
/* All installed, [{name,version,architecture,...}], a new array; or NULL. */
json_t	*packages_list(const char *dpkg);
/* The same as a CycloneDX 1.5 document. */
json_t	*packages_cyclonedx(const json_t *list);

/* mod_analysis_rpm.c */
/* A descriptor to ask rpm by, -ENOENT where there is none; before the module is
 * confined. */
int	rpm_start(const char *rpm);
/* Like packages_list(), each with "type":"rpm". */
json_t	*rpm_list(int fd);

/* mod_analysis_elf.c */
/* The names (DT_NEEDED) that an ELF file asks for, a new array; NULL for what
 * is no such file, or damaged. */
json_t	*elf_needed(const char *path);

/* mod_analysis_out.c */
void	graph_dot(const struct graph *, struct buf *);
/* {"added":{nodes,edges},"removed":{...}} of ids. */
json_t	*graph_diff(const struct graph *before, const struct graph *now);
/* Programs that have a library mapped which is not what is on the disk. */
json_t	*graph_restart_needed(const struct graph *);

#endif
