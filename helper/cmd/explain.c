/* daypass explain CODE | --last: what one of Entra's error codes means, and what the last refusal was about. */
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/cmd.h"
#include "helper/cmd/fic_remote.h"
#include "helper/cmd/fic_report.h"
#include "helper/core/aadsts.h"
#include "helper/core/refusal.h"

enum { OUT_MAX = 256 * 1024 };

static void add_text(const struct aadsts *row, struct buf *out)
{
	static const char *const classes[] = {
		[AADSTS_FATAL] = "Asking again does not help.", [AADSTS_FRESH] = "daypass tries once more with a fresh assertion.",
		[AADSTS_TRANSIENT] = "daypass tries once more after a pause.", [AADSTS_LOOP] = "daypass waits for minutes before it asks again.",
		[AADSTS_PERSON] = "A person has to act."};
	buf_addf(out, "AADSTS%lld: %s.\n", (long long)row->code, row->what);
	if (*row->more)
		buf_addf(out, "%s\n", row->more);
	buf_addf(out, "What to do: %s. %s\n", row->advice, classes[row->class]);
}

static int explain_code(const struct ctx *ctx, const char *word)
{
	int64_t code;
	struct err err;
	AUTO_BUF out = buf_new(OUT_MAX);
	const char *digits = str_starts(word, "AADSTS") ? word + strlen("AADSTS") : word;
	const struct aadsts *row = str_to_int(digits, INT32_MAX, &code) ? aadsts_find(code) : NULL;
	if (!row) {
		err_set(&err, ERR_USAGE, "look it up: https://login.microsoftonline.com/error", "daypass does not know the code '%s'", word);
		return cmd_fail(&err);
	}
	add_text(row, &out);
	return cmd_print(ctx, &out);
}

/* --- the last refusal ---------------------------------------------------------------------------------------------- */

/* Whose credentials they are, from the record: the configuration may have changed since. */
static bool read_identity(const struct json *last, struct identity *id, struct err *err)
{
	static const char origin[] = "the last refusal";
	const char *authority = json_str(last, "authority"), *client = json_str(last, "client");
	const char *host = authority && str_starts(authority, "https://") ? authority + strlen("https://") : NULL;
	const struct cloud *cloud = host ? cloud_by_host(host) : NULL;
	*id = (struct identity){.name = str_dup(json_str(last, "identity")), .origin = str_dup(origin)};
	return config_set(id->set, KEY_CLIENT_ID, client ? client : "", origin, err) &&
	       (cloud ? config_set(id->set, KEY_CLOUD, cloud->name, origin, err) : config_set(id->set, KEY_AUTHORITY, authority ? authority : "", origin, err));
}

static void compare(const struct fic_presented *p, struct fic_remote *remote, const struct fic_list *l, struct buf *out)
{
	struct fic_result d = {0};
	const struct fic_registered *r = fic_nearest(p, l, &d);
	AUTO_STR whose = fic_remote_name(remote);
	AUTO_STR name = str_dup(r && r->name ? r->name : "");
	AUTO_STR advice = fic_report_advice(r, &d);
	err_clean(name);
	if (!r)
		buf_addf(out, "%s has no federated credential at all\n", whose);
	else if (fic_matches(&d))
		buf_addf(out, "%s has one by now that matches, '%s': if it is refused still, wait some minutes, or delete it and create it again\n", whose, name);
	else
		buf_addf(out, "%s has %zu of %d federated credentials; the nearest is '%s':\n", whose, l->count, (int)FIC_MOST, name);
	if (r)
		fic_report_result(p, r, &d, out);
	fic_warn(p, l, remote->cloud->audience, out);
	if (!fic_matches(&d) || !r)
		buf_addf(out, "%s\n", advice);
}

/* Presented against registered, where somebody may read that; else what a person can compare. */
static void add_comparison(struct ctx *ctx, const struct json *last, const char *admin, struct buf *out)
{
	struct err err = ERR_INIT;
	struct fic_presented p;
	AUTO_IDENTITY id = {0};
	AUTO_REMOTE remote = {0};
	AUTO_FIC_LIST l = {0};
	struct fic_whose whose = {.id = &id, .admin = admin};
	fic_present(&p, json_get(last, "claims"));
	if (read_identity(last, &id, &err) && fic_remote_open(ctx, &whose, &remote, &err) && fic_remote_list(&remote, &l, &err)) {
		compare(&p, &remote, &l, out);
		return;
	}
	log_mask(err.msg);
	buf_addf(out, "what is registered could not be read: %s\n", err.msg);
	fic_report_by_hand(&p, json_str(last, "client"), out);
}

static void add_head(const struct ctx *ctx, const struct json *last, int64_t code, struct buf *out)
{
	char span[32], when[24];
	int64_t at = 0;
	json_int(last, "at", &at);
	clock_text(when, at);
	clock_span(span, ctx->clock->wall(ctx->clock) - at);
	const char *const names[] = {"client", "tenant", "source", "correlation"};
	buf_addf(out, "the last refusal of Entra's here: AADSTS%lld, %s (%s ago)\n", (long long)code, when, span);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_STR value = str_dup(json_str(last, names[i]));
		if (!value)
			continue;
		err_clean(value);
		buf_addf(out, "  %-11s %s\n", names[i], value);
	}
}

static int explain_last(struct ctx *ctx, const char *admin)
{
	struct err err;
	struct fic_presented p;
	int64_t code = 0;
	AUTO_BUF out = buf_new(OUT_MAX);
	AUTO_JSON last = refusal_last(ctx);
	if (!last || !json_int(last, "code", &code)) {
		err_set(&err, ERR_USAGE, "for a code: daypass explain AADSTS700213", "Entra refused nothing here within a day that daypass remembers (with cache = none it remembers nothing)");
		return cmd_fail(&err);
	}
	const struct aadsts *row = aadsts_find(code);
	add_head(ctx, last, code, &out);
	fic_present(&p, json_get(last, "claims"));
	if (row)
		add_text(row, &out);
	else
		buf_addf(&out, "daypass does not know the code; look it up: https://login.microsoftonline.com/error?code=%lld\n", (long long)code);
	if (aadsts_is_mismatch(code) && p.iss)
		add_comparison(ctx, last, admin, &out);
	else if (p.iss)
		fic_report_presented(&p, &out);
	return cmd_print(ctx, &out);
}

static int explain(struct ctx *ctx, int argc, char *const *const_argv)
{
	char **argv = (char **)(uintptr_t)const_argv;
	bool last = cmd_flag(&argc, argv, "--last");
	const char *admin = last ? cmd_option(&argc, argv, "--identity") : NULL;
	if (argc != (last ? 0 : 1))
		return cmd_usage(&command_explain, argc ? argv[argc - 1] : NULL);
	return last ? explain_last(ctx, admin) : explain_code(ctx, argv[0]);
}

const struct command command_explain = {"explain", "explain AADSTSnnnnnn | --last [--identity NAME]", "what one of Entra's error codes means, and what to do; the last refusal here, compared with what is registered",
					explain};
