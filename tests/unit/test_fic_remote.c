/* Which of the two a client is, and where its credentials are read and made: requests byte for byte, and answers of
 * services that lie. */
#include "helper/cmd/fic_remote.h"
#include "tests/unit/fake.h"

#define GUID "cccccccc-5555-6666-7777-888888888888"
#define APPLICATION "https://graph.microsoft.com/v1.0/applications(appId='" GUID "')/federatedIdentityCredentials"
#define BETA "https://graph.microsoft.com/beta/applications(appId='" GUID "')/federatedIdentityCredentials"
#define RESOURCE "/subscriptions/f0f0f0f0-0000-4000-8000-00000000000a/resourcegroups/my rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/deploy"
#define ARM "https://management.azure.com/subscriptions/f0f0f0f0-0000-4000-8000-00000000000a/resourcegroups/my%20rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/deploy"
#define MANAGED(id) "{\"servicePrincipalType\":\"ManagedIdentity\",\"alternativeNames\":[\"isExplicit=True\",\"" id "\"]}"
#define ONE "{\"value\":[{\"name\":\"a\",\"issuer\":\"i\",\"subject\":\"s\",\"audiences\":[\"u\"]}]}"

struct office {
	struct world w;
	struct identity id;
	struct fic_remote remote;
	struct fic_list l;
	struct err err;
};

static void office_end(struct office *o)
{
	fic_remote_close(&o->remote);
	fic_list_free(&o->l);
	identity_free(&o->id);
	world_end(&o->w);
}

static void office_begin(struct office *o)
{
	*o = (struct office){.err = ERR_INIT};
	world_begin(&o->w);
	world_config(&o->w, "[identity ops]\nsource = fake-access\n");
	fake_script.access = true;
	free((char *)(uintptr_t)fake_script.tokens[0]);
	fake_script.tokens[0] = str_dup("at-1");
	o->id = (struct identity){.name = str_dup("ci"), .origin = str_dup("a test")};
	assert_true(config_set(o->id.set, KEY_CLIENT_ID, GUID, "a test", &o->err));
}

#define OFFICE(o) CLEANUP(office_end) struct office o; office_begin(&o)

static bool opens(struct office *o, const char *resource_id)
{
	struct fic_whose whose = {.id = &o->id, .admin = "ops", .resource_id = resource_id};
	fic_remote_close(&o->remote);
	o->err = ERR_INIT;
	return fic_remote_open(&o->w.ctx, &whose, &o->remote, &o->err);
}

static const char *asked(const struct office *o, size_t n)
{
	return o->w.http.asked[n].url;
}

TEST(an_application_is_read_by_beta)
{
	OFFICE(o);
	SCRIPT(&o.w, {200, .body = "{\"servicePrincipalType\":\"Application\",\"alternativeNames\":[]}"}, {200, .body = ONE});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_text(asked(&o, 0), "https://graph.microsoft.com/v1.0/servicePrincipals(appId='" GUID "')?$select=servicePrincipalType,alternativeNames");
	assert_text(asked(&o, 1), BETA);
	assert_text(o.w.http.asked[1].bearer, "Bearer at-1");
	assert_int_equal(o.l.count, 1);
}

TEST(an_application_without_a_service_principal_is_one)
{
	OFFICE(o);
	SCRIPT(&o.w, {404, .body = "{\"error\":{\"code\":\"Request_ResourceNotFound\"}}"}, {400, .body = "{\"error\":{\"code\":\"x\"}}"}, {200, .body = ONE});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_text(asked(&o, 2), APPLICATION);
	assert_int_equal(o.l.count, 1);
}

TEST(a_managed_identity_is_read_where_its_name_says)
{
	OFFICE(o);
	SCRIPT(&o.w, {200, .body = MANAGED(RESOURCE)}, {200, .body = ONE});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_text(asked(&o, 1), ARM "/federatedIdentityCredentials?api-version=2023-01-31");
}

TEST(a_resource_id_that_is_none_is_asked_nowhere)
{
	static const char *const bad[] = {"", "/", "//", RESOURCE "/", RESOURCE "/x", ("x" RESOURCE), "/subscriptions//resourcegroups/a/providers/Microsoft.ManagedIdentity/userAssignedIdentities/b",
		"/subscriptions/a/resourcegroups/../providers/Microsoft.ManagedIdentity/userAssignedIdentities/b", "/subscriptions/a/resourcegroups/b\n/providers/Microsoft.ManagedIdentity/userAssignedIdentities/c",
		"/subscriptions/a/resourcegroups/b/providers/Microsoft.Compute/virtualMachines/c"};
	OFFICE(o);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO_BUF name = buf_new(4096);
		json_quote(&name, bad[i]);
		AUTO_STR body = str_printf("{\"servicePrincipalType\":\"ManagedIdentity\",\"alternativeNames\":[\"isExplicit=True\",%s]}", name.p);
		SCRIPT(&o.w, {200, .body = body}, {200, .body = ONE});
		assert_false(opens(&o, NULL));
		assert_clean(&o.err);
		assert_int_equal(o.err.kind, ERR_CONFIG);
		assert_false(opens(&o, bad[i]));
		assert_clean(&o.err);
		assert_int_equal(o.err.kind, ERR_USAGE);
		assert_int_equal(o.w.http.calls, 1);
	}
}

