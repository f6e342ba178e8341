#include "helper/core/step_pop.h"

#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/jwt.h"

enum { KEY_MAX = 4096, GOOD_S = 15 * 60 }; /* guard's own limit */

void pop_key_free(struct pop_key *k)
{
	sign_close(&k->key);
	free(k->n);
	free(k->e);
	free(k->thumbprint);
	free(k->req_cnf);
	*k = (struct pop_key){0};
}

static char *encoded(const void *data, size_t len)
{
	AUTO_BUF out = buf_new(2 * TOKEN_MAX);
	seal_b64url_encode(&out, data, len);
	return buf_take(&out);
}

/* RFC 7638: the hash of the members that make the key, in their order. */
static bool describe(struct pop_key *k, struct err *err)
{
	AUTO_BUF n = buf_new(KEY_MAX), e = buf_new(KEY_MAX);
	unsigned char sum[SEAL_HASH];
	if (!sign_public(&k->key, &n, &e, err))
		return false;
	k->n = encoded(n.p, n.len);
	k->e = encoded(e.p, e.len);
	AUTO_STR members = str_printf("{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", k->e, k->n);
	seal_sha256(sum, members, strlen(members));
	k->thumbprint = encoded(sum, sizeof sum);
	AUTO_STR cnf = str_printf("{\"kid\":\"%s\",\"xms_ksl\":\"sw\"}", k->thumbprint);
	k->req_cnf = encoded(cnf, strlen(cnf));
	return true;
}

bool pop_key_make(struct pop_key *out, struct err *err)
{
	*out = (struct pop_key){0};
	return sign_generate(&out->key, err) && describe(out, err);
}

bool pop_bind(const struct pop_key *k, struct token *t, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err opaque;
	AUTO_BUF der = buf_new(KEY_MAX);
	AUTO_SECRET both = secret_new(TOKEN_MAX);
	if (jwt_read(&t->value, "the access token", &jwt, &opaque) && !str_eq(jwt.cnf, k->thumbprint))
		return err_set(err, ERR_NETWORK, "try again; a proxy may have changed the answer", "the token endpoint's answer is not usable: the token is bound to another key than ours");
	buf_add(secret_buf(&both), secret_reveal(&t->value), secret_len(&t->value));
	buf_addc(secret_buf(&both), '~');
	if (!sign_write(&k->key, &der) || (seal_b64url_encode(secret_buf(&both), der.p, der.len), secret_buf(&both)->over))
		return err_set(err, ERR_INTERNAL, NULL, "the key of a proof-of-possession token cannot be kept");
	return secret_set(&t->value, secret_reveal(&both), secret_len(&both));
}

/* The two halves of what is kept; at is the length of the token. */
static bool open_kept(const struct token *t, struct pop_key *k, size_t *at, struct err *err)
{
	AUTO_BUF der = buf_new(KEY_MAX);
	const char *text = secret_reveal(&t->value), *mark = strchr(text, '~');
	*k = (struct pop_key){0};
	if (!mark || !seal_b64url_decode(&der, mark + 1, strlen(mark + 1)))
		return err_set(err, ERR_INTERNAL, "daypass cache clear", "the kept proof-of-possession token has no key");
	*at = (size_t)(mark - text);
	return sign_read(&k->key, &der, err) && describe(k, err);
}

static void add_statement(const struct pop_key *k, const struct token *t, size_t at, const char *u, int64_t now, struct buf *to)
{
	char guid[37];
	seal_guid(guid);
	buf_addf(to, "{\"at\":\"%.*s\",\"ts\":%lld,\"u\":", (int)at, secret_reveal(&t->value), (long long)now);
	json_quote(to, u);
	buf_addf(to, ",\"cnf\":{\"jwk\":{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\",\"alg\":\"RS256\",\"kid\":\"%s\"}},\"nonce\":\"", k->e, k->n, k->thumbprint);
	for (const char *c = guid; *c; c++)
		if (*c != '-')
			buf_addc(to, *c);
	buf_adds(to, "\"}");
}

bool step_pop(const struct ctx *ctx, const struct plan *p, struct token *t, struct err *err)
{
	size_t at;
	AUTO_POP_KEY k = {0};
	int64_t now = ctx->clock->wall(ctx->clock);
	AUTO_BUF head = buf_new(256), statement = buf_new(2 * TOKEN_MAX);
	AUTO_SECRET whole = secret_new(TOKEN_MAX);
	struct buf *b = secret_buf(&whole);
	if (!open_kept(t, &k, &at, err))
		return false;
	buf_addf(&head, "{\"typ\":\"pop\",\"alg\":\"RS256\",\"kid\":\"%s\"}", k.thumbprint);
	add_statement(&k, t, at, p->pop, now, &statement);
	if (!sign_jws(&k.key, &head, &statement, b, err))
		return false;
	if (statement.over || b->over)
		return err_set(err, ERR_NETWORK, NULL, "the proof-of-possession token is longer than 64 KiB");
	t->issued_at = now;
	t->expires_at = t->expires_at < now + GOOD_S ? t->expires_at : now + GOOD_S;
	return secret_set(&t->value, b->p, b->len);
}
