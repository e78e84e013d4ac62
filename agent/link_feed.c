/*
 * The spool's way over the link.  Our own server acknowledges: one request of
 * many records is under way, and its answer brings the next.  Other people's
 * servers have no such answer: records go one by one, and count as theirs
 * when the pong to a ping that was sent behind them has come.  Each
 * connection begins behind what was acknowledged; when it goes, so does what
 * was sent and not acknowledged, to be sent again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "link_private.h"
#include "log.h"
#include "spool.h"

enum {
	MAX_EVENTS	= 256,		/* of one request */
	MAX_BYTES	= 48 * 1024,	/* and no more is begun past these */
	MAX_UNSURE	= 256,		/* records that wait for a pong */
	PING_AT		= 64,		/* so many do not wait for the next */
	ACK_MS		= 30000,	/* a server's disk is slow, not dead */
	AGAIN_MS	= 30000		/* after an error of the server's */
};

static void	feed_run(struct agent_link *);

static void
feed_restart(struct agent_link *l)
{
	struct link_feed	*f = &l->feed;

	spool_reader_free(f->reader);
	f->sent = f->pinged = spool_acked(l->o.spool);
	f->reader = spool_reader_new(l->o.spool, f->sent);
	f->has_item = 0;
	f->unsure = f->sure = 0;
	f->id[0] = '\0';
}

/* -- with acknowledgements -- */

/* The next record, which stays the next until feed.has_item is 0. */
static int
peek(struct link_feed *f)
{
	if (!f->has_item)
		f->has_item = spool_next(f->reader, &f->item);
	return f->has_item;
}

static void
add_event(struct buf *b, const struct spool_item *item)
{
	/* the record is an object, and never an empty one */
	buf_printf(b, "{\"class\":\"%s\",\"seq\":%" PRIu64 ",%s",
	    spool_class_name(item->class), item->seq, item->text + 1);
}

static void
send_batch(struct agent_link *l)
{
	struct link_feed	*f = &l->feed;
	struct buf		 b = BUF_INIT;
	int			 max = f->careful > 0 ? 1 : MAX_EVENTS;

	if (f->id[0] != '\0' || !peek(f))
		return;			/* one is under way; or nothing is */
	buf_printf(&b, "{\"from\":%" PRIu64 ",\"spool\":\"%s\",\"events\":[",
	    f->item.seq, spool_name(l->o.spool));
	for (f->n = 0; f->n < max && b.len < MAX_BYTES && peek(f); f->n++) {
		if (f->n > 0)
			buf_addc(&b, ',');
		add_event(&b, &f->item);
		f->sent = f->item.seq;
		f->class = f->item.class;
		f->has_item = 0;
	}
	buf_adds(&b, "]}");
	snprintf(f->id, sizeof(f->id), "events_%" PRIu64, ++l->serial);
	l->protocol->batch(l, f->id, buf_str(&b));
	buf_release(&b);
	uv_timer_start(&f->timer, f->on_timer, ACK_MS, 0);
}

int
link_feed_answer(struct agent_link *l, const char *id, const json_t *o)
{
	struct link_feed	*f = &l->feed;
	int64_t			 ack = json_int(o, "ack", -1);

	if (f->id[0] == '\0' || strcmp(f->id, id) != 0)
		return 0;
	if (ack < 0 || (uint64_t)ack > f->sent) {
		link_close(l, CLOSE_POLICY, xstrdup("the server acknowledges"
		    " what was not sent"));
		return 1;
	}
	if (json_int(o, "refused", 0) > 0)
		log_warn("ws", "the server refused %" PRId64 " events",
		    json_int(o, "refused", 0));
	uv_timer_stop(&f->timer);
	f->id[0] = '\0';
	if (f->careful > 0)
		f->careful--;
	spool_ack(l->o.spool, (uint64_t)ack);
	if ((uint64_t)ack < f->sent)
		feed_restart(l);	/* the rest once more */
	feed_run(l);
	return 1;
}

int
link_feed_error(struct agent_link *l, const char *id, const char *code)
{
	struct link_feed	*f = &l->feed;

	if (f->id[0] == '\0' || strcmp(f->id, id) != 0)
		return 0;
	uv_timer_stop(&f->timer);
	f->id[0] = '\0';
	if (strcmp(code, "unknown_channel") == 0) {
		f->acks = 0;
	} else if (strcmp(code, "too_large") != 0 &&
	    strcmp(code, "bad_message") != 0) {
		f->again = 1;
		uv_timer_start(&f->timer, f->on_timer, AGAIN_MS, 0);
		return 1;
	} else if (f->n > 1) {		/* which of them is it? */
		f->careful = f->n;
	} else {
		log_warn("ws", "the server refuses event %" PRIu64, f->sent);
		f->careful -= f->careful > 0;
		spool_refused(l->o.spool, f->class);
		spool_ack(l->o.spool, f->sent);
	}
	feed_restart(l);
	feed_run(l);
	return 1;
}

static void
on_timer(uv_timer_t *t)
{
	struct agent_link	*l = t->data;

	if (!l->feed.again) {
		link_close(l, CLOSE_POLICY, xstrdup("the server does not"
		    " acknowledge events"));
		return;
	}
	l->feed.again = 0;
	feed_restart(l);
	feed_run(l);
}

/* -- without -- */

static void
send_records(struct agent_link *l)
{
	struct link_feed	*f = &l->feed;

	while (f->unsure < MAX_UNSURE && ws_pending(l->ws) < MAX_BYTES &&
	    peek(f)) {
		l->protocol->record(l, &f->item);
		f->sent = f->item.seq;
		f->has_item = 0;
		f->unsure++;
	}
	if (f->unsure >= PING_AT)
		link_ping(l);
}

void
link_feed_ping(struct agent_link *l)
{
	l->feed.pinged = l->feed.sent;
	l->feed.sure = l->feed.unsure;
}

void
link_feed_pong(struct agent_link *l)
{
	struct link_feed	*f = &l->feed;

	if (f->reader == NULL || f->acks)
		return;
	if (f->sure > 0)
		spool_ack(l->o.spool, f->pinged);
	f->unsure -= f->sure;
	f->sure = 0;
	feed_run(l);
}

/* -- the whole -- */

static void
feed_run(struct agent_link *l)
{
	/* nothing of it while the link is not up, or told to wait */
	if (l->state != LINK_UP || l->feed.reader == NULL || l->feed.again)
		return;
	if (l->feed.acks)
		send_batch(l);
	else
		send_records(l);
}

static void
on_add(void *arg)
{
	feed_run(arg);
}

void
link_feed_init(struct agent_link *l)
{
	uv_timer_init(l->o.loop, &l->feed.timer);
	l->feed.timer.data = l;
	l->feed.on_timer = on_timer;
	if (l->o.spool != NULL)
		spool_on_add(l->o.spool, on_add, l);
}

void
link_feed_up(struct agent_link *l, int acks)
{
	if (l->o.spool == NULL)
		return;
	l->feed.acks = acks;
	l->feed.careful = l->feed.again = 0;
	spool_tell_losses(l->o.spool);
	feed_restart(l);
	feed_run(l);
}

void
link_feed_down(struct agent_link *l)
{
	uv_timer_stop(&l->feed.timer);
	spool_reader_free(l->feed.reader);
	l->feed.reader = NULL;
	l->feed.has_item = 0;
	l->feed.id[0] = '\0';
}

void
link_feed_close(struct agent_link *l)
{
	if (l->o.spool != NULL)
		spool_on_add(l->o.spool, NULL, NULL);
}
