/* get-token's flags: every form that pflag knows, and what each comes to. */
#include "tests/unit/kube.h"

#define WI FOR_AKS " --login workloadidentity "

static struct world *w;

#define KUBE(name) WORLD(name##_); w = &name##_

/* Under our own name. */
static struct parsed parsed(const char *args)
{
	struct parsed p = kube_parsed(w, &protocol_kube, args);
	if (!p.ok)
		fail_msg("%s: %s", args, p.err.msg);
	return p;
}

static void sets(const char *args, enum key key, const char *value)
{
	PARSED p = parsed(args);
	assert_text(says_of(&p, key), value);
}

/* Refused under both names, for that reason, and with that advice. */
static void refused(const char *args, const char *msg, const char *hint)
{
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		PARSED p = kube_parsed(w, kube_faces[i], args);
		if (p.ok)
			fail_msg("taken: %s", args);
		assert_clean(&p.err);
		assert_says(p.err.msg, msg);
		if (hint)
			assert_says(p.err.hint, hint);
		CALL c = kube_call(w, kube_faces[i], args);
		assert_text(c.out, "");
		assert_true(str_starts(c.line, "daypass: ") && strchr(c.line, '\n') == c.line + strlen(c.line) - 1);
		assert_int_equal(c.status, 1);
	}
	assert_int_equal(w->http.calls + w->store.calls + w->proc.calls, 0);
}

/* --- forms ------------------------------------------------------------------------------------------------------------ */

TEST(a_value_stands_behind_its_flag_or_an_equals_sign)
{
	KUBE(a);
	sets(WI "--client-id " OTHER_CLIENT, KEY_CLIENT_ID, OTHER_CLIENT);
	sets(WI "--client-id=" OTHER_CLIENT, KEY_CLIENT_ID, OTHER_CLIENT);
	sets(WI "--tenant-id " OTHER_TENANT, KEY_TENANT, OTHER_TENANT);
	sets(WI "--tenant-id=contoso.onmicrosoft.com", KEY_TENANT, "contoso.onmicrosoft.com");
	sets(WI "--federated-token-file /run/token", KEY_TOKEN_FILE, "/run/token");
	sets(WI "--federated-token-file=/a=b", KEY_TOKEN_FILE, "/a=b");
}

TEST(a_letter_has_its_value_behind_it_or_in_the_same_word)
{
	static const char *const forms[] = {"-t " OTHER_TENANT, "-t" OTHER_TENANT, "-t=" OTHER_TENANT, "--tenant-id " OTHER_TENANT};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		AUTO_STR args = str_printf(WI "%s", forms[i]);
		sets(args, KEY_TENANT, OTHER_TENANT);
	}
	static const char *const modes[] = {"-l workloadidentity", "-lworkloadidentity", "-l=workloadidentity", "--login=WorkloadIdentity"};
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		AUTO_STR args = str_printf(FOR_AKS " --client-id " OTHER_CLIENT " %s", modes[i]);
		sets(args, KEY_CLIENT_ID, OTHER_CLIENT);
	}
	sets(WI "-e AzureChinaCloud", KEY_CLOUD, "china");
	sets(WI "-eAzureChinaCloud", KEY_CLOUD, "china");
}

TEST(the_last_of_a_flag_that_stands_twice_counts)
{
	KUBE(a);
	sets(WI "--client-id " CLIENT " --client-id=" OTHER_CLIENT, KEY_CLIENT_ID, OTHER_CLIENT);
	sets(WI "--tenant-id " TENANT " -t " OTHER_TENANT, KEY_TENANT, OTHER_TENANT);
	PARSED p = parsed("--server-id x " FOR_AKS);
	assert_text(p.r.resource, AKS);
}

TEST(a_switch_may_be_told_true_or_false)
{
	KUBE(a);
	static const char *const on[] = {"--refresh", "--refresh=true", "--refresh=1", "--refresh=false --refresh"};
	static const char *const off[] = {"", "--refresh=false", "--refresh=0", "--refresh --refresh=false"};
	for (size_t i = 0; i < COUNT_OF(on); i++) {
		AUTO_STR yes = str_printf(FOR_AKS " %s", on[i]);
		AUTO_STR no = str_printf(FOR_AKS " %s", off[i]);
		PARSED p = parsed(yes);
		PARSED q = parsed(no);
		assert_true(p.s.afresh);
		assert_false(q.s.afresh);
	}
	refused(FOR_AKS " --refresh=perhaps", "--refresh is a switch", NULL);
	refused(FOR_AKS " --legacy=", "--legacy is a switch", NULL);
}

