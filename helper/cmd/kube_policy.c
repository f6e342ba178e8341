/* Which plugins kubectl may start at all: entries are names as they stand in the kubeconfig, or the path that PATH leads to,
 * links not followed; kubectl 1.35 knows them as "name", later ones as "command". */
#include "helper/cmd/kube_policy.h"

#include "helper/base/file.h"
#include "helper/base/proc.h"
#include "helper/base/str.h"
#include "helper/base/yaml.h"

enum { FILE_MAX = 1024 * 1024 };

static bool is_listed(const struct env *env, const char *command, const struct yaml *list)
{
	AUTO_STR found = strchr(command, '/') ? NULL : proc_find(env, command, false);
	for (size_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
		const char *entry = yaml_str(yaml_get(&list->items[i], "command", NULL));
		entry = entry ? entry : yaml_str(yaml_get(&list->items[i], "name", NULL));
		if (str_eq(entry, command) || str_eq(entry, found))
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
	const char *policy = yaml_str(yaml_get(&y, "credentialPluginPolicy", NULL));
	if (str_eq(policy, "DenyAll"))
		return KUBE_DENIED;
	bool listed = !str_eq(policy, "Allowlist") || is_listed(env, command, yaml_get(&y, "credentialPluginAllowlist", NULL));
	return listed ? KUBE_ALLOWED : KUBE_UNLISTED;
}

char *kube_policy_hint(const char *command)
{
	return str_printf("kubectl kuberc set --section credentialplugin --policy Allowlist --allowlist-entry command=%s", command);
}
