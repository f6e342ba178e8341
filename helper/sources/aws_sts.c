/* AWS's Security Token Service, regional end points only, Query API. Source: docs.aws.amazon.com, "STS API Reference":
 * GetWebIdentityToken, AssumeRoleWithWebIdentity, "Common errors"; botocore's partitions.json for the domains. */
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/answer.h"
#include "helper/sources/aws.h"

enum { LIFE_S = 300, SHORTEST_S = 60, ASSUME_S = 900, FORM_MAX = 256 * 1024, TEXT_MAX = 2048 };

static const struct partition {
	const char *region, *domain;
} partitions[] = {
	{"cn-", "amazonaws.com.cn"}, {"eusc-", "amazonaws.eu"},	      {"us-iso-", "c2s.ic.gov"}, {"us-isob-", "sc2s.sgov.gov"},
	{"us-isof-", "csp.hci.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"}, {"", "amazonaws.com"},
};

/* What to do about a refusal, by how its code begins. */
static const struct advice {
	const char *code, *text;
} advices[] = {
	{"OutboundWebIdentityFederationDisabled", "an administrator enables it, once for the account: aws iam enable-outbound-web-identity-federation"},
	{"SessionDurationEscalation", "these keys end within a minute: renew them"},
	{"Expired", "renew the keys, or what they are got with"},
	{"InvalidClientTokenId", "check the keys; a region that is off by default must be enabled for the account: aws account enable-region --region-name ..."},
	{"UnrecognizedClient", "check the keys; a region that is off by default must be enabled for the account: aws account enable-region --region-name ..."},
	{"RegionDisabled", "enable STS in this region (IAM, account settings), or choose another: region = ..."},
	{"SignatureDoesNotMatch", "check the secret access key, and this machine's clock: timedatectl"},
	{"RequestExpired", "set this machine's clock: timedatectl"},
	{"InvalidAction", "this region does not know the call: choose another, region = ..."},
	{"InvalidIdentityToken", "the role's account must have an OIDC provider for the token's issuer: aws iam list-open-id-connect-providers"},
	{"IDP", "try again"},
	{"Throttl", "try again"},
	{"Internal", "try again"},
	{"ServiceUnavailable", "try again"},
};

/* One call. keys NULL: not signed. */
struct call {
	const struct ctx *ctx;
	const char *region, *action;
	const struct aws_keys *keys;
	struct secret form;
	struct http_response r;
	struct secret code; /* of a refusal */
	char *who;
};

static struct call call_new(const struct ctx *ctx, const char *region, const char *action, const struct aws_keys *keys)
{
	return (struct call){.ctx = ctx, .region = region, .action = action, .keys = keys, .form = secret_new(FORM_MAX), .r = http_response_new(),
			     .code = secret_new(TEXT_MAX), .who = str_printf("AWS STS in %s", region)};
}

static void call_free(struct call *c)
{
	secret_free(&c->form);
	secret_free(&c->code);
	http_response_free(&c->r);
	free(c->who);
}

static void add(struct call *c, const char *name, const char *value)
{
	struct buf *form = secret_buf(&c->form);
	buf_addf(form, "%s%s=", form->len ? "&" : "", name);
	url_encode(form, value);
}

static void begin(struct call *c)
{
	secret_free(&c->form);
	add(c, "Action", c->action);
	add(c, "Version", "2011-06-15");
}

static char *end_point(const char *region)
{
	const struct partition *p = partitions;
	while (!str_starts(region, p->region))
		p++;
	return str_printf("https://sts.%s.%s/", region, p->domain);
}

/* The content type is given so that libcurl signs it, too. An answer of STS's own, whatever it says: c->code is empty where it is the one that was asked for. */
static bool perform(struct call *c, struct err *err)
{
	AUTO_STR url = end_point(c->region);
	AUTO_STR scope = str_printf("aws:amz:%s:sts", c->region);
	AUTO_STR root = str_printf("%sResponse", c->action);
	const struct http *http = c->ctx->http;
	struct http_request q = {.method = "POST", .url = url, .headers = {"Content-Type: application/x-www-form-urlencoded"}, .form = &c->form, .deadline_ms = c->ctx->deadline_ms};
	if (c->keys) {
		q.sigv4 = scope;
		q.sigv4_key = &c->keys->pair;
		q.bearer = secret_len(&c->keys->session) ? &c->keys->session : NULL;
		q.bearer_name = "X-Amz-Security-Token";
	}
	http_response_free(&c->r);
	c->r = http_response_new();
	secret_free(&c->code);
	if (!http->perform(c->ctx->http, &q, &c->r, err))
		return false;
	if (c->r.status == 200 && aws_xml_is(&c->r.body, root))
		return true;
	if (c->r.status >= 400 && aws_xml_is(&c->r.body, "ErrorResponse") && aws_xml_text(&c->r.body, "Code", &c->code) && secret_len(&c->code))
		return true;
	return answer_strange(&c->r, c->who, "XML", err);
}

