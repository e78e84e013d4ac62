#include <stdio.h>

#include "settings_private.h"

enum { HELP_COLUMN = 30 };

void
show_help(const struct settings *s)
{
	const struct setting	*d;
	struct buf		 b = BUF_INIT;
	size_t			 i;

	printf("usage: %s%s%s\n%s\n\n", s->spec->tool,
	    s->spec->synopsis[0] != '\0' ? " " : "", s->spec->synopsis,
	    s->spec->about);
	for (i = 0; i < s->n; i++) {
		d = s->v[i].def;
		if (d->flags & SETTING_NO_FLAG)
			continue;
		buf_clear(&b);
		if (d->letter != '\0')
			buf_printf(&b, "  -%c, --%s", d->letter, d->name);
		else
			buf_printf(&b, "      --%s", d->name);
		if (d->type != SETTING_BOOL)
			buf_printf(&b, " %s", d->arg != NULL ? d->arg : "WORD");
		printf("%-*s %s", HELP_COLUMN, buf_str(&b), d->help);
		if (d->fallback != NULL)
			printf(" (%s)", d->fallback);
		if (d->env != NULL)
			printf(" [%s]", d->env);
		putchar('\n');
	}
	for (i = 0; i < s->n; i++)
		if (s->v[i].def->flags & SETTING_NO_FLAG)
			printf("  environment only: %s: %s\n",
			    s->v[i].def->env, s->v[i].def->help);
	buf_release(&b);
}

/* name <TAB> value <TAB> origin, one a line. */
void
show_config(const struct settings *s)
{
	const struct value	*v;
	size_t			 i, k;

	for (i = 0; i < s->n; i++) {
		v = &s->v[i];
		if (v->def->flags & SETTING_FLAG)
			continue;
		printf("%s\t", v->def->name);
		if (v->def->flags & SETTING_SECRET)
			printf("%s", v->n > 0 ? "(set)" : "");
		else
			for (k = 0; k < v->n; k++)
				printf("%s%s", k > 0 ? "," : "", v->item[k]);
		printf("\t%s\n", v->origin);
	}
}

json_t *
settings_json(const struct settings *s)
{
	const struct value	*v;
	struct buf		 b = BUF_INIT;
	json_t			*all = json_object(), *text;
	size_t			 i, k;

	for (i = 0; i < s->n; i++) {
		v = &s->v[i];
		if (v->def->flags & SETTING_FLAG)
			continue;
		buf_clear(&b);
		for (k = 0; k < v->n; k++)
			buf_printf(&b, "%s%s", k > 0 ? "," : "",
			    v->def->flags & SETTING_SECRET ? "(set)" :
			    v->item[k]);
		if ((text = json_string(buf_str(&b))) == NULL)
			text = json_string("(not UTF-8)");
		json_object_set_new(all, v->def->name, json_pack("{so ss}",
		    "value", text, "origin", v->origin));
	}
	buf_release(&b);
	return all;
}
