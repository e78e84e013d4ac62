/*
 * muster-tuf: the client of The Update Framework by itself, with the command
 * line that its conformance tests call.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "log.h"
#include "settings.h"
#include "tls.h"
#include "tuf.h"
#include "tuf_impl.h"

static const struct setting table[] = {
	{ "metadata-dir", 0, NULL, SETTING_PATH, NULL, 0, 0, "DIR",
	    "where trusted metadata is kept", SETTING_REQUIRED, NULL },
	{ "metadata-url", 0, NULL, SETTING_STR, NULL, 0, 0, "URL",
	    "where the repository's metadata is", 0, NULL },
	{ "target-name", 0, NULL, SETTING_LIST, NULL, 0, 0, "PATH",
	    "a target to download", SETTING_FLAG, NULL },
	{ "target-base-url", 0, NULL, SETTING_STR, NULL, 0, 0, "URL",
	    "where the repository's targets are", 0, NULL },
	{ "target-dir", 0, NULL, SETTING_PATH, NULL, 0, 0, "DIR",
	    "where to put what was downloaded", 0, NULL },
	{ "ca-file", 0, "MUSTER_CA_FILE", SETTING_PATH, NULL, 0, 0, "FILE",
	    "certificates to trust (the system's)", 0, NULL },
	{ "api-key", 0, "MUSTER_API_KEY", SETTING_STR, NULL, 0, 0, "KEY",
	    "sent to the repository's server", SETTING_SECRET |
	    SETTING_NO_FLAG, NULL }
};

static const struct settings_spec spec = {
	.tool = "muster-tuf",
	.synopsis = "--metadata-dir DIR init ROOT\n"
	    "       muster-tuf --metadata-dir DIR --metadata-url URL refresh\n"
	    "       muster-tuf --metadata-dir DIR --metadata-url URL "
	    "--target-name PATH ... --target-base-url URL --target-dir DIR "
	    "download",
	.about = "Fetches files that The Update Framework's metadata "
	    "vouches for.",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_CONFIG | SETTINGS_LOG | SETTINGS_OPERANDS,
	.config_name = "tuf.json"
};

struct client {
	const struct settings	*s;
	struct tls		*tls;
	struct tuf		*tuf;
};

static _Noreturn void
refused(const struct tuf_failure *f)
{
	die(EXIT_NO, "%s: %s", tuf_fault_name(f->fault), f->text);
}

static char *
url_of(const char *base, const char *name)
{
	size_t	n = strlen(base);

	return xasprintf("%s%s%s", base, n > 0 && base[n - 1] == '/' ? "" :
	    "/", name);
}

static const char *
required(const struct client *c, const char *name)
{
	const char	*value = settings_str(c->s, name);

	if (value == NULL)
		settings_usage(c->s, "--%s: required", name);
	return value;
}

/* The status, or the end where nobody answers. */
static int
get(const struct client *c, const char *url, struct httpc_options *o,
    char **body, size_t *n)
{
	char	*why = NULL;
	int	 status;

	o->bearer = settings_str(c->s, "api-key");
	o->tls = c->tls;
	status = httpc_fetch(uv_default_loop(), url, o, body, n, &why);
	if (status < 0 && status != UV_EFBIG)
		die(EXIT_NO, "%s: %s", url, why);
	if (status > 0 && status != 200 && status != 403 && status != 404)
		die(EXIT_NO, "%s: status %d", url, status);
	free(why);
	return status;
}

/* -- metadata -- */

static void
give(const struct client *c, const struct tuf_want *want)
{
	char			*url = url_of(required(c, "metadata-url"),
				    want->name);
	struct httpc_options	 o = { .max_body = want->max };
	char			*body = NULL;
	size_t			 n = 0;
	int			 status = get(c, url, &o, &body, &n);

	log_debug(NULL, "%s: %d, %zu bytes", url, status, n);
	if (status == UV_EFBIG)
		tuf_give(c->tuf, "", want->max + 1);
	else
		tuf_give(c->tuf, status == 200 ? body : NULL, n);
	free(body);
	free(url);
}

static void
run(const struct client *c)
{
	struct tuf_want	want;
	int		rc;

	while ((rc = tuf_step(c->tuf, &want)) == TUF_WANTS)
		give(c, &want);
	if (rc < 0)
		refused(tuf_failure(c->tuf));
}

