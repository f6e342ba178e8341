#include "helper/core/match.h"

#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/resource.h"

/* A pattern taken apart: SCHEME://HOST[:PORT][/PATH] for git, path decoded; HOST[:PORT] for docker, of any scheme, and
 * behind "kube:". */
struct pattern {
	char scheme[8], host[256], path[1024];
	int64_t port; /* 0: the scheme's own */
	int segments;
	bool every; /* "*" alone, in a section that gives no tokens: every host, on every port */
};

static enum request_kind pattern_kind(const struct section *s)
{
	if (str_starts(s->name, "kube:"))
		return REQUEST_KUBE;
	if (str_starts(s->name, "resource:"))
		return REQUEST_RESOURCE;
	return strstr(s->name, "://") ? REQUEST_GIT : REQUEST_DOCKER;
}

/* resource:URI, or "resource:*" for all. */
static int covers_resource(const struct section *s, const struct request *r, struct pattern *p)
{
	const char *name = s->name + strlen("resource:");
	*p = (struct pattern){0};
	p->host[0] = str_eq(name, "*") ? '*' : 0;
	return *p->host ? 1 : r->resource && resource_same(name, r->resource) ? 2 : 0;
}

static bool is_about(const struct section *s, enum request_kind of, enum match_kind kind)
{
	return s->kind == SECTION_MATCH && pattern_kind(s) == of && !(kind == MATCH_TOKENS && config_keeps_only(s));
}

static bool take_port(struct pattern *p)
{
	char *colon = strchr(p->host, ':');
	if (!colon)
		return true;
	*colon = 0;
	bool ok = str_to_int(colon + 1, 65535, &p->port);
	if (p->port == url_own_port(*p->scheme ? p->scheme : "https"))
		p->port = 0;
	return ok;
}

static bool parse(const struct section *s, struct pattern *p)
{
	const char *name = str_starts(s->name, "kube:") ? s->name + strlen("kube:") : s->name;
	const char *mark = strstr(name, "://"), *rest = mark ? mark + 3 : name;
	size_t scheme = mark ? (size_t)(mark - name) : 0, len = strcspn(rest, "/");
	*p = (struct pattern){0};
	if (scheme >= sizeof p->scheme || len >= sizeof p->host)
		return false;
	memcpy(p->scheme, name, scheme);
	memcpy(p->host, rest, len);
	str_lower(p->host);
	rest += len + strspn(rest + len, "/");
	AUTO_BUF path = buf_new(sizeof p->path - 1);
	if (!take_port(p) || !url_decode(&path, rest))
		return false;
	while (path.len && path.p[path.len - 1] == '/')
		path.p[--path.len] = 0;
	memcpy(p->path, path.p, path.len + 1);
	p->segments = *p->path ? 1 : 0;
	for (const char *c = p->path; *c; c++)
		p->segments += *c == '/';
	p->every = str_eq(p->host, "*") && !p->port && config_keeps_only(s);
	return true;
}

static bool covers_host(const struct pattern *p, const struct request *r)
{
	if (!r->host)
		return false;
	return (!*p->scheme || str_eq(p->scheme, r->scheme)) && (p->every || (p->port == r->port && url_host_match(p->host, r->host)));
}

/* Is prefix equal to path, or to as many whole segments at its beginning? */
static bool covers(const char *prefix, const char *path)
{
	size_t n = strlen(prefix);
	if (n == 0)
		return true;
	if (strlen(path) < n || (path[n] && path[n] != '/'))
		return false;
	AUTO_STR head = str_ndup(path, n);
	return str_ieq(head, prefix);
}

/* What a section gives: tokens of an identity, or only what was kept. */
static const char *gives(const struct section *s)
{
	if (config_keeps_only(s))
		return "";
	return s->set[KEY_IDENTITY].value ? s->set[KEY_IDENTITY].value : config_keys[KEY_IDENTITY].def;
}

/* Literal before wildcard, longer path before shorter: one number. */
static int rank(const struct pattern *p)
{
	return p->segments * 2 + (strchr(p->host, '*') == NULL) + 1;
}

/* How well a section covers the request; 0: not at all. */
static int covered(const struct section *s, const struct request *r, const char *path, struct pattern *p)
{
	if (r->kind == REQUEST_RESOURCE)
		return covers_resource(s, r, p);
	return parse(s, p) && covers_host(p, r) && covers(p->path, path) ? rank(p) : 0;
}

static struct match found(const struct section *s, const struct pattern *p)
{
	return (struct match){.result = MATCH_FOUND, .section = s, .literal = strchr(p->host, '*') == NULL};
}

/* Without a path: good when all patterns of the host agree on one identity. */
static struct match without_path(const struct config *c, const struct request *r, enum match_kind kind)
{
	struct match m = {.result = MATCH_NONE};
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		struct pattern p;
		if (!is_about(s, r->kind, kind) || !parse(s, &p) || !covers_host(&p, r))
			continue;
		if (m.section && !str_eq(gives(m.section), gives(s)))
			return (struct match){.result = MATCH_UNCLEAR};
		if (!m.section)
			m = found(s, &p);
	}
	return m;
}

static bool any_about(const struct config *c, enum request_kind of, enum match_kind kind)
{
	for (size_t i = 0; i < c->count; i++)
		if (is_about(&c->sections[i], of, kind))
			return true;
	return false;
}

/* What patterns with a path are held against; NULL where git did not send it. A registry's have none. */
static char *path_of(const struct request *r)
{
	if (r->kind != REQUEST_GIT)
		return str_dup("");
	if (!str_empty(r->path))
		return str_dup(r->path);
	return str_ends(r->host, ".visualstudio.com") ? NULL : request_organization(r);
}

struct match match_find(const struct config *c, const struct request *r, enum match_kind kind)
{
	if (!any_about(c, r->kind, kind))
		return (struct match){.result = MATCH_NO_PATTERNS};
	AUTO_STR path = path_of(r);
	if (!path)
		return without_path(c, r, kind);
	struct match best = {.result = MATCH_NONE};
	int best_rank = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		struct pattern p;
		int now = is_about(s, r->kind, kind) ? covered(s, r, path, &p) : 0;
		if (now > best_rank) {
			best_rank = now;
			best = found(s, &p);
		}
	}
	return best;
}

bool match_needs_path(const struct config *c, const char *host)
{
	for (size_t i = 0; i < c->count; i++) {
		struct pattern p;
		if (is_about(&c->sections[i], REQUEST_GIT, MATCH_ALL) && parse(&c->sections[i], &p) && p.segments && url_host_match(p.host, host))
			return true;
	}
	return false;
}

bool match_keeps_any(const struct config *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->sections[i].kind == SECTION_MATCH && config_keeps(&c->sections[i]))
			return true;
	return false;
}
