/* Presented against registered: which differs, where, and why; flexible expressions; what is warned of. */
#include "helper/base/json.h"
#include "helper/core/fic.h"
#include "tests/unit/check.h"

#define PUBLIC "api://AzureADTokenExchange"
#define USGOV "api://AzureADTokenExchangeUSGov"
#define GITHUB "https://token.actions.githubusercontent.com"
#define IDS ",\"repository\":\"contoso/shop\",\"repository_id\":\"8210\",\"repository_owner_id\":\"5544\""
#define JOB(sub) "{\"iss\":\"" GITHUB "\",\"sub\":\"" sub "\",\"aud\":\"" PUBLIC "\"" IDS "}"
#define CLASSIC "repo:contoso/shop:ref:refs/heads/main"
#define IMMUTABLE "repo:contoso@5544/shop@8210:ref:refs/heads/main"

struct desk {
	struct json *claims;
	struct fic_presented p;
	struct fic_result r;
	struct fic_list l;
};

static void desk_end(struct desk *d)
{
	json_free(&d->claims);
	fic_list_free(&d->l);
}

static void desk_begin(struct desk *d, const char *claims)
{
	*d = (struct desk){.claims = json_parse(claims, strlen(claims))};
	assert_non_null(d->claims);
	fic_present(&d->p, d->claims);
}

#define DESK(d, claims) CLEANUP(desk_end) struct desk d; desk_begin(&d, claims)

static void against(struct desk *d, const char *issuer, const char *subject, const char *audience)
{
	struct fic_registered r = {.name = str_dup("x"), .issuer = str_dup(issuer), .subject = str_dup(subject), .audience = str_dup(audience), .audience_count = 1};
	fic_compare(&d->p, &r, &d->r);
	free(r.name);
	free(r.issuer);
	free(r.subject);
	free(r.audience);
}

static void holds(struct desk *d, const char *answer)
{
	AUTO_JSON j = json_parse(answer, strlen(answer));
	assert_non_null(j);
	assert_true(fic_list_read(&d->l, j));
}

/* The subject differs so, after that many bytes; all else is the same. */
static void subject_at(const char *presented, const char *registered, enum fic_difference how, size_t at, const char *file, int line)
{
	AUTO_STR claims = str_printf("{\"iss\":\"" GITHUB "\",\"sub\":\"%s\",\"aud\":\"" PUBLIC "\"" IDS "}", presented);
	DESK(d, claims);
	against(&d, GITHUB, registered, PUBLIC);
	_assert_int_equal(d.r.issuer.how, FIC_SAME, file, line);
	_assert_int_equal(d.r.audience.how, FIC_SAME, file, line);
	_assert_int_equal(d.r.subject.how, how, file, line);
	_assert_int_equal(d.r.subject.at, at, file, line);
	assert_int_equal(fic_matches(&d.r), how == FIC_SAME);
}

#define SUBJECT(presented, registered, how, at) subject_at(presented, registered, how, at, __FILE__, __LINE__)

TEST(the_first_character_that_differs_is_found)
{
	SUBJECT(CLASSIC, CLASSIC, FIC_SAME, 0);
	SUBJECT("system:ci", "system:cd", FIC_OTHER, 8);
	SUBJECT("system:ci", "system:c", FIC_OTHER, 8);
	SUBJECT("system:ci", "", FIC_OTHER, 0);
	SUBJECT("j\xC3\xBCrgen", "j\xC3\xB6rgen", FIC_OTHER, 1); /* not in the middle of a character */
	SUBJECT("p\xD1\x80", "p\xD1\x81x", FIC_OTHER, 1);
}