static void
refresh(const struct client *c)
{
	tuf_refresh(c->tuf, clock_wall_ms() / 1000);
	run(c);
}

/* -- targets -- */

static int
to_file(const char *p, size_t n, void *arg)
{
	return fwrite(p, 1, n, arg) == n ? 0 : UV_EIO;
}

/* Beside its place first: what is not right never has the name. */
static void
fetch_target(const struct client *c, const struct tuf_target *t,
    const char *path)
{
	char			*name = tuf_target_name(t);
	char			*url = url_of(required(c, "target-base-url"),
				    name);
	char			*part = xasprintf("%s.part", path);
	struct httpc_options	 o = { .sink = to_file,
				    .max_body = (size_t)t->length + 1 };
	struct tuf_failure	 f;
	int			 status, rc;
	FILE			*file = fopen(part, "wb");

	if (file == NULL)
		die(EXIT_NO, "%s: %s", part, errstr(-errno));
	o.sink_arg = file;
	status = get(c, url, &o, NULL, NULL);
	if (fclose(file) != 0)
		die(EXIT_NO, "%s: %s", part, errstr(-errno));
	rc = tuf_check_file(t, part, &f);
	if (status != 200 || rc < 0 || rename(part, path) < 0) {
		unlink(part);
		if (status != 200)
			die(EXIT_NO, "%s: not there, or larger than it may be",
			    url);
		if (rc == -EBADMSG)
			refused(&f);
		die(EXIT_NO, "%s: %s", path, errstr(rc < 0 ? rc : -errno));
	}
	free(part);
	free(url);
	free(name);
}

static void
download(const struct client *c, const char *target)
{
	char			*name = tuf_quote(target, "");
	char			*path = file_join(required(c, "target-dir"),
				    name);
	struct tuf_failure	 f;

	tuf_find(c->tuf, target);
	run(c);
	if (tuf_check_file(tuf_target(c->tuf), path, &f) < 0)
		fetch_target(c, tuf_target(c->tuf), path);
	puts(path);
	free(path);
	free(name);
}

static void
download_all(const struct client *c)
{
	const char	*name;
	size_t		 i;

	if (settings_item(c->s, "target-name", 0) == NULL)
		settings_usage(c->s, "--target-name: required");
	refresh(c);
	for (i = 0; (name = settings_item(c->s, "target-name", i)) != NULL;
	    i++)
		download(c, name);
}

/* -- commands -- */

static void
init(const struct client *c, const char *file)
{
	struct tuf_failure	 f;
	struct buf		 b = BUF_INIT;
	int			 rc;

	if ((rc = file_read(file, TUF_MAX_ROOT, &b)) < 0)
		die(EXIT_NO, "%s: %s", file, errstr(rc));
	if (tuf_trust(settings_str(c->s, "metadata-dir"), buf_str(&b), b.len,
	    &f) < 0)
		refused(&f);
	buf_release(&b);
}

static void
connect_tls(struct client *c)
{
	const char	*ca = settings_str(c->s, "ca-file");
	char		*why;

	if (ca != NULL && tls_client(&c->tls, ca, NULL, 1, &why) < 0)
		die(EXIT_USAGE, "%s", why);
}

int
main(int argc, char **argv)
{
	struct settings	*s = settings_load(&spec, argc, argv);
	struct client	 c = { s, NULL, NULL };
	char		**word = argv + settings_first(s);
	int		 n = argc - settings_first(s);

	crypto_init();
	if (n == 2 && strcmp(word[0], "init") == 0)
		init(&c, word[1]);
	else if (n == 1 && strcmp(word[0], "refresh") == 0) {
		connect_tls(&c);
		c.tuf = tuf_open(settings_str(s, "metadata-dir"));
		refresh(&c);
	} else if (n == 1 && strcmp(word[0], "download") == 0) {
		connect_tls(&c);
		c.tuf = tuf_open(settings_str(s, "metadata-dir"));
		download_all(&c);
	} else
		settings_usage(s, "a command is needed: init ROOT, refresh "
		    "or download");
	tuf_close(c.tuf);
	tls_free(c.tls);
	uv_loop_close(uv_default_loop());
	settings_free(s);
	return EXIT_YES;
}
