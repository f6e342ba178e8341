#include "helper/cmd/fic_report.h"

#include "helper/base/err.h"
#include "helper/base/str.h"

static const char *const names[] = {"issuer", "subject", "audience"};

/* Safe to show; as many bytes as before, so that a place in one is the same place in the other. */
static char *clean(const char *text)
{
	char *copy = str_dup(text ? text : "");
	err_clean(copy);
	return copy;
}

static void line(struct buf *out, const char *name, const char *text)
{
	AUTO_STR shown = clean(text);
	buf_addf(out, text ? "  %-9s '%s'\n" : "  %-9s none\n", name, shown);
}

void fic_report_presented(const struct fic_presented *p, struct buf *out)
{
	line(out, names[0], p->iss);
	line(out, names[1], p->sub);
	line(out, names[2], p->aud);
	if (p->aud_count > 1)
		buf_addf(out, "  %-9s and %d more: Entra wants exactly one\n", "", p->aud_count - 1);
}

void fic_report_registered(const struct fic_registered *r, struct buf *out)
{
	AUTO_STR name = clean(r->name);
	buf_addf(out, "%s\n", name);
	line(out, names[0], r->issuer);
	line(out, r->expression ? "claims" : names[1], r->expression ? r->expression : r->subject);
	line(out, names[2], r->audience);
}

/* --- one of the three ---------------------------------------------------------------------------------------------- */

/* The character that stands there, in words where it cannot be seen or be told apart. */
static void letter(const char *text, size_t at, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)text + at;
	unsigned code = p[0] >= 0xF0 ? p[0] & 0x07U : p[0] >= 0xE0 ? p[0] & 0x0FU : p[0] & 0x1FU;
	if (p[0] > ' ' && p[0] < 0x7F) {
		buf_addf(out, "'%c'", p[0]);
	} else if (p[0] == 0) {
		buf_adds(out, "its end");
	} else if (p[0] == ' ') {
		buf_adds(out, "a blank");
	} else if (p[0] < 0x80) {
		buf_adds(out, p[0] == '\n' || p[0] == '\r' ? "a line end" : "a control character");
	} else {
		for (size_t i = 1; (p[i] & 0xC0) == 0x80; i++)
			code = code << 6 | (p[i] & 0x3FU);
		buf_addf(out, "U+%04X", code);
	}
}

/* How many characters the bytes in front of a place are. */
static int columns(const char *text, size_t at)
{
	int n = 0;
	for (size_t i = 0; i < at; i++)
		n += (text[i] & 0xC0) != 0x80;
	return n;
}

/* What a GitHub subject is about, behind "repo:...:". */
static const char *kind_of(const char *subject)
{
	static const struct {
		const char *head, *word;
	} kinds[] = {{"ref:refs/heads/", "a branch"}, {"ref:refs/tags/", "a tag"}, {"environment:", "an environment"}, {"pull_request", "pull requests"}};
	const char *at = strchr(subject + strlen("repo:"), ':');
	for (size_t i = 0; at && i < COUNT_OF(kinds); i++)
		if (str_starts(at + 1, kinds[i].head))
			return kinds[i].word;
	return "something else";
}

static void explain_kind(const char *presented, const char *registered, struct buf *out)
{
	const char *here = kind_of(presented), *there = kind_of(registered);
	if (str_eq(here, there))
		buf_addf(out, "    the same repository, and another of the kind: %s\n", here);
	else
		buf_addf(out, "    the same repository: presented is %s, registered is %s\n", here, there);
}

/* Whose form with ids it is: GitHub joins a name and its id by @, Forgejo by -. */
static const char *whose(const char *immutable)
{
	const char *colon = strchr(immutable + strlen("repo:"), ':'), *sign = strchr(immutable, '@');
	return colon && sign && sign < colon ? "GitHub" : "Forgejo";
}

/* Of the two forms of one subject the one with ids is the longer. */
static void explain_form(const char *presented, const char *registered, struct buf *out)
{
	bool immutable = strlen(presented) > strlen(registered);
	buf_addf(out, "    the same repository: presented is %s's %s form, registered its %s\n", whose(immutable ? presented : registered),
		 immutable ? "immutable" : "classic", immutable ? "classic one (names only)" : "immutable one (names and ids)");
}

static void explain(enum fic_difference how, const char *presented, const char *registered, struct buf *out)
{
	static const char *const words[] = {
		[FIC_CASE] = "only the letter case differs, and it counts",
		[FIC_SLASH] = "only the slash at the end differs, and it counts",
		[FIC_BLANK] = "only blanks or line ends around it differ, and they count",
		[FIC_CLOUD] = "they are the exchange audiences of two clouds",
		[FIC_MANY] = "the token has several audiences, and Entra wants exactly one",
		[FIC_OTHER] = NULL,
	};
	if (how == FIC_KIND)
		explain_kind(presented, registered, out);
	else if (how == FIC_FORM)
		explain_form(presented, registered, out);
	else if (words[how])
		buf_addf(out, "    %s\n", words[how]);
}

