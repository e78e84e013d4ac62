/*
 * Settings: one mechanism for all tools.  A value comes from the flag, else
 * the environment, else the configuration file, else what is stamped into
 * the binary, else the default; --show-config prints each with its origin.
 */
#ifndef MUSTER_SETTINGS_H
#define MUSTER_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum setting_type {
	SETTING_STR,
	SETTING_INT,
	SETTING_BOOL,	/* --name, --no-name; true/false elsewhere */
	SETTING_LIST,	/* may be given several times; an array in JSON */
	SETTING_PATH,	/* a string; kept as given */
	SETTING_DURATION /* whole seconds, or with ms s m h d behind */
};

enum {
	SETTING_SECRET	 = 1,	/* shown as "(set)", masked in logs */
	SETTING_FLAG	 = 2,	/* an action or a per-call word: flag alone */
	SETTING_REQUIRED = 4,
	SETTING_NO_FLAG	 = 8	/* a secret that must not be on a command line */
};

struct setting {
	const char	 *name;	/* the flag's long name; '-' is '_' in JSON */
	char		  letter;	/* the short flag, or 0 */
	const char	 *env;	/* or NULL */
	enum setting_type type;
	const char	 *fallback;	/* the default's text, or NULL */
	int64_t		  min, max;	/* of an INT, in its unit; of a DURATION, ms */
	const char	 *arg;	/* the word for the value in the help */
	const char	 *help;
	unsigned	  flags;
	const char	 *key;	/* the JSON name where a document gives one */
};

/* What every tool has, in groups. */
enum {
	SETTINGS_CONFIG	= 1,	/* --config FILE, --show-config */
	SETTINGS_DIRS	= 2,	/* --state-dir --run-dir --log-dir */
	SETTINGS_LOG	= 4,	/* --log-level --log-format */
	SETTINGS_STOP_AT_OPERAND = 8,	/* options end at the first operand */
	SETTINGS_OPERANDS = 16	/* operands are allowed */
};

struct settings_spec {
	const char		*tool;		/* "muster-agent" */
	const char		*synopsis;	/* the man page's, without tool */
	const char		*about;		/* one line for --help */
	const struct setting	*table;
	size_t			 n;
	unsigned		 groups;
	const char		*config_name;	/* "agent.json": in the config dir */
	const json_t		*stamped;	/* borrowed; NULL for none */
	/* Unknown members of the configuration file: 0 error, 1 ignored
	 * (config.json is shared with the run-time state). */
	int			 lenient_file;
	/* A second line for --version: what it was built with; or NULL. */
	const char		*built_with;
};

struct settings;

/*
 * Reads all sources.  --help, --version and --show-config print and exit 0.
 * A bad flag or value prints what is wrong, where (flag, variable, file and
 * path), the usage line, and exits 100: this is the first call of a main.
 * Operands are argv[settings_first(s)] to argv[argc - 1]; argv may be
 * permuted.  The caller frees.
 */
struct settings *settings_load(const struct settings_spec *, int argc,
	    char **argv);
void	 settings_free(struct settings *);
int	 settings_first(const struct settings *);

/* By the flag's name, which must be in the table; owned by the settings. */
const char *settings_str(const struct settings *, const char *);	/* or NULL */
int64_t	 settings_int(const struct settings *, const char *);	/* ms for a DURATION */
int	 settings_bool(const struct settings *, const char *);
int	 settings_has(const struct settings *, const char *);	/* set anywhere */
/* i-th value of a list, NULL past the end. */
const char *settings_item(const struct settings *, const char *, size_t i);
/* "flag", "environment", "file", "stamped", "default" or "unset". */
const char *settings_origin(const struct settings *, const char *);
/* Each setting as name: {value, origin}; secret ones as --show-config has
 * them.  A new object. */
json_t	*settings_json(const struct settings *);
/* Says "tool: text", the usage line, and exits 100. */
_Noreturn void settings_usage(const struct settings *, const char *, ...)
#ifdef __GNUC__
	    __attribute__((format(printf, 2, 3)))
#endif
	    ;

/* The directories, ready made absolute; with SETTINGS_DIRS. */
/* From the root, also where the setting is relative. */
const char *settings_state_dir(const struct settings *);
const char *settings_run_dir(const struct settings *);
const char *settings_log_dir(const struct settings *);
/* The configuration file's path, whether it exists or not. */
const char *settings_config_file(const struct settings *);
/* Whether it holds something else than when it was loaded, or what cannot be
 * read. */
int	 settings_file_changed(const struct settings *);

#define MUSTER_VERSION	"0.1.0"

#endif
