#include "helper/core/config_check.h"

#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/cloud.h"
#include "helper/core/resource.h"

const char *is_tenant(const char *value)
{
	return str_is_tenant(value) ? NULL : "a tenant is a GUID (8-4-4-4-12 hexadecimal digits) or a domain such as contoso.onmicrosoft.com";
}

const char *is_guid(const char *value)
{
	return str_is_guid(value) ? NULL : "it must be a GUID: 8-4-4-4-12 hexadecimal digits";
}

const char *is_text(const char *value)
{
	return !str_empty(value) && strlen(value) <= 600 ? NULL : "it must be 1 to 600 bytes long";
}

const char *is_word(const char *value)
{
	size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n && !value[n] ? NULL : "it must be a word of small letters, digits and hyphens";
}

const char *is_cloud(const char *value)
{
	return cloud_by_name(value) ? NULL : "it must be public, usgov or china (for others: authority = https://...)";
}

const char *is_https(const char *value)
{
	AUTO_URL u = {0};
	bool ok = url_parse(value, &u) && str_eq(u.scheme, "https") && !u.user && str_empty(u.path) && !u.query;
	return ok ? NULL : "it must be https://HOST or https://HOST:PORT";
}

const char *is_source_url(const char *value)
{
	AUTO_URL u = {0};
	bool near = url_parse(value, &u) && str_eq(u.scheme, "http") && (url_is_loopback(u.host) || url_is_link_local(u.host));
	return !u.user && (near || str_eq(u.scheme, "https")) ? NULL : "it must be https://HOST/PATH, or http:// on this machine (127.0.0.1, localhost)";
}

const char *is_header(const char *value)
{
	size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
	return n && !value[n] ? NULL : "it must be the name of a header: letters, digits and hyphens";
}

const char *is_subject_claim(const char *value)
{
	size_t n = strspn(value, "abcdefghijklmnopqrstuvwxyz_");
	return n && !value[n] ? NULL : "it must be the name of a claim: small letters and underscores";
}

const char *is_path(const char *value)
{
	return value[0] == '/' ? NULL : "it must be an absolute path";
}

const char *is_name(const char *value)
{
	bool digit = value[0] >= '0' && value[0] <= '9';
	size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
	return n && !value[n] && !digit ? NULL : "it must be the name of a variable";
}

const char *is_command(const char *value)
{
	char **words = str_words(value);
	bool ok = words && words[0][0] == '/';
	free(words);
	return ok ? NULL : "it must begin with the absolute path of a program; words are split at blanks, double quotes group";
}

const char *is_resource_id(const char *value)
{
	size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-()");
	bool ok = !value[n] && n <= 600 && strncasecmp(value, "/subscriptions/", strlen("/subscriptions/")) == 0;
	return ok ? NULL : "it must be of the form /subscriptions/.../providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME";
}

const char *is_region(const char *value)
{
	size_t n = strlen(value);
	bool ok = n <= 32 && strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && n > 2 && value[0] >= 'a' && value[n - 2] == '-' && value[n - 1] >= '1';
	return ok && value[n - 1] <= '9' ? NULL : "it must be a region of AWS, such as eu-west-1";
}

const char *is_resources(const char *value)
{
	char **words = str_words(value);
	size_t i = 0;
	while (words && words[i] && resource_ok(words[i]))
		i++;
	bool ok = words && !words[i];
	free(words);
	return ok ? NULL : "it must be one or more resources (https://vault.azure.net), with blanks between them";
}

const char *is_subject(const char *value)
{
	return str_eq(value, "connection") || str_eq(value, "pipeline") ? NULL : "it must be connection or pipeline";
}

const char *is_on_failure(const char *value)
{
	return str_eq(value, "stop") || str_eq(value, "soft") ? NULL : "it must be stop or soft";
}

const char *is_cache(const char *value)
{
	return str_eq(value, "auto") || str_eq(value, "none") ? NULL : "it must be auto or none";
}

const char *is_hot(const char *value)
{
	return str_eq(value, "auto") || str_eq(value, "sealed") ? NULL : "it must be auto or sealed";
}

const char *is_store(const char *value)
{
	return str_eq(value, "none") || str_eq(value, "keyring") ? NULL : "it must be none or keyring";
}

