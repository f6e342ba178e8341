/* Which plugins kubectl may start at all: entries are names as they stand in the kubeconfig, or the path that PATH leads to,
 * links not followed; kubectl 1.35 knows them as "name", later ones as "command". */
#include "helper/cmd/kube_policy.h"

#include "helper/base/file.h"
#include "helper/base/proc.h"
#include "helper/base/str.h"
#include "helper/base/yaml.h"

enum { FILE_MAX = 1024 * 1024 };

static char *looked_up(const struct env *env, const char *command)
{
	return strchr(command, '/') ? str_dup(command) : proc_find(env, command, false);
}

static bool is_listed(const struct env *env, const char *command, const struct yaml *list)
{
	AUTO_STR found = looked_up(env, command);
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		const char *entry = yaml_str(yaml_get(&list->items[i], "command", NULL));
		entry = entry ? entry : yaml_str(yaml_get(&list->items[i], "name", NULL));
		AUTO_STR path = entry ? looked_up(env, entry) : NULL;
		if (str_eq(entry, command) || (found && str_eq(path, found)))
			return true;
	}
	return false;
}

enum kube_policy kube_policy_of(const struct env *env, const char *command, char **path)
{
	const char *named = env_get(env, "KUBERC"), *home = env_get(env, "HOME");
	AUTO_STR file = named ? str_dup(named) : home ? str_printf("%s/.kube/kuberc", home) : NULL;
	AUTO_BUF text = buf_new(FILE_MAX);
	AUTO_YAML y = {0};
	struct err err;
	*path = NULL;
	if (!file || str_eq(named, "off") || !file_read(file, &text, NULL, ERR_CONFIG, &err) || !yaml_tree_read(file, &text, &y, &err))
		return KUBE_ALLOWED;
	*path = str_dup(file);
	const struct yaml *policy = yaml_get(&y, "credentialPluginPolicy", NULL), *list = yaml_get(&y, "credentialPluginAllowlist", NULL);
	bool any = list && list->kind == YAML_LIST && list->count, allowlist = str_eq(yaml_str(policy), "Allowlist");
	if (any != allowlist)
		return KUBE_REFUSED;
	if (allowlist)
		return is_listed(env, command, list) ? KUBE_ALLOWED : KUBE_UNLISTED;
	if (str_eq(yaml_str(policy), "DenyAll"))
		return KUBE_DENIED;
	return yaml_is_null(policy) || str_eq(yaml_str(policy), "AllowAll") || str_eq(yaml_str(policy), "") ? KUBE_ALLOWED : KUBE_REFUSED;
}

char *kube_policy_hint(const char *command)
{
	bool plain = !command[strspn(command, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+@")];
	const char *name = plain ? command : "COMMAND";
	return str_printf("there, credentialPluginPolicy: Allowlist, and under credentialPluginAllowlist the line: - command: %s   (kubectl 1.35: - name: %s)", name, name);
}
