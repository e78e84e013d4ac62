/* The agent's settings, and what it makes of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "crypto.h"
#include "hmaclink.h"
#include "http.h"
#include "json.h"
#include "log.h"
#include "settings.h"
#include "stamp.h"

enum { MAX_NAME = 64 };		/* of a host; leaves room in the host id */

static const struct setting table[] = {
	{ .name = "server", .env = "MUSTER_AGENT_SERVER",
	    .type = SETTING_STR, .arg = "URL",
	    .help = "the server's base URL, http:// or https://" },
	{ .name = "link-url", .env = "MUSTER_AGENT_LINK_URL",
	    .type = SETTING_STR, .arg = "URL",
	    .help = "the link's own URL, ws:// or wss://, where it is not"
	    " below the server's" },
	{ .name = "ws-api-url", .env = "MUSTER_AGENT_WS_API_URL",
	    .type = SETTING_STR, .arg = "URL", .key = "wsApiUrl",
	    .help = "the same, under the name of document 004" },
	{ .name = "ws-secret", .env = "MUSTER_AGENT_WS_SECRET",
	    .type = SETTING_STR, .arg = "SECRET", .key = "wsSecret",
	    .help = "what messages of a link at /agent are signed with",
	    .flags = SETTING_SECRET | SETTING_NO_FLAG },
	{ .name = "instance-id", .env = "MUSTER_AGENT_INSTANCE_ID",
	    .type = SETTING_STR, .arg = "ID", .key = "instanceId",
	    .help = "the agent's id on a link at /agent (its name)" },
	{ .name = "site-id", .env = "MUSTER_AGENT_SITE_ID",
	    .type = SETTING_STR, .arg = "ID", .key = "siteId",
	    .help = "the site, told with the auth message at /agent" },
	{ .name = "ec2-auto", .type = SETTING_BOOL, .fallback = "false",
	    .key = "ec2Auto", .help = "take the host's public address and"
	    " the AWS secret key for what the link lacks" },
	{ .name = "ec2-metadata-url", .type = SETTING_STR, .arg = "URL",
	    .fallback = "http://169.254.169.254",
	    .help = "where the EC2 metadata service is" },
	{ .name = "log-paths", .type = SETTING_LIST, .arg = "FILE",
	    .key = "logPaths", .help = "a log file to follow; * ? [] match" },
	{ .name = "log-rate", .type = SETTING_INT, .arg = "LINES",
	    .fallback = "500", .min = 1, .max = 100000,
	    .help = "so many lines of them a second, the rest later" },
	{ .name = "web-listen", .env = "MUSTER_AGENT_WEB_LISTEN",
	    .type = SETTING_STR, .arg = "ADDRESS", .key = "webListen",
	    .fallback = "127.0.0.1:9811",
	    .help = "the local endpoint, HOST:PORT of the loopback, or none" },
	{ .name = "registration-key", .env = "MUSTER_AGENT_REGISTRATION_KEY",
	    .type = SETTING_STR, .arg = "KEY",
	    .help = "what the first registration is allowed by",
	    .flags = SETTING_SECRET | SETTING_NO_FLAG },
	{ .name = "name", .env = "MUSTER_AGENT_NAME", .type = SETTING_STR,
	    .arg = "NAME", .help = "the agent's name (the host's)" },
	{ .name = "label", .type = SETTING_LIST, .arg = "NAME=VALUE",
	    .key = "labels", .help = "what the server is to know the agent"
	    " by, too" },
	{ .name = "agent-id", .type = SETTING_STR, .arg = "ID",
	    .help = "the build's agent id" },
	{ .name = "build-id", .type = SETTING_STR, .arg = "ID",
	    .help = "the build's job id" },
	{ .name = "capabilities", .type = SETTING_LIST, .arg = "NAME",
	    .fallback = "telemetry", .help = "a module to run" },
	{ .name = "backend-key", .type = SETTING_STR, .arg = "BASE64",
	    .help = "the only server key that is trusted (Ed25519)" },
	{ .name = "update-key", .type = SETTING_STR, .arg = "BASE64",
	    .help = "the key that signs updates (Ed25519)" },
	{ .name = "update-root", .type = SETTING_STR, .arg = "JSON",
	    .help = "root metadata that updates are trusted by, as text",
	    .flags = SETTING_NO_FLAG },
	{ .name = "heartbeat", .env = "MUSTER_AGENT_HEARTBEAT",
	    .type = SETTING_DURATION, .fallback = "30s", .min = 100,
	    .max = 300000, .arg = "TIME", .help = "between two heartbeats" },
	{ .name = "metrics-interval", .env = "MUSTER_AGENT_METRICS_INTERVAL",
	    .type = SETTING_DURATION, .fallback = "5s", .min = 200,
	    .max = 3600000, .arg = "TIME", .help = "between two samples" },
	{ .name = "spool-size", .type = SETTING_INT, .arg = "MB",
	    .fallback = "64", .min = 1, .max = 65536,
	    .help = "the disk that what is not sent yet may take" },
	{ .name = "spool-age", .type = SETTING_DURATION, .arg = "TIME",
	    .fallback = "7d", .min = 60000, .max = INT64_C(31536000000),
	    .help = "how long it is kept" },
	{ .name = "plaintext", .env = "MUSTER_AGENT_PLAINTEXT",
	    .type = SETTING_BOOL, .fallback = "false",
	    .help = "allow ws:// to other hosts than this one" },
	{ .name = "encryption", .env = "MUSTER_AGENT_ENCRYPTION",
	    .type = SETTING_STR, .arg = "WORD",
	    .help = "of messages: require, prefer or off (require with a"
	    " backend-key, else prefer)" },
	{ .name = "proxy", .env = "MUSTER_AGENT_PROXY",
	    .type = SETTING_STR, .arg = "URL",
	    .help = "http://HOST:PORT to CONNECT through, or none"
	    " (https_proxy or http_proxy)" },
	{ .name = "ca-file", .env = "MUSTER_AGENT_CA_FILE",
	    .type = SETTING_PATH, .arg = "FILE",
	    .help = "certificates to trust (the system's)" },
	{ .name = "service", .type = SETTING_STR,
	    .fallback = "muster-agent", .arg = "NAME",
	    .help = "this agent's service, for the command get_status" },
	{ .name = "log-file", .type = SETTING_PATH, .arg = "FILE",
	    .help = "where the log goes (stderr); reopened on SIGHUP" },
	{ .name = "log-max-size", .type = SETTING_INT, .arg = "BYTES",
	    .fallback = "10485760", .min = 0, .max = INT64_MAX / 2,
	    .help = "then the log file is rotated; 0: never" },
	{ .name = "log-keep", .type = SETTING_INT, .arg = "N",
	    .fallback = "4", .min = 0, .max = 1000,
	    .help = "so many old log files are kept" },
	{ .name = "update-interval", .env = "MUSTER_AGENT_UPDATE_INTERVAL",
	    .type = SETTING_DURATION, .fallback = "1h", .min = 0,
	    .max = 30 * 86400000LL, .arg = "TIME",
	    .help = "between two questions for updates; 0: only when told" },
	{ .name = "update-rate", .env = "MUSTER_AGENT_UPDATE_RATE",
	    .type = SETTING_INT, .fallback = "0", .min = 0,
	    .max = 1 << 30, .arg = "BYTES",
	    .help = "a second, for a download; 0: as fast as it goes" },
	{ .name = "start-command", .type = SETTING_LIST, .arg = "WORD",
	    .help = "one word of what starts this agent after an update,"
	    " where a supervisor does (itself, or its systemd unit)" },
	{ .name = "keep-privileges",
	    .env = "MUSTER_AGENT_KEEP_PRIVILEGES", .type = SETTING_BOOL,
	    .fallback = "false",
	    .help = "give up none of what this user may do" },
	{ .name = "self-test", .type = SETTING_BOOL, .fallback = "false",
	    .help = "check this binary on this host, and exit",
	    .flags = SETTING_FLAG },
	{ .name = "check-config", .type = SETTING_BOOL, .fallback = "false",
	    .help = "check the settings, and exit",
	    .flags = SETTING_FLAG },
	{ .name = "force", .type = SETTING_BOOL, .fallback = "false",
	    .help = "ask a running agent to go, and take its place",
	    .flags = SETTING_FLAG },
	{ .name = "force-timeout", .type = SETTING_DURATION,
	    .fallback = "30s", .min = 100, .max = 3600000, .arg = "TIME",
	    .help = "how long --force waits for it" },
	{ .name = "enable-autostart", .type = SETTING_BOOL,
	    .fallback = "false", .flags = SETTING_FLAG,
	    .help = "have the system start this agent, and exit" },
	{ .name = "disable-autostart", .type = SETTING_BOOL,
	    .fallback = "false", .flags = SETTING_FLAG,
	    .help = "take that back, and exit" },
	{ .name = "init-system", .type = SETTING_STR, .arg = "NAME",
	    .help = "by what: systemd, sysv, runit, s6 or cron (what there"
	    " is)", .flags = SETTING_FLAG },
	{ .name = "service-dir", .type = SETTING_PATH, .arg = "DIR",
	    .help = "where runit or s6 looks for services",
	    .flags = SETTING_FLAG },
	{ .name = "json", .type = SETTING_BOOL, .fallback = "false",
	    .help = "what a local command answers, as JSON",
	    .flags = SETTING_FLAG },
};

