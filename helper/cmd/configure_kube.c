/* daypass configure | unconfigure kube, and kubelogin convert-kubeconfig: kubeconfigs ask daypass, and no byte changes that need
 * not. */
#include "helper/cmd/configure_kube.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/configure_docker.h"
#include "helper/cmd/configure_docker_diff.h"
#include "helper/cmd/kube_policy.h"
#include "helper/core/policy.h"

enum { SAID_MAX_BYTES = 16 * 1024 * 1024 };

#define AUTO_KUBE_JOB CLEANUP(kube_job_free) struct kube_job

/* --- what we go by --- */

/* "daypass" where that starts this program, else its path. */
static bool find_command(struct kube_job *j, struct err *err)
{
	AUTO_STR found = proc_find(&j->ctx->env, "daypass", false);
	j->command = j->task.o.theirs ? str_dup("kubelogin") : program_is_own(found) ? str_dup("daypass") : program_own_path();
	j->task.command = j->command;
	if (j->command && !str_has_control(j->command))
		return true;
	return err_set(err, ERR_CONFIG, "put daypass on PATH: make install", "the path of this program cannot be %s", j->command ? "written for kubectl" : "found out");
}

static bool find_said(struct kube_job *j, struct err *err)
{
	const struct config *c = j->ctx->config;
	struct err why = ERR_INIT;
	if (j->task.o.theirs)
		return true;
	if (c->broken) {
		*err = c->err;
		return false;
	}
	for (size_t i = 0; i < c->count; i++)
		if (c->sections[i].kind == SECTION_MATCH && str_starts(c->sections[i].name, "kube:"))
			j->task.cluster_info = true;
	if (plan_identity(j->ctx, REQUEST_RESOURCE, NULL, &j->id, &why)) {
		j->task.said.tenant = identity_get(&j->id, KEY_TENANT);
		j->task.said.client = identity_get(&j->id, KEY_CLIENT_ID);
		j->task.said.cloud = identity_get(&j->id, KEY_AUTHORITY) ? "" : identity_get(&j->id, KEY_CLOUD);
	} else if (why.kind) {
		*err = why;
		return false;
	}
	return true;
}

/* --- what is said --- */

static void name_those(const struct kube_file *f, enum kube_result result, struct buf *names, size_t *count)
{
	for (size_t i = 0; i < f->done.count; i++) {
		if (f->done.list[i].result != result)
			continue;
		buf_addf(names, "%s%s", *count ? ", " : "", f->done.list[i].name);
		*count += 1;
	}
}

static void tell_file(struct kube_job *j, const struct kube_file *f)
{
	AUTO_BUF names = buf_new(SAID_MAX_BYTES), already = buf_new(SAID_MAX_BYTES);
	size_t count = 0, same = 0;
	name_those(f, KUBE_CHANGED, &names, &count);
	name_those(f, KUBE_ALREADY, &already, &same);
	const char *done = !f->changed ? "nothing to change in" : j->task.o.dry_run ? "would write" : "wrote";
	say_line(&j->out, "%s %s: %zu user%s %s%s%s", done, f->path, count, count == 1 ? "" : "s", j->undo ? "as before" : "changed", count ? ": " : "", names.p);
	if (same)
		say_line(&j->out, "  %s %s already", already.p, j->task.o.theirs ? "says so" : "asks daypass");
	for (size_t i = 0; i < f->done.count; i++) {
		const struct kube_outcome *o = &f->done.list[i];
		if (o->result == KUBE_FOREIGN || o->result == KUBE_DOUBT)
			say_line(&j->out, "  %s stays as it is: %s", o->name, o->why);
		else if (o->result == KUBE_CHANGED && o->by_values)
			say_line(&j->out, "  %s by its values: the file was written anew since", o->name);
	}
}

