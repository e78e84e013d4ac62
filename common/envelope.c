#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "crypto.h"
#include "envelope.h"
#include "json.h"
#include "log.h"

/* headers is checked apart: other people's encoders write null for none. */
static const struct json_field fields[] = {
	{ .name = "id", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_ID },
	{ .name = "type", .kind = JSON_K_STR, .required = 1, .min = 1,
	    .max = ENVELOPE_MAX_TYPE },
	{ .name = "channel", .kind = JSON_K_STR,
	    .max = ENVELOPE_MAX_CHANNEL },
	{ .name = "payload", .kind = JSON_K_STR, .required = 1,
	    .max = ENVELOPE_MAX },
	{ .name = "timestamp", .kind = JSON_K_INT, .required = 1, .min = 0,
	    .max = INT64_C(1) << 40 },
	{ .name = "nonce", .kind = JSON_K_STR, .max = ENVELOPE_MAX_NONCE },
	{ .name = "signature", .kind = JSON_K_STR,
	    .max = BASE64_SIZE(ED25519_SIG) - 1 },
	{ .name = "headers", .kind = JSON_K_ANY },
};

static int
fault(struct json_err *e, const char *path, const char *text)
{
	*e = (struct json_err){ .line = 0 };
	snprintf(e->path, sizeof(e->path), "%s", path);
	snprintf(e->text, sizeof(e->text), "%s", text);
	return -EINVAL;
}

int
envelope_id_ok(const char *s)
{
	size_t	n;

	for (n = 0; s[n] != '\0'; n++)
		if ((unsigned char)s[n] < 0x20 || s[n] == 0x7f)
			return 0;
	return n > 0 && n <= ENVELOPE_MAX_ID;
}

static int
check_headers(json_t *headers, struct json_err *err)
{
	const char	*name;
	json_t		*v;

	if (headers == NULL || json_is_null(headers))
		return 0;
	if (!json_is_object(headers))
		return fault(err, "headers", "must be an object");
	if (json_object_size(headers) > ENVELOPE_MAX_HEADERS)
		return fault(err, "headers", "has too many members");
	json_object_foreach(headers, name, v) {
		if (!json_is_string(v) ||
		    json_string_length(v) > ENVELOPE_MAX_ID)
			return fault(err, "headers", "must hold short texts");
		if (strcmp(name, "enc") == 0 && json_string_length(v) == 0)
			return fault(err, "headers.enc", "must not be empty");
	}
	return 0;
}

int
envelope_parse(struct envelope *e, const char *text, size_t len,
    struct json_err *err)
{
	json_t	*headers, *root;

	*e = (struct envelope)ENVELOPE_INIT;
	if (len > ENVELOPE_MAX)
		return fault(err, "", "is too long");
	if ((root = json_read(text, len, err)) == NULL)
		return -EINVAL;
	headers = json_object_get(root, "headers");
	if (json_check(root, fields, nitems(fields), err) < 0 ||
	    check_headers(headers, err) < 0)
		goto fail;
	e->id = json_str(root, "id", "");
	e->type = json_str(root, "type", "");
	e->channel = json_str(root, "channel", "");
	e->payload = json_str(root, "payload", "");
	e->nonce = json_str(root, "nonce", "");
	e->signature = json_str(root, "signature", "");
	e->enc = headers != NULL ? json_str(headers, "enc", "") : "";
	e->timestamp = json_int(root, "timestamp", 0);
	if (!envelope_id_ok(e->id) || !envelope_id_ok(e->type) ||
	    (*e->channel != '\0' && !envelope_id_ok(e->channel))) {
		fault(err, "", "has control characters in id, type or channel");
		goto fail;
	}
	e->root = root;
	return 0;
fail:
	json_decref(root);
	*e = (struct envelope)ENVELOPE_INIT;
	return -EINVAL;
}

void
envelope_release(struct envelope *e)
{
	json_decref(e->root);
	*e = (struct envelope)ENVELOPE_INIT;
}

/* Adds "name":"text", with the comma before all but the first. */
static void
add_text(struct buf *b, const char *name, const char *text)
{
	size_t	n;

	if (*text == '\0')
		return;
	buf_printf(b, "%s\"%s\":\"", b->p[b->len - 1] == '{' ? "" : ",", name);
	for (; *text != '\0'; text += n) {
		/* base64 and our own ids have nothing to escape */
		for (n = 0; (unsigned char)text[n] >= 0x20 &&
		    text[n] != '"' && text[n] != '\\'; n++)
			;
		buf_add(b, text, n);
		if (text[n] == '\0')
			break;
		buf_printf(b, (unsigned char)text[n] < 0x20 ? "\\u%04x" :
		    "\\%c", (unsigned char)text[n]);
		n++;
	}
	buf_addc(b, '"');
}

void
envelope_write(const struct envelope *e, struct buf *b)
{
	buf_addc(b, '{');
	add_text(b, "id", e->id);
	add_text(b, "type", e->type);
	add_text(b, "channel", e->channel);
	add_text(b, "payload", e->payload);
	buf_printf(b, ",\"timestamp\":%" PRId64, e->timestamp);
	add_text(b, "nonce", e->nonce);
	add_text(b, "signature", e->signature);
	buf_adds(b, ",\"headers\":{");
	add_text(b, "enc", e->enc);
	buf_adds(b, "}}");
}

void
envelope_bound_text(const struct envelope *e, struct buf *b)
{
	buf_printf(b, "%s\n%s\n%s\n%" PRId64, e->id, e->type, e->channel,
	    e->timestamp);
}

void
envelope_signed_text(const struct envelope *e, struct buf *b)
{
	envelope_bound_text(e, b);
	buf_addc(b, '\n');
	buf_adds(b, e->nonce);
	buf_addc(b, '\n');
	buf_adds(b, e->payload);
}

int
envelope_verify(const struct envelope *e, const uint8_t pub[32])
{
	struct buf	text = BUF_INIT;
	uint8_t		sig[ED25519_SIG];
	int		good;

	if (envelope_unbase64(e->signature, sig, sizeof(sig)) < 0)
		return 0;
	envelope_signed_text(e, &text);
	good = crypto_ed25519_verify(pub, text.p, text.len, sig);
	buf_release(&text);
	return good;
}

/* libsodium 1.0.18 takes 0xAB and 0xAF for '+' and '/': keep them out. */
static int
decode(const char *s, size_t len, void *out, size_t max, size_t *n)
{
	size_t	i;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return -EINVAL;
	return base64_decode(s, len, out, max, n);
}

int
envelope_payload(const struct envelope *e, struct buf *b)
{
	size_t	n = strlen(e->payload), got;

	if (*e->payload == '{') {
		buf_add(b, e->payload, n);
		return 0;
	}
	buf_reserve(b, n / 4 * 3 + 3);
	if (decode(e->payload, n, b->p + b->len, n / 4 * 3 + 3, &got) < 0)
		return -EINVAL;
	b->len += got;
	b->p[b->len] = '\0';
	return 0;
}

void
envelope_base64(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, BASE64_SIZE(n));
	base64_encode(p, n, b->p + b->len);
	b->len += strlen(b->p + b->len);
}

int
envelope_unbase64(const char *s, void *out, size_t n)
{
	size_t	got, len = strlen(s);

	if (len != BASE64_SIZE(n) - 1 ||
	    decode(s, len, out, n, &got) < 0 || got != n)
		return -EINVAL;
	return 0;
}
