/* The first steps of `kube check`: what the kubeconfigs say, merged as client-go does (the first of a name counts). */
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/kube_check.h"

#define GET_IT "az aks get-credentials --resource-group GROUP --name CLUSTER --format exec"
#define GROUP "client.authentication.k8s.io/"

const char *kube_plain(const char *name, const char *instead)
{
	bool plain = *name && *name != '-' && !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@+=,")];
	return plain ? name : instead;
}

static bool is_true(const struct yaml *map, const char *name)
{
	const struct yaml *y = yaml_get(map, name, NULL);
	return y && str_eq(y->text, "true");
}

/* A member of a list of named entries, in the first file that has it: what stands under `within`. */
static const struct yaml *entry(const struct kube_check *k, const char *list, const char *within, const char *name, const char **file)
{
	for (size_t f = 0; f < k->count; f++) {
		const struct yaml *all = yaml_get(&k->views[f].root, list, NULL);
		for (size_t i = 0; all && all->kind == YAML_LIST && i < all->count; i++) {
			const struct yaml *item = &all->items[i];
			if (!str_eq(yaml_str(yaml_get(item, "name", NULL)), name))
				continue;
			*file = k->views[f].path;
			const struct yaml *inner = yaml_get(item, within, NULL);
			return inner ? inner : item;
		}
	}
	return NULL;
}

static bool read_views(struct kube_check *k, struct err *err)
{
	k->views = mem_alloc((k->files.count + 1) * sizeof *k->views);
	for (size_t i = 0; i < k->files.count; i++) {
		const struct kube_file *f = &k->files.files[i];
		k->count++;
		if (!kube_view_read(f->path, &f->old, &k->views[i], err))
			return err->hint[0] ? false : err_hint(err, "correct the file; one with anchors or tags: kubectl config view --raw --flatten >FILE, and daypass kube check --kubeconfig FILE");
	}
	return true;
}

static const char *current_context(const struct kube_check *k)
{
	for (size_t i = 0; i < k->count; i++) {
		const char *name = yaml_str(yaml_get(&k->views[i].root, "current-context", NULL));
		if (!str_empty(name))
			return name;
	}
	return NULL;
}

bool kube_check_config(struct kube_check *k, struct buf *found, struct err *err)
{
	const char *file;
	if (!kube_job_open(&k->files, err))
		return err->hint[0] ? false : err_hint(err, GET_IT);
	if (!read_views(k, err))
		return false;
	k->context = k->context ? k->context : current_context(k);
	if (!k->context)
		return err_set(err, ERR_CONFIG, "kubectl config use-context NAME, or daypass kube check --context NAME", "%s names no current-context", k->views[0].path);
	k->place = entry(k, "contexts", "context", k->context, &file);
	if (!k->place)
		return err_set(err, ERR_CONFIG, "kubectl config get-contexts", "no context exists with the name: \"%s\"", k->context);
	for (size_t i = 0; i < k->count; i++)
		buf_addf(found, "%s%s", i ? ", " : "", k->views[i].path);
	return buf_addf(found, "\ncontext %s", k->context);
}

char *kube_path(const char *file, const char *path)
{
	const char *slash = strrchr(file, '/');
	if (path[0] == '/' || !slash)
		return str_dup(path);
	path += str_starts(path, "./") ? 2 : 0;
	return str_printf("%.*s/%s", (int)(slash - file), file, path);
}

/* certificate-authority-data: base64 of PEM. */
static bool decode_ca(const char *data, struct buf *out)
{
	AUTO_BUF plain = buf_new(KUBE_MAX_BYTES);
	for (; *data; data++)
		if (!strchr(" \r\n", *data))
			buf_addc(&plain, *data);
	return seal_b64_decode(out, plain.p, plain.len) && strstr(out->p, "-----BEGIN CERTIFICATE-----");
}

static bool take_ca(struct kube_check *k, const char *file, struct err *err)
{
	const char *data = yaml_str(yaml_get(k->cluster, "certificate-authority-data", NULL)), *path = yaml_str(yaml_get(k->cluster, "certificate-authority", NULL));
	if (!str_empty(data))
		return decode_ca(data, &k->ca) || err_set(err, ERR_CONFIG, GET_IT, "%s: the cluster's certificate-authority-data is no certificate in PEM and base64", file);
	AUTO_STR whole = str_empty(path) ? NULL : kube_path(file, path);
	return !whole || file_read(whole, &k->ca, NULL, ERR_CONFIG, err) || err_hint(err, GET_IT);
}