TEST(what_differs_in_little_is_named)
{
	SUBJECT("repo:Contoso/shop:ref:x", "repo:contoso/shop:ref:x", FIC_CASE, 5);
	SUBJECT("system:ci", "system:ci ", FIC_BLANK, 9);
	SUBJECT("system:ci", " system:ci", FIC_BLANK, 0);
	SUBJECT("system:ci", "system:ci\r\n", FIC_BLANK, 9);
	SUBJECT("system:ci", "system:ci\xE2\x80\x8B", FIC_BLANK, 9);
	SUBJECT("system:ci", "system:ci/", FIC_SLASH, 9);
	SUBJECT("system:ci", "system: ci", FIC_OTHER, 7);
}

TEST(githubs_kinds_and_forms_are_told_apart)
{
	SUBJECT(CLASSIC, "repo:contoso/shop:environment:prod", FIC_KIND, 18);
	SUBJECT(CLASSIC, "repo:contoso/shop:pull_request", FIC_KIND, 18);
	SUBJECT(CLASSIC, "repo:contoso/shop:ref:refs/heads/dev", FIC_KIND, 33);
	SUBJECT(CLASSIC, "repo:contoso/shops:ref:refs/heads/main", FIC_OTHER, 17);
	SUBJECT(CLASSIC, IMMUTABLE, FIC_FORM, 12);
	SUBJECT(IMMUTABLE, CLASSIC, FIC_FORM, 12);
	SUBJECT(CLASSIC, "repo:contoso@5544/shop@9999:ref:refs/heads/main", FIC_OTHER, 12); /* another repository's id */
}

#define FORGEJO(sub) "{\"iss\":\"https://forge.contoso.test/api/actions\",\"sub\":\"" sub "\",\"aud\":\"" PUBLIC "\"" IDS "}"

TEST(githubs_other_form_is_computed_from_the_claims)
{
	static const struct {
		const char *claims, *other;
		bool immutable;
	} cases[] = {{JOB(CLASSIC), IMMUTABLE, false}, {JOB(IMMUTABLE), CLASSIC, true}, {JOB("repo:contoso/shop:environment:a:b"), "repo:contoso@5544/shop@8210:environment:a:b", false},
		     {JOB("repository_owner:contoso"), NULL, false}, {JOB("repo:contoso/shopping:x"), NULL, false},
		     {"{\"sub\":\"" CLASSIC "\"}", NULL, false}, {"{\"sub\":\"" CLASSIC "\",\"repository\":\"contoso/shop\",\"repository_id\":\"8x\",\"repository_owner_id\":\"1\"}", NULL, false},
		     {FORGEJO("repo:contoso/shop:pull_request"), "repo:contoso-5544/shop-8210:pull_request", false}, {FORGEJO("repo:contoso-5544/shop-8210:ref:refs/heads/a@b"), "repo:contoso/shop:ref:refs/heads/a@b", true},
		     {FORGEJO(IMMUTABLE), NULL, false}, /* GitHub's form is not Forgejo's */
		     {"{\"sub\":\"" CLASSIC "\",\"repository\":\"shop\",\"repository_id\":\"8\",\"repository_owner_id\":\"1\"}", NULL, false}, {"{\"iss\":\"x\"}", NULL, false}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool immutable = false;
		DESK(d, cases[i].claims);
		AUTO_STR other = fic_github_other(&d.p, &immutable);
		assert_text(other, cases[i].other);
		assert_int_equal(immutable, cases[i].immutable);
	}
}

TEST(issuers_differ_by_a_slash_or_in_case)
{
	DESK(d, "{\"iss\":\"https://aks.test/\",\"sub\":\"s\",\"aud\":\"" PUBLIC "\"}");
	against(&d, "https://aks.test", "s", PUBLIC);
	assert_int_equal(d.r.issuer.how, FIC_SLASH);
	assert_int_equal(d.r.issuer.at, 16);
	against(&d, "https://AKS.test/", "s", PUBLIC);
	assert_int_equal(d.r.issuer.how, FIC_CASE);
	against(&d, "https://aks.test//", "s", PUBLIC);
	assert_int_equal(d.r.issuer.how, FIC_SLASH);
	against(&d, "https://aks.test/x", "s", PUBLIC);
	assert_int_equal(d.r.issuer.how, FIC_OTHER);
	assert_int_equal(d.r.subject.how, FIC_SAME);
}

