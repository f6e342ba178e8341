#include "helper/cmd/kube_exec.h"

#include "helper/base/json.h"
#include "helper/base/str.h"

static const char beta[] = "client.authentication.k8s.io/v1beta1", stable[] = "client.authentication.k8s.io/v1";
enum { JSON_MAX_BYTES = 256 * 1024 };

static const char *base_of(const char *command)
{
	const char *slash = strrchr(command, '/'), *back = strrchr(command, '\\');
	return slash ? slash + 1 : back ? back + 1 : command;
}

bool kube_command_is(const char *command, const char *program)
{
	AUTO_STR base = command ? str_dup(base_of(command)) : NULL;
	if (base)
		str_lower(base);
	return base && str_starts(base, program);
}

static bool contains_kubelogin(const char *command)
{
	AUTO_STR all = str_dup(command ? command : "");
	str_lower(all);
	return strstr(all, "kubelogin") != NULL;
}

/* Our own stanza: daypass kube get-token. */
static bool is_ours(const struct kube_user *u, const char *command)
{
	const struct yaml *args = yaml_get(u->exec, "args", NULL);
	bool kube = args && args->kind == YAML_LIST && args->count && str_eq(yaml_str(&args->items[0]), "kube");
	return (kube_command_is(command, "daypass") && kube) || kube_command_is(command, "kubectl-daypass");
}

enum kube_result kube_look(const struct kube_user *u, const struct kube_task *t, const char **why)
{
	const char *command = yaml_str(yaml_get(u->exec, "command", NULL));
	bool azure = str_eq(yaml_str(yaml_get(u->provider, "name", NULL)), "azure"), asked = false;
	*why = NULL;
	for (int i = 0; i < KUBE_FLAGS; i++)
		asked = asked || t->o.given[i];
	if (command && is_ours(u, command) && (t->o.theirs || !asked || !kube_command_is(command, "daypass")))
		return t->o.theirs ? KUBE_OTHER : KUBE_ALREADY;
	if (!azure && !contains_kubelogin(command) && !(command && is_ours(u, command)))
		return KUBE_OTHER;
	if (azure && u->exec)
		*why = "it has both an exec and an auth-provider, which kubectl refuses";
	else if (!azure && !is_ours(u, command) && !kube_command_is(command, "kubelogin"))
		*why = "its command is a program of another name, which may do more than kubelogin does";
	return *why ? KUBE_DOUBT : KUBE_CHANGED;
}

/* --- the stanza that calls kubelogin, or us --- */

/* A word that is no text: true, false. */
static void edit_word(struct yaml_edits *e, const struct yaml *node, const char *word)
{
	yaml_edit_bytes(e, node->from, node->to, str_dup(word));
	yaml_edit_want(e, node, YAML_INSTEAD, str_dup(word));
}

static bool set_text(const struct kube_user *u, const char *name, const char *value, struct yaml_edits *e, struct err *err)
{
	const struct yaml *node = yaml_get(u->exec, name, NULL);
	AUTO_BUF json = buf_new(JSON_MAX_BYTES);
	if (node && str_eq(yaml_str(node), value))
		return true;
	if (node)
		return yaml_edit_text(e, node, value, err);
	json_quote(&json, value);
	return yaml_edit_put(e, u->exec, "command", name, json.p, err);
}

static void put_args(const struct kube_stanza *s, struct buf *json)
{
	for (size_t i = 0; i < s->now_count; i++) {
		buf_addc(json, i ? ',' : '[');
		json_quote(json, s->now[i]);
	}
	buf_addc(json, ']');
}

static bool set_args(const struct kube_user *u, const struct kube_stanza *s, struct yaml_edits *e, struct err *err)
{
	const struct yaml *node = yaml_get(u->exec, "args", NULL);
	AUTO_BUF json = buf_new(JSON_MAX_BYTES);
	bool same = s->count == s->now_count;
	for (size_t i = 0; same && i < s->count; i++)
		same = str_eq(s->args[i], s->now[i]);
	if (same)
		return true;
	if (s->count)
		return yaml_edit_list(e, node, s->now, s->now_count, err);
	put_args(s, &json);
	return yaml_edit_put(e, u->exec, "command", "args", json.p, err);
}

static void put_variable(const char *dir, struct buf *json)
{
	buf_adds(json, "{\"name\":\"AZURE_CONFIG_DIR\",\"value\":");
	json_quote(json, dir);
	buf_addc(json, '}');
}

/* AZURE_CONFIG_DIR among the variables. */
static bool set_variable(const struct kube_user *u, const char *dir, struct yaml_edits *e, struct err *err)
{
	const struct yaml *env = yaml_get(u->exec, "env", NULL);
	AUTO_BUF one = buf_new(JSON_MAX_BYTES), list = buf_new(JSON_MAX_BYTES);
	put_variable(dir, &one);
	for (size_t i = 0; env && env->kind == YAML_LIST && i < env->count; i++) {
		const struct yaml *value = yaml_get(&env->items[i], "value", NULL);
		if (str_eq(yaml_str(yaml_get(&env->items[i], "name", NULL)), "AZURE_CONFIG_DIR"))
			return value && (str_eq(yaml_str(value), dir) || yaml_edit_text(e, value, dir, err));
	}
	if (env && env->kind == YAML_LIST && env->count)
		return yaml_edit_append(e, env, one.p, err);
	buf_addf(&list, "[%s]", one.p);
	return yaml_edit_put(e, u->exec, "command", "env", list.p, err);
}

static bool set_cluster_info(const struct kube_user *u, struct yaml_edits *e, struct err *err)
{
	const struct yaml *node = yaml_get(u->exec, "provideClusterInfo", NULL);
	if (!node || yaml_is_null(node))
		return yaml_edit_put(e, u->exec, "command", "provideClusterInfo", "true", err);
	if (node->kind == YAML_TEXT && !node->style && str_eq(node->text, "false"))
		edit_word(e, node, "true");
	return true;
}

