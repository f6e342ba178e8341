/* git's credential helper protocol: gitcredentials(7), git-credential(1). See git.md. */
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/match.h"
#include "protocols/git.h"

enum { INPUT_MAX = 512 * 1024, LINE_MAX_BYTES = 65535, YOUNG_S = 300 };

#define STATE_PREFIX "daypass:1:"

static bool bad_input(const char *what, struct err *err)
{
	return err_set(err, ERR_USAGE, NULL, "git's request is refused: %s", what);
}

/* Is a whole request here: a blank line, or one at the very beginning? A NUL ends it too, badly. */
static bool complete(const struct buf *b)
{
	return memchr(b->p, 0, b->len) || strstr(b->p, "\n\n") || strstr(b->p, "\n\r\n") || b->p[0] == '\n';
}

/* To the blank line or the end: git writes at once, and closes without a blank line. */
static bool read_input(const struct ctx *ctx, struct buf *in, struct err *err)
{
	const char *why;
	if (!protocol_read(ctx, in, complete, &why))
		return bad_input(why, err);
	return !memchr(in->p, 0, in->len) || bad_input("it holds a NUL byte", err);
}

/* A field that git sends once; twice is somebody's trick. */
static bool once(char **to, const char *value, struct err *err)
{
	if (*to)
		return bad_input("protocol, host or path stands twice", err);
	*to = str_dup(value);
	return true;
}

/* An empty value empties the list, here as in every list of this protocol. */
static void take_capability(struct exchange_state *s, const char *value)
{
	if (!*value)
		s->accepts = 0;
	else if (str_eq(value, "authtype"))
		s->accepts |= ACCEPTS_AUTHTYPE;
	else if (str_eq(value, "state"))
		s->accepts |= ACCEPTS_STATE;
}

static void take_state(struct exchange_state *s, const char *value)
{
	if (!*value) {
		s->second_round = false;
		*s->refused = 0;
	}
	if (!str_starts(value, STATE_PREFIX) || strlen(value) != strlen(STATE_PREFIX) + 64)
		return; /* another helper's */
	s->second_round = true;
	snprintf(s->refused, sizeof s->refused, "%s", value + strlen(STATE_PREFIX));
}

static bool take_given(struct exchange_state *s, const char *key, const char *value, struct err *err)
{
	s->has_given = true;
	if (str_eq(key, "password"))
		str_set(&s->authtype, NULL);
	return secret_set(&s->given, value, strlen(value)) || bad_input("the credential is longer than 64 KiB", err);
}

static bool take_field(struct request *r, struct exchange_state *s, const char *key, const char *value, struct err *err)
{
	if (str_eq(key, "protocol"))
		return once(&r->scheme, value, err);
	if (str_eq(key, "host"))
		return once(&r->host, value, err);
	if (str_eq(key, "path"))
		return once(&r->path, value, err);
	if (str_eq(key, "username"))
		str_set(&r->user, value);
	else if (str_eq(key, "password") || str_eq(key, "credential"))
		return take_given(s, key, value, err);
	else if (str_eq(key, "authtype"))
		str_set(&s->authtype, value);
	else if (str_eq(key, "ephemeral"))
		str_to_bool(value, &s->ephemeral);
	else if (str_eq(key, "password_expiry_utc"))
		str_set(&s->expires, value);
	else if (str_eq(key, "oauth_refresh_token"))
		return secret_set(&s->refresh, value, strlen(value)) || bad_input("the refresh token is longer than 64 KiB", err);
	else if (str_eq(key, "capability[]"))
		take_capability(s, value);
	else if (str_eq(key, "state[]"))
		take_state(s, value);
	return true; /* what we don't know is for others */
}

static bool take_line(struct request *r, struct exchange_state *s, char *line, size_t len, struct err *err)
{
	if (len >= LINE_MAX_BYTES)
		return bad_input("a line is longer than 65535 bytes", err);
	if (memchr(line, '\r', len))
		return bad_input("a carriage return inside a value", err);
	char *equals = memchr(line, '=', len);
	if (!equals || equals == line)
		return bad_input("a line is not key=value", err);
	*equals = 0;
	return take_field(r, s, line, equals + 1, err);
}

/* Lines end at LF only. A caller that ends them all with CR LF is understood; a CR anywhere else, at the end of one
 * line among others too, is an attempt to smuggle a field in (CVE-2024-50338, CVE-2024-52006). */