/* The audience differs so. */
static void audience_at(const char *issuer, const char *presented, const char *registered, enum fic_difference how, const char *file, int line)
{
	AUTO_STR claims = str_printf("{\"iss\":\"%s\",\"sub\":\"s\",\"aud\":%s}", issuer, presented);
	DESK(d, claims);
	against(&d, issuer, "s", registered);
	_assert_int_equal(d.r.audience.how, how, file, line);
}

#define AUDIENCE(issuer, presented, registered, how) audience_at(issuer, presented, registered, how, __FILE__, __LINE__)
#define ENTRA "https://login.microsoftonline.com/11111111-1111-4111-8111-111111111111/v2.0"

TEST(audiences_of_other_clouds_and_entras_own_way_to_write_one)
{
	AUDIENCE(GITHUB, "\"" PUBLIC "\"", PUBLIC, FIC_SAME);
	AUDIENCE(GITHUB, "\"" PUBLIC "\"", USGOV, FIC_CLOUD);
	AUDIENCE(GITHUB, "\"" USGOV "\"", PUBLIC, FIC_CLOUD);
	AUDIENCE(GITHUB, "\"api://mine\"", PUBLIC, FIC_OTHER);
	AUDIENCE(GITHUB, "\"api://azureadtokenexchange\"", PUBLIC, FIC_CASE);
	AUDIENCE(ENTRA, "\"" FIC_AUDIENCE_GUID "\"", PUBLIC, FIC_SAME);
	AUDIENCE(ENTRA, "\"" FIC_AUDIENCE_GUID "\"", USGOV, FIC_OTHER);
	AUDIENCE(GITHUB, "\"" FIC_AUDIENCE_GUID "\"", PUBLIC, FIC_OTHER); /* only Entra writes it so */
	AUDIENCE("https://login.microsoftonline.com.evil.test/x/v2.0", "\"" FIC_AUDIENCE_GUID "\"", PUBLIC, FIC_OTHER);
	AUDIENCE("http://login.microsoftonline.com/x/v2.0", "\"" FIC_AUDIENCE_GUID "\"", PUBLIC, FIC_OTHER);
	AUDIENCE(GITHUB, "[\"" PUBLIC "\"]", PUBLIC, FIC_SAME);
	AUDIENCE(GITHUB, "[\"" PUBLIC "\",\"b\"]", PUBLIC, FIC_MANY);
	AUDIENCE(GITHUB, "[\"a\",\"b\"]", PUBLIC, FIC_MANY);
	AUDIENCE(GITHUB, "7", PUBLIC, FIC_OTHER);
}

TEST(claims_that_are_absent_match_nothing)
{
	DESK(d, "{\"iss\":7,\"sub\":[\"s\"]}");
	assert_null(d.p.iss);
	assert_null(d.p.sub);
	assert_int_equal(d.p.aud_count, 0);
	against(&d, "", "", "");
	assert_int_equal(d.r.issuer.how, FIC_OTHER);
	assert_int_equal(d.r.subject.how, FIC_OTHER);
	assert_int_equal(d.r.audience.how, FIC_OTHER);
	against(&d, NULL, NULL, NULL); /* nothing here and nothing there are not the same */
	assert_false(fic_matches(&d.r));
}

/* --- expressions --- */

static void expression_at(const char *text, enum fic_verdict wanted, const char *failed, const char *file, int line)
{
	struct fic_clause c;
	static const char claims[] = "{\"sub\":\"" CLASSIC "\",\"job_workflow_ref\":\"contoso/flows/.github/workflows/ci.yml@refs/heads/main\",\"n\":7,\"q\":\"it's\",\"empty\":\"\"}";
	AUTO_JSON j = json_parse(claims, strlen(claims));
	_assert_int_equal(fic_expression(text, j, &c), wanted, file, line);
	text_at(c.claim, failed, file, line);
}

