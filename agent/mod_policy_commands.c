/* The policy module's verbs: what they ask for is checked here, and done in
 * mod_policy_life.c. */
#ifdef HAVE_BPF
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "mod_policy_kernel.h"
#include "mod_policy_private.h"

enum {
	CONFIRM_MS	= 60 * 1000,
	CONFIRM_MIN	= 5 * 1000,
	CONFIRM_MAX	= 3600 * 1000
};

static void
do_upload(struct policy_module *p, struct module_call *c)
{
	const json_t	*text = json_object_get(module_call_args(c), "text");
	int64_t		 at = json_int(module_call_args(c), "offset", -1);

	if (at == 0)
		buf_release(&p->upload);
	if (!json_is_string(text) || at != (int64_t)p->upload.len)
		module_answer(c, NULL, "upload: wants offset, where the last"
		    " one ended, and text");
	else if (p->upload.len + json_string_length(text) > POLICY_MAX_TEXT)
		module_answer(c, NULL, "upload: the policy is too long");
	else {
		buf_add(&p->upload, json_string_value(text),
		    json_string_length(text));
		module_answer(c, json_pack("{sI}", "offset",
		    (json_int_t)p->upload.len), NULL);
	}
}

/* The text that set is about: its own, or what was uploaded. */
static char *
set_text(struct policy_module *p, const json_t *args, size_t *n)
{
	const json_t	*text = json_object_get(args, "text");
	char		*s;

	if (json_is_string(text)) {
		*n = json_string_length(text);
		return xmemdup(json_string_value(text), *n);
	}
	*n = p->upload.len;
	s = buf_take(&p->upload);
	p->upload = (struct buf)BUF_INIT;
	return s;
}

static void
do_set(struct policy_module *p, struct module_call *c)
{
	const json_t	*args = module_call_args(c);
	int64_t		 ms = json_int(args, "confirmMs", CONFIRM_MS);
	struct document	 d;
	char		*text, *why = NULL;
	size_t		 n;

	if (ms < CONFIRM_MIN || ms > CONFIRM_MAX) {
		module_answer(c, NULL, "confirmMs: from 5000 to 3600000");
		return;
	}
	text = set_text(p, args, &n);
	if (document_take(&d, text, n, &why) < 0) {
		module_answer(c, NULL, why);
		free(why);
		return;
	}
	if (life_try(p, &d, ms, &why) < 0) {
		module_answer(c, NULL, why);
		free(why);
		document_release(&d);
		return;
	}
	module_answer(c, policy_status(p), NULL);
}

static void
do_confirm(struct policy_module *p, struct module_call *c)
{
	const char	*want = json_str(module_call_args(c), "policy", "");
	char		*hex;
	int		 rc, same;

	if (p->trial.text == NULL || policy_boot_ns() >= p->deadline_ns) {
		module_answer(c, NULL, "no policy waits for a confirmation");
		return;
	}
	hex = policy_hex(p->trial.doc.sha256);
	same = strncmp(hex, want, strlen(want)) == 0;
	free(hex);
	if (!same) {
		module_answer(c, NULL, "another policy waits for its"
		    " confirmation");
		return;
	}
	if ((rc = life_confirm(p)) < 0) {
		module_answer(c, NULL, errstr(rc));
		return;
	}
	module_answer(c, policy_status(p), NULL);
}

static void
do_revert(struct policy_module *p, struct module_call *c)
{
	if (p->trial.text == NULL) {
		module_answer(c, NULL, "no policy waits for a confirmation");
		return;
	}
	life_revert(p, "by command");
	module_answer(c, policy_status(p), NULL);
}

static void
do_clear(struct policy_module *p, struct module_call *c)
{
	life_clear(p);
	module_answer(c, policy_status(p), NULL);
}

void
policy_command(void *self, struct module_call *c)
{
	static const struct {
		const char	*verb;
		void		(*run)(struct policy_module *,
				    struct module_call *);
	} verbs[] = {
		{ "show", policy_show }, { "stats", policy_stats },
		{ "upload", do_upload }, { "set", do_set },
		{ "confirm", do_confirm }, { "revert", do_revert },
		{ "clear", do_clear },
	};
	size_t	i;

	for (i = 0; i < nitems(verbs); i++)
		if (strcmp(module_call_verb(c), verbs[i].verb) == 0) {
			verbs[i].run(self, c);
			return;
		}
	module_answer(c, NULL, "policy knows the verbs show, stats, upload,"
	    " set, confirm, revert, clear");
}

#endif
