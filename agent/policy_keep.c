/*
 * Invariants, as rules above all others: the server that the agent's link
 * goes to (link.peer in the state directory, which the link writes: a URL on
 * each line, the proxy's too), the name servers of resolv.conf, and the
 * management range of the module's configuration.
 *
 * All are looked at again every few seconds; names are resolved anew.  An
 * address is forgotten only when the name has others: a resolver that is
 * down takes nothing away.
 */
#include <netinet/in.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "log.h"
#include "policy_keep.h"

enum {
	LOOK_MS		= 10 * 1000,
	MAX_PEERS	= 4,		/* server and proxy, old and new */
	MAX_ADDRESSES	= 16,		/* of one name */
	MAX_SERVERS	= 8,		/* resolv(5) takes three */
	MAX_RANGES	= 64,
	MAX_FILE	= 64 * 1024
};

struct peer {
	char			 host[256];
	uint16_t		 port;
	struct policy_cidr	 addrs[MAX_ADDRESSES];
	size_t			 n;
};

struct policy_keep {
	uv_loop_t		*loop;
	uv_timer_t		 look;
	uv_getaddrinfo_t	 ask;
	int			 asking;	/* the peer; -1: none */
	char			*path;
	struct peer		 peers[MAX_PEERS];
	int			 n_peers;
	struct policy_cidr	 servers[MAX_SERVERS];
	size_t			 n_servers;
	struct policy_cidr	 ranges[MAX_RANGES];
	size_t			 n_ranges;
	struct policy_rule	*rules;
	size_t			 n_rules;
	void			(*changed)(void *);
	void			*arg;
};

/* -- rules -- */

static struct policy_rule *
add_rule(struct policy_keep *k, const char *id, unsigned dirs, int protocol,
    const struct policy_cidr *cidrs, size_t n)
{
	struct policy_rule	*r;

	k->rules = xrealloc(k->rules, (k->n_rules + 1) * sizeof(*k->rules));
	r = &k->rules[k->n_rules++];
	memset(r, 0, sizeof(*r));
	r->id = xstrdup(id);
	r->keep = 1;
	r->dirs = dirs;
	r->protocol = protocol;
	r->cidrs = xcalloc(n, sizeof(*cidrs));
	memcpy(r->cidrs, cidrs, n * sizeof(*cidrs));
	r->n_cidrs = n;
	return r;
}

/* To a port of theirs, and from it. */
static void
add_service(struct policy_keep *k, const char *id, int protocol,
    const struct policy_cidr *cidrs, size_t n, uint16_t port)
{
	static const unsigned	dirs[] = { POLICY_DIR_OUT, POLICY_DIR_IN };
	struct policy_rule	*r;
	size_t			 i;

	for (i = 0; i < nitems(dirs); i++) {
		r = add_rule(k, id, dirs[i], protocol, cidrs, n);
		r->ports = xcalloc(1, sizeof(*r->ports));
		r->ports->lo = r->ports->hi = port;
		r->n_ports = 1;
		r->source = dirs[i] == POLICY_DIR_IN;
	}
}

static void
free_rules(struct policy_keep *k)
{
	while (k->n_rules > 0)
		policy_rule_release(&k->rules[--k->n_rules]);
	free(k->rules);
	k->rules = NULL;
}

static void
make_rules(struct policy_keep *k)
{
	int	i;

	free_rules(k);
	for (i = 0; i < k->n_peers; i++)
		if (k->peers[i].n > 0)
			add_service(k, "server", 6, k->peers[i].addrs,
			    k->peers[i].n, k->peers[i].port);
	if (k->n_servers > 0) {
		add_service(k, "dns", 17, k->servers, k->n_servers, 53);
		add_service(k, "dns", 6, k->servers, k->n_servers, 53);
	}
	if (k->n_ranges > 0)
		add_rule(k, "management", POLICY_DIR_IN | POLICY_DIR_OUT,
		    POLICY_PROTO_ANY, k->ranges, k->n_ranges);
}

const struct policy_rule *
policy_keep_rules(const struct policy_keep *k, size_t *n)
{
	*n = k->n_rules;
	return k->rules;
}

