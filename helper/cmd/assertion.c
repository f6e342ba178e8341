/* daypass assertion: the external token itself, for who exchanges it on his own (azure-cli #33989 runs us for it). */
#include "helper/base/str.h"
#include "helper/cmd/claims.h"
#include "helper/cmd/cmd.h"

static int assertion(struct ctx *ctx, int argc, char *const *const_argv)
{
	struct err err = ERR_INIT;
	AUTO_CLAIMS c = {0};
	AUTO_BUF out = buf_new(TOKEN_MAX + 1);
	char **argv = (char **)(uintptr_t)const_argv;
	const char *identity = cmd_option(&argc, argv, "--identity"), *audience = cmd_option(&argc, argv, "--audience");
	if (argc)
		return cmd_usage(&command_assertion, argv[0]);
	ctx->identity = identity ? identity : ctx->identity;
	if (!claims_assertion(ctx, audience, &c, &err))
		return cmd_fail(&err);
	buf_add(&out, secret_reveal(&c.token.value), secret_len(&c.token.value));
	buf_addc(&out, '\n');
	return cmd_print(ctx, &out);
}

const struct command command_assertion = {"assertion", "assertion [--audience AUDIENCE] [--identity NAME]", "the external token (a JWT) that Entra would get", assertion};
