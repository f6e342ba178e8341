/* daypass fic show, fic check: the federated credentials that are registered, and what this place presents to them. */
#include "helper/base/str.h"
#include "helper/cmd/fic.h"
#include "helper/cmd/fic_remote.h"
#include "helper/cmd/fic_report.h"
#include "helper/core/fic.h"

enum { OUT_MAX = 256 * 1024 };

/* --- show ---------------------------------------------------------------------------------------------------------- */

static void rows_json(const struct fic_list *l, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < l->count; i++) {
		const struct fic_registered *r = &l->rows[i];
		buf_adds(out, i ? ",\n {" : "{");
		json_pair(out, "name", r->name, false);
		json_pair(out, "issuer", r->issuer, false);
		json_pair(out, "subject", r->subject, false);
		json_pair(out, "expression", r->expression, false);
		json_pair(out, "audience", r->audience, true);
		buf_addc(out, '}');
	}
	buf_adds(out, "]\n");
}

static void rows_text(const struct fic_remote *remote, const struct fic_list *l, struct buf *out)
{
	AUTO_STR name = fic_remote_name(remote);
	buf_addf(out, "%s: %zu of %d federated credentials\n", name, l->count, (int)FIC_MOST);
	for (size_t i = 0; i < l->count; i++)
		fic_report_registered(&l->rows[i], out);
}

int fic_run_show(struct ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	bool named, json = cmd_flag(&argc, argv, "--json");
	AUTO_IDENTITY id = {0};
	AUTO_REMOTE remote = {0};
	AUTO_FIC_LIST l = {0};
	AUTO_BUF out = buf_new(OUT_MAX);
	struct fic_whose whose = {.id = &id, .admin = cmd_option(&argc, argv, "--identity"), .resource_id = cmd_option(&argc, argv, "--resource-id")};
	if (argc)
		return cmd_usage(&command_fic, argv[0]);
	if (!cmd_identity(ctx, &id, &named, &err) || !fic_remote_open(ctx, &whose, &remote, &err) || !fic_remote_list(&remote, &l, &err))
		return cmd_fail(&err);
	if (json)
		rows_json(&l, &out);
	else
		rows_text(&remote, &l, &out);
	return cmd_print(ctx, &out);
}

/* --- check --------------------------------------------------------------------------------------------------------- */

/* What is registered cannot be read: a person can still compare. */
static int by_hand(struct ctx *ctx, const struct claims *c, const struct fic_presented *p, const struct err *err)
{
	static const struct fic_list nothing = {0};
	AUTO_BUF out = buf_new(OUT_MAX);
	if (err->kind == ERR_USAGE)
		return cmd_fail(err);
	fic_report_by_hand(p, identity_get(&c->id, KEY_CLIENT_ID), &out);
	fic_warn(p, &nothing, NULL, &out);
	cmd_print(ctx, &out);
	return cmd_fail(err);
}

static int compare(struct ctx *ctx, const struct claims *c, const struct fic_presented *p, struct fic_remote *remote, const struct fic_list *l)
{
	struct err err;
	struct fic_result d = {0};
	AUTO_BUF out = buf_new(OUT_MAX);
	const struct fic_registered *r = fic_nearest(p, l, &d);
	bool ok = r && fic_matches(&d);
	AUTO_STR whose = fic_remote_name(remote);
	AUTO_STR name = str_dup(r && r->name ? r->name : "");
	err_clean(name);
	buf_addf(&out, "presented, from source %s:\n", c->source->name);
	fic_report_presented(p, &out);
	if (!r) {
		buf_addf(&out, "%s has no federated credential at all\n", whose);
	} else {
		buf_addf(&out, "%s has %zu of %d federated credentials; %s '%s':\n", whose, l->count, (int)FIC_MOST, ok ? "this one matches," : "the nearest is", name);
		fic_report_result(p, r, &d, &out);
	}
	fic_warn(p, l, remote->cloud->audience, &out);
	int status = cmd_print(ctx, &out);
	if (ok || status)
		return status;
	AUTO_STR advice = fic_report_advice(r, &d);
	err_set(&err, ERR_REFUSED, advice, "no federated credential of %s matches what this place presents%s", whose, d.subject.how == FIC_UNREAD ? ", as far as daypass can judge" : "");
	return cmd_fail(&err);
}

int fic_run_check(struct ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct fic_presented p;
	AUTO_CLAIMS c = {0};
	AUTO_REMOTE remote = {0};
	AUTO_FIC_LIST l = {0};
	AUTO_JSON claims = NULL;
	const char *audience = cmd_option(&argc, argv, "--audience");
	struct fic_whose whose = {.id = &c.id, .admin = cmd_option(&argc, argv, "--identity"), .resource_id = cmd_option(&argc, argv, "--resource-id")};
	if (argc)
		return cmd_usage(&command_fic, argv[0]);
	if (!claims_get(ctx, audience, &c, &err) || !fic_needs_trust(c.source, &err))
		return cmd_fail(&err);
	claims = jwt_claims(&c.token.value);
	fic_present(&p, claims);
	if (!fic_remote_open(ctx, &whose, &remote, &err) || !fic_remote_list(&remote, &l, &err))
		return by_hand(ctx, &c, &p, &err);
	return compare(ctx, &c, &p, &remote, &l);
}