static void
rule_text(struct buf *b, const struct policy_rule *r)
{
	char	text[80];
	size_t	i;

	buf_printf(b, "%s %u %d %d", r->id, r->dirs, r->protocol,
	    r->n_ports > 0 ? r->ports->lo : -1);
	for (i = 0; i < r->n_cidrs; i++)
		buf_printf(b, " %s", policy_cidr_text(&r->cidrs[i], text,
		    sizeof(text)));
	buf_addc(b, '\n');
}

void
policy_keep_hash(const struct policy_keep *k, uint8_t out[32])
{
	struct buf	b = BUF_INIT;
	size_t		i;

	for (i = 0; i < k->n_rules; i++)
		rule_text(&b, &k->rules[i]);
	crypto_sha256(buf_str(&b), b.len, out);
	buf_release(&b);
}

static void
tell(struct policy_keep *k)
{
	uint8_t	before[32], after[32];

	policy_keep_hash(k, before);
	make_rules(k);
	policy_keep_hash(k, after);
	if (memcmp(before, after, sizeof(after)) != 0)
		k->changed(k->arg);
}

/* -- names -- */

static void	ask_next(struct policy_keep *, int);

static int
address_order(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct policy_cidr));
}

static void
take_addresses(struct peer *p, const struct addrinfo *list)
{
	struct policy_cidr	*c;

	for (p->n = 0; list != NULL && p->n < MAX_ADDRESSES;
	    list = list->ai_next) {
		c = &p->addrs[p->n];
		memset(c, 0, sizeof(*c));
		if (list->ai_family == AF_INET) {
			c->len = 32;
			memcpy(c->addr, &((const struct sockaddr_in *)(const
			    void *)list->ai_addr)->sin_addr, 4);
		} else if (list->ai_family == AF_INET6) {
			c->len = 128;
			c->v6 = 1;
			memcpy(c->addr, &((const struct sockaddr_in6 *)(const
			    void *)list->ai_addr)->sin6_addr, 16);
		} else
			continue;
		p->n++;
	}
	qsort(p->addrs, p->n, sizeof(*p->addrs), address_order);
}

static void
on_addresses(uv_getaddrinfo_t *r, int rc, struct addrinfo *list)
{
	struct policy_keep	*k = r->data;

	if (rc == 0 && list != NULL)
		take_addresses(&k->peers[k->asking], list);
	uv_freeaddrinfo(list);
	ask_next(k, k->asking + 1);
}

static void
ask_next(struct policy_keep *k, int i)
{
	struct addrinfo	hints = { .ai_socktype = SOCK_STREAM };

	k->asking = -1;
	for (; i < k->n_peers; i++) {
		k->asking = i;
		k->ask.data = k;
		if (uv_getaddrinfo(k->loop, &k->ask, on_addresses,
		    k->peers[i].host, NULL, &hints) == 0)
			return;
		k->asking = -1;
	}
	tell(k);
}

/* -- what there is to keep -- */

static void
add_peer(struct peer *list, int *n, const char *text)
{
	const char	*why;
	struct url	 u;

	if (*n == MAX_PEERS || url_parse(text, &u, &why) < 0 ||
	    u.socket[0] != '\0')
		return;
	memset(&list[*n], 0, sizeof(list[*n]));
	snprintf(list[*n].host, sizeof(list[*n].host), "%s", u.host);
	list[*n].port = (uint16_t)u.port;
	(*n)++;
}

/* The addresses that are known of a peer stay. */
static void
read_peers(struct policy_keep *k)
{
	struct peer	 fresh[MAX_PEERS];
	struct buf	 b = BUF_INIT;
	char		*line, *rest = NULL;
	int		 n = 0, i, j;

	if (file_read(k->path, MAX_FILE, &b) == 0 && b.len > 0)
		for (line = strtok_r(b.p, "\n", &rest); line != NULL;
		    line = strtok_r(NULL, "\n", &rest))
			add_peer(fresh, &n, line);
	buf_release(&b);
	for (i = 0; i < n; i++)
		for (j = 0; j < k->n_peers; j++)
			if (strcmp(fresh[i].host, k->peers[j].host) == 0) {
				memcpy(fresh[i].addrs, k->peers[j].addrs,
				    sizeof(fresh[i].addrs));
				fresh[i].n = k->peers[j].n;
			}
	memcpy(k->peers, fresh, sizeof(fresh[0]) * (size_t)n);
	k->n_peers = n;
}

