/* muster-sign's own: the private key, the daemon, the client. */
#ifndef MUSTER_SIGNER_H
#define MUSTER_SIGNER_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <uv.h>

struct ipc;
struct ipc_call;
struct settings;

/* Limits, with their reasons. */
enum {
	SIGNER_MAX_NAME	= 200,		/* of what is signed, for the log */
	SIGNER_MAX_PATH	= 1024,
	SIGNER_MAX_FILE	= 64 * 1024 * 1024, /* for GPG: held in memory */
	SIGNER_MAX_GPG	= 4,		/* gpg processes at once */
	SIGNER_MAX_ARMOR = 16 * 1024,	/* a detached one has 300 to 1,300 */
	SIGNER_GPG_TIMEOUT = 30000,	/* ms; it takes about 10 */
	SIGNER_ASK_TIMEOUT = 40000	/* ms a client waits: past gpg's */
};

/* sign_key.c */

struct sign_key {
	uint8_t	 pub[32];
	uint8_t	*sec;	/* 64 bytes; locked in memory, unreadable at rest */
};

#define SIGN_KEY_INIT	{ { 0 }, NULL }

/* Makes DIR (0700), DIR/ed25519.key (0600) and DIR/ed25519.pub; never over
 * a key that is there.  0 or -errno. */
int	sign_key_make(const char *dir, uint8_t pub[32]);
/* Reads it.  0; or -errno, -EPERM where others could read or change it,
 * -EINVAL where it is damaged, with *why naming the object (freed by the
 * caller). */
int	sign_key_open(struct sign_key *, const char *dir, char **why);
void	sign_key_use(const struct sign_key *, const char *domain,
	    const uint8_t sha256[32], uint8_t sig[64]);
/* Over the bytes themselves: of update metadata, which says what it is. */
void	sign_key_raw(const struct sign_key *, const void *, size_t,
	    uint8_t sig[64]);
void	sign_key_release(struct sign_key *);

/* sign_gpg.c */

/* A file that is to be signed, in memory. */
struct gpg_input {
	char	*p;
	size_t	 n;
};

/*
 * Reads the file named by path, which must lie inside dir without a link on
 * the way, be a regular one and belong to uid (root may name any).  0 or
 * -errno; the caller frees in->p.
 */
int	gpg_read(const char *dir, const char *path, int64_t uid,
	    struct gpg_input *in);
/* gpg --detach-sign --armor with this key over the input.  done() hears it
 * once: the text, or NULL and why.  0, or -errno and done() is not called. */
int	gpg_start(uv_loop_t *, const char *key, const struct gpg_input *,
	    void (*done)(const char *armor, const char *why, void *arg),
	    void *arg);
/* Ends what runs; their done() follows. */
void	gpg_kill_all(void);
int	gpg_running(void);

/* The daemon's state: sign_serve.c and sign_ops.c. */

struct signer {
	const struct settings	*s;
	struct sign_key		 key;
	char			*log;		/* signatures.log */
	char			*work_dir;	/* canonical, or NULL */
	struct ipc		*ipc;
	uv_signal_t		 sigterm, sigint;
	int			 stopping;
};

/* sign_ops.c: an ipc_handler; arg is the signer. */
void	signer_request(struct ipc_call *, const json_t *, int64_t uid,
	    int64_t pid, void *arg);
/* sign_serve.c: a request that took its time has been answered; ends the
 * daemon where it only waited for that. */
void	signer_idle(struct signer *);

/* sign_serve.c: runs until SIGTERM or SIGINT; the exit code. */
int	sign_serve(const struct settings *);

/* sign_client.c: each is one use of the filter; the exit code. */
int	sign_file(const struct settings *, const char *file);
int	sign_print_key(const struct settings *);
int	sign_verify(const struct settings *, const char *file);
/* "artifact" or "config" to sign.h's domain; NULL where it is neither. */
const char *sign_domain(const char *word);

/* sign_tuf.c: muster-sign tuf; the exit code. */
int	sign_tuf(int argc, char **argv);

#endif
