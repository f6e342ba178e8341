/* Docker's credential helper protocol: docker/docker-credential-helpers, and what docker/cli, containers/image, oras-go
 * and go-containerregistry make of it. See docker.md. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "protocols/docker.h"

enum { INPUT_MAX = 512 * 1024 };

#define NAME "docker-credential-daypass"

/* Texts that clients compare with, whole: docker-credential-helpers, credentials/error.go. */
#define NOT_FOUND "credentials not found in native keychain"
#define NO_SERVER "no credentials server URL"
#define NO_USER "no credentials username"

static const char usage[] = "Usage: " NAME " <store|get|erase|list|version>\n";
static const char blanks[] = " \t\r\n";

static bool bad_input(const char *what, struct err *err)
{
	return err_set(err, ERR_USAGE, NULL, "docker's request is refused: %s", what);
}

/* Trimmed, as docker-credential-helpers do it; clients end it with a line end or not. */
static bool take_server(struct request *r, struct exchange_state *s, char *text, struct err *err)
{
	text += strspn(text, blanks);
	size_t len = strlen(text);
	while (len && strchr(blanks, text[len - 1]))
		text[--len] = 0;
	if (!len)
		return err_set(err, ERR_USAGE, NULL, NO_SERVER);
	str_set(&s->server, text);
	return docker_server(text, r);
}

/* {"ServerURL":..., "Username":..., "Secret":...}; the secret may hold any character. */
static bool take_login(struct request *r, struct exchange_state *s, const struct buf *in, struct err *err)
{
	AUTO_JSON j = json_parse(in->p, in->len);
	const char *server = json_str(j, "ServerURL"), *user = json_str(j, "Username"), *secret = json_raw_text(json_get(j, "Secret"));
	if (!server || !user || !secret)
		return bad_input("store wants JSON with the texts ServerURL, Username and Secret", err);
	AUTO_STR copy = str_dup(server);
	if (!take_server(r, s, copy, err))
		return err->kind ? false : bad_input("its ServerURL names no registry", err);
	if (!*user)
		return err_set(err, ERR_USAGE, NULL, NO_USER);
	str_set(&r->user, user);
	s->has_given = true;
	return secret_set(&s->given, secret, strlen(secret)) || bad_input("the secret is longer than 64 KiB", err);
}

static enum request_action action_of(const char *word)
{
	static const struct {
		const char *word;
		enum request_action action;
	} rows[] = {{"get", ACTION_GET}, {"store", ACTION_STORE}, {"erase", ACTION_ERASE}, {"list", ACTION_LIST}, {"version", ACTION_VERSION}};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (str_eq(rows[i].word, word))
			return rows[i].action;
	return ACTION_NONE;
}

static bool docker_parse(const struct ctx *ctx, int argc, char *const *argv, struct request *r, struct exchange_state *s, struct err *err)
{
	AUTO_BUF in = buf_new(INPUT_MAX);
	const char *why;
	r->kind = REQUEST_DOCKER;
	r->action = action_of(argc == 1 ? argv[0] : NULL);
	str_set(&s->word, argc == 1 ? argv[0] : NULL);
	if (r->action == ACTION_NONE || r->action == ACTION_LIST || r->action == ACTION_VERSION)
		return true;
	if (!protocol_read(ctx, &in, NULL, &why))
		return bad_input(why, err);
	if (r->action == ACTION_STORE)
		return take_login(r, s, &in, err);
	if (memchr(in.p, 0, in.len))
		return false;
	return take_server(r, s, in.p, err);
}

static bool docker_print(const struct request *r UNUSED, const struct exchange_state *s, const struct plan *p, const struct flow_result *t, struct buf *out, struct err *err UNUSED)
{
	docker_answer(out, s->server, p->token_user ? DOCKER_TOKEN_USER : DOCKER_GUID_USER, secret_reveal(&t->token.value));
	return true;
}

static void docker_other(struct ctx *ctx, const struct request *r, const struct exchange_state *s, struct reply *a)
{
	if (r->action == ACTION_LIST) {
		docker_list(ctx, &a->out);
		return;
	}
	if (r->action == ACTION_VERSION) {
		buf_adds(&a->out, NAME " (daypass) " DAYPASS_VERSION "\n");
		return;
	}
	bool help = str_eq(s->word, "-h") || str_eq(s->word, "--help");
	a->status = help ? 0 : 1;
	AUTO_STR word = str_dup(s->word);
	if (word)
		err_clean(word);
	if (word && !help)
		buf_addf(&a->out, NAME ": unknown action: %s\n", word);
	else
		buf_adds(&a->out, usage);
}

/* Clients show stdout to the user, and take the whole of it for the reason. */
static int docker_fail(const struct request *r, const struct plan *p, const struct err *err, struct buf *out, struct buf *line)
{
	AUTO_STR hint = *err->hint ? str_printf("; %s", err->hint) : str_dup("");
	AUTO_STR detail = *err->detail ? str_printf(" (%s)", err->detail) : str_dup("");
	AUTO_STR text = str_printf("%s%s%s", err->msg, detail, hint);
	bool anonymous = err->denied && !(p && p->exact && !p->soft);
	log_mask(text);
	if (anonymous)
		log_note("%s: answered as if there were no log-in", text);
	if (err->kind && !anonymous) {
		buf_addf(out, "%s\n", text);
		buf_adds(line, text);
	} else if (r->action == ACTION_GET) {
		buf_adds(out, NOT_FOUND "\n");
	} else if (r->action == ACTION_ERASE) {
		return 0;
	}
	return 1;
}

const struct protocol protocol_docker = {
	.name = "docker",
	.argv0 = NAME,
	.summary = "Docker credential helper for Azure Container Registry",
	.usage = usage,
	.parse = docker_parse,
	.print = docker_print,
	.other = docker_other,
	.fail = docker_fail,
	.kept = docker_kept_find,
	.keep = docker_kept_put,
	.forget = docker_kept_remove,
	.pass = docker_fallback,
	.log_ins = true,
	.failed = 1,
};