/* Secrets stay where they are: no edit may carry one into the note. */
static bool spares_secrets(const struct kube_user *u, const struct kube_stanza *s, const struct yaml_edits *e, struct err *err)
{
	const struct yaml *list = yaml_get(u->exec, "args", NULL);
	bool next = false;
	for (size_t i = 0; i < s->count; i++) {
		const struct yaml *item = &list->items[i];
		bool secret = next;
		next = false;
		if (!secret)
			secret = kube_arg_is_secret(s->args[i], &next);
		for (size_t k = 0; secret && k < e->count; k++)
			if (e->list[k].from < item->to && e->list[k].to > item->from)
				return err_set(err, ERR_CONFIG, NULL, "a secret stands among its arguments, and daypass will not touch it");
	}
	return true;
}

static bool convert_exec(const struct kube_user *u, const struct kube_task *t, struct kube_stanza *s, struct yaml_edits *e, struct err *err)
{
	bool twice = false;
	const struct yaml *version = yaml_get(u->exec, "apiVersion", &twice);
	yaml_get(u->exec, "args", &twice);
	yaml_get(u->exec, "command", &twice);
	yaml_get(u->exec, "env", &twice);
	yaml_get(u->exec, "provideClusterInfo", &twice);
	if (twice)
		return err_set(err, ERR_CONFIG, NULL, "a member of its exec stands there twice");
	if (!kube_stanza_read(s, err) || !kube_stanza_plan(s, &t->o, &t->said, err))
		return false;
	/* v1beta1 stays: every kubectl from 1.20 to today's takes it, 1.20 and 1.21 and Java's client nothing else, and
	 * without interactiveMode it means IfAvailable. */
	bool known = version && (str_eq(yaml_str(version), beta) || str_eq(yaml_str(version), stable));
	if ((!known && !set_text(u, "apiVersion", beta, e, err)) || !set_args(u, s, e, err) || !set_text(u, "command", t->command, e, err))
		return false;
	if (t->o.azure_dir && t->o.mode == KUBE_CLI && !set_variable(u, t->o.azure_dir, e, err))
		return false;
	if (t->cluster_info && !set_cluster_info(u, e, err))
		return false;
	return spares_secrets(u, s, e, err);
}

/* --- the legacy auth-provider --- */

static const struct {
	const char *name;
	int flag; /* -1: something else */
} keys[] = {{"apiserver-id", KUBE_SERVER}, {"client-id", KUBE_CLIENT}, {"tenant-id", KUBE_TENANT}, {"environment", KUBE_ENVIRONMENT}, {"config-mode", -1}};

/* Is there more in it than names? kubectl kept its tokens there. */
static bool provider_holds_more(const struct kube_user *u)
{
	const struct yaml *config = yaml_get(u->provider, "config", NULL);
	for (size_t i = 0; config && config->kind == YAML_MAP && i < config->count; i += 2) {
		bool known = false;
		for (size_t k = 0; k < COUNT_OF(keys); k++)
			known = known || str_eq(config->items[i].text, keys[k].name);
		if (!known)
			return true;
	}
	return false;
}

static bool convert_provider(const struct kube_user *u, const struct kube_task *t, struct kube_stanza *s, struct yaml_edits *e, struct err *err)
{
	const struct yaml *config = yaml_get(u->provider, "config", NULL);
	AUTO_BUF json = buf_new(JSON_MAX_BYTES);
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		bool twice = false;
		const struct yaml *value = yaml_get(config, keys[i].name, &twice);
		if (twice || (value && !yaml_str(value) && !yaml_is_null(value) && !(value->style && !*value->text)))
			return err_set(err, ERR_CONFIG, NULL, "its %s %s", keys[i].name, twice ? "stands there twice" : "is no text");
		const char *text = value && *value->text ? yaml_str(value) : NULL;
		if (keys[i].flag >= 0)
			s->old[keys[i].flag] = text;
		else if (!text || str_eq(text, "0"))
			s->old[KUBE_LEGACY] = "true";
	}
	if (!kube_stanza_plan(s, &t->o, &t->said, err))
		return false;
	buf_addf(&json, "{\"apiVersion\":\"%s\",\"args\":", beta);
	put_args(s, &json);
	buf_adds(&json, ",\"command\":");
	json_quote(&json, t->command);
	if (t->o.azure_dir && t->o.mode == KUBE_CLI) {
		buf_adds(&json, ",\"env\":[");
		put_variable(t->o.azure_dir, &json);
		buf_addc(&json, ']');
	}
	buf_adds(&json, t->cluster_info ? ",\"provideClusterInfo\":true}" : "}");
	return yaml_edit_swap(e, u->user, "auth-provider", "exec", json.p, err);
}

bool kube_exec_convert(const struct kube_user *u, const struct kube_task *t, struct yaml_edits *e, struct kube_outcome *done, struct err *err)
{
	AUTO_STANZA s = {0};
	char **args;
	bool texts = kube_texts(yaml_get(u->exec, "args", NULL), &args, &s.count);
	s.args = args;
	bool ok = texts ? u->exec ? convert_exec(u, t, &s, e, err) : convert_provider(u, t, &s, e, err) : err_set(err, ERR_CONFIG, NULL, "its args are no list of texts");
	if (ok)
		str_set(&done->server, t->o.given[KUBE_SERVER] ? t->o.given[KUBE_SERVER] : s.old[KUBE_SERVER]);
	done->holds_secret = ok && kube_args_hold_secret(s.args, s.count);
	done->tokens_gone = ok && !u->exec && provider_holds_more(u);
	free(args);
	return ok;
}
