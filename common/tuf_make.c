#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "canonical.h"
#include "crypto.h"
#include "file.h"
#include "http.h"
#include "json.h"
#include "tuf_make.h"

/* -- the directory -- */

char *
tuf_repo_name(const char *role, int64_t version)
{
	char	*quoted = tuf_quote(role, ""), *name;

	if (strcmp(role, "timestamp") == 0)
		name = xasprintf("%s.json", quoted);
	else
		name = xasprintf("%lld.%s.json", (long long)version, quoted);
	free(quoted);
	return name;
}

/* "12.targets.json": its role, freed by the caller, and version. */
static char *
name_split(const char *name, int64_t *version)
{
	size_t	 n = strspn(name, "0123456789"), len = strlen(name);
	char	*role;

	if (n == 0 || n > 15 || name[n] != '.' || len < n + 7 ||
	    strcmp(name + len - 5, ".json") != 0)
		return NULL;
	*version = strtoll(name, NULL, 10);
	role = xstrndup(name + n + 1, len - n - 6);
	if (http_url_decode(role) == 0)
		return role;
	free(role);
	return NULL;
}

/* Calls each() for every versioned file. */
static int
each_file(const char *dir, void (*each)(const char *role, int64_t version,
    void *), void *arg)
{
	DIR		*d = opendir(dir);
	struct dirent	*e;
	int64_t		 version;
	char		*role;

	if (d == NULL)
		return -errno;
	while ((e = readdir(d)) != NULL)
		if ((role = name_split(e->d_name, &version)) != NULL) {
			each(role, version, arg);
			free(role);
		}
	closedir(d);
	return 0;
}

static void
note_newest(const char *role, int64_t version, void *set)
{
	if (version > json_int(set, role, 0))
		json_object_set_new(set, role, json_integer(version));
}

int
tuf_repo_newest(const char *dir, const char *role, int64_t *version)
{
	json_t	*set = json_object();
	int	 rc = each_file(dir, note_newest, set);

	*version = json_int(set, role, 0);
	json_decref(set);
	return rc;
}

json_t *
tuf_repo_roles(const char *dir)
{
	json_t	*set = json_object();

	each_file(dir, note_newest, set);
	json_object_del(set, "root");
	json_object_del(set, "snapshot");
	json_object_del(set, "targets");
	return set;
}

int
tuf_repo_read(const char *dir, const char *name, enum tuf_kind kind,
    struct tuf_meta *m, struct tuf_failure *f)
{
	char		*path = file_join(dir, name);
	struct buf	 b = BUF_INIT;
	int		 rc = file_read(path, TUF_MAX_TARGETS, &b);

	*f = (struct tuf_failure){ TUF_OK, "" };
	memset(m, 0, sizeof(*m));
	if (rc == 0)
		rc = tuf_meta_read(m, kind, name, buf_str(&b), b.len, f);
	buf_release(&b);
	free(path);
	return rc;
}

char *
tuf_text(const json_t *file)
{
	return json_dumps(file, JSON_INDENT(1) | JSON_SORT_KEYS);
}

int
tuf_repo_write(const char *dir, const char *name, const json_t *file)
{
	char	*path = file_join(dir, name), *text = tuf_text(file);
	int	 rc = file_write(path, text, strlen(text), 0644);

	free(text);
	free(path);
	return rc;
}

/* -- files -- */

json_t *
tuf_new(json_t *body, enum tuf_kind kind, int64_t version, int64_t now,
    int64_t life)
{
	char	from[21], to[21];

	json_object_set_new(body, "_type", json_string(tuf_kind_name(kind)));
	json_object_set_new(body, "spec_version", json_string("1.0.34"));
	json_object_set_new(body, "version", json_integer(version));
	json_object_set_new(body, "expires",
	    json_string(tuf_time_text(now + life, to)));
	json_object_set_new(body, "x-muster-issued",
	    json_string(tuf_time_text(now, from)));
	return json_pack("{so s[]}", "signed", body, "signatures");
}

json_t *
tuf_key(const uint8_t public[32])
{
	char	hex[65];

	return json_pack("{ss ss s{ss}}", "keytype", "ed25519", "scheme",
	    "ed25519", "keyval", "public", hex_encode(public, 32, hex));
}

int
tuf_to_sign(const json_t *file, struct buf *b)
{
	return canonical_json(json_object_get(file, "signed"), b);
}

void
tuf_add_signature(json_t *file, const char *keyid, const uint8_t sig[64])
{
	json_t	*list = json_object_get(file, "signatures");
	char	 hex[129];
	size_t	 i = 0;

	while (i < json_array_size(list))
		if (strcmp(json_str(json_array_get(list, i), "keyid", ""),
		    keyid) == 0)
			json_array_remove(list, i);
		else
			i++;
	json_array_append_new(list, json_pack("{ss ss}", "keyid", keyid,
	    "sig", hex_encode(sig, 64, hex)));
}

json_t *
tuf_snapshot_meta(const char *dir, const json_t *overlay)
{
	json_t		*set = json_object(), *meta = json_object(), *v;
	const char	*role;
	char		*name;

	each_file(dir, note_newest, set);
	json_object_update(set, (json_t *)(uintptr_t)overlay);
	json_object_foreach(set, role, v) {
		if (strcmp(role, "root") == 0 || strcmp(role, "snapshot") == 0)
			continue;
		name = xasprintf("%s.json", role);
		json_object_set_new(meta, name, json_pack("{sO}", "version",
		    v));
		free(name);
	}
	json_decref(set);
	return meta;
}

json_t *
tuf_timestamp_meta(const json_t *snapshot)
{
	char	*text = tuf_text(snapshot), hex[65];
	uint8_t	 sum[SHA256_SIZE];
	json_t	*meta;

	crypto_sha256(text, strlen(text), sum);
	meta = json_pack("{s{sO sI s{ss}}}", "snapshot.json", "version",
	    json_object_get(json_object_get(snapshot, "signed"), "version"),
	    "length", (json_int_t)strlen(text), "hashes", "sha256",
	    hex_encode(sum, sizeof(sum), hex));
	free(text);
	return meta;
}
