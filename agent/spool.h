/*
 * The spool: what must reach the server, kept on this host's disk until it
 * has.  Records are numbered, written before spool_add() returns, and go when
 * they are acknowledged.  What it may hold is bounded: then the oldest of the
 * lowest class goes first, is counted, and the count is told in a record.
 * muster-spool(5) has the files and what survives what.
 */
#ifndef MUSTER_SPOOL_H
#define MUSTER_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct spool;

/* From what goes first to what goes last. */
enum spool_class { SPOOL_METRIC, SPOOL_LOG, SPOOL_EVENT, SPOOL_ALERT };

enum {
	SPOOL_CLASSES	= 4,
	/* A record's text; with its number it fits a message of the link. */
	SPOOL_MAX_RECORD = 64 * 1024,
	SPOOL_MIN_BYTES	= 256 * 1024	/* a few records of each class */
};

struct spool_options {
	const char	*dir;		/* made where missing, mode 0700 */
	uv_loop_t	*loop;		/* NULL: nothing is synced but by
					 * spool_sync() */
	int64_t		 max_bytes;	/* on disk, all told */
	int64_t		 max_age_ms;	/* 0: none */
};

/*
 * 0, or -errno with *why, freed by the caller.  What is damaged in the files
 * is told to the log, counted as lost, and does not make this fail.
 */
int	spool_open(struct spool **, const struct spool_options *, char **why);
/* NULL is nothing to do; readers are freed before.  With a loop, the last of
 * it is on the loop. */
void	spool_close(struct spool *);

/*
 * Keeps a record: {"type":TEXT,"module":TEXT,"t":ms,"data":ANY}; t is put in
 * where it is missing.  0: it survives the end of this process, however that
 * comes (a power cut: see spool_sync()).  -EINVAL for what is no such object;
 * -EMSGSIZE for one that is too long; -ENOSPC where only higher classes are
 * kept and fill the spool; or -errno of the disk.  All but the first are
 * counted as lost.
 */
int	spool_add(struct spool *, enum spool_class, const json_t *record);

/* "metric" "log" "event" "alert", also of the link. */
const char *spool_class_name(enum spool_class);

struct spool_item {
	uint64_t	 seq;
	enum spool_class class;
	const char	*text;		/* the record's JSON, ended by a NUL */
	size_t		 len;
};

/*
 * All that is still kept with a number above after, in order, until each()
 * returns something else than 0, which is returned.  each() may add records,
 * but not acknowledge.
 */
int	spool_each(struct spool *, uint64_t after,
	    int (*each)(const struct spool_item *, void *arg), void *arg);
/* The same from a directory whose owner is another process, and may write to
 * it meanwhile; 0, what each() returned, or -errno. */
int	spool_each_in(const char *dir, uint64_t after,
	    int (*each)(const struct spool_item *, void *arg), void *arg);

/* Reading on and on: what the link does.  Memory is allocated only between
 * the first spool_next() and the end of what there is. */
struct spool_reader;
struct spool_reader *spool_reader_new(struct spool *, uint64_t after);
/* 1 and an item that lives until the next call, or 0: nothing more yet. */
int	spool_next(struct spool_reader *, struct spool_item *);
void	spool_reader_free(struct spool_reader *);

/* What this spool's numbers are told by, apart from those of another. */
const char *spool_name(const struct spool *);
uint64_t spool_acked(const struct spool *);	/* the highest one */
/* Everything up to this number, which was given out, is the server's. */
void	spool_ack(struct spool *, uint64_t seq);
/* The server refuses this one for good: it is lost, and counted. */
void	spool_refused(struct spool *, enum spool_class);
/* Adds a record of type spool.lost, where more was lost than the last such
 * one told. */
void	spool_tell_losses(struct spool *);
/* Called from the loop's next turn after records were added; one caller. */
void	spool_on_add(struct spool *, void (*)(void *arg), void *arg);
/* Everything written so far is on the disk when this returns.  0 or -errno. */
int	spool_sync(struct spool *);

struct spool_status {
	uint64_t	next;		/* the next number to be given out */
	uint64_t	acked;		/* the highest acknowledged */
	uint64_t	kept[SPOOL_CLASSES];	/* records */
	uint64_t	lost[SPOOL_CLASSES];	/* ever */
	int64_t		bytes;		/* on disk */
};
void	spool_status(const struct spool *, struct spool_status *);

#endif
