/* Where each file was left, as JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "json.h"
#include "log.h"
#include "tail.h"

/* Numbers of a file system may use all 64 bits: as text. */
static const struct json_field fields[] = {
	{ .name = "path", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = 4096 },
	{ .name = "dev", .kind = JSON_K_STR, .required = 1, .max = 20 },
	{ .name = "ino", .kind = JSON_K_STR, .required = 1, .max = 20 },
	{ .name = "offset", .kind = JSON_K_INT, .required = 1, .min = 0,
	    .max = INT64_MAX },
	{ .name = "print", .kind = JSON_K_STR, .required = 1, .max = 20 },
	{ .name = "print_len", .kind = JSON_K_INT, .required = 1, .min = 0,
	    .max = TAIL_PRINT },
};

static uint64_t
number(const json_t *o, const char *name)
{
	return strtoull(json_str(o, name, "0"), NULL, 10);
}

int
tail_positions_read(const char *text, size_t len, struct tail_position **out,
    size_t *n, struct json_err *e)
{
	json_t			*o = json_read(text, len, e), *list, *p;
	struct tail_position	*all;
	size_t			 i;
	int			 rc = 0;

	*out = NULL;
	*n = 0;
	list = json_object_get(o, "files");
	if (!json_is_array(list) || json_array_size(list) > TAIL_MAX_FILES)
		rc = -EINVAL;
	json_array_foreach(list, i, p)
		if (rc == 0)
			rc = json_check(p, fields, nitems(fields), e);
	if (rc < 0) {
		json_decref(o);
		return rc;
	}
	*n = json_array_size(list);
	*out = all = xcalloc(*n + 1, sizeof(*all));
	json_array_foreach(list, i, p) {
		all[i].path = xstrdup(json_str(p, "path", ""));
		all[i].dev = number(p, "dev");
		all[i].ino = number(p, "ino");
		all[i].offset = (uint64_t)json_int(p, "offset", 0);
		all[i].print = number(p, "print");
		all[i].print_len = (int)json_int(p, "print_len", 0);
	}
	json_decref(o);
	return 0;
}

static json_t *
text_of(uint64_t v)
{
	char	*s = xasprintf("%llu", (unsigned long long)v);
	json_t	*o = json_string(s);

	free(s);
	return o;
}

char *
tail_positions_write(const struct tail_position *all, size_t n)
{
	json_t	*o, *list = json_array();
	char	*text;
	size_t	 i;

	for (i = 0; i < n; i++) {
		o = json_pack("{so so so si so sI}", "dev",
		    text_of(all[i].dev), "ino", text_of(all[i].ino), "print",
		    text_of(all[i].print), "print_len", all[i].print_len,
		    "path", json_string(all[i].path), "offset",
		    (json_int_t)all[i].offset);
		if (o != NULL)		/* a name that is not UTF-8 has none */
			json_array_append_new(list, o);
	}
	o = json_pack("{so}", "files", list);
	text = json_text(o);
	json_decref(o);
	return text;
}

void
tail_positions_free(struct tail_position *all, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++)
		free(all[i].path);
	free(all);
}
