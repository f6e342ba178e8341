#include <stdarg.h>

#include "helper/base/err.h"
#include "helper/base/str.h"
#include "helper/core/cloud.h"
#include "helper/core/fic.h"

#define GITHUB "https://token.actions.githubusercontent.com"
#define VSTOKEN "https://vstoken.dev.azure.com/"

enum { ALMOST = FIC_MOST - 2, LINE = 2048 };

/* One line; what comes from outside is made safe to show. */
PRINTF_LIKE(2, 3) static void warn(struct buf *out, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	err_clean(line);
	buf_addf(out, "warning: %s\n", line);
}

/* An enterprise may have its name behind it. */
static bool issued_by_github(const char *issuer)
{
	return str_eq(issuer, GITHUB) || (issuer && str_starts(issuer, GITHUB "/"));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Entra's page says it of issuers; a subject or audience never matches with them either. */
static bool blank_around(const char *s)
{
	return !str_empty(s) && (is_blank(s[0]) || is_blank(s[strlen(s) - 1]));
}

/* Whoever issues these tokens writes his name without a slash at the end. */
static bool never_with_slash(const char *issuer)
{
	static const char *const bare[] = {GITHUB "/", "https://gitlab.com/", "https://app.terraform.io/", "https://app.eu.terraform.io/", "https://accounts.google.com/"};
	for (size_t i = 0; i < COUNT_OF(bare); i++)
		if (str_eq(issuer, bare[i]))
			return true;
	/* GitHub Enterprise Server's and Forgejo's, at any host. */
	return (str_starts(issuer, VSTOKEN) && str_ends(issuer, "/")) || str_ends(issuer, "/_services/token/") || str_ends(issuer, "/api/actions/");
}

static void warn_row(const struct fic_registered *r, const char *audience, struct buf *out)
{
	static const char *const clouds[] = {"public", "usgov", "china"};
	const char *name = r->name ? r->name : "";
	if (blank_around(r->issuer) || blank_around(r->subject) || blank_around(r->audience))
		warn(out, "'%s' has blanks or line ends around its issuer, subject or audience: it can never match", name);
	if (r->issuer && never_with_slash(r->issuer))
		warn(out, "'%s' has a slash at the end of its issuer, which that issuer's tokens do not have: it can never match", name);
	for (size_t i = 0; audience && i < COUNT_OF(clouds); i++)
		if (!str_eq(audience, r->audience) && str_eq(r->audience, cloud_by_name(clouds[i])->audience))
			warn(out, "'%s' has the audience of cloud %s, and this identity's cloud wants %s", name, clouds[i], audience);
}

static bool is_registered(const struct fic_list *l, const char *issuer, const char *subject)
{
	for (size_t i = 0; i < l->count; i++)
		if (str_eq(l->rows[i].issuer, issuer) && str_eq(l->rows[i].subject, subject))
			return true;
	return false;
}

/* A subject made of names breaks when they change. */
static void warn_subject(const struct fic_presented *p, const struct fic_list *l, struct buf *out)
{
	bool immutable = false;
	AUTO_STR other = issued_by_github(p->iss) ? fic_github_other(p, &immutable) : NULL;
	if (other && !immutable && !is_registered(l, p->iss, other))
		warn(out, "the subject breaks when the repository or its owner is renamed or moved: GitHub then presents the immutable form, which is not registered: %s", other);
	if (!p->iss || !str_starts(p->iss, VSTOKEN))
		return;
	if (p->sub && str_starts(p->sub, "sc://"))
		warn(out, "the subject breaks when the organization, the project or the service connection is renamed");
	warn(out, "the issuer vstoken.dev.azure.com retires on 2027-07-01: convert the service connection to Entra's issuer");
}

void fic_warn(const struct fic_presented *p, const struct fic_list *l, const char *audience, struct buf *out)
{
	if (l->count >= ALMOST)
		warn(out, "%zu of %d federated credentials are used", l->count, (int)FIC_MOST);
	for (size_t i = 0; i < l->count; i++)
		warn_row(&l->rows[i], audience, out);
	warn_subject(p, l, out);
}
