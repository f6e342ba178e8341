/* Keys from the machine's own end points: a container's, and the instance's metadata service, by its second version only.
 * Asked directly, never through a proxy, and http:// only on this machine or its own link. Sources: docs.aws.amazon.com,
 * "Container credential provider", "Use the Instance Metadata Service to access instance metadata". */
#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/core/config_check.h"
#include "helper/sources/aws.h"

enum { CONNECT_MS = 1000, ANSWER_MS = 3000, SECRET_MAX = 16 * 1024 };

static const char RELATIVE[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", FULL[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
static const char TOKEN[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN_FILE[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
static const char ENDPOINT[] = "AWS_EC2_METADATA_SERVICE_ENDPOINT", ROLES[] = "/latest/meta-data/iam/security-credentials/";
static const char ELSEWHERE[] = "elsewhere than on EC2: set AWS_ACCESS_KEY_ID ..., or credential-command = /usr/bin/aws configure export-credentials";

/* What the caller waits for at most: an end point of this machine answers at once or is not there. */
static int64_t soon(const struct ctx *ctx)
{
	int64_t end = ctx->clock->mono_ms(ctx->clock) + ANSWER_MS;
	return end < ctx->deadline_ms ? end : ctx->deadline_ms;
}

static bool near_host(const char *host)
{
	return url_is_loopback(host) || url_is_link_local(host);
}

/* --- a container's end point --- */

static char *container_url(const struct ctx *ctx, struct err *err)
{
	const char *relative = env_get(&ctx->env, RELATIVE), *full = env_get(&ctx->env, FULL);
	AUTO_URL u = {0};
	AUTO_STR url = relative ? str_printf("http://169.254.170.2%s", relative) : str_dup(full);
	bool ok = url_parse(url, &u) && !u.user && (!relative || *relative == '/');
	if (ok && (str_eq(u.scheme, "https") || (str_eq(u.scheme, "http") && near_host(u.host))))
		return str_dup(url);
	err_set(err, ERR_SOURCE, "unset it, or pass on what the container got", "%s is %s: not asked", relative ? RELATIVE : FULL,
		relative ? "no path" : "neither https nor an address of this machine or its own link (http://169.254.170.2, http://169.254.170.23, http://127.0.0.1)");
	return NULL;
}

/* Empty where there is none. */
static bool container_token(const struct ctx *ctx, struct secret *out, struct err *err)
{
	const char *path = env_get(&ctx->env, TOKEN_FILE), *text = env_get(&ctx->env, TOKEN), *name = path ? TOKEN_FILE : TOKEN;
	bool fits = path ? file_read(path, secret_buf(out), NULL, ERR_SOURCE, err) : secret_set(out, text ? text : "", text ? strlen(text) : 0);
	if (path && !fits)
		return err_hint(err, "check %s", TOKEN_FILE);
	if (path)
		buf_trim(secret_buf(out));
	if (!fits || strlen(secret_reveal(out)) != secret_len(out) || str_has_control(secret_reveal(out)) || (path && !secret_len(out)))
		return err_set(err, ERR_SOURCE, "pass on what the container got", "%s holds what no header can", name);
	return true;
}

/* The token is a pod's own (EKS), renewed every hour, or stays as it is: then its hash tells who this is. */
bool aws_container_print(const struct ctx *ctx, struct buf *out, struct buf *evidence, struct err *err)
{
	char boot[CLOCK_BOOT_ID];
	AUTO_TOKEN t = token_new();
	struct err opaque;
	AUTO_STR url = container_url(ctx, err);
	if (!url || !container_token(ctx, &t.value, err))
		return false;
	ctx->clock->boot_id(ctx->clock, boot);
	if (!token_print(&t, TOKEN, out, evidence, &opaque))
		hash_print(out, secret_reveal(&t.value), "");
	return buf_addf(out, "\n%s\n%s", url, boot);
}

static bool no_keys(const struct http_response *r, const struct json *j, const char *who, const char *hint, struct err *err)
{
	const char *message = json_str(j, "message"), *code = json_str(j, "code");
	code = code ? code : json_str(j, "Code");
	message = message ? message : json_str(j, "Message");
	err_set(err, ERR_SOURCE, NULL, "%s gave no keys (HTTP %ld): %.100s%s%.300s", who, r->status, code ? code : "no reason given", message ? ": " : "", message ? message : "");
	return err_hint(err, "%s", r->status == 429 || r->status >= 500 ? "try again" : hint);
}

bool aws_container_keys(const struct ctx *ctx, struct aws_keys *out, struct err *err)
{
	AUTO_SECRET token = secret_new(SECRET_MAX);
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	AUTO_STR url = container_url(ctx, err);
	if (!url || !container_token(ctx, &token, err))
		return false;
	bool near = str_starts(url, "http:");
	AUTO_STR host = http_host(url);
	AUTO_STR who = str_printf("the container's end point %s", host);
	struct http_request q = {.method = "GET", .url = url, .headers = {"Accept: application/json"}, .bearer = secret_len(&token) ? &token : NULL, .bearer_name = "Authorization",
				 .deadline_ms = near ? soon(ctx) : ctx->deadline_ms, .connect_ms = near ? CONNECT_MS : 0, .direct = near, .local = near};
	if (!ctx->http->perform(ctx->http, &q, &r, err)) {
		err_wrap(err, "asking for the container's keys of AWS");
		return err_hint(err, "check %s", env_get(&ctx->env, RELATIVE) ? RELATIVE : FULL);
	}
	if (!answer_json(&r, who, &j, err))
		return false;
	return r.status == 200 && json_get(j, "AccessKeyId") ? aws_keys_take(out, j, who, err) : no_keys(&r, j, who, "check the variables AWS_CONTAINER_*: they must be what the container got", err);
}

/* --- the instance's metadata service --- */

static char *imds_base(const struct ctx *ctx, struct err *err)
{
	const char *value = env_get(&ctx->env, ENDPOINT);
	bool v6 = str_ieq(env_get(&ctx->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), "IPv6");
	AUTO_URL u = {0};
	if (!value)
		return str_dup(v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
	size_t len = strlen(value);
	if (url_parse(value, &u) && !u.user && !u.query && near_host(u.host) && (str_eq(u.scheme, "http") || str_eq(u.scheme, "https")))
		return str_ndup(value, value[len - 1] == '/' ? len - 1 : len);
	err_set(err, ERR_SOURCE, "unset it", "%s is no address of this machine or its own link (http://127.0.0.1, http://169.254.x.y): not asked", ENDPOINT);
	return NULL;
}

bool aws_imds_print(const struct ctx *ctx, struct buf *out, struct err *err)
{
	char boot[CLOCK_BOOT_ID];
	AUTO_STR base = imds_base(ctx, err);
	if (!base)
		return false;
	ctx->clock->boot_id(ctx->clock, boot);
	return buf_addf(out, "%s\n%s", base, boot);
}

/* One session with it. */
struct imds {
	const struct ctx *ctx;
	char *base;
	struct secret token;
};

static void imds_free(struct imds *m)
{
	free(m->base);
	secret_free(&m->token);
}

static bool imds_ask(const struct imds *m, const char *path, struct http_response *r, struct err *err)
{
	bool first = !secret_len(&m->token);
	AUTO_STR url = str_printf("%s%s", m->base, path);
	struct http_request q = {.method = first ? "PUT" : "GET", .url = url, .headers = {first ? "X-aws-ec2-metadata-token-ttl-seconds: 60" : NULL}, .bearer = first ? NULL : &m->token,
				 .bearer_name = "X-aws-ec2-metadata-token", .deadline_ms = soon(m->ctx), .connect_ms = CONNECT_MS, .direct = true, .local = true};
	http_response_free(r);
	*r = http_response_new();
	return m->ctx->http->perform(m->ctx->http, &q, r, err);
}

/* Nobody is there; or there is, and its answer to a PUT does not get through a container's network. */
static bool not_on_ec2(const struct imds *m, struct err *err)
{
	AUTO_STR host = http_host(m->base);
	AUTO_STR why = str_dup(err->msg);
	err_set(err, ERR_SOURCE, NULL, "there are no keys of AWS here: no variable names any, and the metadata service %s does not answer (%.300s)", host, why);
	return err_hint(err, "%s; in a container on EC2: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id ...", ELSEWHERE);
}

static bool imds_open(struct imds *m, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	if (!imds_ask(m, "/latest/api/token", &r, err))
		return not_on_ec2(m, err);
	buf_trim(secret_buf(&r.body));
	if (r.status == 403)
		return err_set(err, ERR_SOURCE, "aws ec2 modify-instance-metadata-options --http-endpoint enabled --instance-id ...", "this instance's metadata service is shut off (HTTP 403)");
	if (r.status != 200 || secret_len(&r.body) > SECRET_MAX || !str_is_token(secret_reveal(&r.body), secret_len(&r.body)))
		return err_set(err, ERR_SOURCE, ELSEWHERE, "the metadata service gave no session of IMDSv2 (HTTP %ld): this is no EC2 instance?", r.status);
	return secret_set(&m->token, secret_reveal(&r.body), secret_len(&r.body));
}

/* One word of plain text, as the metadata tree has them. */
static char *imds_word(const struct imds *m, const char *path, const char *what, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	if (!imds_ask(m, path, &r, err))
		return NULL;
	struct buf *body = secret_buf(&r.body);
	buf_trim(body);
	size_t len = strspn(body->p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-");
	if (r.status == 200 && len && len == body->len && len <= 64)
		return str_dup(body->p);
	if (r.status == 404)
		err_set(err, ERR_SOURCE, "attach a role: aws ec2 associate-iam-instance-profile", "this EC2 instance has no %s (HTTP 404)", what);
	else
		err_set(err, ERR_SOURCE, "try again", "the metadata service named no %s (HTTP %ld)", what, r.status);
	return NULL;
}

static bool imds_role_keys(const struct imds *m, struct aws_keys *out, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	AUTO_STR role = imds_word(m, ROLES, "role", err);
	if (!role)
		return false;
	AUTO_STR path = str_printf("%s%s", ROLES, role);
	AUTO_STR from = str_printf("the instance's role %s", role);
	if (!imds_ask(m, path, &r, err) || !answer_json(&r, "the metadata service", &j, err))
		return false;
	const char *code = json_str(j, "Code");
	bool good = r.status == 200 && (!code || str_eq(code, "Success"));
	return good ? aws_keys_take(out, j, from, err) : no_keys(&r, j, from, "its trust policy must name ec2.amazonaws.com: aws iam get-role --role-name ...", err);
}

bool aws_imds_keys(const struct ctx *ctx, char **region, struct aws_keys *out, struct err *err)
{
	CLEANUP(imds_free) struct imds m = {.ctx = ctx, .base = imds_base(ctx, err), .token = secret_new(SECRET_MAX)};
	if (!m.base || !imds_open(&m, err) || !imds_role_keys(&m, out, err))
		return false;
	if (!*region)
		*region = imds_word(&m, "/latest/meta-data/placement/region", "region", err);
	if (*region && is_region(*region))
		return err_set(err, ERR_SOURCE, "in the identity: region = eu-west-1", "the metadata service's region is none of AWS: %.64s", *region);
	return *region != NULL;
}
