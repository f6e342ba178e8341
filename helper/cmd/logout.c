/* daypass logout [--all]: forget everything at once. */
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/core/held.h"

static int logout(struct ctx *ctx, int argc, char *const *argv)
{
	struct err err;
	enum keyring_answer keyring;
	AUTO_BUF out = buf_new(1024);
	bool all = argc == 1 && str_eq(argv[0], "--all");
	if (argc > (all ? 1 : 0))
		return cmd_usage(&command_logout, argv[0]);
	if (ctx->identity) {
		err_set(&err, ERR_USAGE, NULL, "logout is about every identity");
		err_hint(&err, "for one: daypass --identity %s cache clear", ctx->identity);
		return cmd_fail(&err);
	}
	size_t n = held_logout(ctx, all, &keyring);
	buf_addf(&out, "logged out: %zu record%s forgotten, and the key that sealed them is revoked\n", n, n == 1 ? "" : "s");
	int status = cmd_print(ctx, &out);
	return status ? status : cmd_keyring(keyring);
}

const struct command command_logout = {"logout", "logout [--all]", "forget every token, at once and everywhere; with --all also what git gave us to keep", logout};
