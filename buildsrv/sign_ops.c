/*
 * The daemon's requests: a table of "op" and handler.  Each signature is
 * first written to DIR/signatures.log, then given: there is none without a
 * record.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "settings.h"
#include "sign.h"
#include "signer.h"
#include "tuf_make.h"

/* A gpg request under way. */
struct waiting {
	struct signer	*signer;
	struct ipc_call	*call;
};

struct request {
	const json_t	*json;
	int64_t		 uid, pid;
};

struct op {
	const char			*name;
	void				(*run)(struct signer *,
					    struct ipc_call *,
					    const struct request *);
	const struct json_field		*fields;
	size_t				 n;
};

static void	PRINTF_LIKE(2, 3)
refuse(struct ipc_call *call, const char *fmt, ...)
{
	struct buf	 b = BUF_INIT;
	va_list		 ap;
	json_t		*answer;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	log_info("sign", "refused: %s", buf_str(&b));
	/* Words that are not UTF-8 (gpg's, in its language) stay in the log. */
	answer = json_pack("{sb ss}", "ok", 0, "error", buf_str(&b));
	if (answer == NULL)
		answer = json_pack("{sb ss}", "ok", 0, "error",
		    "see the helper's log");
	ipc_answer(call, answer);
	buf_release(&b);
}

