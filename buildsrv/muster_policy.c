/*
 * policy: checks a network policy here, and sets, shows, confirms it on
 * agents, as verbs of their policy module.  A long document goes up in
 * pieces, for a message to an agent has a limit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/policy_compile.h"
#include "file.h"
#include "json.h"
#include "muster_order.h"

enum {
	MAX_WORDS	= 5,		/* of --packet */
	PIECE		= 48 * 1024	/* of a document, to an agent */
};

static const struct setting table[] = {
	ORDER_SETTINGS,
	{ "packet", 'p', NULL, SETTING_STR, NULL, 0, 0, "PACKET",
	    "check: which rule decides on it; \"egress tcp ADDRESS PORT\"", 0,
	    NULL },
	{ "confirm-within", 0, NULL, SETTING_DURATION, "60s", 5000, 3600000,
	    "TIME", "set: rolled back after it, unless confirmed",
	    SETTING_FLAG, NULL },
	{ "confirm", 'y', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "set: and confirm it when the agent still answers", SETTING_FLAG,
	    NULL },
	{ "document", 'd', NULL, SETTING_BOOL, NULL, 0, 0, NULL,
	    "show: the document itself", SETTING_FLAG, NULL },
};

static const struct settings_spec spec = {
	.tool = "muster policy",
	.synopsis = "check [-p PACKET] FILE | set [-y] [--confirm-within TIME] "
	    "AGENT FILE | show [-d] AGENT | stats|confirm|revert|clear AGENT",
	.about = "Checks a network policy, see muster-policy(5), sets and "
	    "shows it on agents;\n-l NAME=VALUE or -a instead of AGENT means "
	    "several.",
	.table = table, .n = nitems(table), .groups = SETTINGS_OPERANDS,
};

/* -- check -- */

static void
read_file(const char *path, struct buf *text)
{
	int	rc = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path,
	    POLICY_MAX_TEXT, text);

	if (rc < 0)
		die(EXIT_USAGE, "%s: cannot be read: %s", path, errstr(rc));
}

/* "egress tcp 192.0.2.1 443 [SOURCE-PORT]". */
static int
read_packet(char *text, struct policy_query *q)
{
	struct policy_cidr	 cidr;
	const char		*why;
	char			*word[MAX_WORDS], *rest = NULL;
	int			 n, protocol;
	long			 port[2] = { 0, 0 };

	for (n = 0; n < MAX_WORDS; n++, text = NULL)
		if ((word[n] = strtok_r(text, " ", &rest)) == NULL)
			break;
	if (n < 3 || strtok_r(NULL, " ", &rest) != NULL)
		return -1;
	protocol = policy_protocol(word[1]);
	if ((strcmp(word[0], "egress") != 0 && strcmp(word[0], "ingress") !=
	    0) || protocol < 0 || policy_cidr_read(&cidr, word[2], &why) < 0
	    || cidr.len != (cidr.v6 ? 128 : 32))
		return -1;
	while (n-- > 3) {
		port[n - 3] = strtol(word[n], &rest, 10);
		if (*rest != '\0' || port[n - 3] < 0 || port[n - 3] > 65535)
			return -1;
	}
	policy_query_make(q, strcmp(word[0], "egress") == 0, cidr.v6,
	    cidr.addr, (unsigned)protocol, (unsigned)port[1],
	    (unsigned)port[0]);
	return 0;
}

static int
say_packet(const struct settings *s, const struct policy_doc *d,
    const struct policy_image *m)
{
	struct policy_query	 q;
	char			*text = xstrdup(settings_str(s, "packet"));
	uint32_t		 v, slot;
	int			 drops;

	if (read_packet(text, &q) < 0)
		settings_usage(s, "packet: must be \"DIRECTION PROTOCOL"
		    " ADDRESS [PORT [SOURCE-PORT]]\"");
	free(text);
	v = policy_image_judge(m, &q);
	slot = POLICY_SLOT(v);
	drops = POLICY_RANK(v) == POLICY_DENY;
	printf("%s\t%s\n", drops ? "deny" : "allow",
	    slot < POLICY_N_FIRST_RULE ? "default" :
	    d->rules[slot - POLICY_N_FIRST_RULE].id);
	return drops ? EXIT_NO : EXIT_YES;
}

static int
check(const struct settings *s, const char *path)
{
	static const struct policy_host	 nothing = { .cpus = 1 };
	struct buf			 text = BUF_INIT;
	struct policy_doc		 d;
	struct policy_image		 m;
	char				*why, size[CELL];
	int				 code = EXIT_YES;

	read_file(path, &text);
	if (policy_doc_read(&d, buf_str(&text), text.len, &why) < 0 ||
	    policy_compile(&m, &d, &nothing, &why) < 0)
		die(EXIT_USAGE, "%s: %s", path, why);
	if (d.indicators)
		fprintf(stderr, "%s: rules of indicators match nothing here:"
		    " they are those of a host\n", path);
	if (settings_str(s, "packet") != NULL)
		code = say_packet(s, &d, &m);
	else
		fprintf(stderr, "%s: good: %zu rules, %s in the kernel\n",
		    path, d.n_rules, human_bytes((int64_t)m.total * 4, size));
	policy_image_release(&m);
	policy_doc_release(&d);
	buf_release(&text);
	return code;
}

