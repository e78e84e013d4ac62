/* A document of the module's: its text, and what was read of it. */
#ifdef HAVE_BPF
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "mod_policy_private.h"

const struct policy_doc *
document_doc(const struct document *d)
{
	return d->text != NULL ? &d->doc : NULL;
}

void
document_release(struct document *d)
{
	if (d->text != NULL)
		policy_doc_release(&d->doc);
	free(d->text);
	memset(d, 0, sizeof(*d));
}

int
document_take(struct document *d, char *text, size_t n, char **why)
{
	memset(d, 0, sizeof(*d));
	if (policy_doc_read(&d->doc, text, n, why) < 0) {
		free(text);
		return -EINVAL;
	}
	d->text = text;
	d->n = n;
	return 0;
}

int
document_load(struct document *d, const char *path, char **why)
{
	struct buf	b = BUF_INIT;
	int		rc = file_read(path, POLICY_MAX_TEXT, &b);
	size_t		n = b.len;

	memset(d, 0, sizeof(*d));
	if (rc == 0)
		return document_take(d, buf_take(&b), n, why);
	buf_release(&b);
	if (rc == -ENOENT)
		return 0;
	*why = xstrdup(errstr(rc));
	return rc;
}

char *
policy_hex(const uint8_t sha[32])
{
	struct buf	b = BUF_INIT;
	int		i;

	for (i = 0; i < 32; i++)
		buf_printf(&b, "%02x", sha[i]);
	return buf_take(&b);
}

#endif
