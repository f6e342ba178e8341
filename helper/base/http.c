#include "helper/base/http.h"

#include "helper/base/str.h"
#include "helper/base/url.h"

struct http_response http_response_up_to(size_t most)
{
	return (struct http_response){.body = secret_new(most)};
}

struct http_response http_response_new(void)
{
	return http_response_up_to(HTTP_MAX_BODY);
}

void http_response_free(struct http_response *r)
{
	secret_free(&r->body);
}

bool http_is_json(const struct http_response *r)
{
	AUTO_STR type = str_ndup(r->content_type, strcspn(r->content_type, "; "));
	str_lower(type);
	return str_eq(type, "application/json") || str_ends(type, "+json");
}

void http_end(struct http *http)
{
	str_wipe_free(http->proxy);
	free(http->ca_file);
	http->proxy = http->ca_file = NULL;
}

char *http_host(const char *url)
{
	AUTO_URL u = {0};
	return str_dup(url_parse(url, &u) ? u.host : "the service");
}