static void warn_of(const struct kube_job *j, const struct kube_file *f, const struct kube_outcome *o)
{
	if (o->result != KUBE_CHANGED || j->undo)
		return;
	if (o->tokens_gone)
		log_line("note: user %s: the tokens that kubectl kept in %s go with its auth-provider; unconfigure does not bring them back", o->name, f->path);
	if (o->holds_secret)
		log_line("warning: user %s: a secret stays in %s, in clear, among its arguments", o->name, f->path);
	if (!j->task.o.theirs && o->server && !policy_api_server(j->ctx->config, o->server))
		log_line("warning: user %s: daypass gives no token for the server id %s, which is neither AKS's nor Arc's, until the configuration names it: [daypass] server-ids = %s", o->name, o->server, o->server);
}

/* Which kubelogin would be started by kubeconfigs that call it. */
static void tell_of_kubelogin(struct kube_job *j)
{
	AUTO_STR found = proc_find(&j->ctx->env, "kubelogin", false);
	if (j->task.o.theirs && found && !program_is_own(found))
		log_line("warning: kubectl will start %s, which is not this program", found);
	else if (j->task.o.theirs || j->undo)
		return;
	else if (!found)
		say_line(&j->out, "kubelogin on PATH: none; kubeconfigs that call it need one");
	else
		say_line(&j->out, "kubelogin on PATH: %s, %s", found, program_is_own(found) ? "which is this program" : "another program; kubeconfigs that call it do not ask daypass");
}

static void warn_of_policy(const struct kube_job *j)
{
	AUTO_STR path = NULL;
	enum kube_policy policy = j->undo ? KUBE_ALLOWED : kube_policy_of(&j->ctx->env, j->command, &path);
	AUTO_STR hint = j->undo ? NULL : kube_policy_hint(j->command);
	if (policy == KUBE_DENIED)
		log_line("warning: kubectl starts no plugin at all: credentialPluginPolicy in %s is DenyAll", path);
	else if (policy == KUBE_REFUSED)
		log_line("warning: kubectl refuses %s, and then starts no plugin: %s", path, hint);
	else if (policy == KUBE_UNLISTED)
		log_line("warning: kubectl will not start %s, which the credentialPluginAllowlist in %s does not name: %s", j->command, path, hint);
}

/* The first who stays although he should not. */
static int fail_by_doubt(const struct kube_job *j, size_t count)
{
	struct err err;
	for (size_t i = 0; i < j->count; i++) {
		for (size_t k = 0; k < j->files[i].done.count; k++) {
			const struct kube_outcome *o = &j->files[i].done.list[k];
			if (o->result != KUBE_DOUBT)
				continue;
			err_set(&err, ERR_CONFIG, NULL, "%s: user %s stays as it is: %s", j->files[i].path, o->name, o->why);
			if (count > 1)
				err_hint(&err, "see above for the other %zu", count - 1);
			return cmd_fail(&err);
		}
	}
	return ERR_CONFIG;
}

/* The exit status, and why it is not 0. */
static int status_of(const struct kube_job *j, const size_t *count)
{
	struct err err;
	if (count[KUBE_DOUBT])
		return fail_by_doubt(j, count[KUBE_DOUBT]);
	if (j->undo || j->task.o.theirs || count[KUBE_CHANGED] || count[KUBE_ALREADY])
		return 0;
	err_set(&err, ERR_CONFIG, NULL, j->only ? "user %s is none that daypass could answer for" : "no user%s calls kubelogin for Azure", j->only ? j->only : "");
	err_hint(&err, "az aks get-credentials --resource-group GROUP --name CLUSTER");
	return cmd_fail(&err);
}

