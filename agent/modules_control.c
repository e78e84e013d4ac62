/* What people and servers ask of the modules, and the answers. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "confine.h"
#include "json.h"
#include "log.h"
#include "modules_impl.h"

static struct module_proc *
proc_find(struct modules *m, const char *name)
{
	size_t	i;

	for (i = 0; i < m->n; i++)
		if (strcmp(m->procs[i].type->name, name) == 0)
			return &m->procs[i];
	return NULL;
}

/* -- one verb -- */

static void
ask_end(struct module_proc *p, struct modules_ask *a, json_t *result,
    const char *error)
{
	list_remove(&a->link);
	p->n_calls--;
	if (a->parts != NULL && result != NULL && !json_is_null(result))
		json_array_append(a->parts, result);
	if (a->parts != NULL && json_array_size(a->parts) > 0) {
		json_decref(result);
		result = json_incref(a->parts);
	}
	json_decref(a->parts);
	a->done(result, error, a->arg);
	free(a);
}

void
asks_answer(struct module_proc *p, const json_t *o)
{
	uint64_t	 id = (uint64_t)json_int(o, "id", 0);
	json_t		*part = json_object_get(o, "part");
	struct link	*l, *n;

	LIST_EACH(l, n, &p->calls) {
		struct modules_ask	*a = LIST_ITEM(l, struct modules_ask,
					    link);

		if (a->id != id)
			continue;
		a->until = clock_mono_ms() + CALL_MS;
		if (part == NULL) {
			ask_end(p, a, json_incref(json_object_get(o,
			    "result")), json_str(o, "error", ""));
		} else if (a->part != NULL) {
			a->part(json_incref(part), a->arg);
		} else {
			if (a->parts == NULL)
				a->parts = json_array();
			json_array_append(a->parts, part);
		}
		return;
	}
}

void
asks_fail(struct module_proc *p, int64_t before, const char *why)
{
	struct link	*l, *n;

	LIST_EACH(l, n, &p->calls) {
		struct modules_ask	*a = LIST_ITEM(l, struct modules_ask,
					    link);

		if (a->until < before)
			ask_end(p, a, NULL, why);
	}
}

static struct modules_ask *
proc_call(struct module_proc *p, const char *verb, const json_t *args,
    modules_part part, modules_done done, void *arg)
{
	struct modules_ask	*a;
	json_t			*o;

	if (!proc_is_up(p)) {
		done(NULL, "the module does not run", arg);
		return NULL;
	}
	if (p->n_calls >= MAX_CALLS) {
		done(NULL, "the module is busy", arg);
		return NULL;
	}
	a = xcalloc(1, sizeof(*a));
	a->p = p;
	a->id = ++p->host->next_id;
	a->until = clock_mono_ms() + CALL_MS;
	a->part = part;
	a->done = done;
	a->arg = arg;
	list_append(&p->calls, &a->link);
	p->n_calls++;
	o = json_pack("{ss sI ss}", "op", "command", "id", (json_int_t)a->id,
	    "verb", verb);
	if (args != NULL)
		json_object_set(o, "args", (json_t *)(uintptr_t)args);
	else
		json_object_set_new(o, "args", json_object());
	proc_say(p, o);
	return a;
}

void
modules_cancel(struct modules_ask *a)
{
	proc_say(a->p, json_pack("{ss sI}", "op", "cancel", "id",
	    (json_int_t)a->id));
}

void
modules_call(struct modules *m, const char *module, const char *verb,
    const json_t *args, modules_part part, modules_done done, void *arg)
{
	struct module_proc	*p = proc_find(m, module);

	if (p == NULL)
		done(NULL, "no such module in this agent", arg);
	else
		proc_call(p, verb, args, part, done, arg);
}

/* -- the list: what the host knows, and what each says of itself -- */

struct listing {
	json_t		*list;
	int		 waiting;
	modules_done	 done;
	void		*arg;
};

struct listed {
	struct listing	*listing;
	json_t		*entry;		/* borrowed */
};

static json_t *
describe(const struct module_proc *p)
{
	int64_t	 now = clock_mono_ms();
	json_t	*lacks, *o = json_pack("{ss ss ss sb}", "name",
	    p->type->name, "about", p->type->about, "state",
	    module_state_names[p->state], "enabled", p->enabled);

	lacks = confine_lacks(p->type->needs | p->type->caps);
	if (json_array_size(lacks) > 0)
		json_object_set(o, "lacks", lacks);
	json_decref(lacks);
	if (p->source != NULL)
		json_object_set_new(o, "source", json_string(p->source));
	if (p->why != NULL)
		json_object_set_new(o, "why", json_string(p->why));
	if (p->error != NULL)
		json_object_set_new(o, "error", json_string(p->error));
	if (p->next > now)
		json_object_set_new(o, "retrySeconds",
		    json_integer((p->next - now + 999) / 1000));
	if (p->run != NULL) {
		json_object_set_new(o, "pid",
		    json_integer(p->run->process.pid));
		json_object_set_new(o, "uptimeSeconds",
		    json_integer((now - p->since) / 1000));
	}
	json_object_set_new(o, "counters", json_pack("{sI sI sI sI sI sI}",
	    "cpuMicroseconds", (json_int_t)(p->cpu_before + p->cpu_us),
	    "events", (json_int_t)p->events, "gaps", (json_int_t)p->gaps,
	    "lost", (json_int_t)(p->lost + p->refused), "rssBytes",
	    (json_int_t)p->rss, "starts", (json_int_t)p->starts));
	return o;
}

