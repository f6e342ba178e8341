/* An organization's connections: what is asked, and what is made of answers that are late, strange or hostile. */
#include <stdlib.h>
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/cmd/service_connection.h"
#include "tests/unit/fake.h"

#define API "https://dev.azure.com/contoso/"
#define ID "11111111-2222-4333-8444-555555555555"
#define ID2 "11111111-2222-4333-8444-666666666666"
#define PROJECT "{\"id\":\"99999999-2222-4333-8444-555555555555\",\"name\":\"shop\"}"
#define REFERENCES "\"serviceEndpointProjectReferences\":[{\"name\":\"old\",\"projectReference\":" PROJECT "}]"
#define ROW(scheme, data, state) ROW_OF(ID, scheme, data, state)
#define ROW_OF(id, scheme, data, state) \
	"{\"id\":\"" id "\",\"name\":\"old\",\"authorization\":{\"scheme\":\"" scheme "\",\"parameters\":{\"serviceprincipalkey\":null}},\"data\":{\"creationMode\":\"Automatic\"" data "},\"operationStatus\":{\"state\":\"" state \
	"\",\"statusMessage\":\"why\"},\"isReady\":true," REFERENCES "}"
#define OLD ROW("ServicePrincipal", "", "Ready")
#define DONE ROW("WorkloadIdentityFederation", ",\"revertSchemeDeadline\":\"2026-11-30T10:00:00Z\"", "Ready")
#define BUSY ROW("ServicePrincipal", "", "InProgress")
#define LIST(rows) {200, .body = "{\"value\":[" rows "]}"}
#define GOOD(row) {200, .body = row}

struct office {
	struct world w;
	struct organization o;
	struct connections l;
	struct err err;
	FILE *out;
};

static void office_end(struct office *o)
{
	organization_close(&o->o);
	connections_free(&o->l);
	fclose(o->out);
	world_end(&o->w);
}

static void office_begin(struct office *o)
{
	*o = (struct office){.err = ERR_INIT, .out = tmpfile()};
	assert_non_null(o->out);
	world_begin(&o->w);
	world_config(&o->w, "[identity ops]\nsource = fake-access\n");
	fake_script.access = true;
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = str_dup("at-1");
	o->w.ctx.out = fileno(o->out);
	o->o.name = str_dup("contoso");
	assert_true(admin_open(&o->w.ctx, "ops", RESOURCE_AZURE_REPOS, &o->o.admin, &o->err));
}

#define OFFICE(o) CLEANUP(office_end) struct office o; office_begin(&o)

static const char *asked(const struct office *o, size_t n)
{
	return o->w.http.asked[n].url;
}

static bool lists(struct office *o)
{
	connections_free(&o->l);
	o->err = ERR_INIT;
	return organization_connections(&o->o, &o->l, &o->err);
}

/* What stands on stdout; free it. */
static char *printed(struct office *o)
{
	AUTO_BUF b = buf_new(65536);
	char piece[4096];
	ssize_t n;
	for (off_t at = 0; (n = pread(fileno(o->out), piece, sizeof piece, at)) > 0; at += n)
		buf_add(&b, piece, (size_t)n);
	return buf_take(&b);
}

typedef int verb_fn(struct ctx *, struct organization *, int, char **);

static int run(struct office *o, verb_fn *verb, const char *name)
{
	char *argv[] = {(char *)(uintptr_t)name, (char *)(uintptr_t)"--yes", NULL};
	return verb(&o->w.ctx, &o->o, 2, argv);
}

/* --- lists --- */