#define EXPRESSION(text, verdict, failed) expression_at(text, verdict, failed, __FILE__, __LINE__)

TEST(expressions_are_judged)
{
	EXPRESSION("claims['sub'] eq '" CLASSIC "'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] eq 'repo:Contoso/shop:ref:refs/heads/main'", FIC_FALSE, "sub");
	EXPRESSION("claims['sub'] eq 'repo:contoso/shop:ref:refs/heads/*'", FIC_FALSE, "sub"); /* eq knows no wildcards */
	EXPRESSION("claims['sub'] matches 'repo:contoso/shop:ref:refs/heads/*'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] matches 'repo:contoso/*:ref:refs/heads/?" "?" "?" "?'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] matches 'repo:contoso/*:ref:refs/heads/?" "?" "?'", FIC_FALSE, "sub");
	EXPRESSION("claims['sub'] matches '*main'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] matches '" CLASSIC "*'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] matches '*'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] matches '*x*'", FIC_FALSE, "sub");
	EXPRESSION("claims['sub'] matches 'repo:contoso/shop'", FIC_FALSE, "sub"); /* the whole of it, not its front */
	EXPRESSION("claims['empty'] matches '*'", FIC_TRUE, "");
	EXPRESSION("claims['empty'] matches '?'", FIC_FALSE, "empty");
	EXPRESSION("claims['q'] eq 'it''s'", FIC_TRUE, "");
	EXPRESSION("claims['n'] eq '7'", FIC_FALSE, "n");
	EXPRESSION("claims['none'] matches '*'", FIC_FALSE, "none");
}

TEST(all_clauses_must_hold_and_the_first_that_does_not_is_named)
{
	EXPRESSION("claims['sub'] eq '" CLASSIC "' and claims['job_workflow_ref'] matches 'contoso/flows/*@refs/heads/main'", FIC_TRUE, "");
	EXPRESSION("claims['sub'] eq '" CLASSIC "' and claims['job_workflow_ref'] matches 'evil/*'", FIC_FALSE, "job_workflow_ref");
	EXPRESSION("claims['sub'] eq 'x' and claims['job_workflow_ref'] matches 'evil/*'", FIC_FALSE, "sub");
	EXPRESSION("claims['sub'] eq 'x' and claims['sub'] eq '" CLASSIC "'", FIC_FALSE, "sub");
}

TEST(other_languages_are_not_guessed)
{
	static const char *const strange[] = {"", " ", "claims['sub']", "claims['sub'] eq", "claims['sub'] eq ''", "claims['sub'] eq 'x", "claims['sub'] eq 'x''", "claims['sub'] eq x",
		"claims['sub'] like 'x'", "claims['sub']  eq 'x'", "claims['sub'] eq  'x'", "claims[sub] eq 'x'", "claims['sub') eq 'x'", "claims[''] eq 'x'", "claims['sub'] eq 'x' or claims['sub'] eq 'y'",
		"claims['sub'] eq 'x' and ", "claims['sub'] eq 'x' and", "claims['sub'] eq 'x'.", "not claims['sub'] eq 'x'", "(claims['sub'] eq 'x')", "claims['sub'] eq \xE2\x80\x98x\xE2\x80\x99"};
	struct fic_clause c;
	DESK(d, JOB(CLASSIC));
	for (size_t i = 0; i < COUNT_OF(strange); i++)
		if (fic_expression(strange[i], d.claims, &c) != FIC_UNKNOWN)
			fail_msg("%s", strange[i]);
	AUTO_BUF longest = buf_new(8192);
	buf_adds(&longest, "claims['sub'] eq '");
	for (int i = 0; i < 700; i++)
		buf_addc(&longest, 'x');
	buf_addc(&longest, '\'');
	assert_int_equal(fic_expression(longest.p, d.claims, &c), FIC_UNKNOWN);
}

