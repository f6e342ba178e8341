/* Modes of get-token, and the variables that go with each: what goes before what, under which name. */
#include "helper/base/log.h"
#include "tests/unit/kube.h"
#include "tests/unit/tmp.h"

#define WI FOR_AKS " --login workloadidentity "
#define CONNECTION_ID "eeeeeeee-1111-2222-3333-444444444444"
#define THIRD "ffffffff-5555-6666-7777-888888888888"

static struct world *w;

/* Nobody is configured: only then do variables count under both names. */
#define KUBE(name) WORLD(name##_); w = &name##_; world_config(w, "")

/* Under which name, with which arguments: that key has this value from that origin. */
static void comes(const struct protocol *face, const char *args, enum key key, const char *value, const char *origin)
{
	PARSED p = kube_parsed(w, face, args);
	if (!p.ok)
		fail_msg("%s: %s", args, p.err.msg);
	assert_text(says_of(&p, key), value);
	assert_text(origin_of(&p, key), origin);
}

static void nothing_said(const struct protocol *face, const char *args, const char *tenant)
{
	PARSED p = kube_parsed(w, face, args);
	if (!p.ok)
		fail_msg("%s: %s", args, p.err.msg);
	assert_null(p.r.settings);
	assert_false(p.r.blank);
	assert_text(p.r.tenant, tenant);
}

static void refused(const struct protocol *face, const char *args, const char *msg)
{
	PARSED p = kube_parsed(w, face, args);
	if (p.ok)
		fail_msg("taken: %s", args);
	assert_clean(&p.err);
	assert_says(p.err.msg, msg);
}

/* --- one variable after the other --------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *flag, *by_flag, *by_variable;
	enum key key;
	const char *flags_value, *variables_value;
} pairs[] = {
	{"AZURE_CLIENT_ID", "client-id", CLIENT, OTHER_CLIENT, KEY_CLIENT_ID, CLIENT, OTHER_CLIENT},
	{"AAD_SERVICE_PRINCIPAL_CLIENT_ID", "client-id", CLIENT, OTHER_CLIENT, KEY_CLIENT_ID, CLIENT, OTHER_CLIENT},
	{"AZURE_TENANT_ID", "tenant-id", TENANT, OTHER_TENANT, KEY_TENANT, TENANT, OTHER_TENANT},
	{"AZURE_FEDERATED_TOKEN_FILE", "federated-token-file", "/flag", "/variable", KEY_TOKEN_FILE, "/flag", "/variable"},
	{"AZURE_AUTHORITY_HOST", "authority-host", "https://login.microsoftonline.us/", "https://login.chinacloudapi.cn/", KEY_CLOUD, "usgov", "china"},
};

TEST(a_variable_stands_in_for_a_flag_that_is_absent)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		KUBE(a);
		world_env(w, pairs[i].name, pairs[i].by_variable);
		for (size_t k = 0; k < COUNT_OF(kube_faces); k++)
			comes(kube_faces[k], WI, pairs[i].key, pairs[i].variables_value, pairs[i].name);
	}
}

TEST(flags_go_before_variables_under_our_name_and_behind_them_under_kubelogins)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		KUBE(a);
		AUTO_STR args = str_printf(WI "--%s %s", pairs[i].flag, pairs[i].by_flag);
		AUTO_STR origin = str_printf("--%s", pairs[i].flag);
		world_env(w, pairs[i].name, pairs[i].by_variable);
		comes(&protocol_kube, args, pairs[i].key, pairs[i].flags_value, origin);
		comes(&protocol_kubelogin, args, pairs[i].key, pairs[i].variables_value, pairs[i].name);
	}
}

static const char *const identities[] = {
	"[identity default]\ntenant = " TENANT "\nclient-id = " CLIENT "\n",
	"[identity ci]\ntenant = " TENANT "\nclient-id = " CLIENT "\n[match kube:c.test]\nidentity = ci\n",
};

TEST(peers_variables_do_not_change_a_configured_identity_under_our_name)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		for (size_t k = 0; k < COUNT_OF(identities); k++) {
			KUBE(a);
			world_config(w, identities[k]);
			world_env(w, pairs[i].name, pairs[i].by_variable);
			nothing_said(&protocol_kube, WI, NULL);
			comes(&protocol_kubelogin, WI, pairs[i].key, pairs[i].variables_value, pairs[i].name);
		}
	KUBE(b);
	world_env(w, "DAYPASS_TENANT", TENANT);
	world_env(w, "DAYPASS_CLIENT_ID", CLIENT);
	world_env(w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	nothing_said(&protocol_kube, WI, NULL);
}

TEST(variables_can_be_put_out_of_use)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		KUBE(a);
		AUTO_STR args = str_printf(WI "--%s %s --disable-environment-override", pairs[i].flag, pairs[i].by_flag);
		AUTO_STR origin = str_printf("--%s", pairs[i].flag);
		AUTO_STR again = str_printf("%s=false", args);
		world_env(w, pairs[i].name, pairs[i].by_variable);
		for (size_t k = 0; k < COUNT_OF(kube_faces); k++) {
			comes(kube_faces[k], args, pairs[i].key, pairs[i].flags_value, origin);
			nothing_said(kube_faces[k], WI "--disable-environment-override", NULL);
		}
		comes(&protocol_kubelogin, again, pairs[i].key, pairs[i].variables_value, pairs[i].name);
	}
}

TEST(an_empty_variable_is_none)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		KUBE(a);
		AUTO_STR args = str_printf(WI "--%s %s", pairs[i].flag, pairs[i].by_flag);
		AUTO_STR origin = str_printf("--%s", pairs[i].flag);
		world_env(w, pairs[i].name, "");
		comes(&protocol_kubelogin, args, pairs[i].key, pairs[i].flags_value, origin);
	}
}

/* Only where -v asks for it: some clients take what stands on stderr for the answer. */
static void noted(const char *args, const char *line, bool wanted)
{
	for (int verbose = 0; verbose < 2; verbose++) {
		log_init(false, verbose);
		CALL c = kube_call(w, &protocol_kubelogin, args);
		log_init(false, false);
		says_at(c.line, line, wanted && verbose, __FILE__, __LINE__);
	}
}

