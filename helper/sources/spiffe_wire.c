#include "helper/sources/spiffe_wire.h"

#include <stdint.h>
#include <string.h>

/* Field numbers of workload.proto, and protocol buffers' wire types. */
enum { AUDIENCE = 1, SPIFFE_ID = 2, SVIDS = 1, SVID_ID = 1, SVID_JWT = 2, VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5, FRAME = 5 };

struct reader {
	const unsigned char *p, *end;
};

struct field {
	unsigned number, type;
	struct reader bytes; /* of type BYTES */
};

static void add_bytes(struct buf *out, unsigned number, const char *text)
{
	size_t len = strlen(text);
	buf_addc(out, (char)(number << 3 | BYTES));
	for (; len >= 0x80; len >>= 7)
		buf_addc(out, (char)(len | 0x80));
	buf_addc(out, (char)len);
	buf_adds(out, text);
}

void spiffe_request(struct buf *out, const char *audience, const char *id)
{
	AUTO_BUF message = buf_new(8192);
	add_bytes(&message, AUDIENCE, audience);
	if (id)
		add_bytes(&message, SPIFFE_ID, id);
	const char head[FRAME] = {0, (char)(message.len >> 24), (char)(message.len >> 16), (char)(message.len >> 8), (char)message.len};
	buf_add(out, head, sizeof head);
	buf_add(out, message.p, message.len);
}

/* At most ten bytes, and no more than a 64-bit number holds. */
static bool varint(struct reader *r, uint64_t *out)
{
	*out = 0;
	for (int shift = 0; shift < 64 && r->p < r->end; shift += 7) {
		unsigned char c = *r->p++;
		if (shift == 63 && c > 1)
			return false;
		*out |= (uint64_t)(c & 0x7F) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

static bool skip(struct reader *r, size_t n)
{
	if ((size_t)(r->end - r->p) < n)
		return false;
	r->p += n;
	return true;
}

/* The next field. False where the rest is none. */
static bool next(struct reader *r, struct field *f)
{
	uint64_t tag, n;
	if (!varint(r, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF)
		return false;
	*f = (struct field){.number = (unsigned)(tag >> 3), .type = (unsigned)(tag & 7)};
	if (f->type == VARINT)
		return varint(r, &n);
	if (f->type == FIXED64 || f->type == FIXED32)
		return skip(r, f->type == FIXED64 ? 8 : 4);
	if (f->type != BYTES || !varint(r, &n) || n > (uint64_t)(r->end - r->p))
		return false;
	f->bytes = (struct reader){r->p, r->p + n};
	return skip(r, (size_t)n);
}

static bool same(const struct reader *r, const char *text)
{
	size_t len = strlen(text);
	return (size_t)(r->end - r->p) == len && memcmp(r->p, text, len) == 0;
}

/* One SVID. wanted: is it the one? */
static bool svid(struct reader r, const char *id, struct reader *jwt, bool *wanted)
{
	struct field f;
	*jwt = (struct reader){NULL, NULL};
	*wanted = !id;
	while (r.p < r.end) {
		if (!next(&r, &f))
			return false;
		if (f.number == SVID_ID && f.type == BYTES && id)
			*wanted = same(&f.bytes, id);
		if (f.number == SVID_JWT && f.type == BYTES)
			*jwt = f.bytes;
	}
	return true;
}

static bool frame(const char *data, size_t len, struct reader *out, const char **why)
{
	const unsigned char *p = (const unsigned char *)data;
	*why = "it is no gRPC frame";
	if (len < FRAME)
		return false;
	size_t said = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
	*why = "it is compressed, which was not asked for";
	if (p[0] != 0)
		return false;
	*why = "its length is not what it says";
	*out = (struct reader){p + FRAME, p + len};
	return said == len - FRAME;
}

bool spiffe_response(const char *data, size_t len, const char *id, const char **jwt, size_t *jwt_len, const char **why)
{
	struct reader r, found;
	struct field f;
	bool wanted;
	if (!frame(data, len, &r, why))
		return false;
	while (r.p < r.end) {
		*why = "it is no JWTSVIDResponse";
		if (!next(&r, &f))
			return false;
		if (f.number != SVIDS || f.type != BYTES)
			continue;
		if (!svid(f.bytes, id, &found, &wanted))
			return false;
		if (!wanted || found.p == found.end)
			continue;
		*jwt = (const char *)found.p;
		*jwt_len = (size_t)(found.end - found.p);
		return true;
	}
	*why = id ? "it has no token of that SPIFFE id" : "it has no token";
	return false;
}
