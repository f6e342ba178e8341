/* The first steps of `daypass doctor`: environment, source, the external token, and what its issuer publishes. */
#include "helper/base/clock.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/cmd.h"
#include "helper/cmd/doctor.h"
#include "helper/core/answer.h"
#include "helper/core/fic.h"
#include "helper/core/flow.h"
#include "helper/core/policy.h"

/* Entra's bounds: for each claim, and for the keys of an issuer that it looks at; how far its clock may be from an issuer's. */
enum { CLAIM_MAX = 600, KEYS_MAX = 100, SKEW_S = 300, NOTABLE_S = 60 };

/* --- environment --- */

static void show_network(const struct ctx *ctx, struct buf *found)
{
	static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}, *const trust[] = {"DAYPASS_CA_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"};
	for (size_t i = 0; i < COUNT_OF(proxies); i++) {
		const char *value = env_get(&ctx->env, proxies[i]);
		if (!value)
			continue;
		buf_addf(found, "\nproxy ");
		url_mask(found, value);
		buf_addf(found, " (%s)", proxies[i]);
		break;
	}
	for (size_t i = 0; i < COUNT_OF(trust); i++)
		if (env_get(&ctx->env, trust[i]))
			buf_addf(found, "\ntrusts %s (%s)", env_get(&ctx->env, trust[i]), trust[i]);
}

enum doctor_end doctor_environment(struct doctor *d, struct buf *found, struct err *err)
{
	const struct config *c = d->ctx->config;
	if (c->broken) {
		*err = c->err;
		return DOCTOR_WRONG;
	}
	for (size_t i = 0; i < COUNT_OF(c->files); i++)
		if (c->files[i])
			buf_addf(found, "%s%s", found->len ? ", " : "", c->files[i]);
	if (!found->len)
		buf_adds(found, "no configuration file: what the environment says counts");
	show_network(d->ctx, found);
	return DOCTOR_OK;
}

/* --- source --- */

/* Why `auto` took none: each one's own word. */
static void show_absent(const struct doctor *d, const struct identity *id, struct buf *found)
{
	for (const struct source *const *s = d->ctx->sources; *s; s++) {
		struct err why = ERR_INIT;
		if ((*s)->automatic == AUTO_NEVER || (*s)->detect(d->ctx, id, &why) != SOURCE_ABSENT)
			continue;
		buf_addf(found, "%s%s: %s", found->len ? "\n" : "", (*s)->name, why.msg);
	}
}

static enum doctor_end nobody(struct doctor *d, struct buf *found, struct err *err)
{
	AUTO_IDENTITY id = {0};
	const struct source *s = NULL;
	bool named = false;
	if (!cmd_identity(d->ctx, &id, &named, err))
		return DOCTOR_WRONG;
	if (plan_source(d->ctx, &id, &s, err) == PLAN_FAIL)
		return DOCTOR_WRONG;
	*err = ERR_INIT;
	if (!s)
		show_absent(d, &id, found);
	if (!named) {
		err_set(err, ERR_CONFIG, NULL, "nothing names a tenant and a client id%s%s", s ? ", though there is a source: " : ", and there is no source of an external token", s ? s->name : "");
		err_hint(err, "set AZURE_TENANT_ID and AZURE_CLIENT_ID, or write them once into ~/.config/daypass/config");
	} else if (!s) {
		err_set(err, ERR_SOURCE, NULL, "identity %s (%s) has no source of an external token here", id.name, id.origin);
		err_hint(err, "on a laptop: source = az, after `az login`; elsewhere look what is missing below");
	} else {
		err_set(err, ERR_POLICY, "daypass config check", "no token is given for that here: %s", d->plan.why ? d->plan.why : "it is not ours");
	}
	return DOCTOR_WRONG;
}

enum doctor_end doctor_source(struct doctor *d, struct buf *found, struct err *err)
{
	enum verdict v = policy_plan(d->ctx, &d->request, &d->plan, err);
	if (v == PLAN_NOT_OURS || (v == PLAN_UNCLEAR && !err->kind))
		return nobody(d, found, err);
	const struct plan *p = &d->plan;
	if (v != PLAN_OURS && !p->source)
		show_absent(d, &p->id, found);
	if (v != PLAN_OURS)
		return DOCTOR_WRONG;
	buf_addf(found, "%s (%s)", p->source->name, identity_origin(&p->id, KEY_SOURCE));
	buf_addf(found, "\nidentity %s (%s)", p->id.name, p->id.origin);
	if (identity_get(&p->id, KEY_CLIENT_ID))
		buf_addf(found, "\nclient %s (%s)", identity_get(&p->id, KEY_CLIENT_ID), identity_origin(&p->id, KEY_CLIENT_ID));
	if (identity_get(&p->id, KEY_TENANT))
		buf_addf(found, "\ntenant %s (%s)", identity_get(&p->id, KEY_TENANT), identity_origin(&p->id, KEY_TENANT));
	return DOCTOR_OK;
}