TEST(projects_come_page_by_page_and_each_has_time_of_its_own)
{
	OFFICE(o);
	SCRIPT(&o.w, {200, .body = "{\"value\":[" PROJECT "]}", .continuation = "a&b", .takes_ms = 15000}, {200, .body = "{\"value\":[" OLD "]}", .takes_ms = 15000},
	       {200, .body = "{\"value\":[{\"id\":\"" ID2 "\",\"name\":\"a b/c\"}]}", .takes_ms = 15000}, LIST(OLD));
	assert_true(lists(&o));
	assert_int_equal(o.l.count, 1);
	assert_text(asked(&o, 0), API "_apis/projects?$top=100&api-version=7.1");
	assert_text(asked(&o, 1), API "shop/_apis/serviceendpoint/endpoints?type=azurerm&includeFailed=true&includeDetails=true&api-version=7.1");
	assert_text(asked(&o, 2), API "_apis/projects?$top=100&api-version=7.1&continuationToken=a%26b");
	assert_true(str_starts(asked(&o, 3), API "a%20b%2Fc/_apis/"));
	assert_says(o.w.http.asked[3].headers, "X-TFS-FedAuthRedirect: Suppress");
	assert_true(o.w.http.asked[3].deadline_ms >= o.w.clock.ms + 15000);
}

TEST(pages_without_end_end)
{
	OFFICE(o);
	struct answer script[128];
	for (size_t i = 0; i < COUNT_OF(script); i++)
		script[i] = (struct answer){200, .body = "{\"value\":[]}", .continuation = "1"};
	world_script(&o.w, script, COUNT_OF(script));
	assert_false(lists(&o));
	assert_int_equal(o.err.kind, ERR_REFUSED);
	assert_clean(&o.err);
}

/* Nothing strange is ever "0 connections". */
TEST(answers_that_are_no_lists_are_told)
{
	static const struct {
		struct answer a;
		enum err_kind kind;
	} cases[] = {{{200, .body = "{}"}, ERR_NETWORK}, {{200, .body = "[]"}, ERR_NETWORK}, {{200, .body = "{\"value\":{}}"}, ERR_NETWORK}, {{204, .body = ""}, ERR_NETWORK}, {{200, .body = "{\"value\":["}, ERR_NETWORK},
		     {LIST("{\"name\":\"x\"}"), ERR_NETWORK}, {LIST("{\"id\":\"../../x\",\"name\":\"x\"}"), ERR_NETWORK}, {LIST("7"), ERR_NETWORK}, {{200, .type = "text/html", .body = "<html>"}, ERR_NETWORK},
		     {{302, .location = "https://login.example/"}, ERR_NETWORK}, {{401, .body = ""}, ERR_POLICY}, {{403, .body = "{\"message\":\"m\"}"}, ERR_POLICY}, {{404, .body = ""}, ERR_CONFIG},
		     {{429, .body = ""}, ERR_THROTTLED}, {{500, .body = "{\"message\":\"down\"}"}, ERR_REFUSED}, {{.fails = true}, ERR_NETWORK}};
	for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
		OFFICE(o);
		o.o.project = i % 2 ? "shop" : NULL;
		SCRIPT(&o.w, cases[i / 2].a);
		if (lists(&o))
			fail_msg("case %zu was taken for a list", i);
		assert_clean(&o.err);
		assert_int_equal(o.err.kind, cases[i / 2].kind);
	}
}

TEST(one_without_a_name_goes_by_its_id)
{
	OFFICE(o);
	o.o.project = "shop";
	SCRIPT(&o.w, LIST("{\"id\":\"" ID "\"}"));
	assert_true(lists(&o));
	assert_text(o.l.rows[0].name, ID);
}

TEST(a_name_that_two_have_is_nobodys)
{
	OFFICE(o);
	CLEANUP(connection_free) struct connection c = {0};
	o.o.project = "shop";
	SCRIPT(&o.w, LIST("{\"id\":\"" ID "\",\"name\":\"x\"},{\"id\":\"" ID2 "\",\"name\":\"X\"}"), LIST("{\"id\":\"" ID "\",\"name\":\"x\"},{\"id\":\"" ID2 "\",\"name\":\"X\"}"));
	assert_false(organization_find(&o.o, "x", &c, &o.err));
	assert_says(o.err.msg, "2 connections are called 'x'");
	assert_true(organization_find(&o.o, ID2, &c, &o.err));
	assert_text(c.name, "X");
}

/* --- what is printed --- */

