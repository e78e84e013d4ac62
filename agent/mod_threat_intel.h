/* Shared by the files of the module threat-intel. */
#ifndef MUSTER_MOD_THREAT_INTEL_H
#define MUSTER_MOD_THREAT_INTEL_H

#include "http.h"
#include "intel.h"
#include "intel_feed.h"
#include "module.h"

/* Limits, with their reasons. */
enum {
	INTEL_MAX_FEEDS	= 64,		/* of one host */
	INTEL_MAX_FEED	= 512 * 1024 * 1024, /* bytes of one; mapped */
	INTEL_MAX_LIST	= 64 * 1024 * 1024, /* of a warning list; read whole */
	INTEL_MIN_REFRESH_MS = 60 * 1000, /* feeds' owners ban who asks more */
	INTEL_ALERT_MS	= 60 * 60 * 1000, /* the same match is told again
					 * after an hour, with a count */
	INTEL_MAX_RECENT = 4096		/* matches remembered for that */
};

struct intel_source {
	char			*name, *file, *url, *column;
	struct intel_feed	 feed;
	struct intel_count	 count;		/* of the last reading */
	char			*fault;		/* of it, or NULL */
	int			 out;		/* its file, being written */
	struct threat_intel	*all;
};

struct threat_intel {
	struct module		*m;
	struct intel_source	 source[INTEL_MAX_FEEDS];
	size_t			 n_sources;
	json_t			*warninglists;	/* array of paths */
	char			*path;		/* of the file of indicators */
	char			*dir;		/* of what was fetched */
	struct tls		*tls;
	struct intel		*t;		/* NULL: none yet */
	int			 least;		/* confidence that alerts */
	int64_t			 refresh_ms;
	uv_timer_t		 refresh;
	size_t			 fetching;
	json_t			*suppressed;	/* by warning list: counts */
	struct intel_made	 made;
	struct recent		*recent;
	uint64_t		 looked, matched, alerts;
	int			 block_confidence;
	struct intel_block	*block;		/* or NULL */
	struct intel_guard	*guard;		/* likewise */
	char			*block_fault;	/* or NULL */
};

/* mod_threat_intel_load.c */
/* Reads what the feeds' files hold into a new file and takes that.  0, or
 * -errno: the old one serves on. */
int	intel_load(struct threat_intel *);
/* Fetches what has a URL, then loads. */
void	intel_refresh(struct threat_intel *);

/* mod_threat_intel_block.c */
/* cgroup NULL: all processes.  0, or -errno with *why, and all is open. */
int	intel_block_start(struct threat_intel *, const char *cgroup,
	    const json_t *management, char **why);
/* The indicators are others by now. */
void	intel_block_fill(struct threat_intel *);
void	intel_block_status(const struct threat_intel *, json_t *to);

/* mod_threat_intel_guard.c */
/* Execs on these mounts; the same. */
int	intel_guard_start(struct threat_intel *, const json_t *mounts,
	    char **why);
/* Answers what the kernel asks: in between, of work that takes long. */
void	intel_guard_serve(struct threat_intel *);
void	intel_guard_status(const struct threat_intel *, json_t *to);

/* mod_threat_intel_match.c */
/* Looks all values of a record up and reports what is known of them; retro:
 * the record is an old one. */
void	intel_match(struct threat_intel *, const json_t *record, int retro);
/* All that the spool still keeps; how many records were looked at. */
uint64_t intel_retro(struct threat_intel *);
json_t	*intel_hits_json(const struct intel_hit *, size_t);
void	intel_forget(struct threat_intel *);

#endif