/* A switch takes no word of the next. */
TEST(what_stands_behind_a_switch_is_no_value_of_it)
{
	KUBE(a);
	refused(FOR_AKS " --refresh false", "get-token takes flags only, not 'false'", "daypass --help");
	refused(FOR_AKS " --logtostderr true", "not 'true'", NULL);
}

TEST(a_flag_without_its_value_is_named)
{
	static const char *const flags[] = {
		"login", "server-id", "client-id", "tenant-id", "environment", "federated-token-file", "authority-host", "azure-pipelines-service-connection-id",
		"exec-api-version", "cache-dir", "token-cache-dir", "timeout", "pop-claims", "redirect-url", "login-hint", "subscription",
		"identity-resource-id", "client-certificate", "client-secret", "client-certificate-password", "username", "password", "v",
	};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		AUTO_STR args = str_printf(FOR_AKS " --%s", flags[i]);
		AUTO_STR msg = str_printf("the flag --%s needs a value", flags[i]);
		refused(args, msg, NULL);
	}
	refused(FOR_AKS " -l", "the flag --login needs a value", NULL);
	refused(FOR_AKS " -s", "the flag --subscription needs a value", NULL);
}

/* As pflag has it: the next word is the value, whatever it looks like. */
TEST(a_flag_takes_the_next_word_even_if_that_is_a_flag)
{
	KUBE(a);
	PARSED p = parsed("--server-id --login");
	assert_text(p.r.resource, "--login");
}

TEST(an_unknown_flag_is_named_with_its_nearest)
{
	KUBE(a);
	refused(FOR_AKS " --tenantid " TENANT, "the flag --tenantid is not known", "did you mean --tenant-id?");
	refused(FOR_AKS " --serverid=x", "the flag --serverid is not known", "did you mean --server-id?");
	refused(FOR_AKS " --lgoin devicecode", "the flag --lgoin is not known", "did you mean --login?");
	refused(FOR_AKS " --client-ids x", "the flag --client-ids is not known", "did you mean --client-id?");
	refused(FOR_AKS " --frobnicate", "the flag --frobnicate is not known", "daypass --help");
	refused(FOR_AKS " --Login devicecode", "the flag --Login is not known", "did you mean --login?");
	refused(FOR_AKS " --login-hints x", "the flag --login-hints is not known", "did you mean --login-hint?");
	refused(FOR_AKS " --", "the flag -- is not known", NULL);
	refused(FOR_AKS " --=x", "the flag -- is not known", NULL);
}

TEST(an_unknown_letter_is_named_as_it_was_written)
{
	KUBE(a);
	refused(FOR_AKS " -x", "the flag -x is not known", "daypass --help");
	refused(FOR_AKS " -xyz", "the flag -x is not known", "daypass --help");
	refused(FOR_AKS " -L devicecode", "the flag -L is not known", "daypass --help");
}

TEST(get_token_takes_no_other_word)
{
	KUBE(a);
	refused(FOR_AKS " devicecode", "takes flags only, not 'devicecode'", NULL);
	refused(FOR_AKS " -", "takes flags only, not '-'", NULL);
	refused("\"\" " FOR_AKS, "takes flags only, not ''", NULL);
	refused("\"a\x1b[31m\nb\" " FOR_AKS, "not 'a?[31m?b'", NULL);
	refused("\"--a\x1b[31m\nb\" " FOR_AKS, "the flag --a?[31m?b is not known", NULL);
}

/* --- what is understood and of no effect ------------------------------------------------------------------------------- */

TEST(flags_without_an_effect_here_change_nothing)
{
	static const char *const flags[] = {
		"--cache-dir /x", "--token-cache-dir /x", "--timeout 5s", "-v 5", "-v5", "--v=10", "--logtostderr", "--disable-instance-discovery",
		"--redirect-url http://localhost", "--login-hint ada@contoso.test", "--subscription s", "-s s", "--cache-dir=",
	};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		for (size_t k = 0; k < COUNT_OF(kube_faces); k++) {
			AUTO_STR args = str_printf(FOR_AKS " %s", flags[i]);
			PARSED p = kube_parsed(w, kube_faces[k], args);
			if (!p.ok || p.r.settings || p.r.tenant || p.s.afresh)
				fail_msg("%s: %s", flags[i], p.err.msg);
			assert_text(p.r.resource, AKS);
			assert_int_equal(p.r.kind, REQUEST_KUBE);
			assert_int_equal(p.r.action, ACTION_GET);
		}
	}
}

/* --- refusals ---------------------------------------------------------------------------------------------------------- */