TEST(many_stars_cost_no_time)
{
	AUTO_BUF claims = buf_new(8192);
	buf_adds(&claims, "{\"sub\":\"");
	for (int i = 0; i < 600; i++)
		buf_addc(&claims, 'a');
	buf_adds(&claims, "\"}");
	AUTO_BUF text = buf_new(8192);
	buf_adds(&text, "claims['sub'] matches '");
	for (int i = 0; i < 300; i++)
		buf_adds(&text, "*a");
	buf_adds(&text, "b'");
	struct fic_clause c;
	DESK(d, claims.p);
	assert_int_equal(fic_expression(text.p, d.claims, &c), FIC_FALSE);
}

/* --- lists --- */

#define ROW(name, issuer, subject, audience) "{\"id\":\"i\",\"name\":\"" name "\",\"issuer\":\"" issuer "\",\"subject\":\"" subject "\",\"description\":null,\"audiences\":[\"" audience "\"]}"
#define FLEXIBLE(name, value) "{\"name\":\"" name "\",\"issuer\":\"" GITHUB "\",\"subject\":null,\"audiences\":[\"" PUBLIC "\"],\"claimsMatchingExpression\":{\"value\":\"" value "\",\"languageVersion\":1}}"
#define LIST(rows) "{\"value\":[" rows "]}"

TEST(both_services_rows_are_read)
{
	DESK(d, JOB(CLASSIC));
	holds(&d, LIST(ROW("a", "i", "s", "u") "," FLEXIBLE("b", "e")));
	holds(&d, "{\"value\":[{\"id\":\"/subscriptions/x\",\"name\":\"c\",\"type\":\"t\",\"properties\":{\"issuer\":\"ii\",\"subject\":\"ss\",\"audiences\":[\"u\",\"v\"]}}]}");
	assert_int_equal(d.l.count, 3);
	assert_text(d.l.rows[0].name, "a");
	assert_text(d.l.rows[0].issuer, "i");
	assert_text(d.l.rows[0].subject, "s");
	assert_text(d.l.rows[0].audience, "u");
	assert_null(d.l.rows[0].expression);
	assert_text(d.l.rows[1].expression, "e");
	assert_null(d.l.rows[1].subject);
	assert_text(d.l.rows[2].name, "c");
	assert_text(d.l.rows[2].issuer, "ii");
	assert_text(d.l.rows[2].subject, "ss");
	assert_int_equal(d.l.rows[2].audience_count, 2);
}

TEST(what_is_no_list_is_refused)
{
	static const char *const bad[] = {"{}", "[]", "{\"value\":null}", "{\"value\":{\"a\":1}}", "{\"value\":\"x\"}", "{\"value\":7}"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_FIC_LIST l = {0};
		AUTO_JSON j = json_parse(bad[i], strlen(bad[i]));
		if (fic_list_read(&l, j))
			fail_msg("%s", bad[i]);
		assert_int_equal(l.count, 0);
	}
	AUTO_FIC_LIST l = {0};
	AUTO_JSON odd = json_parse("{\"value\":[7,{}]}", 16);
	assert_true(fic_list_read(&l, odd));
	assert_int_equal(l.count, 2);
	assert_null(l.rows[0].issuer);
	AUTO_JSON empty = json_parse("{\"value\":[]}", 12);
	assert_true(fic_list_read(&l, empty));
}

/* The nearest of them has that name. */
static void nearest_at(struct desk *d, const char *name, const char *file, int line)
{
	const struct fic_registered *r = fic_nearest(&d->p, &d->l, &d->r);
	text_at(r ? r->name : NULL, name, file, line);
}

#define NEAREST(d, name) nearest_at(d, name, __FILE__, __LINE__)

