/* AKS identity bindings: the exchange through the pod's token proxy, and nowhere else. */
#include "helper/core/binding.h"

#include "tests/unit/fake.h"
#include "tests/unit/tmp.h"

static struct err err;

/* A world in a pod: identity and token file from the environment that the webhook set. */
struct pod {
	struct world w;
	struct plan plan;
	struct binding binding;
	struct http_request q;
};

static void pod_end(struct pod *p)
{
	binding_free(&p->binding);
	plan_free(&p->plan);
	world_end(&p->w);
}

static void pod_begin(struct pod *p)
{
	*p = (struct pod){.q = {.method = "POST", .url = "https://login.microsoftonline.com/x", .headers = {"Accept: application/json"}}};
	world_begin(&p->w);
	world_config(&p->w, "");
	world_env(&p->w, "KUBERNETES_SERVICE_HOST", "10.0.0.1");
	world_env(&p->w, "AZURE_TENANT_ID", TENANT);
	world_env(&p->w, "AZURE_CLIENT_ID", CLIENT);
	world_env(&p->w, "AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/token");
}

#define POD(p) CLEANUP(pod_end) struct pod p; pod_begin(&p)

static bool apply(struct pod *p)
{
	err = ERR_INIT;
	world_plan(&p->w, &p->plan);
	return binding_apply(&p->w.ctx, &p->plan, &p->q, &p->binding, &err);
}

TEST(without_a_proxy_the_request_stays_as_it_is)
{
	POD(p);
	assert_true(apply(&p));
	assert_text(p.q.url, "https://login.microsoftonline.com/x");
	assert_null(p.q.connect_to);
	assert_false(p.q.direct);
}

TEST(the_proxy_gets_the_exchange_under_its_certificates_name)
{
	POD(p);
	world_env(&p.w, "AZURE_KUBERNETES_TOKEN_PROXY", "https://10.1.2.3:8443/some/path/");
	world_env(&p.w, "AZURE_KUBERNETES_SNI_NAME", "proxy.example");
	world_env(&p.w, "AZURE_KUBERNETES_CA_DATA", "-----BEGIN CERTIFICATE-----");
	assert_true(apply(&p));
	assert_text(p.q.url, "https://proxy.example/some/path/" TENANT "/oauth2/v2.0/token");
	assert_text(p.q.connect_to, "10.1.2.3:8443");
	assert_text(p.q.ca_data, "-----BEGIN CERTIFICATE-----");
	assert_true(p.q.direct);
	assert_text(p.q.headers[1], "Host: 10.1.2.3:8443");
	assert_null(p.q.headers[2]);
}

TEST(without_a_name_and_port_the_proxys_own_are_used)
{
	POD(p);
	world_env(&p.w, "AZURE_KUBERNETES_TOKEN_PROXY", "https://Proxy.example");
	assert_true(apply(&p));
	assert_text(p.q.url, "https://proxy.example/" TENANT "/oauth2/v2.0/token");
	assert_text(p.q.connect_to, "proxy.example:443");
	assert_text(p.q.headers[1], "Host: proxy.example");
	assert_null(p.q.ca_data);
}

TEST(the_certificate_file_is_read_anew_each_time_and_must_hold_one)
{
	POD(p);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "ca.pem");
	write_text(path, "-----BEGIN CERTIFICATE-----\nx\n", 0644);
	world_env(&p.w, "AZURE_KUBERNETES_TOKEN_PROXY", "https://proxy.example");
	world_env(&p.w, "AZURE_KUBERNETES_CA_FILE", path);
	assert_true(apply(&p));
	assert_says(p.q.ca_data, "BEGIN CERTIFICATE");
}

static void contradicts(const char *first, const char *first_value, const char *second, const char *second_value, const char *says)
{
	POD(p);
	world_env(&p.w, first, first_value);
	if (second)
		world_env(&p.w, second, second_value);
	if (apply(&p))
		fail_msg("accepted: %s = %s", first, first_value);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_clean(&err);
	assert_says(err.msg, says);
}

TEST(variables_that_contradict_each_other_are_an_error)
{
	static const char PROXY[] = "AZURE_KUBERNETES_TOKEN_PROXY", CA_DATA[] = "AZURE_KUBERNETES_CA_DATA", CA_FILE[] = "AZURE_KUBERNETES_CA_FILE", SNI[] = "AZURE_KUBERNETES_SNI_NAME";
	contradicts(SNI, "x", NULL, NULL, "_TOKEN_PROXY is not");
	contradicts(CA_FILE, "/x", NULL, NULL, "_TOKEN_PROXY is not");
	contradicts(CA_DATA, "x", NULL, NULL, "_TOKEN_PROXY is not");
	contradicts(CA_DATA, "x", CA_FILE, "/x", "_TOKEN_PROXY is not");
	contradicts(PROXY, "https://p", SNI, "a b", "no host name");
	contradicts(PROXY, "https://p", CA_FILE, "/nowhere/ca", "/nowhere/ca");
	contradicts(PROXY, "https://p", CA_FILE, "/dev/null", "AZURE_KUBERNETES_CA_FILE");
	static const char *const bad[] = {"http://p", "p", "https://", "https://u:secret@p", "https://p?q=1", "https://p#x", "https://p:99999"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		contradicts(PROXY, bad[i], NULL, NULL, "https://HOST[:PORT][/PATH]");
}

TEST(both_kinds_of_certificates_are_an_error)
{
	POD(p);
	world_env(&p.w, "AZURE_KUBERNETES_TOKEN_PROXY", "https://p");
	world_env(&p.w, "AZURE_KUBERNETES_CA_DATA", "x");
	world_env(&p.w, "AZURE_KUBERNETES_CA_FILE", "/x");
	assert_false(apply(&p));
	assert_says(err.msg, "are both set");
}

static void not_applied(struct pod *p)
{
	world_env(&p->w, "AZURE_KUBERNETES_TOKEN_PROXY", "https://evil.example");
	assert_true(apply(p));
	assert_text(p->q.url, "https://login.microsoftonline.com/x");
	assert_null(p->q.connect_to);
}

TEST(outside_a_pod_a_stray_variable_changes_nothing)
{
	POD(p);
	world_env(&p.w, "KUBERNETES_SERVICE_HOST", NULL);
	not_applied(&p);
}

TEST(an_identity_of_a_file_is_not_sent_to_the_pods_proxy)
{
	POD(p);
	world_config(&p.w, "[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\nsource = file\ntoken-file = /var/run/secrets/token\n");
	not_applied(&p);
}

TEST(another_source_is_not_sent_to_the_pods_proxy)
{
	POD(p);
	world_config(&p.w, IDENTITY);
	not_applied(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_proxy_the_request_stays_as_it_is),
		T(the_proxy_gets_the_exchange_under_its_certificates_name),
		T(without_a_name_and_port_the_proxys_own_are_used),
		T(the_certificate_file_is_read_anew_each_time_and_must_hold_one),
		T(variables_that_contradict_each_other_are_an_error),
		T(both_kinds_of_certificates_are_an_error),
		T(outside_a_pod_a_stray_variable_changes_nothing),
		T(an_identity_of_a_file_is_not_sent_to_the_pods_proxy),
		T(another_source_is_not_sent_to_the_pods_proxy),
	};
	return RUN(tests);
}