TEST(the_command_to_type_holds_whatever_a_name_holds)
{
	AUTO_BUF out = buf_new(4096);
	connection_show(&(struct connection){.name = (char[]){"n"}, .scheme = (char[]){"WorkloadIdentityFederation"}, .issuer = (char[]){"https://vstoken.dev.azure.com/x"},
					     .subject = (char[]){"sc://contoso/my shop/$(reboot)'\u202e"}, .tenant = (char[]){TENANT}},
			&out);
	assert_says(out.p, "az devops service-endpoint convert --azdo-subject 'sc://contoso/my shop/$(reboot)'\\''??" "?' --tenant-id " TENANT "\n");
	assert_silent_about(out.p, "\u202e");
}

TEST(a_key_is_sent_back_but_not_shown)
{
	OFFICE(o);
	o.o.project = "shop";
	static const char row[] = "{\"id\":\"" ID "\",\"name\":\"a\u202eb\",\"authorization\":{\"scheme\":\"ServicePrincipal\",\"parameters\":{\"serviceprincipalkey\":\"hunter2\"}},\"data\":{\"creationMode\":\"Automatic\"}," REFERENCES "}";
	AUTO_STR list = str_printf("{\"value\":[%s]}", row);
	SCRIPT(&o.w, {200, .body = list}, GOOD(row), GOOD(BUSY), GOOD(DONE));
	assert_int_equal(run(&o, connection_convert, ID), 0);
	assert_says(o.w.http.asked[2].form, "hunter2");
	AUTO_STR out = printed(&o);
	assert_silent_about(out, "hunter2");
	assert_silent_about(out, "\u202e");
	assert_says(out, "\"serviceprincipalkey\":\"***\"");
}

/* Microsoft's scripts compare them so. */
TEST(schemes_and_modes_are_the_same_in_any_case)
{
	struct connection c = {.scheme = (char[]){"serviceprincipal"}, .creation = (char[]){"automatic"}};
	assert_text(connection_flag(&c), "has a secret: convert it");
	c.scheme = (char[]){"workloadidentityfederation"};
	assert_true(connection_is_federated(&c));
	assert_text(connection_flag(&c), NULL);
}

/* --- waiting --- */

static int converts(struct office *o, const struct answer *after, size_t count)
{
	struct answer script[64] = {LIST(OLD), GOOD(OLD), GOOD(BUSY)};
	assert_true(count + 3 <= COUNT_OF(script));
	for (size_t i = 0; i < count; i++)
		script[3 + i] = after[i];
	o->o.project = "shop";
	world_script(&o->w, script, 3 + count);
	return run(o, connection_convert, "old");
}

#define CONVERTS(o, ...) converts(o, (const struct answer[]){__VA_ARGS__}, sizeof((const struct answer[]){__VA_ARGS__}) / sizeof(struct answer))

/* A look that is older than the change says that it is ready, with the secret still. */
TEST(what_is_ready_but_unchanged_is_not_done)
{
	OFFICE(o);
	assert_int_equal(CONVERTS(&o, GOOD(OLD), GOOD(BUSY), GOOD(DONE)), 0);
	assert_int_equal(o.w.http.calls, 6);
	assert_text(asked(&o, 2), API "shop/_apis/serviceendpoint/endpoints/" ID "?operation=ConvertAuthenticationScheme&api-version=7.1");
	assert_text(asked(&o, 3), API "shop/_apis/serviceendpoint/endpoints/" ID "?includeDetails=true&api-version=7.1");
}

TEST(a_bad_moment_does_not_end_the_waiting)
{
	OFFICE(o);
	assert_int_equal(CONVERTS(&o, {429, .retry_after = "40", .body = ""}, {.fails = true}, {503, .body = "{\"message\":\"busy\"}"}, GOOD(DONE)), 0);
	assert_int_equal(o.w.clock.slept, 40000 + 5000 + 5000);
}