TEST(what_it_says_of_itself_is_escaped)
{
	OFFICE(o);
	SCRIPT(&o.w, {200, .body = MANAGED("/subscriptions/a?b#c/resourcegroups/d&e/providers/Microsoft.ManagedIdentity/userAssignedIdentities/f@g%2e")}, {200, .body = ONE});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_says(asked(&o, 1), "https://management.azure.com/subscriptions/a%3Fb%23c/resourcegroups/d%26e/");
	assert_says(asked(&o, 1), "/f%40g%252e/federatedIdentityCredentials?api-version=");
}

TEST(the_next_page_is_at_the_same_service_or_nowhere)
{
	OFFICE(o);
	SCRIPT(&o.w, {404, .body = "{}"}, {200, .body = "{\"value\":[{\"name\":\"a\"}],\"@odata.nextLink\":\"" BETA "?$skiptoken=1\"}"},
	       {200, .body = "{\"value\":[{\"name\":\"b\"}],\"@odata.nextLink\":\"https://graph.microsoft.com.evil.test/x\"}"}, {200, .body = ONE});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_text(asked(&o, 2), BETA "?$skiptoken=1");
	assert_int_equal(o.w.http.calls, 3);
	assert_int_equal(o.l.count, 2);
}

TEST(pages_without_end_end)
{
	OFFICE(o);
	struct answer script[64];
	for (size_t i = 0; i < COUNT_OF(script); i++)
		script[i] = (struct answer){200, .body = "{\"value\":[{\"name\":\"a\"}],\"@odata.nextLink\":\"" BETA "\"}"};
	world_script(&o.w, script, COUNT_OF(script));
	assert_true(opens(&o, NULL));
	fic_remote_list(&o.remote, &o.l, &o.err);
	assert_true(o.w.http.calls <= 12);
}

TEST(answers_that_are_no_lists_are_told)
{
	static const struct {
		struct answer a;
		enum err_kind kind;
	} cases[] = {{{200, .body = "{}"}, ERR_NETWORK}, {{200, .body = "[]"}, ERR_NETWORK}, {{200, .body = ""}, ERR_NETWORK}, {{200, .type = "text/html", .body = "<html>"}, ERR_NETWORK},
		     {{401, .body = "{\"error\":{\"code\":\"InvalidAuthenticationToken\",\"message\":\"m\"}}"}, ERR_POLICY}, {{403, .body = "{}"}, ERR_POLICY}, {{429, .body = "{}"}, ERR_THROTTLED},
		     {{.fails = true}, ERR_NETWORK}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		OFFICE(o);
		SCRIPT(&o.w, {404, .body = "{}"}, cases[i].a);
		assert_true(opens(&o, NULL));
		assert_false(fic_remote_list(&o.remote, &o.l, &o.err));
		assert_clean(&o.err);
		assert_int_equal(o.err.kind, cases[i].kind);
	}
}

TEST(nobodys_client_is_told_after_both_were_asked)
{
	OFFICE(o);
	SCRIPT(&o.w, {404, .body = "{}"}, {404, .body = "{}"}, {404, .body = "{}"});
	assert_true(opens(&o, NULL));
	assert_false(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_int_equal(o.err.kind, ERR_CONFIG);
	assert_says(o.err.msg, "app registration " GUID " is unknown to Microsoft Graph, asked as identity ops");
	assert_clean(&o.err);
}

TEST(without_a_client_or_in_a_foreign_cloud_nobody_is_asked)
{
	OFFICE(o);
	identity_free(&o.id);
	o.id = (struct identity){.name = str_dup("ci"), .origin = str_dup("x")};
	assert_false(opens(&o, NULL));
	assert_says(o.err.msg, "no client id is named here");
	assert_true(config_set(o.id.set, KEY_CLIENT_ID, GUID, "x", &o.err) && config_set(o.id.set, KEY_AUTHORITY, "https://login.custom.test", "x", &o.err));
	assert_false(opens(&o, NULL));
	assert_says(o.err.msg, "an authority of its own");
	assert_int_equal(o.w.http.calls, 0);
}

TEST(each_cloud_has_its_own_services)
{
	OFFICE(o);
	assert_true(config_set(o.id.set, KEY_CLOUD, "china", "x", &o.err));
	SCRIPT(&o.w, {200, .body = MANAGED(RESOURCE)}, {200, .body = ONE});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_list(&o.remote, &o.l, &o.err));
	assert_true(str_starts(asked(&o, 0), "https://microsoftgraph.chinacloudapi.cn/v1.0/"));
	assert_true(str_starts(asked(&o, 1), "https://management.chinacloudapi.cn/subscriptions/"));
}