/* -- on agents -- */

struct sending {
	const struct client	*client;
	struct order		*order;
};

static enum exit_code
ask(const struct sending *x, const char *verb, json_t *args_take,
    order_show show)
{
	return order_module(x->client, x->order, "policy", verb, args_take,
	    show, x->order);
}

static void
show_nothing(const char *host, const json_t *value, void *arg)
{
	(void)host;
	(void)value;
	(void)arg;
}

/* What set, confirm and the others leave: one line. */
static void
show_state(const char *host, const json_t *o, void *arg)
{
	const json_t	*d = json_object_get(o, "trial");
	const char	*fault = json_str(json_object_get(o, "indicators"),
			    "fault", NULL);
	int64_t		 left = json_int(o, "rollbackInMs", -1);

	(void)arg;
	if (d == NULL)
		d = json_object_get(o, "confirmed");
	printf("%s\t%s\t%.12s", host, json_str(o, "state", ""),
	    json_str(d, "sha256", "-"));
	if (left >= 0)
		printf("\trolled back in %lld s unless confirmed",
		    (long long)(left + 999) / 1000);
	putchar('\n');
	if (fault != NULL)
		fprintf(stderr, "%s: its indicators: %s\n", host, fault);
}

/* Its text in pieces, then the state. */
static void
show_document(const char *host, const json_t *o, void *arg)
{
	const char	*text = json_str(o, "text", NULL);

	(void)host;
	(void)arg;
	if (text != NULL)
		fputs(text, stdout);
}

/* Rules in parts, an array each; the state comes last. */
static void
show_stats(const char *host, const json_t *o, void *arg)
{
	const json_t	*packets = json_object_get(o, "packets"), *r, *v;
	const char	*key;
	size_t		 i;

	(void)arg;
	json_array_foreach(o, i, r)
		printf("%s\t%s\t%s\t%lld\t%lld\n", host, json_str(r, "id",
		    ""), json_str(r, "action", ""), (long long)json_int(r,
		    "packets", 0), (long long)json_int(r, "bytes", 0));
	/* The const is jansson's lack: nothing is written through it. */
	json_object_foreach((json_t *)(uintptr_t)packets, key, v)
		printf("%s\t(%s)\t-\t%lld\t-\n", host, key,
		    (long long)json_integer_value(v));
}

/* A piece ends between two characters of UTF-8. */
static size_t
piece(const char *text, size_t n)
{
	size_t	k = PIECE;

	if (n <= k)
		return n;
	while (k > 0 && ((unsigned char)text[k] & 0xc0) == 0x80)
		k--;
	return k;
}

static enum exit_code
set(const struct settings *s, const struct sending *x, const char *path)
{
	struct buf		 text = BUF_INIT;
	struct policy_doc	 d;
	enum exit_code		 code = EXIT_YES;
	char			*why;
	size_t			 at, n;
	int			 confirm = settings_bool(s, "confirm");

	read_file(path, &text);
	if (policy_doc_read(&d, buf_str(&text), text.len, &why) < 0)
		die(EXIT_USAGE, "%s: %s", path, why);
	policy_doc_release(&d);
	for (at = 0; at < text.len && code == EXIT_YES; at += n) {
		n = piece(text.p + at, text.len - at);
		code = ask(x, "upload", json_pack("{sI ss%}", "offset",
		    (json_int_t)at, "text", text.p + at, n), show_nothing);
	}
	if (code == EXIT_YES)
		code = ask(x, "set", json_pack("{sI}", "confirmMs",
		    (json_int_t)settings_int(s, "confirm-within")),
		    confirm ? show_nothing : show_state);
	if (code == EXIT_YES && confirm)
		code = ask(x, "confirm", json_object(), show_state);
	buf_release(&text);
	return code;
}

static int
run(const struct settings *s, const struct sending *x, const char *verb,
    int n, char **operand)
{
	static const char *const changes[] = { "confirm", "revert", "clear" };
	int			 document = settings_bool(s, "document");
	size_t			 i;

	if (strcmp(verb, "set") == 0 && n == 1)
		return set(s, x, operand[0]);
	if (strcmp(verb, "show") == 0 && n == 0)
		return ask(x, verb, json_pack("{sb}", "document", document),
		    document ? show_document : NULL);
	if (strcmp(verb, "stats") == 0 && n == 0)
		return ask(x, verb, json_object(), show_stats);
	for (i = 0; i < nitems(changes); i++)
		if (strcmp(verb, changes[i]) == 0 && n == 0)
			return ask(x, verb, json_object(), show_state);
	settings_usage(s, "say check FILE, set AGENT FILE, or show, stats, "
	    "confirm, revert or clear AGENT");
}

int
policy_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&spec, argc, argv);
	int		 at = settings_first(s), code;
	const char	*verb = at < argc ? argv[at++] : "";
	struct client	 c;
	struct sending	 x = { .client = &c };

	if (strcmp(verb, "check") == 0 && argc - at == 1)
		code = check(s, argv[at]);
	else {
		x.order = order_new(s, argc, argv, &at);
		client_open(&c, s);
		code = run(s, &x, verb, argc - at, argv + at);
		order_free(x.order);
		client_close(&c);
	}
	settings_free(s);
	return code;
}