static struct settings_spec spec = {
	.tool = "muster-agent",
	.synopsis = "[--force] [options]\n"
	    "       muster-agent --self-test | --check-config [options]\n"
	    "       muster-agent --enable-autostart [--init-system NAME]"
	    " [options]\n"
	    "       muster-agent --disable-autostart [options]\n"
	    "       muster-agent [--json] [options] status | modules | flush"
	    " | reload |\n"
	    "           stop | rotate-secret | states | doctor\n"
	    "       muster-agent [options] diag [FILE]\n"
	    "       muster-agent [options] command NAME [JSON]",
	.about = "the agent on the host: connects to its server and reports",
	.table = table,
	.n = nitems(table),
	.groups = SETTINGS_CONFIG | SETTINGS_DIRS | SETTINGS_LOG |
	    SETTINGS_OPERANDS,
	.config_name = "agent.config.json",
#ifdef HAVE_BPF
	.built_with = "with eBPF programs"
#else
	.built_with = "without eBPF programs"
#endif
};

/* The configuration inside this binary, or NULL with the reason why not. */
static json_t *
stamped_config(const char **fault)
{
	static char	 text[256];
	const char	*config;
	struct json_err	 err;
	json_t		*o;
	size_t		 n;
	int		 rc;

	rc = stamp_check(stamp_self(), &config, &n, fault);
	if (rc == 0 || rc == -ENODATA)
		*fault = NULL;
	if (rc < 0)
		return NULL;
	if ((o = json_read(config, n, &err)) == NULL)
		*fault = json_err_str(&err, text, sizeof(text));
	return o;
}

