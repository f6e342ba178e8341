/* KUBERNETES_EXEC_INFO as each client writes it, and the answer in the version that was asked for. */
#include "tests/unit/kube.h"

#define ANSWER(version, time, token) \
	"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP version "\",\"status\":{\"expirationTimestamp\":\"" time "\",\"token\":\"" token "\"}}\n"
/* NOW and 3599 s, less five minutes. */
#define END "2026-11-23T10:54:59Z"

static void asks(struct world *w, const char *info)
{
	world_env(w, "KUBERNETES_EXEC_INFO", info);
}

/* Served, under both names: one exchange, and the same answer to whoever asks again. */
static void served(const char *info, const char *version)
{
	AUTO_STR wanted = str_printf("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "%s\",\"status\":{\"expirationTimestamp\":\"" END "\",\"token\":\"at-1\"}}\n", version);
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"));
	asks(&w, info);
	for (size_t i = 0; i < 2 * COUNT_OF(kube_faces); i++) {
		CALL c = kube_call(&w, kube_faces[i % 2], STANZA);
		assert_text(c.line, "");
		assert_text(c.out, wanted);
		assert_int_equal(c.status, 0);
	}
	assert_int_equal(w.http.calls, 1);
}

static void refused(const char *info, const char *msg)
{
	WORLD(w);
	asks(&w, info);
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		CALL c = kube_call(&w, kube_faces[i], STANZA);
		assert_text(c.out, "");
		assert_says(c.line, msg);
		assert_true(strchr(c.line, '\n') == c.line + strlen(c.line) - 1);
		assert_int_equal(c.status, 1);
	}
	assert_int_equal(w.http.calls + w.store.calls + w.proc.calls, 0);
}

/* --- the clients of today ------------------------------------------------------------------------------------------------- */

TEST(kubectl_gets_the_version_that_it_asks_for)
{
	served(INFO("v1"), "v1");
	served(INFO("v1beta1"), "v1beta1");
	served(INFO("v1") "\n", "v1");
	served("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1\",\"spec\":{\"cluster\":{\"server\":\"https://c.azmk8s.io:443\",\"certificate-authority-data\":\"QQ==\","
	       "\"config\":{\"a\":[1,{\"b\":null}]}},\"interactive\":true}}", "v1");
}

TEST(a_client_that_says_nothing_gets_v1beta1)
{
	served(NULL, "v1beta1"); /* JS, fabric8, the older Java client */
	served("", "v1beta1");
}

TEST(an_old_kubectl_says_no_more_than_a_version)
{
	served("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1beta1\",\"spec\":{}}", "v1beta1"); /* 1.20 */
	served("{\"apiVersion\":\"" GROUP "v1beta1\"}", "v1beta1");
	served("{\"apiVersion\":\"" GROUP "v1\",\"kind\":\"\\u0045xecCredential\"}", "v1");
}

TEST(csharps_plural_kind_is_understood)
{
	served("{\"apiVersion\":\"" GROUP "v1\",\"kind\":\"ExecCredentials\",\"spec\":{\"interactive\":true}}", "v1");
	served("{ \"kind\" : \"ExecCredentials\",\r\n\t\"apiVersion\" : \"" GROUP "v1beta1\" }\r\n", "v1beta1");
}

TEST(python_may_send_its_cluster_as_it_stands_and_an_older_answer)
{
	served("{\"kind\": \"ExecCredential\", \"apiVersion\": \"" GROUP "v1\", \"spec\": {\"interactive\": false, \"cluster\": {\"certificate-authority\": \"ca.pem\", "
	       "\"server\": \"https://127.0.0.1:6443\"}, \"response\": {\"header\": {}, \"code\": 401}}}", "v1");
}

TEST(rust_and_whoever_comes_next_may_say_more)
{
	served("{\"apiVersion\":\"" GROUP "v1\",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":true,\"new\":[[],{}]},\"status\":null,\"x\":1.5e3}", "v1");
	served("{\"apiVersion\":\"" GROUP "v1\",\"kind\":null,\"spec\":[]}", "v1");
	served("{\"apiVersion\":\"" GROUP "v1\",\"kind\":\"ExecCredential\",\"spec\":{\"cluster\":7}}", "v1");
	served("{\"apiVersion\":\"" GROUP "v1\",\"kind\":\"ExecCredential\",\"spec\":{\"cluster\":{\"server\":\"no url\"}}}", "v1");
}

/* --- what is no such request ---------------------------------------------------------------------------------------------- */

TEST(an_ended_version_is_told_with_the_fix)
{
	refused(INFO("v1alpha1"), "the kubeconfig asks for " GROUP "v1alpha1, which ended with Kubernetes 1.24; in the kubeconfig: apiVersion: " GROUP "v1beta1");
	refused(INFO("v2"), "the kubeconfig asks for " GROUP "v2, which daypass does not speak");
	refused("{\"kind\":\"ExecCredential\",\"apiVersion\":\"v1\"}", "asks for v1, which");
	refused("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "__internal\"}", "does not speak");
	refused("{\"kind\":\"ExecCredential\",\"apiVersion\":\"\"}", "does not speak");
	refused("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1 \"}", "does not speak");
	refused("{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "V1\"}", "does not speak");
}