TEST(a_variable_that_takes_a_flags_place_is_noted)
{
	KUBE(a);
	SCRIPT(w, ENTRA("at-1"));
	world_env(w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	noted(WI "--client-id " THIRD, "AZURE_CLIENT_ID = " OTHER_CLIENT " is used, not --client-id " THIRD, true);
	noted(WI "--client-id " OTHER_CLIENT, "is used, not", false);
	noted(WI, "is used, not", false);
	world_env(w, "AAD_SERVICE_PRINCIPAL_CLIENT_ID", THIRD);
	noted(WI, "is used, not", false); /* no flag stands there */
}

/* --- which variable ----------------------------------------------------------------------------------------------------- */

TEST(azures_client_id_goes_before_aads)
{
	KUBE(a);
	world_env(w, "AAD_SERVICE_PRINCIPAL_CLIENT_ID", THIRD);
	world_env(w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++)
		comes(kube_faces[k], WI, KEY_CLIENT_ID, OTHER_CLIENT, "AZURE_CLIENT_ID");
}

TEST(azurerms_variables_count_only_where_a_flag_says_so)
{
	KUBE(a);
	world_env(w, "ARM_CLIENT_ID", THIRD);
	world_env(w, "ARM_TENANT_ID", OTHER_TENANT);
	nothing_said(&protocol_kubelogin, WI, NULL);
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++) {
		comes(kube_faces[k], WI "--use-azurerm-env-vars", KEY_CLIENT_ID, THIRD, "ARM_CLIENT_ID");
		comes(kube_faces[k], WI "--use-azurerm-env-vars", KEY_TENANT, OTHER_TENANT, "ARM_TENANT_ID");
	}
	world_env(w, "AZURE_CLIENT_ID", CLIENT);
	world_env(w, "AZURE_TENANT_ID", TENANT);
	comes(&protocol_kubelogin, WI "--use-azurerm-env-vars", KEY_CLIENT_ID, THIRD, "ARM_CLIENT_ID");
	comes(&protocol_kubelogin, WI "--use-azurerm-env-vars", KEY_TENANT, OTHER_TENANT, "ARM_TENANT_ID");
	comes(&protocol_kubelogin, WI "--use-azurerm-env-vars=false", KEY_CLIENT_ID, CLIENT, "AZURE_CLIENT_ID");
}