static bool code_is(const struct call *c, const char *head)
{
	return str_starts(secret_reveal(&c->code), head);
}

/* A wrong signature is answered with all that should have been signed, the session token among it; only what is said of
 * the clock is shown. */
static bool may_show(const struct call *c, const char *message)
{
	if (c->keys && secret_len(&c->keys->session) && strstr(message, secret_reveal(&c->keys->session)))
		return false;
	return !code_is(c, "SignatureDoesNotMatch") || str_starts(message, "Signature expired") || str_starts(message, "Signature not yet current");
}

static const char *advice_for(const struct call *c)
{
	for (size_t i = 0; i < COUNT_OF(advices); i++)
		if (code_is(c, advices[i].code))
			return advices[i].text;
	if (!code_is(c, "AccessDenied"))
		return "aws sts get-caller-identity";
	return c->keys ? "allow this role or user sts:GetWebIdentityToken; conditions on sts:IdentityTokenAudience or sts:DurationSeconds may say no, too"
		       : "the role's trust policy must name the token's issuer, subject and audience: aws iam get-role --role-name ...";
}

static bool refused(const struct call *c, struct err *err)
{
	AUTO_SECRET message = secret_new(TEXT_MAX);
	AUTO_STR text = aws_xml_text(&c->r.body, "Message", &message) && may_show(c, secret_reveal(&message)) ? str_dup(secret_reveal(&message)) : str_dup("");
	const char *from = c->keys ? " for the keys of " : "";
	log_mask(text);
	return err_set(err, ERR_SOURCE, advice_for(c), "%s refused %s%s%s (HTTP %ld): %.100s%s%.400s", c->who, c->action, from, c->keys ? c->keys->from : "", c->r.status, secret_reveal(&c->code),
		       *text ? ": " : "", text);
}

static bool odd(const struct call *c, const char *name, struct err *err)
{
	return err_set(err, ERR_SOURCE, "try again", "the answer of %s to %s holds no readable %s", c->who, c->action, name);
}

/* A session may have less left than the token would live: then it is asked for the shortest life that there is. */
bool aws_sts_identity_token(const struct ctx *ctx, const char *region, const struct aws_keys *keys, const char *audience, struct token *out, struct err *err)
{
	static const int lives[] = {LIFE_S, SHORTEST_S};
	CLEANUP(call_free) struct call c = call_new(ctx, region, "GetWebIdentityToken", keys);
	AUTO_SECRET text = secret_new(TOKEN_MAX);
	for (size_t i = 0; i < COUNT_OF(lives) && (i == 0 || code_is(&c, "SessionDurationEscalation")); i++) {
		AUTO_STR life = str_printf("%d", lives[i]);
		begin(&c);
		add(&c, "Audience.member.1", audience);
		add(&c, "SigningAlgorithm", "RS256");
		add(&c, "DurationSeconds", life);
		if (!perform(&c, err))
			return false;
	}
	if (secret_len(&c.code))
		return refused(&c, err);
	if (!aws_xml_text(&c.r.body, "WebIdentityToken", &text))
		return odd(&c, "WebIdentityToken", err);
	return token_take(secret_reveal(&text), secret_len(&text), "the answer of AWS STS", out, err);
}

bool aws_sts_assume(const struct ctx *ctx, const char *region, const struct token *web, struct aws_keys *out, struct err *err)
{
	CLEANUP(call_free) struct call c = call_new(ctx, region, "AssumeRoleWithWebIdentity", NULL);
	AUTO_SECRET id = secret_new(TEXT_MAX), key = secret_new(TEXT_MAX), session = secret_new(TOKEN_MAX);
	const char *name = env_get(&ctx->env, "AWS_ROLE_SESSION_NAME"), *role = env_get(&ctx->env, "AWS_ROLE_ARN");
	AUTO_STR life = str_printf("%d", ASSUME_S);
	AUTO_STR from = str_printf("the role %s", role);
	begin(&c);
	add(&c, "RoleArn", role);
	add(&c, "RoleSessionName", name ? name : "daypass");
	add(&c, "WebIdentityToken", secret_reveal(&web->value));
	add(&c, "DurationSeconds", life);
	if (!perform(&c, err))
		return false;
	if (secret_len(&c.code))
		return refused(&c, err);
	if (!aws_xml_text(&c.r.body, "AccessKeyId", &id) || !aws_xml_text(&c.r.body, "SecretAccessKey", &key) || !aws_xml_text(&c.r.body, "SessionToken", &session))
		return odd(&c, "keys", err);
	return aws_keys_set(out, secret_reveal(&id), secret_reveal(&key), secret_reveal(&session), from, err);
}
