/* The Azure Developer CLI's place on PATH: `azd auth token`, and nothing else. See az.md. */
#include "helper/base/json.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/core/grant.h"
#include "helper/core/subscription.h"
#include "helper/core/token_text.h"
#include "protocols/front.h"

#define ANSWERS "auth token"
/* What each SDK's chain takes as "go on to the next". */
#define NOT_LOGGED_IN "not logged in, run `azd auth login` to login"

struct azd_call {
	const char *scope, *tenant, *claims;
	bool json;
};

/* --name VALUE or --name=VALUE, as cobra reads them; a value may begin with a hyphen. */
static bool take(int argc, char *const *argv, int *i, const char *name, const char **value)
{
	size_t n = strlen(name);
	if (strncmp(argv[*i], name, n) != 0 || (argv[*i][n] && argv[*i][n] != '='))
		return false;
	*value = argv[*i][n] ? argv[*i] + n + 1 : *i + 1 < argc ? argv[++*i] : NULL;
	return *value != NULL;
}

/* False: the real one's. Several scopes are, for Entra, one scope of one resource too much. */
static bool parse(int argc, char *const *argv, struct azd_call *c)
{
	const char *output = "none";
	*c = (struct azd_call){0};
	if (argc < 2 || !str_eq(argv[0], "auth") || !str_eq(argv[1], "token"))
		return false;
	for (int i = 2; i < argc; i++) {
		const char *before = c->scope;
		bool known = str_eq(argv[i], "--no-prompt") || take(argc, argv, &i, "--output", &output) || take(argc, argv, &i, "-o", &output) ||
			     take(argc, argv, &i, "--scope", &c->scope) || take(argc, argv, &i, "--tenant-id", &c->tenant) || take(argc, argv, &i, "--claims", &c->claims);
		if (!known || (before && !str_eq(before, c->scope)))
			return false;
	}
	c->json = str_eq(output, "json");
	return c->json || str_eq(output, "none");
}

/* azd 1.24 and later, with --output json: one line; else text. */
static void say(const struct azd_call *c, const char *error, const char *more, const char *hint, struct buf *line)
{
	AUTO_STR whole = str_printf("%s%s%s%s", error, *more ? " (" : "", more, *more ? ")" : "");
	if (!c->json) {
		buf_addf(line, "\nERROR: %s\n%s%s", whole, hint, *hint ? "\n" : "");
		return;
	}
	buf_addc(line, '{');
	json_pair(line, "error", whole, false);
	json_pair(line, "message", whole, false);
	json_pair(line, "suggestion", hint, true);
	buf_adds(line, "}\n");
}

/* A challenge of the service that refused the last token, in base64: what it wants of the next one, as JSON. */
static bool take_claims(const char *text, struct request *r, struct err *err)
{
	AUTO_BUF bytes = buf_new(4096);
	AUTO_JSON j = seal_b64_decode(&bytes, text, strlen(text)) ? json_parse(bytes.p, bytes.len) : NULL;
	if (!j || bytes.p[0] != '{')
		return err_set(err, ERR_USAGE, NULL, "--claims is no JSON object in base64");
	r->claims = str_dup(bytes.p);
	return true;
}

static bool make_request(struct ctx *ctx, const struct azd_call *c, struct request *r, struct err *err)
{
	r->resource = c->scope ? resource_of_scope(c->scope, err) : str_dup(subscription_arm(ctx));
	if (r->resource && c->tenant && !str_is_tenant(c->tenant))
		return err_set(err, ERR_USAGE, NULL, "--tenant-id %.200s is no tenant", c->tenant);
	r->tenant = str_dup(c->tenant);
	return r->resource && (!c->claims || take_claims(c->claims, r, err));
}

static int answer(struct ctx *ctx, const struct azd_call *c, char *const *argv, struct buf *out, struct buf *line)
{
	struct err err = ERR_INIT;
	AUTO_REQUEST r = {.kind = REQUEST_RESOURCE, .action = ACTION_GET};
	AUTO_GRANT g = grant_new();
	enum verdict v = make_request(ctx, c, &r, &err) ? grant_get(ctx, &r, FRONT_MS, &g, &err) : PLAN_FAIL;
	if (v == PLAN_NOT_OURS && front_is_before_another(ctx, "azd"))
		front_pass(ctx, "azd", argv, ANSWERS, &err);
	if (v == PLAN_NOT_OURS && !err.kind) {
		say(c, NOT_LOGGED_IN, "", "or name an identity for daypass: daypass whoami", line);
		return 1;
	}
	if (v != PLAN_OURS) {
		say(c, err.msg, err.detail, err.hint, line);
		return 1;
	}
	if (c->json)
		token_text_azd(out, &g.result.token);
	else
		buf_addf(out, "%s\n", secret_reveal(&g.result.token.value));
	return 0;
}

static int azd_run(struct ctx *ctx, int argc, char *const *argv)
{
	struct err err = ERR_INIT;
	struct azd_call c;
	AUTO_BUF out = buf_new(FRONT_OUT_MAX);
	AUTO_BUF line = buf_new(FRONT_LINE_MAX);
	int status = 1;
	if (parse(argc, argv, &c) && !env_get(&ctx->env, SHIM_PASS)) {
		status = answer(ctx, &c, argv, &out, &line);
	} else {
		front_pass(ctx, "azd", argv, ANSWERS, &err);
		say(&c, err.msg, err.detail, err.hint, &line);
	}
	return front_deliver(ctx, &out, &line, status);
}

const struct protocol protocol_azd = {
	.argv0 = "azd",
	.summary = "in the Azure Developer CLI's place, likewise",
	.run = azd_run,
	.failed = 1,
};
