/* Requests to the server of `daypass exec`: nobody gets in without the secret, a page's or a proxy's request never, and what
 * is asked for is what the rules allow. */
#include "tests/fuzz/fuzz.h"

#include "helper/cmd/exec.h"
#include "helper/core/resource.h"

static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", allowed[] = "https://management.azure.com api://lob";

static void check_head(const struct http_in *h, const char *raw, size_t len)
{
	must(*h->path == '/' && h->query && h->length <= HTTP_IN_BODY_MAX);
	for (const char *p = h->path; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 127);
	must(memcmp(raw, h->post ? "POST " : "GET ", h->post ? 5 : 4) == 0);
	for (int i = 0; i < IN_HEADERS; i++)
		for (const char *p = h->value[i]; p && *p; p++)
			must(*p != '\r' && *p != '\n');
	must(!h->value[IN_ENCODING]);
}

/* Pairs taken apart one by one, from the end. */
static void check_params(const char *query)
{
	AUTO_STR value = http_in_param(query, "resource");
	size_t count = 0;
	AUTO_STR rest = str_dup(query);
	for (char *pair = rest, *next; pair; pair = next) {
		next = strchr(pair, '&');
		if (next)
			*next++ = 0;
		count += strcmp(pair, "resource") == 0 || strncmp(pair, "resource=", 9) == 0;
	}
	must(!value || count == 1);
	must(!value || !str_has_control(value));
}

static void check_ask(struct http_in *h, const char *body, const char *raw, size_t len)
{
	struct exec x = {.host = "127.0.0.1:1024", .oidc = true};
	const char *why = NULL;
	AUTO_ASK a = {0};
	memcpy(x.secret, secret, sizeof secret);
	x.allow = (char *)(uintptr_t)allowed;
	x.plan.audience = (char *)(uintptr_t)"api://AzureADTokenExchange";
	int status = ask_read(&x, h, body, &a, &why);
	must(why && (status == 0 || status == 400 || status == 403));
	must(!status || !strstr(why, secret));
	if (status)
		return;
	must(!h->relayed && str_eq(h->value[IN_HOST], x.host) && (memmem(raw, len, secret, strlen(secret)) || strstr(h->path, secret)));
	must(a.resource ? resource_ok(a.resource) && resource_listed(allowed, a.resource) : a.shape == ASK_GITHUB || a.shape == ASK_PIPELINES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *raw = (const char *)data, *why = NULL;
	struct http_in h;
	size_t end = http_in_end(raw, size);
	must(end <= size && (!end || memcmp(raw + end - 4, "\r\n\r\n", 4) == 0));
	if (!end || end > HTTP_IN_HEAD_MAX)
		return 0;
	AUTO_STR head = str_ndup(raw, end);
	if (memchr(raw, 0, end))
		return 0;
	AUTO_STR body = str_ndup(raw + end, size - end);
	int status = http_in_read(head, end, &h, &why);
	must(why && (status == 0 || status == 400 || status == 405 || status == 413));
	if (status)
		return 0;
	check_head(&h, raw, end);
	check_params(h.query);
	check_params(body);
	check_ask(&h, body, raw, size);
	return 0;
}
