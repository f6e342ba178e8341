/* daypass fic create: make the federated credential that this place needs, after showing it. */
#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/cmd/fic.h"
#include "helper/cmd/fic_remote.h"
#include "helper/cmd/fic_report.h"
#include "helper/core/fic.h"

enum { OUT_MAX = 64 * 1024 };

/* Entra would refuse it; a managed identity would have another of that name overwritten. */
static bool is_new(const struct fic_remote *remote, const struct fic_wish *w, const struct fic_list *l, struct err *err)
{
	AUTO_STR whose = fic_remote_name(remote);
	for (size_t i = 0; i < l->count; i++) {
		const struct fic_registered *r = &l->rows[i];
		const char *name = r->name ? r->name : "";
		bool same = str_eq(r->issuer, w->issuer) && str_eq(r->subject, w->subject);
		if (same && str_eq(r->audience, w->audience))
			return err_set(err, ERR_REFUSED, "if the exchange is refused nevertheless: wait some minutes, or delete it and create it again", "%s has it already, as '%s'", whose, name);
		if (same)
			return err_set(err, ERR_REFUSED, "correct that one: there is no second with the same issuer and subject", "%s has this issuer and subject already, as '%s', for the audience %s", whose,
				       name, r->audience ? r->audience : "of nobody");
		if (str_ieq(r->name, w->name))
			return err_set(err, ERR_REFUSED, "choose another name: --name NAME", "%s has another federated credential of the name '%s'", whose, name);
	}
	if (l->count >= FIC_MOST)
		return err_set(err, ERR_REFUSED, "delete one that is not used any more, or use a flexible one", "%s has %zu federated credentials, and %d are the most", whose, l->count, (int)FIC_MOST);
	return true;
}

static void show(const struct fic_remote *remote, const struct fic_wish *w, struct buf *out)
{
	AUTO_BUF line = buf_new(OUT_MAX);
	AUTO_BUF body = buf_new(OUT_MAX);
	AUTO_STR whose = fic_remote_name(remote);
	fic_remote_request(remote, w, &line, &body);
	buf_addf(out, "for %s, as %s:\n%s\n%s", whose, remote->admin.who, line.p, body.p);
}

static int make(struct ctx *ctx, struct fic_remote *remote, const struct fic_wish *w, bool yes)
{
	struct err err = ERR_INIT;
	AUTO_BUF out = buf_new(OUT_MAX);
	show(remote, w, &out);
	int status = cmd_print(ctx, &out);
	if (status)
		return status;
	if (!yes && !cmd_yes(ctx, "create it?", "daypass fic create --yes", &err))
		return cmd_fail(&err);
	flow_begin(ctx); /* a person took time */
	if (!fic_remote_create(remote, w, &err))
		return cmd_fail(&err);
	buf_clear(&out);
	buf_addf(&out, "created: '%s'. Entra knows it everywhere after some minutes; then: daypass whoami\n", w->name);
	return cmd_print(ctx, &out);
}

int fic_run_create(struct ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct fic_wish wish;
	AUTO_CLAIMS c = {0};
	AUTO_REMOTE remote = {0};
	AUTO_FIC_LIST l = {0};
	bool yes = cmd_flag(&argc, argv, "--yes");
	const char *name = cmd_option(&argc, argv, "--name"), *audience = cmd_option(&argc, argv, "--audience");
	struct fic_whose whose = {.id = &c.id, .admin = cmd_option(&argc, argv, "--identity"), .resource_id = cmd_option(&argc, argv, "--resource-id")};
	if (argc)
		return cmd_usage(&command_fic, argv[0]);
	if (!claims_get(ctx, audience, &c, &err) || !fic_wish_of(&c, name, &wish, &err))
		return cmd_fail(&err);
	if (!fic_remote_open(ctx, &whose, &remote, &err) || !fic_remote_list(&remote, &l, &err) || !is_new(&remote, &wish, &l, &err))
		return cmd_fail(&err);
	return make(ctx, &remote, &wish, yes);
}
