/* Docker's words: servers as clients write them, and an answer as its helpers do. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "protocols/docker.h"

enum { SERVER_MAX = 4096 };

/* A byte that no server's name or path has; bytes beyond ASCII too: no look-alikes. */
static bool has_odd_byte(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p <= ' ' || *p >= 0x7F || *p == '\\')
			return true;
	return false;
}

static bool climbs(const char *path)
{
	return str_eq(path, "..") || str_starts(path, "../") || strstr(path, "/../") || str_ends(path, "/..");
}

/* "HOST:PORT" taken apart, the final dot dropped; a name that is none of a host becomes "". */
static void take_host(struct request *r)
{
	int64_t port = 0;
	char *colon = strrchr(r->host, ':');
	bool ok = !colon || (colon[1] != '0' && str_to_int(colon + 1, 65535, &port) && port);
	if (colon)
		*colon = 0;
	size_t len = strlen(r->host);
	if (len && r->host[len - 1] == '.')
		r->host[len - 1] = 0;
	str_lower(r->host);
	r->port = port == url_own_port(r->scheme) ? 0 : (int)port;
	if (!ok || !url_host_ok(r->host))
		str_set(&r->host, "");
}

bool docker_server(const char *text, struct request *r)
{
	if (strlen(text) > SERVER_MAX || has_odd_byte(text))
		return false;
	const char *mark = strstr(text, "://"), *rest = mark ? mark + 3 : text;
	r->scheme = mark ? str_ndup(text, (size_t)(mark - text)) : str_dup("https");
	str_lower(r->scheme);
	size_t host = strcspn(rest, "/?#");
	const char *path = rest + host + strspn(rest + host, "/");
	r->path = str_ndup(path, strcspn(path, "?#"));
	r->host = str_ndup(rest, host);
	take_host(r);
	if (!climbs(r->path))
		return true;
	str_set(&r->host, NULL);
	return false;
}

void docker_answer(struct buf *out, const char *server, const char *user, const char *secret)
{
	const char *const names[] = {"{\"ServerURL\":", ",\"Username\":", ",\"Secret\":"}, *const values[] = {server, user, secret};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		buf_adds(out, names[i]);
		json_quote(out, values[i]);
	}
	buf_adds(out, "}\n");
}
