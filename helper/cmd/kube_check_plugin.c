/* The middle steps of `kube check`: the program that kubectl would start, whether it may, and what it answers. */
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/kube_check.h"
#include "helper/cmd/kube_policy.h"

enum { SPOKEN_MAX = 8192, SHOWN_MAX = 1200, PLUGIN_MS = 60000 };

static const char *text_of(const struct kube_check *k, const char *name)
{
	return yaml_str(yaml_get(k->exec, name, NULL));
}

bool kube_check_program(struct kube_check *k, struct buf *found, struct err *err)
{
	const char *command = text_of(k, "command"), *hint = text_of(k, "installHint");
	AUTO_STR path = strchr(command, '/') ? kube_path(k->user_file, command) : NULL;
	k->program = path ? (access(path, X_OK) == 0 ? str_dup(path) : NULL) : proc_find(&k->ctx->env, command, false);
	if (!k->program) {
		err_set(err, ERR_CONFIG, NULL, "%s is not there: %s%s%s", path ? path : command, path ? "the kubeconfig names it" : "no folder of PATH has it", hint ? "; its installHint says: " : "", hint ? hint : "");
		return err_hint(err, "daypass configure kube (the kubeconfig then calls daypass), or make install");
	}
	k->own = program_is_own(k->program);
	return buf_addf(found, "%s, %s", k->program, k->own ? "which is daypass" : "another program than daypass");
}

bool kube_check_policy(struct kube_check *k, struct buf *found, struct err *err)
{
	AUTO_STR path = NULL;
	const char *command = text_of(k, "command");
	AUTO_STR whole = strchr(command, '/') ? kube_path(k->user_file, command) : str_dup(command);
	enum kube_policy policy = kube_policy_of(&k->ctx->env, whole, &path);
	AUTO_STR hint = kube_policy_hint(whole);
	if (policy == KUBE_DENIED)
		return err_set(err, ERR_POLICY, hint, "kubectl starts no plugin at all: credentialPluginPolicy in %s is DenyAll", path);
	if (policy == KUBE_UNLISTED)
		return err_set(err, ERR_POLICY, hint, "kubectl will not start %s, which the credentialPluginAllowlist in %s does not name", whole, path);
	return buf_addf(found, "%s%s", path ? "allowed by " : "kubectl starts any plugin", path ? path : "");
}

/* --- what it is given --- */

static void add_cluster(const struct kube_check *k, struct buf *to)
{
	static const char *const names[] = {"tls-server-name", "certificate-authority-data", "proxy-url"};
	buf_adds(to, "\"cluster\":{\"server\":");
	json_quote(to, k->server);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *value = yaml_str(yaml_get(k->cluster, names[i], NULL));
		if (!value)
			continue;
		buf_addf(to, ",\"%s\":", names[i]);
		json_quote(to, value);
	}
	buf_adds(to, "},");
}

/* NAME=value of the stanza, then KUBERNETES_EXEC_INFO, which no kubeconfig overrides. */
static char **variables(const struct kube_check *k)
{
	const struct yaml *list = yaml_get(k->exec, "env", NULL), *inform = yaml_get(k->exec, "provideClusterInfo", NULL);
	size_t count = yaml_is_null(list) ? 0 : list->count;
	char **env = mem_alloc((count + 2) * sizeof *env);
	AUTO_BUF info = buf_new(KUBE_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		const char *value = yaml_str(yaml_get(&list->items[i], "value", NULL));
		env[i] = str_printf("%s=%s", yaml_str(yaml_get(&list->items[i], "name", NULL)), value ? value : "");
	}
	buf_addf(&info, "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"spec\":{", k->version);
	if (inform && str_eq(inform->text, "true"))
		add_cluster(k, &info);
	buf_adds(&info, "\"interactive\":false}}");
	env[count] = buf_take(&info);
	env[count + 1] = NULL;
	return env;
}

static void variables_free(char ***env)
{
	for (char **e = *env; *e; e++)
		str_wipe_free(*e);
	free(*env);
}