TEST(in_azure_pipelines_flags_go_before_variables_under_both_names)
{
	static const char *const modes[] = {"azurepipelines", "AzurePipelines"};
	KUBE(a);
	world_env(w, "AZURESUBSCRIPTION_CLIENT_ID", THIRD);
	world_env(w, "AZURESUBSCRIPTION_TENANT_ID", OTHER_TENANT);
	world_env(w, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", CONNECTION_ID);
	world_env(w, "AZURE_CLIENT_ID", OTHER_CLIENT); /* another task's */
	for (size_t i = 0; i < COUNT_OF(modes) * COUNT_OF(kube_faces); i++) {
		const struct protocol *face = kube_faces[i % 2];
		AUTO_STR bare = str_printf(FOR_AKS " -l %s", modes[i / 2]);
		AUTO_STR whole = str_printf("%s --client-id " CLIENT " -t " TENANT " --azure-pipelines-service-connection-id " OTHER_CLIENT, bare);
		comes(face, bare, KEY_CLIENT_ID, THIRD, "AZURESUBSCRIPTION_CLIENT_ID");
		comes(face, bare, KEY_TENANT, OTHER_TENANT, "AZURESUBSCRIPTION_TENANT_ID");
		comes(face, bare, KEY_CONNECTION, CONNECTION_ID, "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID");
		comes(face, bare, KEY_SOURCE, "azure-pipelines", "--login");
		comes(face, whole, KEY_CLIENT_ID, CLIENT, "--client-id");
		comes(face, whole, KEY_TENANT, TENANT, "--tenant-id");
		comes(face, whole, KEY_CONNECTION, OTHER_CLIENT, "--azure-pipelines-service-connection-id");
	}
}

TEST(a_value_of_a_variable_is_checked_like_a_flags)
{
	KUBE(a);
	world_env(w, "AZURE_CLIENT_ID", "no guid");
	refused(&protocol_kube, WI, "AZURE_CLIENT_ID: client-id = no guid: it must be a GUID");
	world_env(w, "AZURE_CLIENT_ID", NULL);
	world_env(w, "AZURE_TENANT_ID", "../x");
	refused(&protocol_kubelogin, WI, "AZURE_TENANT_ID: tenant = ../x");
	world_env(w, "AZURE_TENANT_ID", NULL);
	refused(&protocol_kube, WI "--client-id x", "--client-id: client-id = x: it must be a GUID");
	refused(&protocol_kube, WI "--federated-token-file token", "--federated-token-file: token-file = token: it must be an absolute path");
	refused(&protocol_kube, WI "-t a/b", "--tenant-id: tenant = a/b");
	refused(&protocol_kube, FOR_AKS " -l azurepipelines --azure-pipelines-service-connection-id x", "--azure-pipelines-service-connection-id: service-connection = x");
}

/* --- an authority from outside -------------------------------------------------------------------------------------------- */

TEST(a_variable_names_no_strangers_authority_either)
{
	KUBE(a);
	world_env(w, "AZURE_AUTHORITY_HOST", "https://evil.example/");
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++)
		refused(kube_faces[k], WI, "AZURE_AUTHORITY_HOST = https://evil.example/ is no token host");
	comes(&protocol_kube, WI "--authority-host https://login.microsoftonline.us", KEY_CLOUD, "usgov", "--authority-host");
	nothing_said(&protocol_kubelogin, WI "--disable-environment-override", NULL);
	nothing_said(&protocol_kubelogin, STANZA, TENANT); /* nothing of it is used there */
}

TEST(a_good_variable_excuses_no_strangers_authority_in_the_kubeconfig)
{
	KUBE(a);
	world_env(w, "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/");
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++)
		refused(kube_faces[k], WI "--authority-host https://evil.example/", "--authority-host = https://evil.example/");
}

/* --- modes ---------------------------------------------------------------------------------------------------------------- */

TEST(what_a_person_would_answer_is_left_to_our_identity)
{
	static const char *const modes[] = {"-l devicecode", "-l interactive", "-l DeviceCode", "", "--login-hint x"};
	KUBE(a);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		AUTO_STR args = str_printf(FOR_AKS " --client-id 80faf920-1908-4b52-b5ef-a8e7bedfc67a --tenant-id " TENANT " -e AzureChinaCloud %s", modes[i]);
		for (size_t k = 0; k < COUNT_OF(kube_faces); k++)
			nothing_said(kube_faces[k], args, TENANT);
	}
}

/* The flag says which tenant the cluster is of; a variable says who we are. */
TEST(a_variable_does_not_change_which_tenant_the_cluster_is_of)
{
	KUBE(a);
	world_env(w, "AZURE_TENANT_ID", OTHER_TENANT);
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++) {
		nothing_said(kube_faces[k], STANZA, TENANT);
		nothing_said(kube_faces[k], FOR_AKS " --login devicecode", NULL);
	}
}