/* --- making one --- */

static const struct fic_wish wish = {"job", "https://i.test", "s \"q\"", "api://AzureADTokenExchange", GUID};

TEST(an_applications_is_posted)
{
	OFFICE(o);
	SCRIPT(&o.w, {404, .body = "{}"}, {201, .body = "{}"});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_create(&o.remote, &wish, &o.err));
	assert_text(o.w.http.asked[1].method, "POST");
	assert_text(asked(&o, 1), APPLICATION);
	assert_says(o.w.http.asked[1].headers, "Content-Type: application/json");
	AUTO_JSON body = json_parse(o.w.http.asked[1].form, strlen(o.w.http.asked[1].form));
	assert_text(json_str(body, "name"), "job");
	assert_text(json_str(body, "subject"), "s \"q\"");
	assert_text(json_text(json_at(json_get(body, "audiences"), 0)), "api://AzureADTokenExchange");
}

TEST(a_managed_identitys_is_put_and_waits_for_others)
{
	OFFICE(o);
	SCRIPT(&o.w, {200, .body = MANAGED(RESOURCE)}, {409, .body = "{\"error\":{\"code\":\"Concurrent\"}}"}, {409, .body = "{}"}, {201, .body = "{}"});
	assert_true(opens(&o, NULL));
	assert_true(fic_remote_create(&o.remote, &wish, &o.err));
	assert_text(o.w.http.asked[3].method, "PUT");
	assert_text(asked(&o, 3), ARM "/federatedIdentityCredentials/job?api-version=2023-01-31");
	AUTO_JSON body = json_parse(o.w.http.asked[3].form, strlen(o.w.http.asked[3].form));
	assert_text(json_str(json_get(body, "properties"), "issuer"), "https://i.test");
	assert_int_equal(o.w.clock.slept, 4000);
}

TEST(it_does_not_wait_beyond_the_deadline_nor_for_a_duplicate)
{
	OFFICE(o);
	struct answer script[64] = {{200, .body = MANAGED(RESOURCE)}};
	for (size_t i = 1; i < COUNT_OF(script); i++)
		script[i] = (struct answer){409, .body = "{\"error\":{\"message\":\"Too many\"}}"};
	world_script(&o.w, script, COUNT_OF(script));
	assert_true(opens(&o, NULL));
	assert_false(fic_remote_create(&o.remote, &wish, &o.err));
	assert_says(o.err.msg, "HTTP 409: Too many");
	assert_true(o.w.clock.ms <= o.w.ctx.deadline_ms);
	SCRIPT(&o.w, {404, .body = "{}"}, {409, .body = "{\"error\":{\"message\":\"already exists\"}}"}, {201, .body = "{}"});
	assert_true(opens(&o, NULL));
	assert_false(fic_remote_create(&o.remote, &wish, &o.err));
	assert_int_equal(o.err.kind, ERR_REFUSED);
	assert_int_equal(o.w.http.calls, 2);
}

TEST(another_refusal_is_not_repeated)
{
	OFFICE(o);
	SCRIPT(&o.w, {200, .body = MANAGED(RESOURCE)}, {403, .body = "{\"error\":{\"message\":\"no\"}}"}, {201, .body = "{}"});
	assert_true(opens(&o, NULL));
	assert_false(fic_remote_create(&o.remote, &wish, &o.err));
	assert_int_equal(o.err.kind, ERR_POLICY);
	assert_int_equal(o.w.http.calls, 2);
	assert_int_equal(o.w.clock.slept, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_application_is_read_by_beta),
		T(an_application_without_a_service_principal_is_one),
		T(a_managed_identity_is_read_where_its_name_says),
		T(a_resource_id_that_is_none_is_asked_nowhere),
		T(what_it_says_of_itself_is_escaped),
		T(the_next_page_is_at_the_same_service_or_nowhere),
		T(pages_without_end_end),
		T(answers_that_are_no_lists_are_told),
		T(nobodys_client_is_told_after_both_were_asked),
		T(without_a_client_or_in_a_foreign_cloud_nobody_is_asked),
		T(each_cloud_has_its_own_services),
		T(an_applications_is_posted),
		T(a_managed_identitys_is_put_and_waits_for_others),
		T(it_does_not_wait_beyond_the_deadline_nor_for_a_duplicate),
		T(another_refusal_is_not_repeated),
	};
	return RUN(tests);
}