static void
listing_end(struct listing *l)
{
	if (--l->waiting > 0)
		return;
	l->done(l->list, "", l->arg);
	free(l);
}

static void
on_status(json_t *result, const char *error, void *arg)
{
	struct listed	*x = arg;

	if (*error == '\0' && json_is_object(result))
		json_object_set(x->entry, "status", result);
	json_decref(result);
	listing_end(x->listing);
	free(x);
}

static void
list_all(struct modules *m, const char *only, modules_done done, void *arg)
{
	struct listing	*l = xcalloc(1, sizeof(*l));
	size_t		 i;

	l->list = json_array();
	l->waiting = 1;
	l->done = done;
	l->arg = arg;
	for (i = 0; i < m->n; i++) {
		struct module_proc	*p = &m->procs[i];
		struct listed		*x;
		json_t			*entry;

		if (only != NULL && strcmp(only, p->type->name) != 0)
			continue;
		entry = describe(p);
		json_array_append_new(l->list, entry);
		if (!proc_is_up(p))
			continue;
		x = xcalloc(1, sizeof(*x));
		x->listing = l;
		x->entry = entry;
		l->waiting++;
		proc_call(p, "status", NULL, NULL, on_status, x);
	}
	listing_end(l);
}

/* -- the rest -- */

/* 0, or -errno: then nothing has changed. */
static int
enable(struct module_proc *p, int on)
{
	struct modules	*m = p->host;
	json_t		*old = json_incref(json_object_get(p->settings,
			    "enabled"));
	int		 rc = 0;

	json_object_set_new(p->settings, "enabled", json_boolean(on));
	if (m->o.save != NULL)
		rc = m->o.save(p->type->name, p->settings, m->o.arg);
	if (rc == 0)
		p->enabled = on;
	else if (old != NULL)
		json_object_set(p->settings, "enabled", old);
	else
		json_object_del(p->settings, "enabled");
	json_decref(old);
	return rc;
}

/* Members of args beside its own three become the module's settings. */
static int
configure(struct module_proc *p, const json_t *settings)
{
	struct modules	*m = p->host;
	json_t		*old = p->settings;
	int		 rc = 0;

	p->settings = json_deep_copy(settings);
	json_object_set_new(p->settings, "enabled", json_boolean(p->enabled));
	if (m->o.save != NULL)
		rc = m->o.save(p->type->name, p->settings, m->o.arg);
	if (rc < 0) {
		json_decref(p->settings);
		p->settings = old;
		return rc;
	}
	json_decref(old);
	if (p->wanted && p->run != NULL) {	/* anew, with these */
		proc_stop(p);
		p->state = MODULE_STOPPED;
		p->wanted = 1;
	} else if (p->wanted)
		proc_start(p);
	return 0;
}

/* 1 where the action was one of these and *rc is its outcome. */
static int
act(struct module_proc *p, const char *action, const json_t *args, int *rc)
{
	*rc = 0;
	if (strcmp(action, "start") == 0) {
		p->failures = 0;
		proc_start(p);
	} else if (strcmp(action, "stop") == 0) {
		proc_stop(p);
	} else if (strcmp(action, "enable") == 0) {
		if ((*rc = enable(p, 1)) == 0)
			proc_start(p);
	} else if (strcmp(action, "disable") == 0) {
		if ((*rc = enable(p, 0)) == 0)
			proc_stop(p);
	} else if (strcmp(action, "configure") == 0) {
		*rc = configure(p, json_object_get(args, "settings"));
	} else
		return 0;
	return 1;
}

struct modules_ask *
modules_control(struct modules *m, const json_t *args, modules_part part,
    modules_done done, void *arg)
{
	const char		*action = json_str(args, "action", "list");
	const char		*name = json_str(args, "module", NULL);
	struct module_proc	*p = name != NULL ? proc_find(m, name) : NULL;
	const json_t		*o = json_object_get(args, "args");
	int			 rc;

	if (m->done != NULL)
		done(NULL, "the agent is stopping", arg);
	else if (name != NULL && p == NULL)
		done(NULL, "no such module in this agent", arg);
	else if (strcmp(action, "list") == 0)
		list_all(m, name, done, arg);
	else if (p == NULL)
		done(NULL, "module: is missing", arg);
	else if (strcmp(action, "command") == 0)
		return proc_call(p, json_str(args, "verb", ""),
		    json_is_object(o) ? o : NULL, part, done, arg);
	else if (strcmp(action, "configure") == 0 &&
	    !json_is_object(json_object_get(args, "settings")))
		done(NULL, "settings: must be an object", arg);
	else if (!act(p, action, args, &rc))
		done(NULL, "action: must be list, start, stop, enable,"
		    " disable, configure or command", arg);
	else
		done(rc == 0 ? describe(p) : NULL, rc == 0 ? "" : errstr(rc),
		    arg);
	return NULL;
}
