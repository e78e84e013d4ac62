/*
 * The details of jobs, as the text that was answered last: people and
 * dashboards ask for the same few again and again.  A text serves for as long
 * as the store gives out the very record that it was made from, and until it
 * tells of further lines in the log.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "buildsrv.h"

enum {
	PLACES		= 64,		/* by the id; who comes later has it */
	MAX_TEXT	= 64 * 1024	/* a longer one is made anew */
};

struct detail {
	json_t	*job;		/* the record; NULL: empty */
	char	*text;
	size_t	 len;
};

static struct detail *
place_of(struct server *s, const char *id)
{
	unsigned	h = 0;

	if (s->details == NULL)
		s->details = xcalloc(PLACES, sizeof(*s->details));
	while (*id != '\0')
		h = h * 31 + (unsigned char)*id++;
	return &s->details[h % PLACES];
}

static void
detail_clear(struct detail *d)
{
	json_decref(d->job);
	free(d->text);
	*d = (struct detail){ NULL, NULL, 0 };
}

int
detail_again(struct call *c, const json_t *job)
{
	struct detail	*d = place_of(c->server, c->param);

	if (d->job != job)
		return 0;
	http_reply(c->req, 200, "application/json", d->text, d->len);
	call_free(c);
	return 1;
}

void
detail_answer(struct call *c, const json_t *job, json_t *take)
{
	struct detail	*d = place_of(c->server, c->param);
	struct buf	 b = BUF_INIT;
	char		*text = json_text(take);

	buf_adds(&b, text);
	buf_addc(&b, '\n');		/* as http_reply_json */
	free(text);
	json_decref(take);
	http_reply(c->req, 200, "application/json", b.p, b.len);
	detail_clear(d);
	if (b.len <= MAX_TEXT) {
		/* The const is jansson's lack. */
		d->job = json_incref((json_t *)(uintptr_t)job);
		d->len = b.len;
		d->text = buf_take(&b);
	}
	buf_release(&b);
	call_free(c);
}

void
detail_watch(int64_t seq, const char *id, void *server)
{
	(void)seq;
	if (id != NULL)
		detail_clear(place_of(server, id));
}

void
detail_free(struct server *s)
{
	size_t	i;

	for (i = 0; s->details != NULL && i < PLACES; i++)
		detail_clear(&s->details[i]);
	free(s->details);
	s->details = NULL;
}
