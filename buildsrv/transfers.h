/*
 * Files on their way under tokens: which are open, how many copies of one
 * token, and when a download is to be counted.  In memory alone, no loop.
 *
 * A download is one time all bytes of the file, to one client (an address
 * under a token), in however many parts: what was sent since the last count
 * is kept as intervals, and when they cover the file, one is counted.
 *
 * A limited token gives out no more copies than it has downloads left: each
 * GET takes one for its time, but parts that a client fetches side by side
 * share one.  What is never finished is counted by its bytes: each time that
 * twice the file has left uncounted, that is one as well, such that nobody
 * gets any number of files without their last byte.
 */
#ifndef MUSTER_TRANSFERS_H
#define MUSTER_TRANSFERS_H

#include <stddef.h>
#include <stdint.h>

enum {
	TRANSFERS_MAX_CLIENTS = 4096,	/* with parts, but none under way: 2 MB;
					 * then those of longest ago are
					 * forgotten */
	TRANSFERS_WASTE = 2	/* files' worth of bytes that are a download */
};

struct transfers;
struct transfer;

struct transfer_want {
	const char	*token;		/* the key of its record */
	const char	*client;	/* an address */
	const char	*sha256;
	uint64_t	 size, from, n;	/* the part; n > 0 */
	int64_t		 counted, max;	/* of the record; max 0: no limit */
};

struct transfers_stats {
	size_t		 open;		/* under way */
	size_t		 clients;	/* that are remembered */
	uint64_t	 sent;		/* bytes since the start */
};

struct transfers *transfers_new(void);
/* Whatever is still open is forgotten: nothing may end after it. */
void	transfers_free(struct transfers *);
void	transfers_get(const struct transfers *, struct transfers_stats *);
/* Whether files of this content are being sent. */
int	transfers_sending(const struct transfers *, const char *sha256);
/* Whether a client has a part of what the token leads to: it may get the
 * rest though the token has expired since. */
int	transfers_resumes(const struct transfers *, const char *token,
	    const char *client);
/* How many downloads there were: counts that are not on the disk included. */
int64_t	transfers_counted(const struct transfers *, const char *token,
	    int64_t recorded);

/* NULL where as many copies as are left are under way. */
struct transfer *transfer_begin(struct transfers *,
	    const struct transfer_want *);
/*
 * So many bytes of the part were sent; frees.  Returns how many downloads
 * are to be recorded; where that is not 0, transfers_recorded must follow
 * when they are.
 */
int	transfer_end(struct transfer *, uint64_t sent);
void	transfers_recorded(struct transfers *, const char *token);

#endif
