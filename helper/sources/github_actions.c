/* GitHub Actions: the job asks GitHub for a token of its own, anew whenever one is needed. Source: docs.github.com,
 * "OpenID Connect reference"; actions/toolkit, oidc-utils. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/sources/common.h"

static const char URL[] = "ACTIONS_ID_TOKEN_REQUEST_URL", TOKEN[] = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/* Forgejo and Gitea took over these variables with the rest of GitHub's runner. Forgejo's sets both markers, so it goes first; it
 * does not read `permissions: id-token`. Source: forgejo.org, "Security OpenID Connect"; runner.go of forgejo/runner; Gitea has
 * no token before the version that brought GitHub's setting (go-gitea/gitea, pull request 39052). */
static const struct actions {
	const char *marker, *name, *right, *advice;
} systems[] = {
	{"FORGEJO_ACTIONS", "Forgejo", "enable-openid-connect",
	 "give the job `enable-openid-connect: true` (Forgejo 15, its runner 12.5, or later); pull requests from forks do not get it"},
	{"GITEA_ACTIONS", "Gitea", "id-token permission",
	 "give the job `permissions: id-token: write`, on a Gitea that issues OIDC tokens to jobs; pull requests from forks do not get it"},
	{"", "GitHub", "id-token permission",
	 "give the job `permissions: id-token: write`; pull requests from forks do not get it, and containers need the variables passed on"},
};

static const struct actions *system_of(const struct ctx *ctx)
{
	const struct actions *s = systems;
	while (*s->marker && !env_get(&ctx->env, s->marker))
		s++;
	return s;
}

static enum source_state github_detect(const struct ctx *ctx, const struct identity *id UNUSED, struct err *why)
{
	const char *url = env_get(&ctx->env, URL), *token = env_get(&ctx->env, TOKEN);
	const struct actions *s = system_of(ctx);
	if (url && token)
		return SOURCE_PRESENT;
	if (!url && !token && !env_get(&ctx->env, "GITHUB_ACTIONS") && !*s->marker)
		return source_say(SOURCE_ABSENT, why, NULL, "not in a GitHub Actions job");
	if (!url && !token)
		return source_say(SOURCE_BROKEN, why, s->advice, "this %s Actions job may not ask for an OIDC token: %s and %s are not set (no %s)", s->name, URL, TOKEN, s->right);
	return source_say(SOURCE_BROKEN, why, s->advice, "%s is not set (no %s?)", url ? TOKEN : URL, s->right);
}

static bool github_fingerprint(const struct ctx *ctx, const struct identity *id UNUSED, struct buf *out, struct buf *evidence UNUSED, struct err *err)
{
	const char *url = env_get(&ctx->env, URL), *token = env_get(&ctx->env, TOKEN);
	if (!url || !token)
		return err_set(err, ERR_SOURCE, system_of(ctx)->advice, "%s and %s are not both set", URL, TOKEN);
	hash_print(out, token, url);
	return true;
}

static bool request_url(const char *base, const char *audience, struct buf *out, struct err *err)
{
	AUTO_URL u = {0};
	if (!url_parse(base, &u) || !str_eq(u.scheme, "https"))
		return err_set(err, ERR_SOURCE, NULL, "%s is not an https URL", URL);
	buf_addf(out, "%s%caudience=", base, u.query ? '&' : '?');
	return url_encode(out, audience);
}

static bool github_fetch(const struct ctx *ctx, const struct identity *id UNUSED, const char *audience, struct token *out, struct err *err)
{
	AUTO_BUF url = buf_new(8192);
	AUTO_SECRET request_token = secret_new(TOKEN_MAX);
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	const struct actions *s = system_of(ctx);
	AUTO_STR service = str_printf("%s's OIDC service", s->name);
	AUTO_STR answer = str_printf("%s's answer", s->name);
	if (!request_url(env_get(&ctx->env, URL), audience, &url, err) || !secret_from_variable(ctx, TOKEN, &request_token, err))
		return false;
	struct http_request q = {.method = "GET", .url = url.p, .bearer_word = "bearer", .bearer = &request_token,
				 .headers = {"Accept: application/json; api-version=2.0"}, .deadline_ms = ctx->deadline_ms};
	if (!ctx->http->perform(ctx->http, &q, &r, err) || !answer_json(&r, service, &j, err))
		return false;
	const char *value = json_str(j, "value"), *message = json_str(j, "message");
	if (r.status == 200 && value)
		return token_take(value, strlen(value), answer, out, err);
	return err_set(err, ERR_SOURCE, s->advice, "%s gave no token (HTTP %ld%s%.200s)", service, r.status, message ? ": " : "", message ? message : "");
}

const struct source source_github_actions = {
	.name = "github-actions",
	.summary = "the job's own OIDC token in GitHub Actions",
	.automatic = AUTO_JOB,
	.detect = github_detect,
	.fingerprint = github_fingerprint,
	.fetch = github_fetch,
};
