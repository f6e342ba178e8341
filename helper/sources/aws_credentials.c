/* Whose keys sign for AWS: variables, a role for a pod's own token, or the end point of a container or instance, in the
 * order of AWS's SDKs. Source: docs.aws.amazon.com, "AWS SDKs and Tools: standardized credential providers". */
#include <errno.h>

#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/sources/aws.h"
#include "helper/sources/configured.h"

enum { KEY_MAX = 512, SESSION_MAX = 16 * 1024 };

static const char ID[] = "AWS_ACCESS_KEY_ID", SECRET[] = "AWS_SECRET_ACCESS_KEY", SESSION[] = "AWS_SESSION_TOKEN";
static const char ROLE[] = "AWS_ROLE_ARN", WEB_FILE[] = "AWS_WEB_IDENTITY_TOKEN_FILE";

struct aws_keys aws_keys_new(void)
{
	return (struct aws_keys){.pair = secret_new(2 * KEY_MAX), .session = secret_new(SESSION_MAX)};
}

void aws_keys_free(struct aws_keys *k)
{
	secret_free(&k->pair);
	secret_free(&k->session);
	free(k->from);
	k->from = NULL;
}

/* Both are of base64's digits; a line end or a quote that came along makes a signature that nobody can explain. */
static bool key_ok(const char *text, size_t max)
{
	return text && strlen(text) <= max && str_is_token(text, strlen(text));
}

bool aws_keys_set(struct aws_keys *k, const char *id, const char *secret, const char *session, const char *from, struct err *err)
{
	str_set(&k->from, from);
	bool id_ok = key_ok(id, KEY_MAX), secret_ok = key_ok(secret, KEY_MAX);
	if (!id_ok || !secret_ok || (session && !key_ok(session, SESSION_MAX))) {
		const char *what = !id_ok ? "access key id" : !secret_ok ? "secret access key" : "session token";
		return err_set(err, ERR_SOURCE, "it has no blank, line end or quote in it", "no %s of AWS can be read from %s", what, from);
	}
	secret_free(&k->pair);
	buf_addf(secret_buf(&k->pair), "%s:%s", id, secret);
	return secret_set(&k->session, session ? session : "", session ? strlen(session) : 0);
}

bool aws_keys_take(struct aws_keys *k, const struct json *j, const char *from, struct err *err)
{
	const char *session = json_str(j, "Token");
	return aws_keys_set(k, json_str(j, "AccessKeyId"), json_str(j, "SecretAccessKey"), session ? session : json_str(j, "SessionToken"), from, err);
}

static bool is_set(const struct ctx *ctx, const char *name)
{
	return env_get(&ctx->env, name) != NULL;
}