const char *is_registry_user(const char *value)
{
	return str_eq(value, "guid") || str_eq(value, "token") ? NULL : "it must be guid or token";
}

const char *is_mode(const char *value)
{
	return str_eq(value, "exchange") || str_eq(value, "direct") ? NULL : "it must be exchange or direct";
}

const char *is_host(const char *value)
{
	AUTO_STR lower = str_dup(value);
	str_lower(lower);
	return url_host_ok(value) && strchr(value, '.') && str_eq(lower, value) ? NULL : "it must be the name of a host, in small letters";
}

const char *is_helper(const char *value)
{
	size_t n = strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	if (str_eq(value, "daypass"))
		return "daypass cannot be its own fallback";
	return n && !value[n] && *value != '.' ? NULL : "it must be what follows docker-credential- in a program's name: desktop, secretservice, pass";
}

const char *is_keyring(const char *value)
{
	return str_eq(value, "auto") || str_eq(value, "always") || str_eq(value, "off") ? NULL : "it must be auto, always or off";
}

const char *is_timeout(const char *value)
{
	int64_t seconds;
	return str_to_int(value, 600, &seconds) && seconds > 0 ? NULL : "it must be a number of seconds, 1 to 600";
}

/* The pattern with a letter for each "*" that stands for a label, so that it can be judged as a URL; NULL where a "*"
 * stands beside other letters. */
static char *plain_pattern(const char *pattern)
{
	char *plain = str_dup(pattern);
	char *host = strstr(plain, "://") + 3;
	for (char *p = host; *p && *p != '/'; p++) {
		bool whole = (p == host || p[-1] == '.') && (!p[1] || p[1] == '.' || p[1] == '/' || p[1] == ':');
		if (*p == '*' && !whole) {
			free(plain);
			return NULL;
		}
		if (*p == '*')
			*p = 'x';
	}
	return plain;
}

/* Every "*" a label of its own? */
static bool whole_labels(const char *pattern)
{
	for (const char *p = strchr(pattern, '*'); p; p = strchr(p + 1, '*'))
		if ((p > pattern && p[-1] != '.') || (p[1] && p[1] != '.' && p[1] != ':'))
			return false;
	return true;
}

/* HOST, or HOST:PORT for what is only kept. */
static const char *bad_registry(const char *pattern, bool keeps)
{
	int64_t port;
	size_t host = strcspn(pattern, "/:@?#% \t");
	bool ok = !pattern[host] || (keeps && pattern[host] == ':' && str_to_int(pattern + host + 1, 65535, &port));
	return ok && host && whole_labels(pattern) ? NULL : "a registry's pattern is a bare host, such as *.azurecr.io (HOST:PORT only with store = keyring)";
}

const char *config_bad_pattern(const char *pattern, bool keeps)
{
	AUTO_URL u = {0};
	if (str_starts(pattern, "kube:"))
		return NULL;
	if (str_starts(pattern, "resource:"))
		return resource_ok(pattern + strlen("resource:")) || str_eq(pattern, "resource:*") ? NULL : "a resource's pattern is resource:URI, such as resource:https://vault.azure.net, or resource:*";
	if (!strstr(pattern, "://"))
		return bad_registry(pattern, keeps);
	bool https = str_starts(pattern, "https://");
	if (!https && !(keeps && str_starts(pattern, "http://")))
		return "tokens go to https only: write https://HOST[/PATH] (http is for what you have kept in the keyring: store = keyring)";
	AUTO_STR plain = plain_pattern(pattern);
	AUTO_BUF path = buf_new(4096);
	bool ok = plain && url_parse(plain, &u) && !u.user && !u.query && url_decode(&path, u.path);
	if (!ok || (!keeps && u.port && u.port != 443))
		return "a pattern is https://HOST[/PATH], where * stands for a whole label of HOST, without user, port or query";
	return NULL;
}

const char *config_near(const char *word, const char *const *list, size_t count)
{
	const char *best = NULL;
	int least = 4; /* further apart is no typing mistake */
	for (size_t i = 0; i < count; i++) {
		int d = str_distance(word, list[i]);
		if (d < least) {
			least = d;
			best = list[i];
		}
	}
	return best;
}