/* A caller's word must not make a second line or column. */
static char *
printable(const char *s)
{
	char	*copy = xstrdup(s), *p;

	for (p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

/* The record of a signature that is about to be given.  0 or -errno. */
static int
record(const struct signer *g, const struct request *r, const char *what,
    const char *sha256)
{
	char		*name = printable(json_str(r->json, "name", "-"));
	char		 when[CLOCK_RFC3339_SIZE];
	struct buf	 line = BUF_INIT;
	int		 fd, rc = 0;

	buf_printf(&line, "%s\t%lld\t%lld\t%s\t%s\t%s\n",
	    clock_rfc3339(clock_wall_ms(), when), (long long)r->uid,
	    (long long)r->pid, what, sha256, name);
	log_info("sign", "%s %s (%s) for uid %lld pid %lld", what, name,
	    sha256, (long long)r->uid, (long long)r->pid);
	errno = 0;
	fd = open(g->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, line.p, line.len) != (ssize_t)line.len)
		rc = errno != 0 ? -errno : -EIO;
	if (rc < 0)
		log_error("sign", "%s: %s", g->log, errstr(rc));
	if (fd >= 0)
		close(fd);
	buf_release(&line);
	free(name);
	return rc;
}

static void
op_sign(struct signer *g, struct ipc_call *call, const struct request *r)
{
	const char	*word = json_str(r->json, "domain", "");
	uint8_t		 sha[SHA256_SIZE], sig[ED25519_SIG];
	char		 sig64[BASE64_SIZE(ED25519_SIG)];
	char		 pub64[BASE64_SIZE(ED25519_PUBLIC)];
	char		 hex[2 * SHA256_SIZE + 1];

	if (hex_decode(json_str(r->json, "sha256", ""), sha, sizeof(sha)) < 0) {
		refuse(call, "sha256: must be 64 hex digits");
		return;
	}
	hex_encode(sha, sizeof(sha), hex);
	if (record(g, r, word, hex) < 0) {
		refuse(call, "the signature cannot be recorded");
		return;
	}
	sign_key_use(&g->key, sign_domain(word), sha, sig);
	ipc_answer(call, json_pack("{sb ss ss}", "ok", 1,
	    "signature", base64_encode(sig, sizeof(sig), sig64),
	    "public_key", base64_encode(g->key.pub, ED25519_PUBLIC, pub64)));
}

static void
op_public_key(struct signer *g, struct ipc_call *call,
    const struct request *r)
{
	char	pub64[BASE64_SIZE(ED25519_PUBLIC)];

	(void)r;
	ipc_answer(call, json_pack("{sb ss sb}", "ok", 1, "public_key",
	    base64_encode(g->key.pub, ED25519_PUBLIC, pub64),
	    "gpg", settings_has(g->s, "gpg-key")));
}

static void
on_gpg(const char *armor, const char *why, void *arg)
{
	struct waiting	*w = arg;
	struct signer	*g = w->signer;

	if (armor != NULL)
		ipc_answer(w->call, json_pack("{sb ss}", "ok", 1,
		    "signature", armor));
	else
		refuse(w->call, "%s", why);
	free(w);
	signer_idle(g);
}

static void
op_gpg(struct signer *g, struct ipc_call *call, const struct request *r)
{
	const char		*file = json_str(r->json, "file", "");
	const char		*key = settings_str(g->s, "gpg-key");
	struct gpg_input	 in;
	struct waiting		*w;
	uint8_t			 sha[SHA256_SIZE];
	char			 hex[2 * SHA256_SIZE + 1];
	int			 rc;

	if (key == NULL || g->work_dir == NULL) {
		refuse(call, "gpg: no key, or no work directory, is set");
		return;
	}
	if ((rc = gpg_read(g->work_dir, file, r->uid, &in)) < 0) {
		refuse(call, "file: %s", errstr(rc));
		return;
	}
	crypto_sha256(in.p, in.n, sha);
	rc = record(g, r, "gpg", hex_encode(sha, sizeof(sha), hex));
	w = xcalloc(1, sizeof(*w));
	w->signer = g;
	w->call = call;
	if (rc == 0)
		rc = gpg_start(g->sigterm.loop, key, &in, on_gpg, w);
	free(in.p);
	if (rc < 0) {
		free(w);
		refuse(call, "gpg: %s", errstr(rc));
	}
}

/*
 * Update metadata of the two online roles, and of no other: a caller that was
 * broken into gets no root and no targets signed here.
 */
static void
op_tuf(struct signer *g, struct ipc_call *call, const struct request *r)
{
	json_t		*body = json_object_get(r->json, "signed"), *file, *key;
	const char	*type = json_str(body, "_type", "");
	struct buf	 b = BUF_INIT;
	uint8_t		 sha[SHA256_SIZE], sig[ED25519_SIG];
	char		 hex[2 * SHA256_SIZE + 1], id[65];

	if (strcmp(type, "snapshot") != 0 && strcmp(type, "timestamp") != 0) {
		refuse(call, "signed: only a snapshot or a timestamp");
		return;
	}
	file = json_pack("{sO s[]}", "signed", body, "signatures");
	if (tuf_to_sign(file, &b) < 0)
		refuse(call, "signed: a number that is no integer");
	else {
		crypto_sha256(b.p, b.len, sha);
		if (record(g, r, type, hex_encode(sha, sizeof(sha), hex)) < 0)
			refuse(call, "the signature cannot be recorded");
		else {
			sign_key_raw(&g->key, b.p, b.len, sig);
			key = tuf_key(g->key.pub);
			tuf_key_id(key, id);
			tuf_add_signature(file, id, sig);
			ipc_answer(call, json_pack("{sb sO}", "ok", 1,
			    "signatures", json_object_get(file,
			    "signatures")));
			json_decref(key);
		}
	}
	buf_release(&b);
	json_decref(file);
}

static const struct json_field	fields_sign[] = {
	{ .name = "op", .kind = JSON_K_STR, .required = 1 },
	{ .name = "domain", .kind = JSON_K_STR, .required = 1,
	    .words = "artifact|config" },
	{ .name = "sha256", .kind = JSON_K_STR, .required = 1,
	    .min = 2 * SHA256_SIZE, .max = 2 * SHA256_SIZE },
	{ .name = "name", .kind = JSON_K_STR, .max = SIGNER_MAX_NAME }
};

static const struct json_field	fields_public_key[] = {
	{ .name = "op", .kind = JSON_K_STR, .required = 1 }
};

static const struct json_field	fields_gpg[] = {
	{ .name = "op", .kind = JSON_K_STR, .required = 1 },
	{ .name = "file", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = SIGNER_MAX_PATH },
	{ .name = "name", .kind = JSON_K_STR, .max = SIGNER_MAX_NAME }
};

static const struct json_field	fields_tuf[] = {
	{ .name = "op", .kind = JSON_K_STR, .required = 1 },
	{ .name = "signed", .kind = JSON_K_OBJ, .required = 1 },
	{ .name = "name", .kind = JSON_K_STR, .max = SIGNER_MAX_NAME }
};

static const struct op	ops[] = {
	{ "sign", op_sign, fields_sign, nitems(fields_sign) },
	{ "public_key", op_public_key, fields_public_key,
	    nitems(fields_public_key) },
	{ "gpg", op_gpg, fields_gpg, nitems(fields_gpg) },
	{ "tuf", op_tuf, fields_tuf, nitems(fields_tuf) }
};

void
signer_request(struct ipc_call *call, const json_t *json, int64_t uid,
    int64_t pid, void *arg)
{
	const char	*name = json_str(json, "op", "");
	struct request	 r = { json, uid, pid };
	struct json_err	 e;
	char		 words[320];
	size_t		 i;

	for (i = 0; i < nitems(ops); i++)
		if (strcmp(ops[i].name, name) == 0)
			break;
	if (i == nitems(ops))
		refuse(call, "op: must be sign, public_key, gpg or tuf");
	else if (json_check(json, ops[i].fields, ops[i].n, &e) < 0)
		refuse(call, "%s", json_err_str(&e, words, sizeof(words)));
	else
		ops[i].run(arg, call, &r);
}
