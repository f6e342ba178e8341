#include "helper/core/fic.h"

#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/cloud.h"

#define EXCHANGE "api://AzureADTokenExchange"

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* Line ends and the like count: they are what keeps two texts from being the same. */
static const char *claim(const struct json *claims, const char *name)
{
	return json_raw_text(json_get(claims, name));
}

void fic_present(struct fic_presented *out, const struct json *claims)
{
	const struct json *aud = json_get(claims, "aud");
	*out = (struct fic_presented){.claims = claims, .iss = claim(claims, "iss"), .sub = claim(claims, "sub"), .aud = json_raw_text(aud)};
	out->aud_count = out->aud ? 1 : 0;
	for (; json_at(aud, out->aud_count); out->aud_count++)
		out->aud = json_raw_text(json_at(aud, 0));
}

static void row_free(struct fic_registered *r)
{
	char *const owned[] = {r->name, r->issuer, r->subject, r->expression, r->audience};
	for (size_t i = 0; i < COUNT_OF(owned); i++)
		free(owned[i]);
}

void fic_list_free(struct fic_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		row_free(&l->rows[i]);
	free(l->rows);
	*l = (struct fic_list){0};
}

/* Graph has them in the row itself, Resource Manager among its properties. */
static void read_row(const struct json *row, struct fic_registered *out)
{
	const struct json *inner = json_get(row, "properties"), *from = inner ? inner : row, *audiences = json_get(from, "audiences");
	*out = (struct fic_registered){.name = str_dup(claim(row, "name")), .issuer = str_dup(claim(from, "issuer")), .subject = str_dup(claim(from, "subject")),
				       .expression = str_dup(claim(json_get(from, "claimsMatchingExpression"), "value")), .audience = str_dup(json_raw_text(json_at(audiences, 0)))};
	while (json_at(audiences, out->audience_count))
		out->audience_count++;
}