bool kube_check_cluster(struct kube_check *k, struct buf *found, struct err *err)
{
	AUTO_URL u = {0};
	const char *name = yaml_str(yaml_get(k->place, "cluster", NULL)), *file;
	k->cluster = name ? entry(k, "clusters", "cluster", name, &file) : NULL;
	if (!k->cluster)
		return err_set(err, ERR_CONFIG, GET_IT, "context %s is of the cluster \"%s\", which is not there", k->context, name ? name : "");
	k->server = yaml_str(yaml_get(k->cluster, "server", NULL));
	k->proxy = yaml_str(yaml_get(k->cluster, "proxy-url", NULL));
	k->tls_name = yaml_str(yaml_get(k->cluster, "tls-server-name", NULL));
	if (!k->server)
		return err_set(err, ERR_CONFIG, GET_IT, "%s: the cluster %s has no server", file, name);
	if (!url_parse(k->server, &u) || !str_eq(u.scheme, "https") || u.user || u.query)
		return err_set(err, ERR_CONFIG, GET_IT, "%s: the server of cluster %s is '%s': tokens go to https://HOST[:PORT] only", file, name, k->server);
	if (is_true(k->cluster, "insecure-skip-tls-verify"))
		return err_set(err, ERR_POLICY, "give it the cluster's certificate-authority-data in the place of insecure-skip-tls-verify", "%s: the cluster %s lets anybody pose as its server, so no token is sent there from here", file, name);
	return take_ca(k, file, err) && buf_addf(found, "%s, %s%s%s", name, k->server, k->proxy ? " by proxy " : "", k->proxy ? k->proxy : "");
}

/* --- the user --- */

/* What a user has in the place of a plugin, or before it; NULL: nothing. */
static const char *other_way(const struct yaml *user)
{
	static const char *const ways[][2] = {{"auth-provider", "an auth-provider, which kubectl has no more"}, {"token", "a token of its own"}, {"tokenFile", "a token of its own"},
					      {"client-certificate", "a client certificate"}, {"client-certificate-data", "a client certificate"}, {"username", "a password"}};
	for (size_t i = 0; i < COUNT_OF(ways); i++)
		if (!yaml_is_null(yaml_get(user, ways[i][0], NULL)))
			return ways[i][1];
	return NULL;
}

static bool no_plugin(const struct kube_check *k, const struct yaml *user, struct err *err)
{
	const char *other = other_way(user), *has = other ? other : "nothing to log in with";
	return err_set(err, ERR_CONFIG, str_starts(has, "an auth") ? "daypass configure kube" : GET_IT, "%s: the user %s has %s, and no exec plugin", k->user_file, k->user, has);
}

static bool odd(const struct kube_check *k, struct err *err, const char *why)
{
	return err_set(err, ERR_CONFIG, "daypass configure kube", "%s: kubectl does not take the exec stanza of user %s: %s", k->user_file, k->user, why);
}

static bool good_version(struct kube_check *k, struct err *err)
{
	static const char *const modes[] = {"Never", "IfAvailable", "Always"};
	const char *mode = yaml_str(yaml_get(k->exec, "interactiveMode", NULL));
	bool known = !mode;
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		known = known || str_eq(mode, modes[i]);
	k->version = yaml_str(yaml_get(k->exec, "apiVersion", NULL));
	AUTO_STR why = !k->version ? str_dup("it has no apiVersion")
		     : str_eq(k->version, GROUP "v1alpha1") ? str_dup("v1alpha1 ended with Kubernetes 1.24")
		     : !str_eq(k->version, GROUP "v1") && !str_eq(k->version, GROUP "v1beta1") ? str_printf("apiVersion %s is not known", k->version)
		     : !known ? str_printf("interactiveMode %s is not known", mode)
		     : !mode && str_eq(k->version, GROUP "v1") ? str_dup("with v1 it must have an interactiveMode, such as IfAvailable") : NULL;
	return !why || odd(k, err, why);
}

static bool good_env(const struct yaml *list)
{
	bool ok = yaml_is_null(list) || list->kind == YAML_LIST;
	for (size_t i = 0; ok && list && i < list->count; i++)
		ok = !str_empty(yaml_str(yaml_get(&list->items[i], "name", NULL))) && yaml_str(yaml_get(&list->items[i], "value", NULL));
	return ok;
}

bool kube_check_user(struct kube_check *k, struct buf *found, struct err *err)
{
	struct err foreign = ERR_INIT;
	k->user = yaml_str(yaml_get(k->place, "user", NULL));
	const struct yaml *user = k->user ? entry(k, "users", "user", k->user, &k->user_file) : NULL;
	if (!user)
		return err_set(err, ERR_CONFIG, GET_IT, "context %s is of the user \"%s\", who is not there", k->context, k->user ? k->user : "");
	k->exec = yaml_get(user, "exec", NULL);
	if (yaml_is_null(k->exec) || k->exec->kind != YAML_MAP)
		return no_plugin(k, user, err);
	if (!yaml_is_null(yaml_get(user, "auth-provider", NULL)))
		return odd(k, err, "it stands beside an auth-provider");
	if (other_way(user))
		return err_set(err, ERR_CONFIG, "take that out of the kubeconfig", "%s: the user %s has %s beside its exec stanza, and kubectl never asks the plugin", k->user_file, k->user, other_way(user));
	if (str_empty(yaml_str(yaml_get(k->exec, "command", NULL))))
		return odd(k, err, "it has no command");
	if (!good_version(k, err))
		return false;
	if (!kube_texts(yaml_get(k->exec, "args", NULL), &k->args, &k->stanza.count))
		return odd(k, err, "its args are no list of texts");
	if (!good_env(yaml_get(k->exec, "env", NULL)))
		return odd(k, err, "its env is no list of names and values");
	k->stanza.args = k->args;
	kube_stanza_read(&k->stanza, &foreign); /* what can be understood of it is enough */
	return buf_addf(found, "%s: %s %s, %s", k->user, yaml_str(yaml_get(k->exec, "command", NULL)), k->stanza.count ? k->args[0] : "", k->version + strlen(GROUP));
}
