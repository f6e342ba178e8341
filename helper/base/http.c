#include "helper/base/http.h"

#include "helper/base/str.h"

struct http_response http_response_new(void)
{
	return (struct http_response){.body = secret_new(HTTP_MAX_BODY)};
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
