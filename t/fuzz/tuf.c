/* Whatever a repository may hold: no crash, no leak; and what is canonical
 * is read as the same value again. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "canonical.h"
#include "crypto.h"
#include "json.h"
#include "tuf_impl.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
canonical_again(const struct tuf_meta *m)
{
	struct json_err	err;
	struct buf	b = BUF_INIT;
	json_t		*o;

	if (canonical_json(m->body, &b) == 0 &&
	    strpbrk(buf_str(&b), "\n\t\r\b\f\x7f") == NULL &&
	    (o = json_read(b.p, b.len, &err)) != NULL) {
		if (!json_equal(o, m->body))
			abort();
		json_decref(o);
	}
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct tuf_failure	f = { TUF_OK, "" };
	struct tuf_meta		m;
	json_t			*d, *role;
	char			*name;
	size_t			i;

	if (n < 1 || tuf_meta_read(&m, p[0] % 4, "role", p + 1, n - 1, &f) < 0)
		return 0;
	canonical_again(&m);
	tuf_verify(&m, "role", json_object_get(m.body, "keys"),
	    tuf_role_of(&m, "root"), &f);
	tuf_check_bytes(json_object_get(json_object_get(m.body, "meta"),
	    "snapshot.json"), "role", p, n, &f);
	d = json_object_get(m.body, "delegations");
	json_array_foreach(json_object_get(d, "roles"), i, role)
		tuf_delegates(role, "a/path.tar.gz");
	if ((role = json_object_get(d, "succinct_roles")) != NULL) {
		name = tuf_succinct_name(role, "a/path.tar.gz");
		free(tuf_quote(name, ""));
		free(name);
	}
	tuf_meta_release(&m);
	return 0;
}