int kube_job_tell(struct kube_job *j)
{
	size_t count[KUBE_DOUBT + 1] = {0};
	for (size_t i = 0; i < j->count; i++) {
		struct kube_file *f = &j->files[i];
		if (f->changed && j->task.o.dry_run) {
			AUTO_BUF old = buf_new(KUBE_MAX_BYTES), new = buf_new(KUBE_MAX_BYTES);
			kube_hide(&f->old, &old);
			kube_hide(&f->new, &new);
			buf_addf(&j->out, "--- %s\n+++ %s\n", f->path, f->path);
			diff_add(&old, &new, 3, &j->out);
		}
	}
	for (size_t i = 0; i < j->count; i++) {
		tell_file(j, &j->files[i]);
		for (size_t k = 0; k < j->files[i].done.count; k++) {
			count[j->files[i].done.list[k].result]++;
			warn_of(j, &j->files[i], &j->files[i].done.list[k]);
		}
	}
	if (!j->count)
		say_line(&j->out, "there is no kubeconfig: 0 users changed");
	tell_of_kubelogin(j);
	if (count[KUBE_CHANGED] + count[KUBE_ALREADY])
		warn_of_policy(j);
	int printed = cmd_print(j->ctx, &j->out), status = status_of(j, count);
	return printed ? printed : status;
}

/* --- the commands --- */

static int run_job(struct kube_job *j)
{
	struct err err = ERR_INIT;
	bool ok = (j->undo || (find_command(j, &err) && find_said(j, &err))) && kube_job_open(j, &err) && kube_job_select(j, &err) && kube_job_plan(j, &err) && kube_job_write(j, &err);
	return ok ? kube_job_tell(j) : cmd_fail(&err);
}

static int run_kube(struct ctx *ctx, bool undo, int argc, char **argv)
{
	AUTO_KUBE_JOB j = {.ctx = ctx, .undo = undo, .out = buf_new(4 * SAID_MAX_BYTES)};
	struct err err = ERR_INIT;
	if (!kube_options_read(argc, argv, &j.task.o, &err))
		return cmd_fail(&err);
	for (int i = 0; undo && i < KUBE_FLAGS; i++)
		if (j.task.o.given[i])
			return cmd_usage(&command_unconfigure, "a flag of get-token");
	return run_job(&j);
}

const struct configure_subject configure_kube = {"kube", run_kube};

/* AAD_LOGIN_METHOD goes before the flag: that is how kubelogin has it. */
static bool take_method(struct kube_options *o, const struct env *env, struct err *err)
{
	const char *method = env_get(env, "AAD_LOGIN_METHOD");
	enum kube_mode mode = kube_mode_of(method);
	if (!method)
		return true;
	if (!mode)
		return err_set(err, ERR_USAGE, "unset AAD_LOGIN_METHOD", "AAD_LOGIN_METHOD says '%s', which is no login method", method);
	if (o->mode && o->mode != mode)
		log_line("warning: AAD_LOGIN_METHOD=%s goes before --login %s, as with kubelogin", method, kube_mode_name(o->mode));
	o->mode = mode;
	return true;
}

static const char usage[] = "usage: kubelogin convert-kubeconfig [--login MODE] [--kubeconfig FILE] [--context NAME] [--dry-run] [flags of get-token]\n"
			    "modes: devicecode, interactive, spn, ropc, msi, azurecli, azd, workloadidentity, azurepipelines\n";

/* By the rules of kubelogin's converter; ends with 0 or 1, as that does. */
static int convert(struct ctx *ctx, int argc, char *const *argv)
{
	AUTO_KUBE_JOB j = {.ctx = ctx, .task.o.theirs = true, .out = buf_new(4 * SAID_MAX_BYTES)};
	struct err err = ERR_INIT;
	for (int i = 0; i < argc; i++) {
		if (!str_eq(argv[i], "-h") && !str_eq(argv[i], "--help"))
			continue;
		buf_adds(&j.out, usage);
		return cmd_print(ctx, &j.out);
	}
	if (!kube_options_read(argc, argv, &j.task.o, &err) || !take_method(&j.task.o, &ctx->env, &err)) {
		cmd_fail(&err);
		return 1;
	}
	return run_job(&j) ? 1 : 0;
}

const struct command command_kubelogin_convert = {"kubelogin convert-kubeconfig", "kubelogin convert-kubeconfig [--login MODE] [--context NAME] ...", "kubelogin's converter, for kubeconfigs that shall call kubelogin", convert};
