/* Between settings.c (what is known), settings_source.c (where it comes
 * from), settings_value.c (what the texts mean) and settings_show.c. */
#ifndef MUSTER_SETTINGS_PRIVATE_H
#define MUSTER_SETTINGS_PRIVATE_H

#include "buf.h"
#include "settings.h"

struct value {
	const struct setting	*def;
	char			**item;
	size_t			  n;
	const char		*origin;
};

struct settings {
	const struct settings_spec *spec;
	struct value		*v;
	size_t			 n;
	int			 first;
	char			**operand;	/* of argv, in their order */
	int			 show;
	char			*config_file;
	json_t			*file;	/* what it held, or NULL */
	char			*dirs[3];
};

/* settings_value.c: 0, or -EINVAL for what is no such text. */
int	value_int(const char *, int64_t *);
int	value_duration(const char *, int64_t *ms);
int	value_bool(const char *);	/* 1, 0 or -EINVAL */
/* Sets a value, or ends the program with words that say where it stands. */
void	value_set(struct settings *, struct value *, const char *where,
	    const char *text, const char *origin);
void	value_clear(struct value *);

/* settings_source.c: each replaces what the ones before gave. */
struct value *settings_find(const struct settings *, const char *name,
	    size_t len);
void	source_defaults(struct settings *);
void	source_json(struct settings *, const json_t *, const char *where,
	    const char *origin, int strict);
void	source_file(struct settings *, int named);
void	source_environment(struct settings *);
void	source_flags(struct settings *, int argc, char **argv);

/* settings_show.c */
void	show_help(const struct settings *);
void	show_config(const struct settings *);

#endif
