/* daypass explain CODE: what one of Entra's error codes means here. */
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/core/aadsts.h"

static int explain(struct ctx *ctx, int argc, char *const *argv)
{
	static const char *const classes[] = {
		[AADSTS_FATAL] = "asking again does not help", [AADSTS_FRESH] = "daypass tries once more with a fresh assertion",
		[AADSTS_TRANSIENT] = "daypass tries once more after a pause", [AADSTS_LOOP] = "daypass waits for minutes before it asks again",
		[AADSTS_PERSON] = "a person has to act"};
	int64_t code;
	if (argc != 1)
		return cmd_usage(&command_explain, NULL);
	const char *digits = str_starts(argv[0], "AADSTS") ? argv[0] + 6 : argv[0];
	const struct aadsts *row = str_to_int(digits, INT32_MAX, &code) ? aadsts_find(code) : NULL;
	struct err err;
	if (!row) {
		err_set(&err, ERR_USAGE, "look it up: https://login.microsoftonline.com/error", "daypass does not know the code '%s'", argv[0]);
		return cmd_fail(&err);
	}
	AUTO_BUF out = buf_new(4096);
	buf_addf(&out, "AADSTS%lld: %s\nadvice: %s\nclass: %s\n", (long long)row->code, row->what, row->advice, classes[row->class]);
	return cmd_print(ctx, &out);
}

const struct command command_explain = {"explain", "explain AADSTSnnnnnn", "what one of Entra's error codes means, and what to do", explain};
