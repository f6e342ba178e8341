#include "helper/core/match.h"

#include "helper/base/str.h"
#include "helper/base/url.h"

/* A git pattern taken apart: https://HOST[/PATH], path decoded. */
struct pattern {
	char host[256], path[1024];
	int segments;
};

static bool is_git(const struct section *s)
{
	return s->kind == SECTION_MATCH && strstr(s->name, "://");
}

static bool parse(const char *name, struct pattern *p)
{
	const char *rest = strstr(name, "://") + 3;
	size_t len = strcspn(rest, "/");
	*p = (struct pattern){0};
	if (len >= sizeof p->host)
		return false;
	memcpy(p->host, rest, len);
	str_lower(p->host);
	if (str_ends(p->host, ":443"))
		p->host[strlen(p->host) - 4] = 0;
	rest += len + strspn(rest + len, "/");
	AUTO_BUF path = buf_new(sizeof p->path - 1);
	if (!url_decode(&path, rest))
		return false;
	while (path.len && path.p[path.len - 1] == '/')
		path.p[--path.len] = 0;
	memcpy(p->path, path.p, path.len + 1);
	p->segments = *p->path ? 1 : 0;
	for (const char *c = p->path; *c; c++)
		p->segments += *c == '/';
	return true;
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

static const char *identity_of(const struct section *s)
{
	return s->set[KEY_IDENTITY].value ? s->set[KEY_IDENTITY].value : config_keys[KEY_IDENTITY].def;
}

/* Literal before wildcard, longer path before shorter: one number. */
static int rank(const struct pattern *p)
{
	return p->segments * 2 + (strchr(p->host, '*') == NULL) + 1;
}

/* Without a path: good when all patterns of the host agree on one identity. */
static struct match without_path(const struct config *c, const struct request *r)
{
	struct match m = {.result = MATCH_NONE};
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		struct pattern p;
		if (!is_git(s) || !parse(s->name, &p) || !url_host_match(p.host, r->host))
			continue;
		if (m.section && !str_eq(identity_of(m.section), identity_of(s)))
			return (struct match){.result = MATCH_UNCLEAR};
		if (!m.section)
			m = (struct match){.result = MATCH_FOUND, .section = s};
	}
	return m;
}

static bool any_git(const struct config *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (is_git(&c->sections[i]))
			return true;
	return false;
}

struct match match_find(const struct config *c, const struct request *r)
{
	if (!any_git(c))
		return (struct match){.result = MATCH_NO_PATTERNS};
	AUTO_STR organization = request_organization(r);
	bool old_host = str_ends(r->host, ".visualstudio.com");
	const char *path = !str_empty(r->path) ? r->path : old_host ? NULL : organization;
	if (!path)
		return without_path(c, r);
	struct match best = {.result = MATCH_NONE};
	int best_rank = 0;
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		struct pattern p;
		if (!is_git(s) || !parse(s->name, &p) || !url_host_match(p.host, r->host) || !covers(p.path, path))
			continue;
		if (rank(&p) > best_rank) {
			best_rank = rank(&p);
			best = (struct match){.result = MATCH_FOUND, .section = s};
		}
	}
	return best;
}

bool match_needs_path(const struct config *c, const char *host)
{
	for (size_t i = 0; i < c->count; i++) {
		struct pattern p;
		if (is_git(&c->sections[i]) && parse(c->sections[i].name, &p) && p.segments && url_host_match(p.host, host))
			return true;
	}
	return false;
}