/* Whether anything is set that only an agent of document 004 has: such a one
 * may wait for its address and its secret. */
static int
may_wait(const struct agent_config *c)
{
	static const char *const	names[] = {
		"ws-secret", "instance-id", "site-id", "log-paths"
	};
	size_t				i;

	for (i = 0; i < nitems(names); i++)
		if (settings_has(c->settings, names[i]))
			return 1;
	return settings_bool(c->settings, "ec2-auto");
}

/* http://HOST:PORT/base/ becomes ws://HOST:PORT/base/ws/agent. */
static char *
link_url(const struct agent_config *c)
{
	const char	*server = settings_str(c->settings, "server");
	const char	*own = settings_str(c->settings, "link-url");
	size_t		 n;

	if (own == NULL)
		own = settings_str(c->settings, "ws-api-url");
	if (own != NULL)
		return xstrdup(own);
	if (server == NULL) {
		if (may_wait(c))
			return NULL;
		settings_usage(c->settings,
		    "no server: nothing is stamped in, give --server URL");
		return NULL;	/* not reached, which cppcheck can't know */
	}
	if (strncmp(server, "http://", 7) != 0 &&
	    strncmp(server, "https://", 8) != 0)
		settings_usage(c->settings,
		    "server: must begin with http:// or https://");
	for (n = strlen(server); server[n - 1] == '/'; n--)
		;
	/* "http" and "ws" differ in their first letters alone */
	return xasprintf("ws%.*s/ws/agent", (int)(n - 4), server + 4);
}