/* --- token --- */

static bool has_blank_end(const char *text)
{
	size_t n = strlen(text);
	return n && (strchr(" \t", text[0]) || strchr(" \t", text[n - 1]));
}

/* Issuer, subject, audience: there, not too long, nothing around them. */
static bool claim_ok(const char *name, const char *value, struct err *err)
{
	if (str_empty(value))
		return err_set(err, ERR_SOURCE, "the source must write it", "the token has no %s", name);
	if (strlen(value) > CLAIM_MAX)
		return err_set(err, ERR_SOURCE, "have the issuer write a shorter one", "the token's %s is longer than %d characters: Entra registers no such credential", name, CLAIM_MAX);
	return !has_blank_end(value) || err_set(err, ERR_SOURCE, "have the issuer write it without", "the token's %s has a blank before or behind it: Entra takes no such token", name);
}

/* A federated credential may name any audience: only Entra knows. */
static bool audience_usual(const struct doctor *d, struct buf *found)
{
	const struct jwt *jwt = &d->jwt;
	if (jwt->aud_count > 1)
		buf_addf(found, "\nit has %d audiences, and Entra wants exactly one", jwt->aud_count);
	else if (!str_eq(jwt->aud, d->plan.audience) && !(fic_issued_by_entra(jwt->iss) && str_eq(jwt->aud, FIC_AUDIENCE_GUID)))
		buf_addf(found, "\nthe usual audience is %s: the federated credential must name the presented one", d->plan.audience);
	else
		return true;
	return false;
}

static bool form_ok(const struct doctor *d, struct err *err)
{
	const struct jwt *jwt = &d->jwt;
	if (!str_eq(jwt->alg, "RS256"))
		return err_set(err, ERR_SOURCE, "let the issuer sign with RS256", "the token is signed with %s, and Entra accepts RS256 only", jwt->alg ? jwt->alg : "nothing");
	if (str_empty(jwt->kid))
		return err_set(err, ERR_SOURCE, "let the issuer name its key in the token's header", "the token does not say which key signed it (kid)");
	return claim_ok("issuer", jwt->iss, err) && claim_ok("subject", jwt->sub, err) && claim_ok("audience", jwt->aud, err);
}

enum doctor_end doctor_token(struct doctor *d, struct buf *found, struct err *err)
{
	const struct plan *p = &d->plan;
	if (p->source->yields_access_token || p->source->own_credential) {
		buf_adds(found, p->source->own_credential ? "none is needed: the client's own credential" : "none is needed: the source gives Entra's own tokens");
		return DOCTOR_NOTHING;
	}
	if (!flow_assertion(d->ctx, &p->id, p->source, p->audience, &d->assertion, err) || !jwt_read(&d->assertion.value, "the external token", &d->jwt, err))
		return DOCTOR_WRONG;
	buf_addf(found, "issuer   %s\nsubject  %s\naudience %s\nsigned with %s, key %s", d->jwt.iss ? d->jwt.iss : "", d->jwt.sub ? d->jwt.sub : "",
		 d->jwt.aud ? d->jwt.aud : "", d->jwt.alg ? d->jwt.alg : "nothing", d->jwt.kid ? d->jwt.kid : "none");
	if (!form_ok(d, err))
		return DOCTOR_WRONG;
	return audience_usual(d, found) ? DOCTOR_OK : DOCTOR_UNSURE;
}

/* --- issuer --- */

static void note_clock(struct doctor *d, const struct http_response *r)
{
	int64_t theirs;
	if (!clock_http_date(r->date, &theirs))
		return;
	d->told = true;
	d->ahead = d->ctx->clock->wall(d->ctx->clock) - theirs;
}

/* A document of the issuer's. unreachable: nobody answered, which need not be so for Entra. */
static bool document(struct doctor *d, const char *url, struct json **out, bool *unreachable, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	struct http_request q = {.method = "GET", .url = url, .headers = {"Accept: application/json"}, .deadline_ms = d->ctx->deadline_ms};
	*unreachable = !d->ctx->http->perform(d->ctx->http, &q, &r, err);
	if (*unreachable)
		return false;
	note_clock(d, &r);
	if (r.status != 200)
		return err_set(err, ERR_SOURCE, "the issuer must publish its discovery document and keys to everybody: correct the issuer's URL", "the issuer has no document at %s (HTTP %ld)", url, r.status);
	return answer_json(&r, url, out, err) || err_wrap(err, "the issuer's document");
}