static bool take_lines(struct request *r, struct exchange_state *s, struct buf *in, struct err *err)
{
	size_t first = strcspn(in->p, "\n");
	bool crlf = in->p[first] && first && in->p[first - 1] == '\r';
	for (char *line = in->p; *line;) {
		char *end = strchrnul(line, '\n');
		char *next = *end ? end + 1 : end;
		bool cut = crlf && end > line && end[-1] == '\r';
		*end = 0;
		size_t len = (size_t)(end - line) - cut;
		line[len] = 0;
		if (len == 0)
			break;
		if (!take_line(r, s, line, len, err))
			return false;
		line = next;
	}
	return true;
}

/* "HOST:PORT" taken apart; the scheme's own port is as good as none. */
static bool split_port(struct request *r)
{
	int64_t port = 0;
	char *colon = strchr(r->host, ':');
	if (!colon)
		return true;
	*colon = 0;
	if (colon[1] == '0' || !str_to_int(colon + 1, 65535, &port))
		return false;
	r->port = port == url_own_port(r->scheme) ? 0 : (int)port;
	return true;
}

/* Only https (and http, for what is kept), only a plain host name: all else is not ours, without a word. The path is
 * decoded by git already. */
static bool normalise(struct request *r)
{
	bool web = str_eq(r->scheme, "https") || str_eq(r->scheme, "http");
	if (!web || str_empty(r->host) || !split_port(r) || !url_host_ok(r->host))
		return false;
	str_lower(r->host);
	if (!r->path)
		return true;
	size_t skip = strspn(r->path, "/"), len = strlen(r->path + skip);
	memmove(r->path, r->path + skip, len + 1);
	while (len && r->path[len - 1] == '/')
		r->path[--len] = 0;
	bool climbs = str_eq(r->path, "..") || str_starts(r->path, "../") || strstr(r->path, "/../") || str_ends(r->path, "/..");
	return !climbs && !str_has_control(r->path) && !strchr(r->path, '\\');
}

