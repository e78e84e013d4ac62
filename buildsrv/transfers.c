/*
 * A grant is a token in use; it has clients, a client has transfers under
 * way and the parts that it got.  A grant goes when no transfer and no count
 * on its way to the disk needs it and no client has a part.
 */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "buf.h"
#include "list.h"
#include "parts.h"
#include "transfers.h"

struct client {
	char		*address;
	struct grant	*grant;
	struct link	 link;		/* in grant.clients */
	struct link	 idle;		/* in transfers.idle, or alone */
	struct link	 open;		/* struct transfer */
	struct parts	 has;
};

struct grant {
	char		*token;
	struct transfers *all;
	struct link	 clients;
	int64_t		 counted;
	int64_t		 copies;	/* under way */
	uint64_t	 spare;		/* bytes sent and not counted */
	int		 recording;	/* counts on their way to the disk */
	UT_hash_handle	 hh;
};

struct content {		/* of which some are being sent */
	char		*sha256;
	size_t		 open;
	UT_hash_handle	 hh;
};

struct transfer {
	struct client	*client;
	struct content	*content;
	struct link	 link;		/* in client.open */
	struct part	 part;
	uint64_t	 size;
	int		 copy;		/* holds one of grant.copies */
	int		 limited;
};

struct transfers {
	struct grant	*grants;
	struct content	*contents;
	struct link	 idle;		/* clients, longest ago first */
	size_t		 n_idle, n_clients, n_open;
	uint64_t	 sent;
};

/* -- records come and go -- */

static void
client_busy(struct client *c)
{
	if (list_empty(&c->idle))
		return;
	list_remove(&c->idle);
	c->grant->all->n_idle--;
}

static void
client_free(struct client *c)
{
	client_busy(c);
	c->grant->all->n_clients--;
	list_remove(&c->link);
	free(c->address);
	free(c);
}

/* Looked for by walking: a token has few clients at once. */
static struct client *
client_find(const struct grant *g, const char *address)
{
	struct link	*l, *n;
	struct client	*c;

	LIST_EACH(l, n, &g->clients) {
		c = LIST_ITEM(l, struct client, link);
		if (strcmp(c->address, address) == 0)
			return c;
	}
	return NULL;
}

static struct client *
client_get(struct grant *g, const char *address)
{
	struct client	*c = client_find(g, address);

	if (c != NULL)
		return c;
	c = xcalloc(1, sizeof(*c));
	c->address = xstrdup(address);
	c->grant = g;
	list_init(&c->idle);
	list_init(&c->open);
	list_append(&g->clients, &c->link);
	g->all->n_clients++;
	return c;
}

static struct grant *
grant_find(const struct transfers *t, const char *token)
{
	struct grant	*g;

	HASH_FIND_STR(t->grants, token, g);
	return g;
}

static struct grant *
grant_get(struct transfers *t, const char *token)
{
	struct grant	*g = grant_find(t, token);

	if (g != NULL)
		return g;
	g = xcalloc(1, sizeof(*g));
	g->token = xstrdup(token);
	g->all = t;
	list_init(&g->clients);
	HASH_ADD_KEYPTR(hh, t->grants, g->token, strlen(g->token), g);
	return g;
}

static void
grant_free(struct grant *g)
{
	HASH_DEL(g->all->grants, g);
	free(g->token);
	free(g);
}

/* Frees it where nothing needs it any more. */
static void
grant_check(struct grant *g)
{
	if (list_empty(&g->clients) && g->recording == 0)
		grant_free(g);
}

static struct content *
content_get(struct transfers *t, const char *sha256)
{
	struct content	*c;

	HASH_FIND_STR(t->contents, sha256, c);
	if (c == NULL) {
		c = xcalloc(1, sizeof(*c));
		c->sha256 = xstrdup(sha256);
		HASH_ADD_KEYPTR(hh, t->contents, c->sha256,
		    strlen(c->sha256), c);
	}
	c->open++;
	t->n_open++;
	return c;
}

static void
content_put(struct transfers *t, struct content *c)
{
	t->n_open--;
	if (--c->open > 0)
		return;
	HASH_DEL(t->contents, c);
	free(c->sha256);
	free(c);
}

/* The client has nothing under way: with parts it waits, else it goes. */
static void
client_rest(struct client *c)
{
	struct transfers	*t = c->grant->all;
	struct grant		*g;

	if (c->has.n == 0) {
		client_free(c);
		return;
	}
	list_append(&t->idle, &c->idle);
	if (++t->n_idle <= TRANSFERS_MAX_CLIENTS)
		return;
	c = LIST_ITEM(t->idle.next, struct client, idle);
	g = c->grant;
	client_free(c);
	grant_check(g);
}

/* -- the whole -- */

struct transfers *
transfers_new(void)
{
	struct transfers	*t = xcalloc(1, sizeof(*t));

	list_init(&t->idle);
	return t;
}