TEST(the_nearest_is_what_entra_means)
{
	DESK(d, JOB(CLASSIC));
	NEAREST(&d, NULL);
	holds(&d, LIST(ROW("other", "https://issuer.test", CLASSIC, PUBLIC)));
	NEAREST(&d, "other");
	holds(&d, LIST(ROW("issuer", GITHUB, "repo:fabrikam/x:environment:y", PUBLIC)));
	NEAREST(&d, "issuer");
	holds(&d, LIST(ROW("dev", GITHUB, "repo:contoso/web:ref:refs/heads/main", PUBLIC)));
	NEAREST(&d, "dev");
	holds(&d, LIST(ROW("kind", GITHUB, "repo:contoso/shop:environment:prod", PUBLIC)));
	NEAREST(&d, "kind");
	assert_int_equal(d.r.subject.how, FIC_KIND);
	holds(&d, LIST(ROW("audience", GITHUB, CLASSIC, USGOV)));
	NEAREST(&d, "audience");
	assert_int_equal(d.r.audience.how, FIC_CLOUD);
	assert_false(fic_matches(&d.r));
	holds(&d, LIST(ROW("it", GITHUB, CLASSIC, PUBLIC)));
	NEAREST(&d, "it");
	assert_true(fic_matches(&d.r));
	holds(&d, LIST(ROW("again", GITHUB, CLASSIC, PUBLIC)));
	NEAREST(&d, "it");
}

TEST(a_flexible_one_matches_or_says_which_clause)
{
	DESK(d, JOB(CLASSIC));
	holds(&d, LIST(FLEXIBLE("odd", "claims['sub'] in 'x'")));
	NEAREST(&d, "odd");
	assert_int_equal(d.r.subject.how, FIC_UNREAD);
	fic_list_free(&d.l);
	holds(&d, LIST(FLEXIBLE("envs", "claims['sub'] matches 'repo:contoso/shop:environment:*'")));
	NEAREST(&d, "envs");
	assert_int_equal(d.r.subject.how, FIC_EXPRESSION);
	assert_text(d.r.clause.wanted, "repo:contoso/shop:environment:*");
	assert_true(d.r.clause.wildcards);
	holds(&d, LIST(FLEXIBLE("heads", "claims['sub'] matches 'repo:contoso/*:ref:refs/heads/*'")));
	NEAREST(&d, "heads");
	assert_true(fic_matches(&d.r));
}

/* --- warnings --- */

static void warns(struct desk *d, const char *answer, const char *said)
{
	AUTO_BUF out = buf_new(65536);
	fic_list_free(&d->l);
	if (answer)
		holds(d, answer);
	fic_warn(&d->p, &d->l, PUBLIC, &out);
	if (!said)
		assert_text(out.p, "");
	else
		assert_says(out.p, said);
}

TEST(what_can_never_match_is_warned_of)
{
	DESK(d, JOB(IMMUTABLE));
	warns(&d, NULL, NULL);
	warns(&d, LIST(ROW("a", GITHUB, IMMUTABLE, PUBLIC)), NULL);
	warns(&d, LIST(ROW("a", GITHUB " ", IMMUTABLE, PUBLIC)), "warning: 'a' has blanks");
	warns(&d, LIST(ROW("b", GITHUB, IMMUTABLE "\\n", PUBLIC)), "warning: 'b' has blanks");
	warns(&d, LIST(ROW("c", GITHUB "/", IMMUTABLE, PUBLIC)), "warning: 'c' has a slash at the end");
	warns(&d, LIST(ROW("d", "https://aks.test/", "s", PUBLIC)), NULL); /* AKS wants it */
	warns(&d, LIST(ROW("e", "https://vstoken.dev.azure.com/x/", "s", PUBLIC)), "slash at the end");
	warns(&d, LIST(ROW("e", "https://ghes.contoso.test/_services/token/", "s", PUBLIC)), "slash at the end");
	warns(&d, LIST(ROW("e", "https://forge.contoso.test/api/actions/", "s", PUBLIC)), "slash at the end");
	warns(&d, LIST(ROW("e", "https://forge.contoso.test/api/actions", "s", PUBLIC)), NULL);
	warns(&d, LIST(ROW("f", GITHUB, IMMUTABLE, USGOV)), "warning: 'f' has the audience of cloud usgov");
	warns(&d, LIST(ROW("g", GITHUB, IMMUTABLE, "api://mine")), NULL); /* somebody meant it */
}

