/* Patterns of paths, part by part: the same on every system. */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "buf.h"
#include "tail.h"

enum { MAX_PARTS = 32, MAX_ENTRIES = 10000 };	/* of a path; a directory */

/* [abc], [a-z], [!a]: past it in *pattern; 1 where c is in it.  One that has
 * no end stands for itself. */
static int
in_set(const char **pattern, char c)
{
	const char	*p = *pattern + 1, *end;
	int		 not = *p == '!' || *p == '^', is = 0;

	p += not;
	end = *p != '\0' ? strchr(p + 1, ']') : NULL;
	if (end == NULL) {
		*pattern += 1;
		return c == '[';
	}
	for (; p < end; p++)
		if (p + 2 < end && p[1] == '-') {
			is |= c >= p[0] && c <= p[2];
			p += 2;
		} else {
			is |= c == *p;
		}
	*pattern = end + 1;
	return is != not;
}

/* A star is tried anew from the last one alone: no pattern takes long. */
int
tail_match(const char *p, const char *name)
{
	const char	*star = NULL, *from = NULL, *q;

	if (*name == '.' && *p != '.')
		return 0;			/* as the shell does */
	while (*name != '\0') {
		q = p;
		if (*p == '*') {
			star = ++p;
			from = name;
			continue;
		}
		if (*p == '?' || (*p == '[' ? in_set(&q, *name) :
		    *p != '\0' && *p == *name)) {
			p = *p == '[' ? q : p + 1;
			name++;
			continue;
		}
		if (star == NULL)
			return 0;
		p = star;
		name = ++from;
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

struct search {
	int	 left, parts;
	void	(*found)(const char *, void *);
	void	*arg;
};

static void
search(struct search *s, const char *dir, const char *rest)
{
	size_t		 n = strcspn(rest, "/"), i;
	char		*part, *path;
	int		 last = rest[n] == '\0';
	uv_dirent_t	 e;
	uv_fs_t		 req;

	if (s->parts >= MAX_PARTS)
		return;
	s->parts++;
	part = xstrndup(rest, n);
	if (uv_fs_scandir(NULL, &req, *dir != '\0' ? dir : "/", 0, NULL) < 0)
		goto out;
	for (i = 0; i < MAX_ENTRIES && s->left > 0 &&
	    uv_fs_scandir_next(&req, &e) == 0; i++) {
		if (!tail_match(part, e.name) ||
		    (last && e.type == UV_DIRENT_DIR))
			continue;
		path = xasprintf("%s/%s", dir, e.name);
		if (last && s->left-- > 0)
			s->found(path, s->arg);
		else if (!last)
			search(s, path, rest + n + 1);
		free(path);
	}
out:
	uv_fs_req_cleanup(&req);
	free(part);
	s->parts--;
}

void
tail_glob(const char *pattern, int max, void (*found)(const char *, void *),
    void *arg)
{
	struct search	 s = { max, 0, found, arg };
	size_t		 n = strcspn(pattern, "*?[");
	char		*dir;

	if (pattern[n] == '\0') {
		found(pattern, arg);		/* also where it is not there */
		return;
	}
	while (n > 0 && pattern[n - 1] != '/')
		n--;
	dir = n > 0 ? xstrndup(pattern, n - 1) : xstrdup(".");
	search(&s, dir, pattern + n);
	free(dir);
}
