/*
 * What the agent tells of itself and its host when a link is up: document
 * 002's server on channel agent.info, document 004's with the auth message.
 * The server keeps it, people choose agents by the labels, and by the ids of
 * machine and boot two hosts with one identity are told apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "buf.h"
#include "label.h"
#include "log.h"
#include "platform.h"
#include "settings.h"

/* "site=a" of the settings; what is none ends the process. */
static void
add_label(const struct agent_config *c, json_t *labels, const char *item)
{
	size_t		 n = strcspn(item, "=");
	char		*key = xstrndup(item, n);
	const char	*value = item + n + (item[n] == '=');
	const char	*fault = label_fault(key, value, strlen(value));

	if (item[n] == '\0')
		fault = "must be NAME=VALUE";
	else if (fault == NULL &&
	    json_object_set_new(labels, key, json_string(value)) < 0)
		fault = "must be UTF-8";
	if (fault != NULL)
		settings_usage(c->settings, "labels: '%s': %s", item, fault);
	free(key);
}

static json_t *
labels(const struct agent_config *c)
{
	json_t		*o = json_object();
	const char	*item;
	size_t		 i;

	for (i = 0; (item = settings_item(c->settings, "label", i)) != NULL;
	    i++)
		add_label(c, o, item);
	if (json_object_size(o) > LABEL_MAX)
		settings_usage(c->settings, "labels: at most %d", LABEL_MAX);
	return o;
}

/* An id that this host does not have is left out. */
static void
add_host(json_t *o, const char *machine_key, const char *boot_key)
{
	char	machine[128], boot[40];

	if (platform_machine_id(machine, sizeof(machine)) == 0)
		json_object_set_new(o, machine_key, json_string(machine));
	platform_boot_id(boot);
	if (boot[0] != '\0')
		json_object_set_new(o, boot_key, json_string(boot));
}

json_t *
about_info(const struct agent_config *c)
{
	char		 os_name[256];
	json_t		*o, *list = json_array();
	const char	*item;
	size_t		 i;

	if (platform_os_name(os_name, sizeof(os_name)) < 0)
		snprintf(os_name, sizeof(os_name), "%s", platform_os);
	for (i = 0; (item = settings_item(c->settings, "capabilities",
	    i)) != NULL; i++)
		json_array_append_new(list, json_string(item));
	o = json_pack("{ss ss ss ss ss so so}", "arch", platform_arch, "name",
	    c->name, "os", platform_os, "os_name", os_name, "version",
	    MUSTER_VERSION, "capabilities", list, "labels", labels(c));
	if (o == NULL)
		die(EXIT_USAGE, "capabilities or system name: not UTF-8");
	add_host(o, "machine_id", "boot_id");
	return o;
}

json_t *
about_hello(const struct agent_config *c)
{
	const char	*site = settings_str(c->settings, "site-id");
	char		 host[UV_MAXHOSTNAMESIZE];
	size_t		 n = sizeof(host);
	json_t		*o, *mine;

	if (uv_os_gethostname(host, &n) < 0)
		snprintf(host, sizeof(host), "%s", c->name);
	o = json_pack("{ss ss ss ss}", "arch", platform_arch, "hostname", host,
	    "os", platform_os, "version", MUSTER_VERSION);
	if (o == NULL || (site != NULL && json_object_set_new(o, "siteId",
	    json_string(site)) < 0))
		die(EXIT_USAGE, "siteId or the host's name: not UTF-8");
	/* who has none says what the document's agent does, and no more */
	mine = labels(c);
	if (json_object_size(mine) > 0)
		json_object_set(o, "labels", mine);
	json_decref(mine);
	add_host(o, "machineId", "bootId");
	return o;
}