static void
client_drop(struct client *c)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &c->open)
		free(LIST_ITEM(l, struct transfer, link));
	client_free(c);
}

static void
grant_drop(struct grant *g)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &g->clients)
		client_drop(LIST_ITEM(l, struct client, link));
	free(g->token);
	free(g);
}

void
transfers_free(struct transfers *t)
{
	struct grant	*g, *next;
	struct content	*c, *after;

	if (t == NULL)
		return;
	next = t->grants;
	after = t->contents;
	HASH_CLEAR(hh, t->grants);
	HASH_CLEAR(hh, t->contents);
	while ((g = next) != NULL) {
		next = g->hh.next;
		grant_drop(g);
	}
	while ((c = after) != NULL) {
		after = c->hh.next;
		free(c->sha256);
		free(c);
	}
	free(t);
}

void
transfers_get(const struct transfers *t, struct transfers_stats *out)
{
	*out = (struct transfers_stats){ .open = t->n_open,
	    .clients = t->n_clients, .sent = t->sent };
}

int
transfers_sending(const struct transfers *t, const char *sha256)
{
	struct content	*c;

	HASH_FIND_STR(t->contents, sha256, c);
	return c != NULL;
}

int
transfers_resumes(const struct transfers *t, const char *token,
    const char *client)
{
	const struct grant	*g = grant_find(t, token);
	const struct client	*c = g != NULL ? client_find(g, client) : NULL;

	return c != NULL && (c->has.n > 0 || !list_empty(&c->open));
}

int64_t
transfers_counted(const struct transfers *t, const char *token,
    int64_t recorded)
{
	const struct grant	*g = grant_find(t, token);

	return g != NULL && g->counted > recorded ? g->counted : recorded;
}

void
transfers_recorded(struct transfers *t, const char *token)
{
	struct grant	*g = grant_find(t, token);

	if (g == NULL || g->recording == 0)
		return;
	g->recording--;
	grant_check(g);
}

/* -- one transfer -- */

/* Whether bytes of this part are on their way to the client, or nothing is:
 * then it takes a copy of its own. */
static int
takes_copy(const struct client *c, const struct part *p)
{
	struct link		*l, *n;
	const struct transfer	*t;

	LIST_EACH(l, n, &c->open) {
		t = LIST_ITEM(l, struct transfer, link);
		if (t->part.from < p->to && p->from < t->part.to)
			return 1;
	}
	return list_empty(&c->open);
}

struct transfer *
transfer_begin(struct transfers *all, const struct transfer_want *w)
{
	struct grant	*g = grant_get(all, w->token);
	struct client	*c = client_get(g, w->client);
	struct part	 p = { w->from, w->from + w->n };
	int		 copy = takes_copy(c, &p);
	struct transfer	*t;

	if (w->counted > g->counted)
		g->counted = w->counted;
	if (w->max > 0 && g->counted + g->copies + copy > w->max) {
		if (list_empty(&c->open) && c->has.n == 0)
			client_free(c);
		grant_check(g);
		return NULL;
	}
	client_busy(c);
	g->copies += copy;
	t = xcalloc(1, sizeof(*t));
	t->client = c;
	t->content = content_get(all, w->sha256);
	t->part = p;
	t->size = w->size;
	t->copy = copy;
	t->limited = w->max > 0;
	list_append(&c->open, &t->link);
	return t;
}

/* The copy goes to another part of the client that has none, if any. */
static void
copy_release(struct client *c)
{
	struct link	*l, *n;
	struct transfer	*t;

	LIST_EACH(l, n, &c->open) {
		t = LIST_ITEM(l, struct transfer, link);
		if (!t->copy) {
			t->copy = 1;
			return;
		}
	}
	c->grant->copies--;
}

/* How many downloads the client's parts, and the grant's bytes, make. */
static int
count(struct client *c, uint64_t size, int limited)
{
	struct grant	*g = c->grant;
	int		 n = 0;

	if (parts_cover(&c->has, size)) {
		c->has.n = 0;
		g->spare -= g->spare < size ? g->spare : size;
		n = 1;
	}
	while (limited && g->spare >= TRANSFERS_WASTE * size) {
		g->spare -= TRANSFERS_WASTE * size;
		n++;
	}
	return n;
}

int
transfer_end(struct transfer *t, uint64_t sent)
{
	struct client	*c = t->client;
	struct grant	*g = c->grant;
	int		 n = 0;

	list_remove(&t->link);
	if (t->copy)
		copy_release(c);
	g->all->sent += sent;
	if (sent > 0) {
		g->spare += sent;
		parts_add(&c->has, (struct part){ t->part.from,
		    t->part.from + sent });
		n = count(c, t->size, t->limited);
	}
	g->counted += n;
	g->recording += n > 0;
	content_put(g->all, t->content);
	free(t);
	if (list_empty(&c->open))
		client_rest(c);
	grant_check(g);
	return n;
}