/* Lines as one, cleaned, without the name that ours begin with. */
static char *as_one(const struct buf *spoken, const char *between)
{
	AUTO_BUF out = buf_new(2 * SPOKEN_MAX);
	for (const char *line = spoken->p; *line;) {
		size_t len = strcspn(line, "\r\n"), skip = str_starts(line, "daypass: ") ? strlen("daypass: ") : 0;
		if (len > skip)
			buf_addf(&out, "%s%.*s", out.len ? between : "", (int)(len - skip), line + skip);
		line += len + strspn(line + len, "\r\n");
	}
	log_mask(out.p);
	return buf_take(&out);
}

/* --- what it answers --- */

static bool unlike(const struct kube_check *k, struct err *err, const char *what)
{
	err_set(err, ERR_SOURCE, NULL, "kubectl does not take the answer of %s: %s", k->program, what);
	return k->own ? err_hint(err, "daypass whoami") : err_hint(err, "daypass configure kube (the kubeconfig then calls daypass)");
}

static bool take_answer(struct kube_check *k, const struct buf *answer, struct err *err)
{
	AUTO_JSON j = json_parse(answer->p, answer->len);
	const struct json *status = json_get(j, "status");
	const char *version = json_str(j, "apiVersion"), *token = json_str(status, "token");
	if (!answer->len)
		return unlike(k, err, "it says nothing");
	if (!j)
		return unlike(k, err, "it is no JSON");
	if (!str_eq(json_str(j, "kind"), "ExecCredential"))
		return unlike(k, err, "its kind is not ExecCredential");
	if (!str_eq(version, k->version)) {
		AUTO_STR what = str_printf("it is of %s, and the kubeconfig asks for %s", version ? version : "no apiVersion", k->version);
		return unlike(k, err, what);
	}
	if (!status)
		return unlike(k, err, "it has no status");
	if (!token && json_str(status, "expirationTimestamp") == NULL && json_get(status, "clientCertificateData"))
		return unlike(k, err, "it is a client certificate, which cannot be checked from here");
	if (!token || !str_is_token(token, strlen(token)) || !secret_set(&k->token, token, strlen(token)))
		return unlike(k, err, "there is no token in its status");
	return true;
}

bool kube_plugin_token(struct kube_check *k, bool afresh, struct buf *notes, struct err *err)
{
	CLEANUP(variables_free) char **env = variables(k);
	AUTO_FREE const char **argv = mem_alloc((k->stanza.count + 4) * sizeof *argv);
	AUTO_BUF answer = buf_new(KUBE_MAX_BYTES), spoken = buf_new(SPOKEN_MAX);
	size_t n = 0;
	argv[n++] = k->program;
	if (k->own) /* it says then which variables went before which flags */
		argv[n++] = "-v";
	for (size_t i = 0; i < k->stanza.count; i++)
		argv[n++] = k->args[i];
	if (afresh)
		argv[n++] = "--refresh";
	argv[n] = NULL;
	struct proc_run r = {.argv = argv, .more_env = (const char *const *)env, .timeout_ms = PLUGIN_MS, .out = &answer, .err = &spoken};
	if (!k->ctx->proc->run(k->ctx->proc, &r, err))
		return err_hint(err, "start it by hand: %s %s ...", k->program, k->stanza.count ? k->args[0] : "");
	if (r.status != 0) {
		AUTO_STR said = as_one(&spoken, " / ");
		err_set(err, ERR_SOURCE, NULL, "%s: exit status %d: %.*s", k->program, r.status, SHOWN_MAX, *said ? said : "it says nothing");
		return k->own ? err_hint(err, "daypass whoami") : err_hint(err, "daypass configure kube (the kubeconfig then calls daypass)");
	}
	AUTO_STR said = as_one(&spoken, "\n");
	if (notes)
		buf_adds(notes, said);
	return take_answer(k, &answer, err);
}

bool kube_check_plugin(struct kube_check *k, struct buf *found, struct err *err)
{
	AUTO_BUF notes = buf_new(2 * SPOKEN_MAX);
	if (!kube_plugin_token(k, false, &notes, err))
		return false;
	buf_adds(found, "it answers with a token");
	return !notes.len || buf_addf(found, "\nnote: %s", notes.p);
}
