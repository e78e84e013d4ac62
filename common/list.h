/* An intrusive, doubly linked ring with its head; removal while walking is
 * safe with LIST_EACH. */
#ifndef MUSTER_LIST_H
#define MUSTER_LIST_H

#include <stddef.h>

struct link {
	struct link	*next, *prev;
};

#define LIST_INIT(head)	{ &(head), &(head) }

static inline void
list_init(struct link *head)
{
	head->next = head->prev = head;
}

static inline int
list_empty(const struct link *head)
{
	return head->next == head;
}

static inline void
list_append(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

/* The link is a ring of its own afterwards: a second removal is harmless. */
static inline void
list_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#define LIST_ITEM(l, type, member) \
	((type *)(void *)((char *)(l) - offsetof(type, member)))

/* l and n are struct link *; the body may remove l. */
#define LIST_EACH(l, n, head)						\
	for ((l) = (head)->next, (n) = (l)->next; (l) != (head);	\
	    (l) = (n), (n) = (l)->next)

#endif