/* A broken request that names only hosts of others is theirs. */
static bool is_about_us(const struct buf *in)
{
	static const char *const names[] = {"dev.azure.com", ".visualstudio.com"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (memmem(in->p, in->len, names[i], strlen(names[i])))
			return true;
	return !memmem(in->p, in->len, "host=", strlen("host="));
}

static enum request_action action_of(const char *word)
{
	static const char *const words[] = {[ACTION_GET] = "get", [ACTION_STORE] = "store", [ACTION_ERASE] = "erase", [ACTION_CAPABILITY] = "capability"};
	for (size_t i = ACTION_GET; word && i < COUNT_OF(words); i++)
		if (str_eq(words[i], word))
			return (enum request_action)i;
	return ACTION_NONE;
}

/* The operation is the last word: git appends it to what the user configured. */
static bool git_parse(const struct ctx *ctx, int argc, char *const *argv, struct request *r, struct exchange_state *s, struct err *err)
{
	AUTO_BUF in = buf_new(INPUT_MAX);
	r->kind = REQUEST_GIT;
	r->action = action_of(argc > 0 ? argv[argc - 1] : NULL);
	if (r->action == ACTION_NONE || r->action == ACTION_CAPABILITY)
		return true;
	if (r->action == ACTION_STORE && !match_keeps_any(ctx->config)) {
		r->action = ACTION_NONE; /* a token of ours is kept already, and git's success is no proof that it is good */
		return true;
	}
	bool whole = read_input(ctx, &in, err), about_us = is_about_us(&in);
	if (whole && take_lines(r, s, &in, err))
		return normalise(r);
	if (!about_us) /* what a stranger's server makes of git's request is not worth a line */
		*err = ERR_INIT;
	return false;
}

static void git_other(struct ctx *ctx UNUSED, const struct request *r, const struct exchange_state *s UNUSED, struct reply *a)
{
	if (r->action == ACTION_CAPABILITY)
		buf_adds(&a->out, "version 0\ncapability authtype\ncapability state\n");
}

/* No colon: Basic authentication splits there. Azure Repos ignores the name, but git and its stores match by it. */
static const char *user_name(const struct request *r, const struct plan *p)
{
	if (!str_empty(r->user) && !strchr(r->user, ':') && !str_has_control(r->user))
		return r->user;
	const char *client = identity_get(&p->id, KEY_CLIENT_ID);
	return client ? client : "daypass";
}

static bool git_print(const struct request *r, const struct exchange_state *s, const struct plan *p, const struct flow_result *t, struct buf *out, struct err *err)
{
	const struct secret *value = &t->token.value;
	if (!str_is_token(secret_reveal(value), secret_len(value)))
		return err_set(err, ERR_NETWORK, NULL, "the token holds bytes that no token has");
	bool bearer = s->accepts & ACCEPTS_AUTHTYPE;
	/* A kept token may have been revoked: ask git to come back within the same command instead of giving up. Once,
	 * and never for a token that was minted just now. */
	bool again = (s->accepts & ACCEPTS_STATE) && t->cached && !s->second_round;
	if (bearer)
		buf_adds(out, "capability[]=authtype\n");
	if (again)
		buf_adds(out, "capability[]=state\n");
	if (bearer)
		buf_adds(out, "authtype=Bearer\ncredential=");
	else
		buf_addf(out, "username=%s\npassword=", user_name(r, p));
	buf_add(out, secret_reveal(value), secret_len(value));
	buf_adds(out, bearer ? "\nephemeral=1\n" : "\n");
	if (t->token.expires_at)
		buf_addf(out, "password_expiry_utc=%lld\n", (long long)t->token.expires_at);
	if (again) {
		unsigned char sum[SEAL_HASH];
		char hex[65];
		seal_sha256(sum, secret_reveal(value), secret_len(value));
		str_hex(hex, sum, sizeof sum);
		buf_addf(out, "continue=1\nstate[]=" STATE_PREFIX "%s\n", hex);
	}
	return true;
}

static int git_fail(const struct request *r, const struct plan *p, const struct err *err, struct buf *out, struct buf *line)
{
	if (err->kind) {
		buf_adds(line, err->msg);
		if (*err->detail)
			buf_addf(line, " (%s)", err->detail);
		if (*err->hint)
			buf_addf(line, "; %s", err->hint);
	}
	if (r->action == ACTION_GET && err->kind && p && p->named && !p->soft)
		buf_adds(out, "quit=1\n");
	return 0;
}

static void git_refused(const struct request *r, const struct plan *p, int64_t age, struct buf *line)
{
	if (age >= YOUNG_S)
		return;
	const char *client = identity_get(&p->id, KEY_CLIENT_ID), *tenant = identity_get(&p->id, KEY_TENANT);
	buf_addf(line, "%s refused a fresh token of ", r->host);
	buf_addf(line, client ? "client %s" : "source %s", client ? client : p->source->name);
	if (tenant)
		buf_addf(line, " (tenant %s)", tenant);
	buf_addf(line, ": add it to %s%s with at least Basic access, or the organization belongs to another tenant",
		 p->organization ? "organization " : "the organization", p->organization ? p->organization : "");
}

/* One "key\nvalue" of `git config --null`; the key is in lower case. */
static void take_setting(struct http *http, const char *item)
{
	const char *value = strchr(item, '\n');
	if (!value)
		return;
	if (str_starts(item, "http.proxy\n"))
		str_set(&http->proxy, value + 1);
	else if (str_starts(item, "http.sslcainfo\n"))
		str_set(&http->ca_file, value + 1);
}

/* Many people behind a company's proxy have told only git: what it uses for Entra's host, we use. */
static void git_network(struct http *http, void *user)
{
	enum { TIMEOUT_MS = 3000, OUTPUT_MAX = 64 * 1024 };
	const struct ctx *ctx = user;
	http->proxy_name = "git's http.proxy";
	int64_t half = (ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock)) / 2; /* the request itself needs time too */
	AUTO_BUF text = buf_new(OUTPUT_MAX);
	struct err ignored;
	const char *const argv[] = {"git", "config", "--null", "--get-urlmatch", "http", "https://login.microsoftonline.com", NULL};
	struct proc_run r = {.argv = argv, .timeout_ms = half < TIMEOUT_MS ? half : TIMEOUT_MS, .out = &text};
	if (half > 0 && ctx->proc->run(ctx->proc, &r, &ignored) && r.status == 0)
		for (size_t at = 0; at < text.len; at += strlen(text.p + at) + 1)
			take_setting(http, text.p + at);
	if (env_get(&ctx->env, "GIT_SSL_CAINFO"))
		str_set(&http->ca_file, env_get(&ctx->env, "GIT_SSL_CAINFO"));
}

const struct protocol protocol_git = {
	.name = "git",
	.argv0 = "git-credential-daypass",
	.summary = "git credential helper for Azure Repos",
	.parse = git_parse,
	.print = git_print,
	.other = git_other,
	.fail = git_fail,
	.kept = git_kept_find,
	.keep = git_kept_put,
	.forget = git_kept_remove,
	.refused = git_refused,
	.network = git_network,
	.failed = 0, /* `get` ends with 0 always: git looks at the answer only */
};