/* A file that is not there names this host, as resolv(5) says. */
static void
read_resolvers(struct policy_keep *k)
{
	struct buf	 b = BUF_INIT;
	const char	*why;
	char		*line, *rest = NULL, *word, *end;

	if (file_read("/etc/resolv.conf", MAX_FILE, &b) < 0 || b.len == 0) {
		buf_release(&b);
		return;			/* those that were known stay */
	}
	k->n_servers = 0;
	for (line = strtok_r(b.p, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "nameserver", 10) != 0 ||
		    k->n_servers == MAX_SERVERS)
			continue;
		word = line + 10 + strspn(line + 10, " \t");
		end = word + strcspn(word, " \t%");
		*end = '\0';
		if (policy_cidr_read(&k->servers[k->n_servers], word,
		    &why) == 0)
			k->n_servers++;
	}
	buf_release(&b);
}

static void
on_look(uv_timer_t *t)
{
	struct policy_keep	*k = t->data;

	if (k->asking >= 0)
		return;			/* an old question still waits */
	read_peers(k);
	read_resolvers(k);
	ask_next(k, 0);
}

static int
read_ranges(struct policy_keep *k, const json_t *list, char **why)
{
	const char	*s, *fault;
	json_t		*v;
	size_t		 i;

	if (list != NULL && !json_is_array(list)) {
		*why = xstrdup("management: must be an array"
		    " of CIDRs");
		return -EINVAL;
	}
	json_array_foreach(list, i, v) {
		s = json_string_value(v);
		fault = "is no CIDR";
		if (i == MAX_RANGES || s == NULL || policy_cidr_read(
		    &k->ranges[k->n_ranges], s, &fault) < 0) {
			*why = xasprintf("management[%zu]: %s",
			    i, i == MAX_RANGES ? "is one too many" : fault);
			return -EINVAL;
		}
		k->n_ranges++;
	}
	return 0;
}

int
policy_keep_start(struct policy_keep **out, uv_loop_t *loop,
    const char *state_dir, const json_t *management, void (*changed)(void *),
    void *arg, char **why)
{
	struct policy_keep	*k = xcalloc(1, sizeof(*k));
	int			 rc;

	k->loop = loop;
	k->changed = changed;
	k->arg = arg;
	k->asking = -1;
	k->path = file_join(state_dir, "link.peer");
	if ((rc = read_ranges(k, management, why)) < 0)
		return rc;		/* the process ends */
	read_peers(k);
	read_resolvers(k);
	make_rules(k);
	uv_timer_init(loop, &k->look);
	k->look.data = k;
	uv_timer_start(&k->look, on_look, 0, LOOK_MS);
	*out = k;
	return 0;
}

int
policy_keep_complete(const struct policy_keep *k)
{
	int	i;

	for (i = 0; i < k->n_peers; i++)
		if (k->peers[i].n == 0)
			return 0;
	return 1;
}

json_t *
policy_keep_show(const struct policy_keep *k)
{
	json_t		*list = json_array(), *cidrs, *o;
	char		 text[80], name[8];
	size_t		 i, j;

	for (i = 0; i < k->n_rules; i++) {
		const struct policy_rule	*r = &k->rules[i];

		if (r->source)
			continue;	/* the way back of the one before */
		cidrs = json_array();
		for (j = 0; j < r->n_cidrs; j++)
			json_array_append_new(cidrs, json_string(
			    policy_cidr_text(&r->cidrs[j], text,
			    sizeof(text))));
		o = json_pack("{ss ss so}", "id", r->id, "protocol",
		    policy_protocol_name(r->protocol, name), "cidr", cidrs);
		if (r->n_ports > 0)
			json_object_set_new(o, "port",
			    json_integer(r->ports->lo));
		json_array_append_new(list, o);
	}
	return list;
}
