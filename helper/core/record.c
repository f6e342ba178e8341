#include "helper/core/record.h"

#include "helper/base/seal.h"
#include "helper/base/str.h"

#define TEXT_PREFIX "daypass:1:"

enum { TEXTS = 5 };

/* Native byte order and padding: a record never leaves the machine. */
struct head {
	uint32_t format, length;
	int64_t issued_at, expires_at, refresh_at, boot_at;
	char boot[CLOCK_BOOT_ID];
};

bool record_encode(const struct record *r, struct buf *out)
{
	struct head h;
	const char *const texts[TEXTS] = {r->identity, r->tenant, r->client_id, r->resource, r->source};
	memset(&h, 0, sizeof h);
	h = (struct head){.format = RECORD_TOKEN, .length = (uint32_t)r->length, .issued_at = r->issued_at, .expires_at = r->expires_at,
			  .refresh_at = r->refresh_at, .boot_at = r->boot_at};
	memcpy(h.boot, r->boot, sizeof h.boot);
	bool ok = buf_add(out, &h, sizeof h) && buf_add(out, r->token, r->length);
	for (size_t i = 0; ok && i < TEXTS; i++)
		ok = buf_add(out, texts[i] ? texts[i] : "", (texts[i] ? strlen(texts[i]) : 0) + 1);
	return ok;
}

/* Times that can be added and subtracted, whoever wrote them: within 34,000 years. */
static bool in_range(const struct head *h)
{
	static const int64_t most = (int64_t)1 << 40;
	return h->issued_at >= 0 && h->issued_at <= most && h->expires_at >= 0 && h->expires_at <= most && h->refresh_at >= 0 && h->refresh_at <= most &&
	       h->boot_at >= -most && h->boot_at <= most;
}

bool record_decode(const struct buf *data, struct record *r)
{
	struct head h;
	const char **const texts[TEXTS] = {&r->identity, &r->tenant, &r->client_id, &r->resource, &r->source};
	if (data->len < sizeof h)
		return false;
	memcpy(&h, data->p, sizeof h);
	const char *p = data->p + sizeof h, *end = data->p + data->len;
	if (h.format != RECORD_TOKEN || !in_range(&h) || h.length > (size_t)(end - p) || !str_is_token(p, h.length))
		return false;
	*r = (struct record){.issued_at = h.issued_at, .expires_at = h.expires_at, .refresh_at = h.refresh_at, .boot_at = h.boot_at,
			     .token = p, .length = h.length};
	memcpy(r->boot, h.boot, sizeof r->boot);
	r->boot[sizeof r->boot - 1] = 0;
	p += h.length;
	for (size_t i = 0; i < TEXTS; i++) {
		const char *nul = memchr(p, 0, (size_t)(end - p));
		if (!nul)
			return false;
		*texts[i] = p;
		p = nul + 1;
	}
	return p == end;
}

bool record_to_text(const unsigned char id[STORE_ID], const struct buf *data, struct secret *out)
{
	char hex[2 * STORE_ID + 1];
	struct buf *b = secret_buf(out);
	str_hex(hex, id, STORE_ID);
	buf_addf(b, TEXT_PREFIX "%s:", hex);
	seal_b64url_encode(b, data->p, data->len);
	return !b->over;
}

bool record_from_text(const unsigned char id[STORE_ID], const struct secret *text, struct buf *data)
{
	char hex[2 * STORE_ID + 1];
	str_hex(hex, id, STORE_ID);
	AUTO_STR prefix = str_printf(TEXT_PREFIX "%s:", hex);
	const char *all = secret_reveal(text);
	size_t skip = strlen(prefix);
	return str_starts(all, prefix) && seal_b64url_decode(data, all + skip, secret_len(text) - skip);
}

void record_rebase(struct record *r, struct clock *clock)
{
	char boot[CLOCK_BOOT_ID] = "";
	clock->boot_id(clock, boot);
	if (*boot && str_eq(boot, r->boot))
		return;
	r->boot_at = clock->boot(clock) - (clock->wall(clock) - r->issued_at);
	memcpy(r->boot, boot, sizeof r->boot);
}