TEST(a_mutable_subject_is_warned_of_unless_both_forms_are_there)
{
	DESK(d, JOB(CLASSIC));
	warns(&d, LIST(ROW("a", GITHUB, CLASSIC, PUBLIC)), "not registered: " IMMUTABLE "\n");
	warns(&d, LIST(ROW("a", GITHUB, CLASSIC, PUBLIC) "," ROW("b", GITHUB, IMMUTABLE, PUBLIC)), NULL);
	DESK(enterprise, "{\"iss\":\"" GITHUB "/contoso\",\"sub\":\"" CLASSIC "\",\"aud\":\"" PUBLIC "\"" IDS "}");
	warns(&enterprise, NULL, "not registered: " IMMUTABLE "\n");
	DESK(server, "{\"iss\":\"https://ghes.contoso.test/_services/token\",\"sub\":\"" CLASSIC "\",\"aud\":\"" PUBLIC "\"" IDS "}");
	warns(&server, NULL, NULL); /* GitHub Enterprise Server has only the one form */
	DESK(connection, "{\"iss\":\"https://vstoken.dev.azure.com/x\",\"sub\":\"sc://o/p/c\",\"aud\":\"" PUBLIC "\"}");
	warns(&connection, NULL, "renamed");
	warns(&connection, NULL, "retires on 2027-07-01");
}

TEST(the_end_of_the_room_is_warned_of)
{
	AUTO_BUF rows = buf_new(65536);
	DESK(d, JOB(IMMUTABLE));
	for (int i = 1; i <= 20; i++) {
		buf_addf(&rows, "%s{\"name\":\"n%d\",\"issuer\":\"i\",\"subject\":\"s%d\",\"audiences\":[\"" PUBLIC "\"]}", i > 1 ? "," : "", i, i);
		AUTO_STR list = str_printf("{\"value\":[%s]}", rows.p);
		AUTO_STR said = str_printf("warning: %d of 20 ", i);
		warns(&d, list, i >= 18 ? said : NULL);
	}
}

TEST(a_name_from_outside_cannot_write_lines)
{
	AUTO_BUF out = buf_new(65536);
	DESK(d, JOB(IMMUTABLE));
	holds(&d, LIST(ROW("a\\nwarning: \\u001b[31m\xE2\x80\xAE", GITHUB "/", "s", PUBLIC)));
	fic_warn(&d.p, &d.l, PUBLIC, &out);
	assert_text(strchr(out.p, '\n'), "\n");
	assert_silent_about(out.p, "\x1b");
	assert_silent_about(out.p, "\xE2\x80\xAE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_character_that_differs_is_found),
		T(what_differs_in_little_is_named),
		T(githubs_kinds_and_forms_are_told_apart),
		T(githubs_other_form_is_computed_from_the_claims),
		T(issuers_differ_by_a_slash_or_in_case),
		T(audiences_of_other_clouds_and_entras_own_way_to_write_one),
		T(claims_that_are_absent_match_nothing),
		T(expressions_are_judged),
		T(all_clauses_must_hold_and_the_first_that_does_not_is_named),
		T(other_languages_are_not_guessed),
		T(many_stars_cost_no_time),
		T(both_services_rows_are_read),
		T(what_is_no_list_is_refused),
		T(the_nearest_is_what_entra_means),
		T(a_flexible_one_matches_or_says_which_clause),
		T(what_can_never_match_is_warned_of),
		T(a_mutable_subject_is_warned_of_unless_both_forms_are_there),
		T(the_end_of_the_room_is_warned_of),
		T(a_name_from_outside_cannot_write_lines),
	};
	return RUN(tests);
}