bool fic_list_read(struct fic_list *l, const struct json *answer)
{
	enum { ENOUGH = 10 * FIC_MOST };
	const struct json *rows = json_get(answer, "value");
	for (int i = 0; json_at(rows, i); i++) {
		if (l->count >= ENOUGH)
			return false;
		l->rows = mem_realloc_wipe(l->rows, l->count * sizeof *l->rows, (l->count + 1) * sizeof *l->rows);
		read_row(json_at(rows, i), &l->rows[l->count++]);
	}
	return json_is_array(rows);
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

/* How much is the same in front; a character of several bytes is one. */
static size_t same_length(const char *a, const char *b)
{
	size_t n = 0;
	while (a[n] && a[n] == b[n])
		n++;
	while (n && (a[n] & 0xC0) == 0x80)
		n--;
	return n;
}

/* How many bytes of a blank or line end stand there, UTF-8's unbroken and invisible ones too: people paste them along. */
static size_t blank_length(const char *s, size_t len, bool at_end)
{
	static const char *const blanks[] = {" ", "\t", "\r", "\n", "\xC2\xA0", "\xE2\x80\x8B", "\xEF\xBB\xBF"};
	for (size_t i = 0; i < COUNT_OF(blanks); i++) {
		size_t n = strlen(blanks[i]);
		if (len >= n && strncmp(at_end ? s + len - n : s, blanks[i], n) == 0)
			return n;
	}
	return 0;
}

static const char *trimmed(const char *s, size_t *len)
{
	size_t n;
	for (*len = strlen(s); (n = blank_length(s, *len, false)); *len -= n)
		s += n;
	while ((n = blank_length(s, *len, true)))
		*len -= n;
	return s;
}

static bool same_trimmed(const char *a, const char *b)
{
	size_t la, lb;
	a = trimmed(a, &la);
	b = trimmed(b, &lb);
	return la == lb && strncmp(a, b, la) == 0;
}

static bool same_but_slash(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	const char *longer = la > lb ? a : b;
	size_t less = la > lb ? lb : la;
	return la + lb == 2 * less + 1 && strncmp(a, b, less) == 0 && longer[less] == '/';
}

static struct fic_field compare(const char *presented, const char *registered)
{
	struct fic_field f = {FIC_SAME, 0};
	if (str_eq(presented, registered))
		return f;
	f.how = FIC_OTHER;
	if (!presented || !registered)
		return f;
	f.at = same_length(presented, registered);
	if (same_but_slash(presented, registered))
		f.how = FIC_SLASH;
	else if (same_trimmed(presented, registered))
		f.how = FIC_BLANK;
	else if (str_ieq(presented, registered))
		f.how = FIC_CASE;
	return f;
}

bool fic_issued_by_entra(const char *issuer)
{
	AUTO_URL u = {0};
	return issuer && url_parse(issuer, &u) && str_eq(u.scheme, "https") && (cloud_by_host(u.host) || str_eq(u.host, "sts.chinacloudapi.cn"));
}

static bool is_exchange_audience(const char *audience)
{
	static const char *const names[] = {"public", "usgov", "china"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_eq(cloud_by_name(names[i])->audience, audience))
			return true;
	return false;
}

static struct fic_field compare_audience(const struct fic_presented *p, const struct fic_registered *r)
{
	struct fic_field f = compare(p->aud, r->audience);
	if (p->aud_count > 1)
		f.how = FIC_MANY;
	else if (f.how != FIC_SAME && fic_issued_by_entra(p->iss) && str_eq(p->aud, FIC_AUDIENCE_GUID) && str_eq(r->audience, EXCHANGE))
		f = (struct fic_field){FIC_SAME, 0};
	else if (f.how != FIC_SAME && is_exchange_audience(p->aud) && is_exchange_audience(r->audience))
		f.how = FIC_CLOUD;
	return f;
}

/* Behind "repo:OWNER/REPO:", where two subjects have the same of that. */
static bool same_repository(const char *a, const char *b)
{
	size_t n = same_length(a, b);
	const char *colon = str_starts(a, "repo:") ? strchr(a + strlen("repo:"), ':') : NULL;
	return colon && (size_t)(colon - a) < n;
}

static struct fic_field compare_subject(const struct fic_presented *p, const struct fic_registered *r, struct fic_clause *clause)
{
	bool immutable;
	if (r->expression) {
		enum fic_verdict v = fic_expression(r->expression, p->claims, clause);
		return (struct fic_field){v == FIC_TRUE ? FIC_SAME : v == FIC_FALSE ? FIC_EXPRESSION : FIC_UNREAD, 0};
	}
	struct fic_field f = compare(p->sub, r->subject);
	AUTO_STR other = f.how == FIC_OTHER ? fic_github_other(p, &immutable) : NULL;
	if (other && str_ieq(other, r->subject))
		f.how = FIC_FORM;
	else if (f.how == FIC_OTHER && p->sub && r->subject && same_repository(p->sub, r->subject))
		f.how = FIC_KIND;
	return f;
}

void fic_compare(const struct fic_presented *p, const struct fic_registered *r, struct fic_result *out)
{
	*out = (struct fic_result){.issuer = compare(p->iss, r->issuer), .audience = compare_audience(p, r)};
	out->subject = compare_subject(p, r, &out->clause);
}

bool fic_matches(const struct fic_result *r)
{
	return r->issuer.how == FIC_SAME && r->subject.how == FIC_SAME && r->audience.how == FIC_SAME;
}

/* Issuer before subject before audience, as Entra looks for it; what differs in little is nearer than what differs. */
static size_t nearness(const struct fic_result *r)
{
	enum { ISSUER = 8, SUBJECT = 4, AUDIENCE = 1, TEXT = 10000 };
	size_t near = 0;
	near += r->issuer.how == FIC_SAME ? ISSUER : r->issuer.how < FIC_OTHER ? ISSUER - 1 : 0;
	near += r->subject.how == FIC_SAME ? SUBJECT : r->subject.how < FIC_OTHER ? SUBJECT / 2 : 0;
	near += r->audience.how == FIC_SAME ? AUDIENCE : 0;
	return near * TEXT + (r->subject.at < TEXT ? r->subject.at : TEXT - 1);
}

const struct fic_registered *fic_nearest(const struct fic_presented *p, const struct fic_list *l, struct fic_result *out)
{
	const struct fic_registered *best = NULL;
	for (size_t i = 0; i < l->count; i++) {
		struct fic_result r;
		fic_compare(p, &l->rows[i], &r);
		if (best && nearness(&r) <= nearness(out))
			continue;
		best = &l->rows[i];
		*out = r;
	}
	return best;
}

/* --- GitHub's two forms ------------------------------------------------------------------------------------------- */

static bool is_id(const char *s)
{
	return s && *s && s[strspn(s, "0123456789")] == 0;
}

/* Forgejo joins name and id by another character. Source: forgejo, pull request 12355. */
static char joint(const char *issuer)
{
	return issuer && str_ends(issuer, "/api/actions") ? '-' : '@';
}

/* "repo:" and the repository, in both forms. */
static bool github_heads(const struct fic_presented *p, char **classic, char **immutable)
{
	const struct json *claims = p->claims;
	char sign = joint(p->iss);
	const char *repository = claim(claims, "repository"), *owner_id = claim(claims, "repository_owner_id"), *id = claim(claims, "repository_id");
	const char *slash = repository ? strchr(repository, '/') : NULL;
	if (!slash || !is_id(owner_id) || !is_id(id))
		return false;
	*classic = str_printf("repo:%s:", repository);
	*immutable = str_printf("repo:%.*s%c%s%s%c%s:", (int)(slash - repository), repository, sign, owner_id, slash, sign, id);
	return true;
}

char *fic_github_other(const struct fic_presented *p, bool *immutable)
{
	AUTO_STR names = NULL;
	AUTO_STR ids = NULL;
	if (!p->sub || !github_heads(p, &names, &ids))
		return NULL;
	*immutable = str_starts(p->sub, ids);
	if (!*immutable && !str_starts(p->sub, names))
		return NULL;
	return str_printf("%s%s", *immutable ? names : ids, p->sub + strlen(*immutable ? ids : names));
}