static void field(struct buf *out, const char *name, const char *presented, const char *registered, struct fic_field f)
{
	AUTO_STR here = clean(presented);
	AUTO_STR there = clean(registered);
	if (f.how == FIC_SAME) {
		buf_addf(out, "  %-9s the same: '%s'\n", name, here);
		return;
	}
	if (!presented || !registered) {
		buf_addf(out, "  %-9s is missing %s\n", name, presented ? "in what is registered" : "in the token");
		return;
	}
	buf_addf(out, "  %-9s differs at character %d: presented is ", name, columns(here, f.at) + 1);
	letter(presented, f.at, out);
	buf_adds(out, ", registered is ");
	letter(registered, f.at, out);
	buf_addf(out, "\n    presented   '%s'\n    registered  '%s'\n%*s^\n", here, there, 17 + columns(here, f.at), "");
	explain(f.how, presented, registered, out);
}

/* --- expressions --------------------------------------------------------------------------------------------------- */

static void expression(struct buf *out, const struct fic_presented *p, const struct fic_registered *r, const struct fic_result *d)
{
	AUTO_STR text = clean(r->expression);
	if (d->subject.how == FIC_SAME) {
		buf_addf(out, "  %-9s satisfies the expression: %s\n", names[1], text);
		return;
	}
	if (d->subject.how == FIC_UNREAD) {
		buf_addf(out, "  %-9s an expression that daypass cannot judge, only Entra: %s\n", names[1], text);
		return;
	}
	const char *value = json_raw_text(json_get(p->claims, d->clause.claim));
	AUTO_STR claim = clean(d->clause.claim);
	AUTO_STR wanted = clean(d->clause.wanted);
	AUTO_STR shown = clean(value);
	buf_addf(out, "  %-9s does not satisfy the expression: %s\n", names[1], text);
	buf_addf(out, value ? "    presented   %s is '%s'\n" : "    presented   no claim %s%s\n", claim, shown);
	buf_addf(out, "    registered  it must %s '%s'\n", d->clause.wildcards ? "match" : "be", wanted);
}

void fic_report_result(const struct fic_presented *p, const struct fic_registered *r, const struct fic_result *d, struct buf *out)
{
	field(out, names[0], p->iss, r->issuer, d->issuer);
	if (r->expression)
		expression(out, p, r, d);
	else
		field(out, names[1], p->sub, r->subject, d->subject);
	if (d->audience.how == FIC_MANY && str_eq(p->aud, r->audience))
		buf_addf(out, "  %-9s the token has %d, and Entra wants exactly one\n", names[2], p->aud_count);
	else
		field(out, names[2], p->aud, r->audience, d->audience);
}

/* --- without the right to read ------------------------------------------------------------------------------------- */

void fic_report_by_hand(const struct fic_presented *p, const char *client, struct buf *out)
{
	bool immutable;
	AUTO_STR other = fic_github_other(p, &immutable);
	const char *id = client ? client : "CLIENT-ID";
	buf_adds(out, "one federated credential must have these three, letter for letter:\n");
	fic_report_presented(p, out);
	if (other) {
		AUTO_STR shown = clean(other);
		buf_addf(out, "%s's %s form of the same subject, which does not match:\n  %-9s '%s'\n", whose(immutable ? p->sub : other), immutable ? "classic" : "immutable", names[1], shown);
	}
	if (fic_issued_by_entra(p->iss) && str_eq(p->aud, FIC_AUDIENCE_GUID))
		buf_adds(out, "Entra takes this audience for api://AzureADTokenExchange, which is the one to register\n");
	buf_addf(out, "where to look:\n  app registration   az ad app federated-credential list --id %s\n", id);
	buf_addf(out, "                     or the Entra admin center: App registrations, %s, Certificates & secrets, Federated credentials\n", id);
	buf_adds(out, "  managed identity   az identity federated-credential list --identity-name NAME --resource-group GROUP\n");
	buf_adds(out, "                     or the Azure portal: Managed Identities, NAME, Settings, Federated credentials\n");
}

char *fic_report_advice(const struct fic_registered *r, const struct fic_result *d)
{
	AUTO_STR name = clean(r ? r->name : NULL);
	if (d->audience.how == FIC_MANY)
		return str_dup("ask the source for the one audience api://AzureADTokenExchange");
	if (!r || d->issuer.how == FIC_OTHER)
		return str_dup("if this place shall be trusted: daypass fic create");
	if (d->issuer.how == FIC_SAME && d->subject.how == FIC_SAME)
		return str_printf("correct the audience of '%s', or ask the source for that one: audience = ... in the configuration", name);
	return str_printf("if this place shall be trusted: daypass fic create; or correct '%s'", name);
}
