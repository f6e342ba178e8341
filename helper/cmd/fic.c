/* daypass fic print | show | check | create: the trust that makes this place work, as it should be and as it is. */
#include "helper/cmd/fic.h"

#include "helper/base/str.h"
#include "helper/core/fic.h"

bool fic_needs_trust(const struct source *s, struct err *err)
{
	if (s->yields_access_token)
		return err_set(err, ERR_SOURCE, NULL, "source %s yields Entra's own access tokens: no federated credential is needed", s->name);
	if (s->own_credential)
		return err_set(err, ERR_SOURCE, "run it where a federated source is: daypass config keys", "source %s presents the client's own key or secret: there is no issuer to trust", s->name);
	return true;
}

/* Entra: at most 600 characters each, exactly one audience, RS256. */
static bool usable(const struct claims *c, struct err *err)
{
	const char *const texts[] = {c->jwt.iss, c->jwt.sub, c->jwt.aud};
	if (!fic_needs_trust(c->source, err))
		return false;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (str_empty(texts[i]) || strlen(texts[i]) > FIC_LONGEST)
			return err_set(err, ERR_SOURCE, NULL, "the token's issuer, subject or audience is missing or longer than %d bytes: Entra takes no such credential", (int)FIC_LONGEST);
	if (c->jwt.aud_count != 1)
		return err_set(err, ERR_SOURCE, "ask the source for the one audience api://AzureADTokenExchange", "the token has %d audiences, and Entra wants exactly one", c->jwt.aud_count);
	if (!str_eq(c->jwt.alg, "RS256"))
		return err_set(err, ERR_SOURCE, "let the issuer sign with RS256", "the token is signed with %s, and Entra accepts RS256 only", c->jwt.alg ? c->jwt.alg : "nothing");
	return true;
}

bool fic_wish_of(const struct claims *c, const char *name, struct fic_wish *wish, struct err *err)
{
	/* Entra writes it so, and wants it registered by its name. */
	bool own = fic_issued_by_entra(c->jwt.iss) && str_eq(c->jwt.aud, FIC_AUDIENCE_GUID);
	*wish = (struct fic_wish){.name = name ? name : "daypass", .issuer = c->jwt.iss, .subject = c->jwt.sub, .audience = own ? cloud_by_name("public")->audience : c->jwt.aud,
				  .client = identity_get(&c->id, KEY_CLIENT_ID)};
	size_t safe = strspn(wish->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	if (safe < 3 || safe > 120 || wish->name[safe])
		return err_set(err, ERR_USAGE, "daypass fic print --name my-job", "'%s' is no name of a federated credential: 3 to 120 letters, digits, - and _", wish->name);
	return usable(c, err);
}

int fic_run_print(struct ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct fic_wish wish;
	AUTO_CLAIMS c = {0};
	AUTO_BUF out = buf_new(64 * 1024);
	bool json = cmd_flag(&argc, argv, "--json");
	const char *name = cmd_option(&argc, argv, "--name"), *audience = cmd_option(&argc, argv, "--audience"), *format = cmd_option(&argc, argv, "--format");
	if (argc || (json && format))
		return cmd_usage(&command_fic, argc ? argv[0] : "--json");
	if (!fic_print(json ? "json" : format, &(struct fic_wish){"", "", "", "", NULL}, &out))
		return cmd_usage(&command_fic, format);
	buf_clear(&out);
	if (!claims_get(ctx, audience, &c, &err) || !fic_wish_of(&c, name, &wish, &err))
		return cmd_fail(&err);
	fic_print(json ? "json" : format, &wish, &out);
	return cmd_print(ctx, &out);
}

static int fic(struct ctx *ctx, int argc, char *const *argv)
{
	static const struct {
		const char *name;
		int (*run)(struct ctx *, int argc, char **argv);
	} verbs[] = {{"print", fic_run_print}, {"show", fic_run_show}, {"check", fic_run_check}, {"create", fic_run_create}};
	char **words = (char **)(uintptr_t)argv;
	for (size_t i = 0; argc && i < COUNT_OF(verbs); i++)
		if (str_eq(verbs[i].name, argv[0]))
			return verbs[i].run(ctx, argc - 1, words + 1);
	return cmd_usage(&command_fic, argc ? argv[0] : NULL);
}

const struct command command_fic = {"fic",
				    "fic print [--name NAME] [--audience AUDIENCE] [--format json|az|terraform|bicep] | show [--json] | check [--audience AUDIENCE] | "
				    "create [--name NAME] [--audience AUDIENCE] [--yes]; the last three: [--identity NAME] [--resource-id ID]",
				    "the federated credential that would make this place work: print it, compare it with those that are registered, make it", fic};
