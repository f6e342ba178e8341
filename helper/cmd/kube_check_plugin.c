/* The middle steps of `kube check`: the program that kubectl would start, whether it may, and what it answers. */
#include "helper/base/clock.h"
#include "helper/base/json.h"
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/cmd/kube_check.h"
#include "helper/cmd/kube_policy.h"

enum { SPOKEN_MAX = 8192, SHOWN_MAX = 1200, PLUGIN_S = 60 };

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
	if (policy == KUBE_REFUSED)
		return err_set(err, ERR_POLICY, hint, "kubectl refuses %s, and then starts no plugin: its credentialPluginPolicy and credentialPluginAllowlist do not fit", path);
	if (policy == KUBE_UNLISTED)
		return err_set(err, ERR_POLICY, hint, "kubectl will not start %s, which the credentialPluginAllowlist in %s does not name", whole, path);
	return buf_addf(found, "%s%s", path ? "allowed by " : "kubectl starts any plugin", path ? path : "");
}

/* --- what it is given --- */

static void add_json(const struct yaml *y, struct buf *to)
{
	bool map = y->kind == YAML_MAP;
	if (y->kind != YAML_TEXT) {
		buf_addc(to, map ? '{' : '[');
		for (size_t i = 0; i < y->count; i++) {
			buf_adds(to, !i ? "" : map && i % 2 ? ":" : ",");
			if (map && i % 2 == 0)
				json_quote(to, y->items[i].text);
			else
				add_json(&y->items[i], to);
		}
		buf_addc(to, map ? '}' : ']');
		return;
	}
	AUTO_JSON word = yaml_str(y) ? NULL : json_parse(y->text, strlen(y->text));
	if (word || yaml_is_null(y))
		buf_adds(to, word ? y->text : "null");
	else
		json_quote(to, y->text);
}

/* The cluster's extension for plugins, whatever it is. */
static void add_config(const struct kube_check *k, struct buf *to)
{
	const struct yaml *list = yaml_get(k->cluster, "extensions", NULL), *found = NULL;
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++)
		if (str_eq(yaml_str(yaml_get(&list->items[i], "name", NULL)), "client.authentication.k8s.io/exec"))
			found = yaml_get(&list->items[i], "extension", NULL);
	if (found)
		add_json(found, to);
	else
		buf_adds(to, "null");
}

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
	if (k->ca.len && !yaml_str(yaml_get(k->cluster, "certificate-authority-data", NULL))) {
		buf_adds(to, ",\"certificate-authority-data\":\"");
		seal_b64_encode(to, k->ca.p, k->ca.len);
		buf_addc(to, '"');
	}
	buf_adds(to, ",\"config\":");
	add_config(k, to);
	buf_adds(to, "},");
}

/* NAME=value of the stanza, then KUBERNETES_EXEC_INFO, which no kubeconfig overrides. */
static char **variables(const struct kube_check *k)
{
	const struct yaml *list = yaml_get(k->exec, "env", NULL), *inform = yaml_get(k->exec, "provideClusterInfo", NULL);
	size_t count = yaml_is_null(list) ? 0 : list->count;
	char **env = mem_alloc((count + 2) * sizeof *env);
	AUTO_BUF info = buf_new(KUBE_MAX_BYTES);
	size_t n = 0;
	for (size_t i = 0; i < count; i++) { /* the last of a name counts, and ours over all */
		const char *name = yaml_str(yaml_get(&list->items[i], "name", NULL));
		bool again = str_eq(name, "KUBERNETES_EXEC_INFO");
		for (size_t m = i + 1; m < count; m++)
			again = again || str_eq(name, yaml_str(yaml_get(&list->items[m], "name", NULL)));
		if (!again)
			env[n++] = str_printf("%s=%s", name, yaml_str(yaml_get(&list->items[i], "value", NULL)));
	}
	buf_addf(&info, "KUBERNETES_EXEC_INFO={\"kind\":\"ExecCredential\",\"apiVersion\":\"%s\",\"spec\":{", k->version);
	if (inform && str_eq(inform->text, "true"))
		add_cluster(k, &info);
	buf_adds(&info, "\"interactive\":false}}\n"); /* byte for byte client-go's */
	env[n] = buf_take(&info);
	env[n + 1] = NULL;
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

static bool hint_plugin(const struct kube_check *k, struct err *err)
{
	return err_hint(err, k->own ? "daypass whoami" : "daypass configure kube (the kubeconfig then calls daypass)");
}

static bool unlike(const struct kube_check *k, struct err *err, const char *what)
{
	err_set(err, ERR_SOURCE, NULL, "kubectl does not take the answer of %s: %s", k->program, what);
	return hint_plugin(k, err);
}

/* RFC 3339, in any time zone; 0 where there is none. */
static bool take_time(const struct json *there, int64_t *out)
{
	const char *text = json_text(there);
	size_t n = text ? strlen(text) : 0;
	int64_t hours, minutes;
	*out = 0;
	if (n < 6 || !strchr("+-", text[n - 6]) || text[n - 3] != ':')
		return !there || clock_iso_date(text, out);
	AUTO_STR local = str_printf("%.*sZ", (int)n - 6, text);
	AUTO_STR hour = str_ndup(text + n - 5, 2);
	if (!clock_iso_date(local, out) || !str_to_int(hour, 23, &hours) || !str_to_int(text + n - 2, 59, &minutes))
		return false;
	*out -= (text[n - 6] == '+' ? 60 : -60) * (60 * hours + minutes);
	return true;
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
	if (!take_time(json_get(status, "expirationTimestamp"), &k->again_at))
		return unlike(k, err, "its expirationTimestamp is no time");
	if (!json_get(status, "clientCertificateData") != !json_get(status, "clientKeyData"))
		return unlike(k, err, "it has a client certificate without its key, or a key without its certificate");
	secret_set(&k->token, "", 0);
	if (!json_get(status, "token") && json_get(status, "clientKeyData")) /* the server's to judge */
		return true;
	if (!token || !str_is_token(token, strlen(token)) || !secret_set(&k->token, token, strlen(token)))
		return unlike(k, err, "there is no token in its status");
	return true;
}

/* Longer than daypass's own limit unless that was set: others ask az, or a person. */
static int64_t patience_ms(const struct config *c)
{
	const char *text = config_global(c, KEY_TIMEOUT);
	int64_t seconds = PLUGIN_S;
	if (!str_eq(text, config_keys[KEY_TIMEOUT].def))
		str_to_int(text, 10 * PLUGIN_S, &seconds);
	return seconds * 1000;
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
	struct proc_run r = {.argv = argv, .more_env = (const char *const *)env, .timeout_ms = patience_ms(k->ctx->config), .out = &answer, .err = &spoken};
	if (!k->ctx->proc->run(k->ctx->proc, &r, err)) {
		AUTO_STR heard = as_one(&spoken, " / ");
		AUTO_STR why = str_dup(err->msg);
		if (*heard)
			err_set(err, ERR_SOURCE, NULL, "%s; it said: %.*s", why, SHOWN_MAX, heard);
		return err_hint(err, "start it by hand: %s ...", kube_plain(k->program, "the program"));
	}
	if (r.status != 0) {
		AUTO_STR said = as_one(&spoken, " / ");
		err_set(err, ERR_SOURCE, NULL, "%s: exit status %d: %.*s", k->program, r.status, SHOWN_MAX, *said ? said : "it says nothing");
		return hint_plugin(k, err);
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
	buf_adds(found, secret_len(&k->token) ? "it answers with a token" : "it answers with a client certificate");
	return !notes.len || buf_addf(found, "\nnote: %s", notes.p);
}
