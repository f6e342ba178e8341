/* daypass fic print: the federated credential that would make this environment work. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/cmd/claims.h"
#include "helper/cmd/cmd.h"

static void credential_json(const struct claims *c, const char *name, struct buf *out)
{
	buf_adds(out, "{\n  \"name\": ");
	json_quote(out, name);
	buf_adds(out, ",\n  \"issuer\": ");
	json_quote(out, c->jwt.iss);
	buf_adds(out, ",\n  \"subject\": ");
	json_quote(out, c->jwt.sub);
	buf_adds(out, ",\n  \"audiences\": [");
	json_quote(out, c->jwt.aud);
	buf_adds(out, "]\n}\n");
}

/* One word of a shell command: in single quotes, and a single quote as '\''. */
static void shell_word(struct buf *out, const char *word)
{
	buf_addc(out, '\'');
	for (; *word; word++)
		buf_adds(out, *word == '\'' ? "'\\''" : (char[]){*word, 0});
	buf_addc(out, '\'');
}

static void commands_text(const struct claims *c, const char *name, struct buf *out)
{
	const char *client = identity_get(&c->id, KEY_CLIENT_ID);
	AUTO_BUF json = buf_new(8192);
	credential_json(c, name, &json);
	AUTO_BUF flat = buf_new(8192);
	for (const char *p = json.p; *p; p++)
		if (*p == '\n')
			p += strspn(p + 1, " ");
		else
			buf_addc(&flat, *p);
	buf_addf(out, "\n# for an app registration:\naz ad app federated-credential create --id %s --parameters ", client ? client : "CLIENT-ID");
	shell_word(out, flat.p);
	buf_addf(out, "\n\n# for a user-assigned managed identity:\naz identity federated-credential create --identity-name IDENTITY --resource-group GROUP --name %s --issuer ", name);
	shell_word(out, c->jwt.iss);
	buf_adds(out, " --subject ");
	shell_word(out, c->jwt.sub);
	buf_adds(out, " --audiences ");
	shell_word(out, c->jwt.aud);
	buf_addc(out, '\n');
}

/* Entra: at most 600 characters each, exactly one audience, RS256. */
static bool usable(const struct claims *c, struct err *err)
{
	const char *const texts[] = {c->jwt.iss, c->jwt.sub, c->jwt.aud};
	if (c->source->yields_access_token)
		return err_set(err, ERR_SOURCE, NULL, "source %s yields Entra's own access tokens: no federated credential is needed", c->source->name);
	if (c->source->own_credential)
		return err_set(err, ERR_SOURCE, "run it where a federated source is: daypass config keys", "source %s presents the client's own key or secret: there is no issuer to trust", c->source->name);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (str_empty(texts[i]) || strlen(texts[i]) > 600)
			return err_set(err, ERR_SOURCE, NULL, "the token's issuer, subject or audience is missing or longer than 600 bytes: Entra takes no such credential");
	if (c->jwt.aud_count != 1)
		return err_set(err, ERR_SOURCE, "ask the source for the one audience api://AzureADTokenExchange", "the token has %d audiences, and Entra wants exactly one", c->jwt.aud_count);
	if (!str_eq(c->jwt.alg, "RS256"))
		return err_set(err, ERR_SOURCE, "let the issuer sign with RS256", "the token is signed with %s, and Entra accepts RS256 only", c->jwt.alg ? c->jwt.alg : "nothing");
	return true;
}

static int fic(struct ctx *ctx, int argc, char *const *const_argv)
{
	struct err err = ERR_INIT;
	AUTO_CLAIMS c = {0};
	AUTO_BUF out = buf_new(64 * 1024);
	char **argv = (char **)(uintptr_t)const_argv;
	bool json = cmd_flag(&argc, argv, "--json");
	const char *name = cmd_option(&argc, argv, "--name"), *audience = cmd_option(&argc, argv, "--audience");
	if (argc != 1 || !str_eq(argv[0], "print"))
		return cmd_usage(&command_fic, argc ? argv[argc - 1] : NULL);
	name = name ? name : "daypass";
	size_t safe = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	if (safe < 3 || safe > 120 || name[safe]) {
		err_set(&err, ERR_USAGE, "daypass fic print --name my-job", "'%s' is no name of a federated credential: 3 to 120 letters, digits, - and _", name);
		return cmd_fail(&err);
	}
	if (!claims_get(ctx, audience, &c, &err) || !usable(&c, &err))
		return cmd_fail(&err);
	credential_json(&c, name, &out);
	if (!json)
		commands_text(&c, name, &out);
	return cmd_print(ctx, &out);
}

const struct command command_fic = {"fic", "fic print [--name NAME] [--audience AUDIENCE] [--json]", "the federated credential that would make this place work", fic};
