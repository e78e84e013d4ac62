/* A command to a module, from its line to the last of its answers. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "module_private.h"

struct module_call {
	struct link	 link;
	struct module	*m;
	json_t		*request;
	void		(*cancelled)(struct module_call *, void *);
	void		*arg;
};

const char *
module_call_verb(const struct module_call *c)
{
	return json_str(c->request, "verb", "");
}

const json_t *
module_call_args(const struct module_call *c)
{
	return json_object_get(c->request, "args");
}

void
module_on_cancel(struct module_call *c,
    void (*cancelled)(struct module_call *, void *), void *arg)
{
	c->cancelled = cancelled;
	c->arg = arg;
}

static json_t *
answer_new(const struct module_call *c)
{
	return json_pack("{ss sO}", "op", "answer", "id",
	    json_object_get(c->request, "id"));
}

/* A line that the agent would refuse is not sent. */
static void
put_answer(struct module_call *c, json_t *o)
{
	char	*text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	if (text == NULL || strlen(text) >= MODULE_MAX_LINE) {
		o = answer_new(c);
		json_object_set_new(o, "error",
		    json_string("the answer is too long for one line"));
		out_put(c->m, o);
	} else
		out_line(c->m, text);
	free(text);
}

void
module_answer_part(struct module_call *c, json_t *part)
{
	json_t	*o = answer_new(c);

	json_object_set_new(o, "part", part);
	put_answer(c, o);
	out_flush_full(c->m);
}

void
module_answer(struct module_call *c, json_t *result, const char *error)
{
	json_t	*o = answer_new(c);

	json_object_set_new(o, "result", result != NULL ? result :
	    json_null());
	json_object_set_new(o, "error", json_string(error != NULL ? error :
	    ""));
	json_object_set_new(o, "done", json_true());
	put_answer(c, o);
	list_remove(&c->link);
	json_decref(c->request);
	free(c);
}

void
call_run(struct module *m, json_t *request)
{
	struct module_call	*c = xcalloc(1, sizeof(*c));

	c->m = m;
	c->request = json_incref(request);
	list_append(&m->calls, &c->link);
	if (strcmp(module_call_verb(c), "status") == 0)
		module_answer(c, m->type->status != NULL ?
		    m->type->status(m->self) : json_object(), NULL);
	else if (m->type->command != NULL)
		m->type->command(m->self, c);
	else
		module_answer(c, NULL, "the module has no such verb");
}

void
call_cancel(struct module *m, json_int_t id)
{
	struct module_call	*c;
	struct link		*l, *next;

	LIST_EACH(l, next, &m->calls) {
		c = LIST_ITEM(l, struct module_call, link);
		if (json_int(c->request, "id", 0) != id)
			continue;
		if (c->cancelled != NULL)
			c->cancelled(c, c->arg);
		return;
	}
}
