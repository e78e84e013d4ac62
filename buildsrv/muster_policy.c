/* policy: checks a network policy here, and sets, shows, confirms it on
 * agents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/policy_compile.h"
#include "file.h"
#include "muster.h"

enum { MAX_WORDS = 5 };		/* of --packet */

static const struct setting table[] = {
	CLIENT_SETTINGS,
	{ "packet", 'p', NULL, SETTING_STR, NULL, 0, 0, "PACKET",
	    "check: which rule decides on it; \"egress tcp ADDRESS PORT\"", 0,
	    NULL },
};

static const struct settings_spec spec = {
	.tool = "muster policy",
	.synopsis = "check [-p PACKET] FILE",
	.about = "Checks a network policy, see muster-policy(5).",
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
	struct buf		 text = BUF_INIT;
	struct policy_doc	 d;
	struct policy_image	 m;
	char			*why, size[CELL];
	int			 code = EXIT_YES;

	read_file(path, &text);
	if (policy_doc_read(&d, buf_str(&text), text.len, &why) < 0 ||
	    policy_compile(&m, &d, NULL, 0, 1, &why) < 0)
		die(EXIT_USAGE, "%s: %s", path, why);
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

int
policy_main(int argc, char **argv)
{
	struct settings	*s = settings_load(&spec, argc, argv);
	int		 first = settings_first(s), n = argc - first, code;

	if (n == 2 && strcmp(argv[first], "check") == 0)
		code = check(s, argv[first + 1]);
	else
		settings_usage(s, "say check FILE");
	settings_free(s);
	return code;
}
