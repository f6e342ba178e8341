#include "helper/core/hosts.h"

#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/registry.h"
#include "helper/core/resource.h"

static const struct host_row hosts[] = {
#define HOST(kind, pattern, cloud, resource, by_match) {kind, pattern, cloud, resource, by_match},
#include "helper/core/hosts.def"
#undef HOST
};

const struct host_row *hosts_find(const struct request *r)
{
	/* Azure's own names below visualstudio.com, which are no organizations. */
	static const char *const reserved[] = {"app", "www", "vs-ssh", "marketplace", "login", "aex", "static"};
	for (size_t i = 0; i < COUNT_OF(reserved); i++) {
		size_t n = strlen(reserved[i]);
		if (str_starts(r->host, reserved[i]) && str_eq(r->host + n, ".visualstudio.com"))
			return NULL;
	}
	bool served = request_is_plain_https(r) && (r->kind != REQUEST_DOCKER || registry_host_ok(r->host));
	for (size_t i = 0; served && i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == r->kind && url_host_match(hosts[i].pattern, r->host))
			return &hosts[i];
	return NULL;
}

char *hosts_job(const struct ctx *ctx)
{
	AUTO_URL u = {0};
	const char *uri = env_get(&ctx->env, "TF_BUILD") ? env_get(&ctx->env, "SYSTEM_COLLECTIONURI") : NULL;
	return uri && url_parse(uri, &u) && str_eq(u.scheme, "https") ? str_dup(u.host) : NULL;
}

bool hosts_names_domain(const char *pattern)
{
	const char *star = strrchr(pattern, '*');
	return star ? star[1] && strchr(star + 2, '.') : strchr(pattern, '.') != NULL;
}

bool hosts_serve(enum request_kind kind, const char *pattern)
{
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == kind && (url_host_match(hosts[i].pattern, pattern) || url_host_match(pattern, hosts[i].pattern)))
			return true;
	return kind == REQUEST_DOCKER && hosts_names_domain(pattern);
}

bool hosts_known(const struct ctx *ctx, const struct request *r)
{
	const struct host_row *row = hosts_find(r);
	AUTO_STR job = row && row->by_match ? hosts_job(ctx) : NULL;
	return row && (!row->by_match || str_eq(job, r->host));
}

const char *hosts_registry_cloud(const char *host)
{
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (hosts[i].kind == REQUEST_DOCKER && url_host_match(hosts[i].pattern, host))
			return hosts[i].cloud;
	return NULL;
}
