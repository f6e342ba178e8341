/* daypass kube check: walks the way of one kubectl call, from the kubeconfig to the API server's answer, and names the first
 * thing that is wrong. */
#include "helper/cmd/kube_check.h"

#include "helper/base/str.h"

enum { FOUND_MAX = 64 * 1024 };

static const struct step {
	const char *name;
	bool (*take)(struct kube_check *, struct buf *found, struct err *);
} steps[] = {{"kubeconfig", kube_check_config}, {"cluster", kube_check_cluster}, {"user", kube_check_user}, {"program", kube_check_program},
	     {"policy", kube_check_policy}, {"plugin", kube_check_plugin}, {"token", kube_check_token}, {"API server", kube_check_server}};

static int walk(struct kube_check *k)
{
	AUTO_BUF out = buf_new(COUNT_OF(steps) * FOUND_MAX);
	struct err err = ERR_INIT;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		AUTO_BUF found = buf_new(FOUND_MAX);
		bool before = !err.kind, ok = before && steps[i].take(k, &found, &err);
		cmd_step(&out, ok ? "ok" : before ? "wrong" : "-", steps[i].name, ok ? found.p : "");
	}
	buf_adds(&out, err.kind ? "" : secret_len(&k->token) ? "all is well\n" : "nothing is wrong that can be seen from here\n");
	int printed = cmd_print(k->ctx, &out);
	return err.kind ? cmd_fail(&err) : printed;
}

static void check_free(struct kube_check *k)
{
	for (size_t i = 0; i < k->count; i++)
		kube_view_free(&k->views[i]);
	free(k->views);
	kube_job_free(&k->files);
	buf_free(&k->ca);
	free(k->args);
	free(k->program);
	secret_free(&k->token);
	jwt_free(&k->claims);
}

static int kube_check(struct ctx *ctx, int argc, char *const *argv)
{
	CLEANUP(check_free) struct kube_check k = {.ctx = ctx, .ca = buf_new(KUBE_MAX_BYTES), .token = secret_new(TOKEN_MAX),
						   .files = {.ctx = ctx, .task.o.dry_run = true, .out = buf_new(1)}};
	char **words = (char **)(uintptr_t)argv;
	k.context = cmd_option(&argc, words, "--context");
	k.files.task.o.kubeconfig = cmd_option(&argc, words, "--kubeconfig");
	return argc ? cmd_usage(&command_kube_check, words[0]) : walk(&k);
}

const struct command command_kube_check = {"kube check", "kube check [--context NAME] [--kubeconfig FILE]", "from the kubeconfig to the API server's answer: the first thing that is wrong", kube_check};