TEST(the_mode_may_come_from_a_variable)
{
	KUBE(a);
	world_env(w, "AAD_LOGIN_METHOD", "workloadidentity");
	comes(&protocol_kube, FOR_AKS " --client-id " OTHER_CLIENT, KEY_CLIENT_ID, OTHER_CLIENT, "--client-id");
	comes(&protocol_kubelogin, FOR_AKS " --client-id " OTHER_CLIENT " -l devicecode", KEY_CLIENT_ID, OTHER_CLIENT, "--client-id");
	nothing_said(&protocol_kube, FOR_AKS " --client-id " OTHER_CLIENT " -l devicecode", NULL);
	nothing_said(&protocol_kubelogin, FOR_AKS " --client-id " OTHER_CLIENT " -l devicecode --disable-environment-override", NULL);
	world_env(w, "AAD_LOGIN_METHOD", "frob");
	refused(&protocol_kubelogin, STANZA, "--login frob is not known");
	nothing_said(&protocol_kube, STANZA, TENANT);
}

TEST(an_unknown_mode_is_told_with_those_that_are)
{
	KUBE(a);
	PARSED p = kube_parsed(w, &protocol_kube, FOR_AKS " --login frob");
	assert_false(p.ok);
	assert_clean(&p.err);
	assert_says(p.err.msg, "--login frob is not known");
	assert_says(p.err.hint, "workloadidentity");
	refused(&protocol_kubelogin, FOR_AKS " --login=", "--login  is not known");
}

/* az, logged in or not. */
static void az(struct tmp *t, bool in)
{
	AUTO_STR profile = tmp_path(t, "azureProfile.json");
	world_env(w, "AZURE_CONFIG_DIR", t->path);
	if (in)
		write_text(profile, "{}", 0600);
}

TEST(azurecli_is_az_where_that_is_logged_in)
{
	KUBE(a);
	TMP(t);
	az(&t, true);
	world_env(w, "AZURE_TENANT_ID", OTHER_TENANT);
	world_env(w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++) {
		PARSED p = kube_parsed(w, kube_faces[k], FOR_AKS " -l azurecli -t " TENANT " --client-id " CLIENT);
		assert_true(p.ok && p.r.blank);
		assert_text(says_of(&p, KEY_SOURCE), "az");
		assert_text(says_of(&p, KEY_TENANT), TENANT);
		assert_text(origin_of(&p, KEY_TENANT), "--tenant-id");
		assert_text(says_of(&p, KEY_CLIENT_ID), NULL);
		comes(kube_faces[k], FOR_AKS " -l azurecli", KEY_TENANT, NULL, NULL); /* the file's and the environment's are nothing to az */
	}
}

TEST(azurecli_is_left_to_us_where_az_is_not_logged_in)
{
	KUBE(a);
	TMP(t);
	az(&t, false);
	for (size_t k = 0; k < COUNT_OF(kube_faces); k++)
		nothing_said(kube_faces[k], FOR_AKS " -l azurecli -t " TENANT, TENANT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_variable_stands_in_for_a_flag_that_is_absent),
		T(flags_go_before_variables_under_our_name_and_behind_them_under_kubelogins),
		T(peers_variables_do_not_change_a_configured_identity_under_our_name),
		T(variables_can_be_put_out_of_use),
		T(an_empty_variable_is_none),
		T(a_variable_that_takes_a_flags_place_is_noted),
		T(azures_client_id_goes_before_aads),
		T(azurerms_variables_count_only_where_a_flag_says_so),
		T(in_azure_pipelines_flags_go_before_variables_under_both_names),
		T(a_value_of_a_variable_is_checked_like_a_flags),
		T(a_variable_names_no_strangers_authority_either),
		T(a_good_variable_excuses_no_strangers_authority_in_the_kubeconfig),
		T(what_a_person_would_answer_is_left_to_our_identity),
		T(a_variable_does_not_change_which_tenant_the_cluster_is_of),
		T(the_mode_may_come_from_a_variable),
		T(an_unknown_mode_is_told_with_those_that_are),
		T(azurecli_is_az_where_that_is_logged_in),
		T(azurecli_is_left_to_us_where_az_is_not_logged_in),
	};
	return RUN(tests);
}