static int
path_ends(const char *path, const char *end)
{
	size_t	n = strcspn(path, "?"), m = strlen(end);

	return n >= m && strncmp(path + n - m, end, m) == 0;
}

int
config_judge_url(const struct agent_config *c, const char *url, int *hmac,
    char **fault)
{
	struct url	 u;
	const char	*why = NULL;

	*fault = NULL;
	if (url_parse(url, &u, &why) < 0)
		*fault = xasprintf("%s: %s", url, why);
	else if (strncmp(url, "ws", 2) != 0)
		*fault = xasprintf("%s: must begin with ws:// or wss://",
		    url);
	else if (!u.tls && !url_is_loopback(&u) &&
	    !settings_bool(c->settings, "plaintext"))
		*fault = xasprintf("%s: is not encrypted by TLS;"
		    " --plaintext allows it", url);
	else if (!path_ends(u.path, "/agent"))
		*fault = xasprintf("%s: must end in /ws/agent or /agent,"
		    " which tells the protocol", url);
	*hmac = !path_ends(u.path, "/ws/agent");
	return *fault == NULL ? 0 : -EINVAL;
}

static void
check_url(struct agent_config *c)
{
	char	*fault;

	if (c->url == NULL)
		c->hmac = 1;
	else if (config_judge_url(c, c->url, &c->hmac, &fault) < 0)
		settings_usage(c->settings, "%s", fault);
}

/* The local endpoint is for this host alone; port 0 takes a free one. */
static void
check_listen(const struct agent_config *c)
{
	const char	*where = settings_str(c->settings, "web-listen"), *why;
	const char	*port = strrchr(where, ':');
	char		*text;
	struct url	 u;
	int		 good;

	if (strcmp(where, "none") == 0)
		return;
	text = xasprintf("http://%.*s", port != NULL ? (int)(port - where) :
	    0, where);
	good = port != NULL && port[1] != '\0' &&
	    port[1 + strspn(port + 1, "0123456789")] == '\0' &&
	    url_parse(text, &u, &why) == 0 && url_is_loopback(&u) &&
	    strcmp(u.path, "/") == 0;
	free(text);
	if (!good)
		settings_usage(c->settings, "webListen: %s: must be HOST:PORT"
		    " of the loopback, or none", where);
}

static void
check_proxy(const struct agent_config *c)
{
	const char	*given = settings_str(c->settings, "proxy"), *why;
	struct url	 u;

	if (given == NULL || strcmp(given, "none") == 0)
		return;
	if (url_parse(given, &u, &why) < 0)
		settings_usage(c->settings, "proxy: %s: %s", given, why);
	if (strncmp(given, "http://", 7) != 0)
		settings_usage(c->settings, "proxy: %s: must begin with"
		    " http://", given);
}