TEST(a_secret_in_arguments_is_taken_by_nobody_and_told_to_nobody)
{
	static const char *const flags[] = {"client-secret", "client-certificate-password", "password"};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		static const char *const values[] = {" hunter2", "=hunter2", "=", " \"\""};
		for (size_t k = 0; k < COUNT_OF(values); k++) {
			AUTO_STR args = str_printf(FOR_AKS " --login spn --%s%s", flags[i], values[k]);
			AUTO_STR msg = str_printf("--%s in arguments can be read by every process", flags[i]);
			refused(args, msg, "a file or a variable");
			PARSED p = kube_parsed(w, &protocol_kubelogin, args);
			assert_silent_about(p.err.msg, "hunter2");
			assert_silent_about(p.err.hint, "hunter2");
		}
	}
}

TEST(a_mistyped_secret_is_not_told_either)
{
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(kube_faces); i++) {
		CALL c = kube_call(w, kube_faces[i], FOR_AKS " --clientsecret=hunter2");
		assert_silent_about(c.line, "hunter2");
		CALL d = kube_call(w, kube_faces[i], FOR_AKS " -phunter2");
		assert_silent_about(d.line, "hunter2");
	}
}

TEST(legacy_tokens_are_refused_with_the_reason)
{
	KUBE(a);
	refused(STANZA " --legacy", "clusters of before 2020", "convert-kubeconfig");
	refused(FOR_AKS " --legacy=true", "--legacy tokens", NULL);
	PARSED p = parsed(FOR_AKS " --legacy=false");
	PARSED q = parsed(FOR_AKS " --legacy --legacy=false");
}

TEST(proof_of_possession)
{
	KUBE(a);
	refused(FOR_AKS " --pop-enabled=false --pop-claims u=x", "wanted by --pop-enabled only", "take it away");
	refused(FOR_AKS " --pop-enabled", "needs the cluster's ARM id", "az connectedk8s show");
	refused(FOR_AKS " --pop-enabled --pop-claims uu=x", "needs the cluster's ARM id", NULL);
	refused(FOR_AKS " --pop-enabled --pop-claims u=/x,y", "must be NAME=VALUE", NULL);
	PARSED p = parsed(FOR_AKS " --pop-enabled=false");
	assert_null(p.r.pop);
	PARSED q = parsed(FOR_AKS " --pop-enabled --pop-claims h=1,u=/subscriptions/x,v=2");
	assert_text(q.r.pop, "/subscriptions/x");
}

/* --- for what ---------------------------------------------------------------------------------------------------------- */

TEST(the_server_id_is_known_in_each_of_its_forms)
{
	static const struct {
		const char *given, *resource;
	} rows[] = {
		{AKS, AKS}, {AKS "/", AKS}, {AKS "//", AKS}, {AKS "/.default", AKS}, {AKS "//.default", AKS}, {"https://k8s.contoso.test", "https://k8s.contoso.test"},
		{"https://k8s.contoso.test/", "https://k8s.contoso.test"}, {"api://x/.default", "api://x"}, {"x/.defaults", "x/.defaults"}, {"x.default", "x.default"},
	};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_STR args = str_printf("--server-id %s", rows[i].given);
		PARSED p = parsed(args);
		assert_text(p.r.resource, rows[i].resource);
	}
}

TEST(without_a_server_id_nothing_is_asked_for)
{
	static const char *const none[] = {"", "--login devicecode", "--server-id=", "--server-id /", "--server-id /.default", "--server-id //"};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(none); i++) {
		for (size_t k = 0; k < COUNT_OF(kube_faces); k++) {
			CALL c = kube_call(w, kube_faces[k], none[i]);
			assert_text(c.out, "");
			assert_text(c.line, "daypass: the flag --server-id is missing: whose token is wanted?; for AKS: --server-id " AKS "\n");
			assert_int_equal(c.status, 1);
		}
	}
	assert_int_equal(w->http.calls + w->store.calls, 0);
}

/* --- which cloud ------------------------------------------------------------------------------------------------------- */

TEST(an_environment_is_a_cloud_and_a_mistyped_one_is_none)
{
	static const char *const rows[][2] = {{"AzureCloud", "public"}, {"AzurePublic", "public"}, {"AzurePublicCloud", "public"}, {"azurepubliccloud", "public"},
					      {"AzureUSGovernment", "usgov"}, {"AzureUSGovernmentCloud", "usgov"}, {"AzureChinaCloud", "china"}};
	static const char *const wrong[] = {"AzureStackCloud", "public", "china", "AzureGermanCloud", "AzurePublicClouds", "\"\""};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_STR args = str_printf(WI "--environment %s", rows[i][0]);
		sets(args, KEY_CLOUD, rows[i][1]);
	}
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		AUTO_STR args = str_printf(WI "--environment %s", wrong[i]);
		refused(args, "is not known: AzurePublicCloud, AzureUSGovernmentCloud or AzureChinaCloud", NULL);
	}
}