#define NONE "KUBERNETES_EXEC_INFO is no ExecCredential in JSON; take the variable away, or let kubectl set it"

TEST(what_is_no_exec_credential_is_refused)
{
	static const char *const texts[] = {
		"x", "{", "[]", "null", "true", "0", "\"\"", "{}", "[{\"apiVersion\":\"" GROUP "v1\"}]", "{\"apiVersion\":1}", "{\"apiVersion\":null}",
		"{\"kind\":\"ExecCredential\"}", "{\"kind\":\"Pod\",\"apiVersion\":\"" GROUP "v1\"}", "{\"kind\":\"execcredential\",\"apiVersion\":\"" GROUP "v1\"}",
		"{\"kind\":\"\",\"apiVersion\":\"" GROUP "v1\"}", INFO("v1") "x", INFO("v1") INFO("v1"), "kind: ExecCredential\napiVersion: " GROUP "v1\n",
		"{'apiVersion':'" GROUP "v1'}", "{\"apiVersion\":\"" GROUP "v1\",}", "{\"apiVersion\":\"" GROUP "v1\\u0000\"}", "{\"apiVersion\":\"" GROUP "v1\\n\"}",
		"{\"apiVersion\":\"" GROUP "v1\",\"apiVersion\":\"" GROUP "v1beta1\"}", "{\"apiVersion\":\"" GROUP "v1\x01\"}", " ", "\n",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		refused(texts[i], NONE);
}

TEST(a_version_with_odd_bytes_is_told_clean_and_short)
{
	AUTO_STR b = str_printf("{\"apiVersion\":\"\xe2\x80\xae%0300d\"}", 7);
	refused(b, "the kubeconfig asks for ???0000");
	refused(b, "00, which daypass does not speak");
}

/* As large as Linux lets a variable be, and with the 100 KiB of authorities that some companies have. */
TEST(a_huge_cluster_is_read)
{
	enum { CA = 120 * 1024 };
	AUTO_BUF b = buf_new(2 * CA);
	buf_adds(&b, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1\",\"spec\":{\"cluster\":{\"certificate-authority-data\":\"");
	for (int i = 0; i < CA; i++)
		buf_addc(&b, 'Q');
	AUTO_STR open = str_dup(b.p);
	buf_adds(&b, "\"}}}");
	served(b.p, "v1");
	refused(open, NONE);
}

TEST(what_is_nested_without_an_end_is_refused)
{
	static const char *const shapes[][2] = {{"[", "]"}, {"{\"a\":", "}"}};
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		AUTO_BUF b = buf_new(256 * 1024);
		buf_adds(&b, "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1\",\"spec\":");
		for (int k = 0; k < 10000; k++)
			buf_adds(&b, shapes[i][0]);
		AUTO_STR open = str_dup(b.p);
		buf_adds(&b, "1");
		for (int k = 0; k < 10000; k++)
			buf_adds(&b, shapes[i][1]);
		buf_adds(&b, "}");
		refused(b.p, NONE);
		refused(open, NONE);
	}
}

/* --- a version without the variable ----------------------------------------------------------------------------------------- */

TEST(a_kubeconfig_may_name_the_version_for_clients_that_do_not)
{
	WORLD(w);
	SCRIPT(&w, ENTRA("at-1"));
	CALL v1 = kube_call(&w, &protocol_kube, FOR_AKS " --exec-api-version " GROUP "v1");
	assert_text(v1.out, ANSWER("v1", END, "at-1"));
	CALL beta = kube_call(&w, &protocol_kube, FOR_AKS " --exec-api-version=" GROUP "v1beta1");
	assert_text(beta.out, ANSWER("v1beta1", END, "at-1"));
	asks(&w, INFO("v1beta1")); /* who does say is believed */
	CALL said = kube_call(&w, &protocol_kube, FOR_AKS " --exec-api-version " GROUP "v1");
	assert_text(said.out, ANSWER("v1beta1", END, "at-1"));
}

TEST(a_version_that_is_none_is_told)
{
	static const char *const wrong[] = {"v1", "v1beta1", GROUP "v1alpha1", GROUP "v2", GROUP, "\"\"", "x"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		WORLD(w);
		AUTO_STR args = str_printf(FOR_AKS " --exec-api-version %s", wrong[i]);
		CALL c = kube_call(&w, &protocol_kubelogin, args);
		assert_text(c.out, "");
		assert_says(c.line, " is not known; " GROUP "v1 or " GROUP "v1beta1\n");
		assert_int_equal(c.status, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(kubectl_gets_the_version_that_it_asks_for),
		T(a_client_that_says_nothing_gets_v1beta1),
		T(an_old_kubectl_says_no_more_than_a_version),
		T(csharps_plural_kind_is_understood),
		T(python_may_send_its_cluster_as_it_stands_and_an_older_answer),
		T(rust_and_whoever_comes_next_may_say_more),
		T(an_ended_version_is_told_with_the_fix),
		T(what_is_no_exec_credential_is_refused),
		T(a_version_with_odd_bytes_is_told_clean_and_short),
		T(a_huge_cluster_is_read),
		T(what_is_nested_without_an_end_is_refused),
		T(a_kubeconfig_may_name_the_version_for_clients_that_do_not),
		T(a_version_that_is_none_is_told),
	};
	return RUN(tests);
}
