#include "helper/core/request.h"

#include "helper/base/str.h"

void request_free(struct request *r)
{
	free(r->scheme);
	free(r->host);
	free(r->path);
	free(r->user);
	free(r->resource);
	free(r->tenant);
	free(r->claims);
	if (r->settings)
		config_settings_free(r->settings);
	free(r->settings);
	*r = (struct request){0};
}

bool request_is_plain_https(const struct request *r)
{
	return str_eq(r->scheme, "https") && !r->port;
}

/* Azure DevOps: letters, digits and hyphens, at most 50 of them; 64 leaves room. */
static bool is_organization(const char *s, size_t len)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	return len > 0 && len <= 64 && strspn(s, set) >= len;
}

char *request_organization(const struct request *r)
{
	const char *from = r->path;
	if (str_ends(r->host, ".visualstudio.com"))
		from = r->host;
	else if (str_empty(from))
		from = r->user;
	size_t len = from ? strcspn(from, from == r->host ? "." : "/") : 0;
	return len && is_organization(from, len) ? str_ndup(from, len) : NULL;
}