TEST(an_authority_host_of_a_cloud_is_that_cloud)
{
	static const char *const rows[][2] = {
		{"https://login.microsoftonline.com/", "public"}, {"https://login.microsoftonline.com", "public"}, {"login.microsoftonline.com", "public"},
		{"https://LOGIN.microsoftonline.US/", "usgov"}, {"https://login.microsoftonline.us:443/", "usgov"}, {"https://login.chinacloudapi.cn/", "china"},
	};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_STR args = str_printf(WI "--authority-host %s", rows[i][0]);
		PARSED p = parsed(args);
		assert_text(says_of(&p, KEY_CLOUD), rows[i][1]);
		assert_text(says_of(&p, KEY_AUTHORITY), NULL);
	}
	sets(WI "-e AzureChinaCloud --authority-host https://login.microsoftonline.us/", KEY_CLOUD, "usgov"); /* it replaces the cloud */
}

/* In each mode, whether it would be used there or not: the kubeconfig that names it is a stranger's. */
TEST(a_strangers_authority_host_is_refused_in_every_mode)
{
	static const char *const modes[] = {"workloadidentity", "azurepipelines", "azurecli", "devicecode", "interactive", "msi", "spn", "azd", "ropc", "frob"};
	static const char *const hosts[] = {
		"https://evil.example/", "evil.example", "http://login.microsoftonline.com/", "https://login.microsoftonline.com.evil.example/",
		"https://login.microsoftonline.com@evil.example/", "https://login.microsoftonline.com:8443/", "https://u@login.microsoftonline.com/",
		"https://login.microsoftonline.com/x", "https://evil.example/login.microsoftonline.com", "//login.microsoftonline.com", "\"\"", "https://",
		"https://login.microsoftonline.com\\\\@evil.example", "https://login.microsoftonline.com#@evil.example", "https://login.microsoftonline.com./",
	};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		for (size_t k = 0; k < COUNT_OF(hosts); k++) {
			AUTO_STR args = str_printf(FOR_AKS " --login %s --authority-host %s", modes[i], hosts[k]);
			refused(args, "is no token host that daypass knows, so nothing is sent there", "[identity default] authority");
		}
	}
	refused(FOR_AKS " --authority-host https://evil.example/", "--authority-host = https://evil.example/", NULL);
}

TEST(an_authority_that_a_configuration_file_has_may_be_named)
{
	KUBE(a);
	world_config(w, IDENTITY "authority = https://login.contoso.test:8443\n");
	sets(WI "--authority-host https://Login.Contoso.test:8443/", KEY_AUTHORITY, "https://login.contoso.test:8443");
	PARSED p = parsed(FOR_AKS " --authority-host https://login.contoso.test:8443/ --login devicecode");
	assert_null(p.r.settings);
	refused(WI "--authority-host https://login.contoso.test/", "is no token host", NULL);
	refused(WI "--authority-host https://login.contoso.test:443/", "is no token host", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_value_stands_behind_its_flag_or_an_equals_sign),
		T(a_letter_has_its_value_behind_it_or_in_the_same_word),
		T(the_last_of_a_flag_that_stands_twice_counts),
		T(a_switch_may_be_told_true_or_false),
		T(what_stands_behind_a_switch_is_no_value_of_it),
		T(a_flag_without_its_value_is_named),
		T(a_flag_takes_the_next_word_even_if_that_is_a_flag),
		T(an_unknown_flag_is_named_with_its_nearest),
		T(an_unknown_letter_is_named_as_it_was_written),
		T(get_token_takes_no_other_word),
		T(flags_without_an_effect_here_change_nothing),
		T(a_secret_in_arguments_is_taken_by_nobody_and_told_to_nobody),
		T(a_mistyped_secret_is_not_told_either),
		T(legacy_tokens_are_refused_with_the_reason),
		T(proof_of_possession),
		T(the_server_id_is_known_in_each_of_its_forms),
		T(without_a_server_id_nothing_is_asked_for),
		T(an_environment_is_a_cloud_and_a_mistyped_one_is_none),
		T(an_authority_host_of_a_cloud_is_that_cloud),
		T(a_strangers_authority_host_is_refused_in_every_mode),
		T(an_authority_that_a_configuration_file_has_may_be_named),
	};
	return RUN(tests);
}