static bool key_ok(const struct json *keys, const char *kid, struct err *err)
{
	for (int i = 0; json_at(keys, i); i++) {
		const struct json *key = json_at(keys, i);
		const char *use = json_str(key, "use");
		if (!str_eq(json_str(key, "kid"), kid))
			continue;
		if (i >= KEYS_MAX)
			return err_set(err, ERR_SOURCE, "let the issuer publish fewer keys", "the issuer's key %.100s is number %d, and Entra looks at the first %d", kid, i + 1, KEYS_MAX);
		if (!str_eq(json_str(key, "kty"), "RSA"))
			return err_set(err, ERR_SOURCE, "let the issuer sign with RS256", "the issuer's key %.100s is no RSA key", kid);
		return !use || str_eq(use, "sig") || err_set(err, ERR_SOURCE, "let the issuer write \"use\": \"sig\"", "the issuer's key %.100s is not for signatures (use is '%.20s')", kid, use);
	}
	return err_set(err, ERR_SOURCE, "after a rotation get a new token; else the token is not this issuer's", "the issuer does not publish the key %.100s that signed the token", kid);
}

static bool issuer_ok(const struct json *j, const char *iss, const char **keys, struct err *err)
{
	const char *said = json_str(j, "issuer");
	*keys = json_str(j, "jwks_uri");
	if (!str_eq(said, iss)) {
		err_set(err, ERR_SOURCE, NULL, "the issuer calls itself '%.600s', and the token says '%.600s'", said ? said : "", iss);
		return err_hint(err, "both must be the same to the letter, a slash at the end included");
	}
	return str_starts(*keys, "https://") || err_set(err, ERR_SOURCE, "the issuer must publish its keys over https", "the issuer's discovery document names no https address of its keys (jwks_uri)");
}

enum doctor_end doctor_issuer(struct doctor *d, struct buf *found, struct err *err)
{
	static const char well_known[] = "/.well-known/openid-configuration";
	AUTO_JSON j = NULL;
	AUTO_JSON set = NULL;
	const char *keys = NULL, *iss = d->jwt.iss;
	bool unreachable = false;
	if (!iss) {
		buf_adds(found, "nobody else vouches for this identity");
		return DOCTOR_NOTHING;
	}
	size_t len = strlen(iss);
	AUTO_STR url = str_printf("%.*s%s", (int)(iss[len - 1] == '/' ? len - 1 : len), iss, well_known);
	if (!str_starts(iss, "https://")) {
		err_set(err, ERR_SOURCE, "Entra takes issuers with https:// only", "the token's issuer '%.600s' is no https URL", iss);
		return DOCTOR_WRONG;
	}
	bool ok = document(d, url, &j, &unreachable, err) && issuer_ok(j, iss, &keys, err) && document(d, keys, &set, &unreachable, err) && key_ok(json_get(set, "keys"), d->jwt.kid, err);
	if (ok)
		return buf_addf(found, "%s publishes key %s", iss, d->jwt.kid) ? DOCTOR_OK : DOCTOR_WRONG;
	if (!unreachable)
		return DOCTOR_WRONG;
	buf_addf(found, "%s\nnot reachable from here; Entra must reach it over the internet", err->msg);
	*err = ERR_INIT;
	return DOCTOR_UNSURE;
}

/* --- times --- */

enum doctor_end doctor_times(struct doctor *d, struct buf *found, struct err *err)
{
	const struct jwt *jwt = &d->jwt;
	int64_t now = d->ctx->clock->wall(d->ctx->clock) - d->ahead;
	char span[32], off[32];
	if (!jwt->exp) {
		buf_adds(found, jwt->iss ? "the token has no end (exp)" : "no token, no times");
		if (!jwt->iss)
			return DOCTOR_NOTHING;
		err_set(err, ERR_SOURCE, "let the issuer write one", "the token has no end (exp), and Entra takes no such token");
		return DOCTOR_WRONG;
	}
	int64_t ahead = d->ahead < 0 ? -d->ahead : d->ahead, left = jwt->exp - now;
	clock_span(off, ahead);
	clock_span(span, left < 0 ? -left : left);
	buf_addf(found, left < 0 ? "ended %s ago" : "good for %s", span);
	if (ahead > NOTABLE_S)
		buf_addf(found, "\nthis machine's clock is %s %s", off, d->ahead > 0 ? "ahead" : "behind");
	if (left < -SKEW_S)
		err_set(err, ERR_SOURCE, "let the source write a fresh one: who renews it?", "the external token ended %s ago", span);
	clock_span(span, jwt->nbf - now);
	if (jwt->nbf > now + SKEW_S)
		err_set(err, ERR_SOURCE, "check the issuer's clock", "the external token is not valid before %s from now", span);
	return err->kind ? DOCTOR_WRONG : DOCTOR_OK;
}