/* What document 004 has besides. */
static void
read_hmac(struct agent_config *c)
{
	c->ec2_auto = settings_bool(c->settings, "ec2-auto");
	c->ws_secret = settings_str(c->settings, "ws-secret");
	if (c->ws_secret != NULL && (*c->ws_secret == '\0' ||
	    strlen(c->ws_secret) > HMACLINK_MAX_SECRET))
		settings_usage(c->settings, "wsSecret: must have from 1 to"
		    " %d bytes", HMACLINK_MAX_SECRET);
	c->instance_id = settings_str(c->settings, "instance-id");
	if (c->instance_id == NULL)
		c->instance_id = c->name;
	if (!envelope_id_ok(c->instance_id))
		settings_usage(c->settings, "instanceId: must have from 1 to"
		    " %d bytes and no control character", ENVELOPE_MAX_ID);
	c->hello = about_hello(c);
}

static void
read_key(const struct agent_config *c, const char *name, uint8_t key[32])
{
	if (envelope_unbase64(settings_str(c->settings, name), key, 32) < 0)
		settings_usage(c->settings,
		    "%s: must be 32 bytes in base64", name);
}

static void
read_encryption(struct agent_config *c)
{
	const char	*word = settings_str(c->settings, "encryption");
	int		 e;

	if ((c->has_pin = settings_has(c->settings, "backend-key")))
		read_key(c, "backend-key", c->pin);
	c->encryption = c->has_pin ? LINK_REQUIRE : LINK_PREFER;
	if (word == NULL)
		return;
	if ((e = link_encryption_parse(word)) < 0)
		settings_usage(c->settings,
		    "encryption: must be require, prefer or off");
	c->encryption = (enum link_encryption)e;
}

/* What a name holds beside letters, digits, '.', '-' and '_' is left out. */
static char *
read_name(const struct agent_config *c)
{
	const char	*given = settings_str(c->settings, "name");
	char		 host[UV_MAXHOSTNAMESIZE];
	size_t		 n = sizeof(host);
	struct buf	 b = BUF_INIT;

	if (given == NULL)
		given = uv_os_gethostname(host, &n) == 0 ? host : "";
	for (; *given != '\0' && b.len < MAX_NAME; given++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
		    "WXYZ0123456789.-_", *given) != NULL)
			buf_addc(&b, *given);
	if (b.len == 0)
		buf_adds(&b, "agent");
	return buf_take(&b);
}

void
config_load(struct agent_config *c, int argc, char **argv)
{
	json_t	*stamped;
	uint8_t	 key[32];

	memset(c, 0, sizeof(*c));
	spec.stamped = stamped = stamped_config(&c->stamp_fault);
	c->settings = settings_load(&spec, argc, argv);
	spec.stamped = NULL;
	json_decref(stamped);
	c->argc = argc;
	c->argv = argv;
	c->operands = argv + settings_first(c->settings);
	c->n_operands = argc - settings_first(c->settings);
	/* of the local commands the doctor alone looks at what follows */
	if ((c->self_test = settings_bool(c->settings, "self-test")) ||
	    (c->n_operands > 0 && strcmp(c->operands[0], "doctor") != 0) ||
	    settings_bool(c->settings, "disable-autostart"))
		return;
	if (c->stamp_fault != NULL)
		die(EXIT_USAGE, "the configuration in this binary is"
		    " damaged: %s", c->stamp_fault);
	c->registration_key = settings_str(c->settings, "registration-key");
	c->ca_file = settings_str(c->settings, "ca-file");
	c->log_file = settings_str(c->settings, "log-file");
	c->heartbeat_ms = settings_int(c->settings, "heartbeat");
	c->metrics_ms = settings_int(c->settings, "metrics-interval");
	check_proxy(c);
	read_encryption(c);
	if (settings_has(c->settings, "update-key"))
		read_key(c, "update-key", key);
	c->url = link_url(c);
	check_url(c);
	check_listen(c);
	c->name = read_name(c);
	c->info = about_info(c);
	read_hmac(c);
}

void
config_release(struct agent_config *c)
{
	json_decref(c->info);
	json_decref(c->hello);
	free(c->url);
	free(c->name);
	settings_free(c->settings);
}