/* Nothing but the instance's own role is left. */
static bool only_imds(const struct ctx *ctx, struct err *why)
{
	const char *profile = env_get(&ctx->env, "AWS_PROFILE"), *token = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
	if (is_set(ctx, token) || is_set(ctx, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
		return err_set(why, ERR_SOURCE, "pass on what the container got", "%s is set, and no AWS_CONTAINER_CREDENTIALS_FULL_URI", is_set(ctx, token) ? token : "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	if (profile) {
		err_set(why, ERR_SOURCE, NULL, "AWS_PROFILE names the profile %.60s: profiles are read by AWS's own programs only", profile);
		return err_hint(why, "in the identity: credential-command = /usr/bin/aws configure export-credentials --profile %.60s", profile);
	}
	if (str_ieq(env_get(&ctx->env, "AWS_EC2_METADATA_DISABLED"), "true"))
		return err_set(why, ERR_SOURCE, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "there are no keys of AWS here, and AWS_EC2_METADATA_DISABLED forbids asking for the instance's");
	return true;
}

bool aws_place(const struct ctx *ctx, const struct identity *id, enum aws_place *out, struct err *why)
{
	bool key = is_set(ctx, ID), secret = is_set(ctx, SECRET), role = is_set(ctx, ROLE), web = is_set(ctx, WEB_FILE);
	bool variables = key || secret || is_set(ctx, SESSION), container = is_set(ctx, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || is_set(ctx, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
	*out = configured(id, KEY_CREDENTIAL_COMMAND) ? AWS_COMMAND : variables ? AWS_VARIABLES : role || web ? AWS_WEB_IDENTITY : container ? AWS_CONTAINER : AWS_IMDS;
	if (*out == AWS_VARIABLES && !(key && secret))
		return err_set(why, ERR_SOURCE, "set both, or none", "%s is set, and %s is not", key ? ID : secret ? SECRET : SESSION, key ? SECRET : ID);
	if (*out == AWS_WEB_IDENTITY && !(role && web))
		return err_set(why, ERR_SOURCE, "give the pod's service account a role (eks.amazonaws.com/role-arn), or unset it", "%s is set, and %s is not", role ? ROLE : WEB_FILE, role ? WEB_FILE : ROLE);
	return *out != AWS_IMDS || only_imds(ctx, why);
}

static bool from_variables(const struct ctx *ctx, struct aws_keys *out, struct err *err)
{
	const struct env *e = &ctx->env;
	return aws_keys_set(out, env_get(e, ID), env_get(e, SECRET), env_get(e, SESSION), "the AWS_* variables", err);
}

/* The pod's own token: its subject is whom the role trusts. */
static bool web_token(const struct ctx *ctx, struct token *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	const char *path = env_get(&ctx->env, WEB_FILE);
	AUTO_STR what = str_printf("the file %s (%s)", path, WEB_FILE);
	if (!file_read(path, &text, NULL, ERR_SOURCE, err))
		return err_hint(err, "check %s", WEB_FILE);
	return token_take(text.p, text.len, what, out, err);
}

static bool from_web(const struct ctx *ctx, const char *region, struct aws_keys *out, struct err *err)
{
	AUTO_TOKEN web = token_new();
	return web_token(ctx, &web, err) && aws_sts_assume(ctx, region, &web, out, err);
}

/* What credential_process prints (AWS CLI, "Sourcing credentials with an external process"). */
static bool from_command(const struct ctx *ctx, const struct identity *id, struct aws_keys *out, struct err *err)
{
	AUTO_BUF text = buf_new(TOKEN_MAX);
	AUTO_JSON j = NULL;
	int64_t version = 0;
	if (!configured_run(ctx, id, KEY_CREDENTIAL_COMMAND, NULL, &text, err))
		return false;
	j = json_parse(text.p, text.len);
	if (j && json_int(j, "Version", &version) && version == 1)
		return aws_keys_take(out, j, "credential-command", err);
	return err_set(err, ERR_SOURCE, "run it by hand: it has to print what a credential_process prints, as aws configure export-credentials does", "credential-command (%s) printed no {\"Version\": 1, \"AccessKeyId\": ...}",
		       identity_origin(id, KEY_CREDENTIAL_COMMAND));
}

bool aws_keys_get(const struct ctx *ctx, const struct identity *id, enum aws_place place, char **region, struct aws_keys *out, struct err *err)
{
	switch (place) {
	case AWS_COMMAND:
		return from_command(ctx, id, out, err);
	case AWS_VARIABLES:
		return from_variables(ctx, out, err);
	case AWS_WEB_IDENTITY:
		return from_web(ctx, *region, out, err);
	case AWS_CONTAINER:
		return aws_container_keys(ctx, out, err);
	default:
		return aws_imds_keys(ctx, region, out, err);
	}
}

static bool print_variables(const struct ctx *ctx, struct buf *out, struct err *err)
{
	AUTO_AWS_KEYS k = aws_keys_new();
	if (!from_variables(ctx, &k, err))
		return false;
	hash_print(out, secret_reveal(&k.pair), "");
	hash_print(out, secret_reveal(&k.session), "");
	return true;
}

bool aws_place_print(const struct ctx *ctx, const struct identity *id, enum aws_place place, struct buf *out, struct buf *evidence, struct err *err)
{
	AUTO_TOKEN web = token_new();
	switch (place) {
	case AWS_COMMAND:
		return configured_print(id, KEY_CREDENTIAL_COMMAND, out, err);
	case AWS_VARIABLES:
		return print_variables(ctx, out, err);
	case AWS_WEB_IDENTITY:
		return buf_addf(out, "%s\n", env_get(&ctx->env, ROLE)) && web_token(ctx, &web, err) && token_print(&web, WEB_FILE, out, evidence, err);
	case AWS_CONTAINER:
		return aws_container_print(ctx, out, evidence, err);
	default:
		return aws_imds_print(ctx, out, err);
	}
}