TEST(a_service_that_is_gone_ends_it)
{
	OFFICE(o);
	struct answer gone[32];
	for (size_t i = 0; i < COUNT_OF(gone); i++)
		gone[i] = (struct answer){.fails = true};
	assert_int_equal(converts(&o, gone, COUNT_OF(gone)), ERR_NETWORK);
	assert_true(o.w.http.calls < 12);
}

TEST(who_may_not_look_any_more_does_not_go_on)
{
	OFFICE(o);
	assert_int_equal(CONVERTS(&o, {403, .body = "{}"}, GOOD(DONE)), ERR_POLICY);
	assert_int_equal(o.w.http.calls, 4);
}

TEST(failure_ends_it_with_its_reason)
{
	OFFICE(o);
	assert_int_equal(CONVERTS(&o, GOOD(BUSY), GOOD(ROW("ServicePrincipal", "", "Failed"))), ERR_REFUSED);
}

TEST(it_waits_minutes_and_not_for_ever)
{
	OFFICE(o);
	struct answer busy[] = {GOOD(BUSY), GOOD(BUSY), GOOD(BUSY)};
	for (size_t i = 0; i < COUNT_OF(busy); i++)
		busy[i].retry_after = "100000";
	assert_int_equal(converts(&o, busy, COUNT_OF(busy)), ERR_NETWORK);
	assert_int_equal(o.w.clock.slept, 15 * 60 * 1000);
}

/* --- what is changed --- */

TEST(what_changed_in_the_meantime_is_seen)
{
	static const struct answer second[] = {GOOD(DONE), GOOD(ROW_OF(ID2, "ServicePrincipal", "", "Ready")), GOOD("{}"), GOOD("[]"), {404, .body = ""}, GOOD("{\"id\":\"" ID "\",\"authorization\":\"x\",\"data\":7}")};
	for (size_t i = 0; i < COUNT_OF(second); i++) {
		OFFICE(o);
		o.o.project = "shop";
		SCRIPT(&o.w, LIST(OLD), second[i], GOOD(DONE), GOOD(DONE));
		assert_int_not_equal(run(&o, connection_convert, "old"), 0);
		assert_int_equal(o.w.http.calls, 2);
	}
}

TEST(the_way_back_is_open_until_the_second_that_is_named)
{
	OFFICE(o);
	o.o.project = "shop";
	SCRIPT(&o.w, LIST(DONE), GOOD(BUSY), GOOD(OLD));
	assert_int_equal(run(&o, connection_revert, "old"), 0);
	assert_text(asked(&o, 1), API "_apis/serviceendpoint/endpoints/" ID "?operation=ConvertAuthenticationScheme&api-version=7.1");
	assert_text(o.w.http.asked[1].form, "{\"id\":\"" ID "\",\"type\":\"azurerm\",\"authorization\":{\"scheme\":\"ServicePrincipal\"},\"serviceEndpointProjectReferences\":[{\"description\":\"\",\"name\":\"old\",\"projectReference\":" PROJECT "}]}");
	o.w.clock.now = NOW + 7 * 86400;
	world_script(&o.w, script_, COUNT_OF(script_));
	assert_int_equal(run(&o, connection_revert, "old"), ERR_REFUSED);
	assert_int_equal(o.w.http.calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(projects_come_page_by_page_and_each_has_time_of_its_own), T(pages_without_end_end), T(answers_that_are_no_lists_are_told), T(one_without_a_name_goes_by_its_id), T(a_name_that_two_have_is_nobodys),
		T(the_command_to_type_holds_whatever_a_name_holds), T(a_key_is_sent_back_but_not_shown), T(schemes_and_modes_are_the_same_in_any_case), T(what_is_ready_but_unchanged_is_not_done), T(a_bad_moment_does_not_end_the_waiting),
		T(a_service_that_is_gone_ends_it), T(who_may_not_look_any_more_does_not_go_on), T(failure_ends_it_with_its_reason), T(it_waits_minutes_and_not_for_ever),
		T(what_changed_in_the_meantime_is_seen), T(the_way_back_is_open_until_the_second_that_is_named)};
	return RUN(tests);
}
