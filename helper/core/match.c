#include "helper/core/match.h"

#include "helper/base/str.h"
#include "helper/base/url.h"

/* A git pattern taken apart: SCHEME://HOST[:PORT][/PATH], path decoded. */
struct pattern {
	char scheme[8], host[256], path[1024];
	int64_t port; /* 0: the scheme's own */
	int segments;
	bool every; /* "*" alone, in a section that gives no tokens: every host, on every port */
};

static bool is_git(const struct section *s, enum match_kind kind)
{
	return s->kind == SECTION_MATCH && strstr(s->name, "://") && !(kind == MATCH_TOKENS && config_keeps_only(s));
}

static bool take_port(struct pattern *p)
{
	char *colon = strchr(p->host, ':');
	if (!colon)
		return true;
	*colon = 0;
	bool ok = str_to_int(colon + 1, 65535, &p->port);
	if (p->port == url_own_port(p->scheme))
		p->port = 0;
	return ok;
}

static bool parse(const struct section *s, struct pattern *p)
{
	const char *rest = strstr(s->name, "://");
	size_t scheme = (size_t)(rest - s->name), len = strcspn(rest + 3, "/");
	*p = (struct pattern){0};
	rest += 3;
	if (scheme >= sizeof p->scheme || len >= sizeof p->host)
		return false;
	memcpy(p->scheme, s->name, scheme);
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
	return str_eq(p->scheme, r->scheme) && (p->every || (p->port == r->port && url_host_match(p->host, r->host)));
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
		if (!is_git(s, kind) || !parse(s, &p) || !covers_host(&p, r))
			continue;
		if (m.section && !str_eq(gives(m.section), gives(s)))
			return (struct match){.result = MATCH_UNCLEAR};
		if (!m.section)
			m = found(s, &p);
	}
	return m;
}

static bool any_git(const struct config *c, enum match_kind kind)
{
	for (size_t i = 0; i < c->count; i++)
		if (is_git(&c->sections[i], kind))
			return true;
	return false;
}

struct match match_find(const struct config *c, const struct request *r, enum match_kind kind)
{
	if (!any_git(c, kind))
		return (struct match){.result = MATCH_NO_PATTERNS};
	AUTO_STR organization = request_organization(r);
	bool old_host = str_ends(r->host, ".visualstudio.com");
	const char *path = !str_empty(r->path) ? r->path : old_host ? NULL : organization;
	if (!path)
		return without_path(c, r, kind);
	struct match best = {.result = MATCH_NONE};
	int best_rank = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		struct pattern p;
		if (!is_git(s, kind) || !parse(s, &p) || !covers_host(&p, r) || !covers(p.path, path))
			continue;
		if (rank(&p) > best_rank) {
			best_rank = rank(&p);
			best = found(s, &p);
		}
	}
	return best;
}

bool match_needs_path(const struct config *c, const char *host)
{
	for (size_t i = 0; i < c->count; i++) {
		struct pattern p;
		if (is_git(&c->sections[i], MATCH_ALL) && parse(&c->sections[i], &p) && p.segments && url_host_match(p.host, host))
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
