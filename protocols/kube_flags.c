/* The flags and variables of Azure/kubelogin's get-token, and what they come to here. */
#include <unistd.h>

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/core/config_check.h"
#include "helper/core/ctx.h"
#include "protocols/kube.h"

/* kubelogin's, then our own. */
enum flag {
#define FLAG(id, ...) id,
#include "helper/core/kube_flags.def"
#undef FLAG
	REFRESH, API_VERSION, FLAGS
};

/* A SECRET is taken from nobody's arguments. What is not looked at below is understood, and of no effect here. */
static const struct flag_row {
	const char *name;
	char letter;
	enum { VALUE, SWITCH, SECRET } kind;
} rows[FLAGS] = {
#define FLAG(id, name, letter, kind, ...) {name, letter, kind},
#include "helper/core/kube_flags.def"
#undef FLAG
	{"refresh", 0, SWITCH},
	{"exec-api-version", 0, VALUE},
};

/* A value and where it came from, both borrowed. */
struct said {
	const char *value, *origin;
};

struct flags {
	struct said of[FLAGS];
	const char *secret; /* a flag that holds one */
	const char *tenant; /* the flag's own: which tenant the cluster is of, whatever variables say */
};

static const struct flag_row *row_of(const char *word, size_t len)
{
	for (size_t i = 0; i < FLAGS; i++)
		if (strlen(rows[i].name) == len && memcmp(rows[i].name, word, len) == 0)
			return &rows[i];
	return NULL;
}

/* flag: with its hyphens. */
static bool unknown(const char *flag, size_t len, struct err *err)
{
	const char *names[FLAGS];
	for (size_t i = 0; i < FLAGS; i++)
		names[i] = rows[i].name;
	AUTO_STR name = str_ndup(flag, len);
	const char *near = len > 3 ? config_near(name + 2, names, COUNT_OF(names)) : NULL; /* every letter is near to --v */
	err_set(err, ERR_USAGE, NULL, "the flag %s is not known", name);
	return near ? err_hint(err, "did you mean --%s?", near) : err_hint(err, "daypass --help");
}

/* pflag's forms: --name value, --name=value, --name (a switch), --name=true, -l value, -lvalue, -l=value. */
static bool take_word(struct flags *f, int argc, char *const *argv, int *at, struct err *err)
{
	const char *word = argv[*at], *value = NULL;
	const struct flag_row *row = NULL;
	if (str_starts(word, "--")) {
		size_t len = strcspn(word + 2, "=");
		value = word[2 + len] ? word + 3 + len : NULL;
		row = row_of(word + 2, len);
		if (!row)
			return unknown(word, len + 2, err);
	} else if (word[0] == '-' && word[1]) {
		for (size_t i = 0; i < FLAGS; i++)
			row = rows[i].letter == word[1] ? &rows[i] : row;
		if (!row)
			return unknown(word, 2, err);
		value = !word[2] ? NULL : word[2] == '=' ? word + 3 : word + 2;
	} else {
		return err_set(err, ERR_USAGE, "daypass --help", "get-token takes flags only, not '%s'", word);
	}
	if (row->kind != SWITCH && !value && *at + 1 >= argc)
		return err_set(err, ERR_USAGE, NULL, "the flag --%s needs a value", row->name);
	if (row->kind != SWITCH && !value)
		value = argv[++*at];
	bool on = true;
	if (row->kind == SWITCH && value && !str_to_bool(value, &on))
		return err_set(err, ERR_USAGE, NULL, "--%s is a switch: true or false", row->name);
	if (row->kind == SECRET)
		f->secret = row->name;
	f->of[row - rows] = (struct said){on ? (value ? value : "true") : NULL, row->name};
	return true;
}

/* A variable in the place of a flag: before it, or only where the flag is absent. */
static void variable(const struct ctx *ctx, struct said *s, const char *name, bool wins)
{
	const char *value = env_get(&ctx->env, name);
	if (!value || (s->value && !wins))
		return;
	if (s->value && !str_eq(s->value, value))
		log_note("%s = %s is used, not --%s %s: under the name kubelogin variables go before flags (--disable-environment-override)", name, value, s->origin, s->value);
	*s = (struct said){value, name};
}

/* Has anybody been named, other than by peers' variables? */
static bool configured(const struct ctx *ctx)
{
	struct identity id = {0};
	struct err ignored;
	bool found = plan_identity(ctx, REQUEST_KUBE, NULL, &id, &ignored) && !id.from_env;
	identity_free(&id);
	for (size_t i = 0; i < ctx->config->count && !found; i++)
		found = ctx->config->sections[i].kind == SECTION_IDENTITY;
	return found;
}

static bool mode_is(const struct flags *f, const char *mode)
{
	return str_ieq(f->of[LOGIN].value, mode);
}

static void variables(const struct ctx *ctx, bool drop_in, struct flags *f)
{
	bool wins = drop_in;
	if (f->of[NO_OVERRIDE].value)
		return;
	variable(ctx, &f->of[LOGIN], "AAD_LOGIN_METHOD", wins);
	bool workload = mode_is(f, "workloadidentity"), pipelines = mode_is(f, "azurepipelines"), spn = mode_is(f, "spn");
	if (!workload && !pipelines && !spn && !mode_is(f, "msi")) /* the others go by no client or tenant of variables */
		return;
	if (!drop_in && (workload || pipelines) && configured(ctx))
		return;
	if (pipelines) {
		variable(ctx, &f->of[CLIENT], "AZURESUBSCRIPTION_CLIENT_ID", false);
		variable(ctx, &f->of[TENANT], "AZURESUBSCRIPTION_TENANT_ID", false);
		variable(ctx, &f->of[CONNECTION], "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", false);
		return;
	}
	bool arm = f->of[ARM].value != NULL, azure = env_get(&ctx->env, "AZURE_CLIENT_ID") != NULL;
	variable(ctx, &f->of[CLIENT], arm ? "ARM_CLIENT_ID" : azure ? "AZURE_CLIENT_ID" : "AAD_SERVICE_PRINCIPAL_CLIENT_ID", wins);
	variable(ctx, &f->of[TENANT], arm ? "ARM_TENANT_ID" : "AZURE_TENANT_ID", wins);
	if (workload) {
		variable(ctx, &f->of[TOKEN_FILE], "AZURE_FEDERATED_TOKEN_FILE", wins);
		variable(ctx, &f->of[AUTHORITY], "AZURE_AUTHORITY_HOST", wins);
	}
	if (spn) {
		variable(ctx, &f->of[CERTIFICATE], arm ? "ARM_CLIENT_CERTIFICATE_PATH" : "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE", wins);
		if (!arm)
			variable(ctx, &f->of[CERTIFICATE], "AZURE_CLIENT_CERTIFICATE_PATH", wins);
	}
}

static struct setting *settings(struct request *r)
{
	if (!r->settings) {
		r->settings = mem_alloc(KEY_COUNT * sizeof *r->settings);
		memset(r->settings, 0, KEY_COUNT * sizeof *r->settings);
	}
	return r->settings;
}

static bool put(struct request *r, enum key key, const struct said *s, struct err *err)
{
	if (!s->value)
		return true;
	bool var = strspn(s->origin, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(s->origin);
	AUTO_STR origin = var ? str_dup(s->origin) : str_printf("--%s", s->origin);
	return config_set(settings(r), key, s->value, origin, err);
}

/* kubelogin takes any unknown name for the public cloud; a typing mistake should not. */
static bool put_cloud(struct request *r, const struct said *s, struct err *err)
{
	static const struct {
		const char *name, *cloud;
	} names[] = {{"AzureCloud", "public"}, {"AzurePublic", "public"}, {"AzurePublicCloud", "public"}, {"AzureUSGovernment", "usgov"},
		     {"AzureUSGovernmentCloud", "usgov"}, {"AzureChinaCloud", "china"}};
	for (size_t i = 0; s->value && i < COUNT_OF(names); i++)
		if (str_ieq(s->value, names[i].name))
			return put(r, KEY_CLOUD, &(struct said){names[i].cloud, s->origin}, err);
	return !s->value || err_set(err, ERR_USAGE, NULL, "--environment %s is not known: AzurePublicCloud, AzureUSGovernmentCloud or AzureChinaCloud", s->value);
}

static bool put_authority(const struct ctx *ctx, struct request *r, const struct said *s, struct err *err)
{
	if (!s->value)
		return true;
	AUTO_STR origin = str_printf("%s%s", str_eq(s->origin, "authority-host") ? "--" : "", s->origin);
	return identity_set_authority(ctx, settings(r), s->value, origin, err);
}

static bool federated(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	if (!put(r, KEY_CLIENT_ID, &f->of[CLIENT], err) || !put(r, KEY_TENANT, &f->of[TENANT], err) || !put(r, KEY_TOKEN_FILE, &f->of[TOKEN_FILE], err))
		return false;
	return put_cloud(r, &f->of[ENVIRONMENT], err) && put_authority(ctx, r, &f->of[AUTHORITY], err);
}

static bool ours(const struct ctx *ctx UNUSED, const struct flags *f, struct request *r, struct err *err UNUSED)
{
	r->tenant = str_dup(f->tenant);
	return true;
}

static bool pipelines(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	return federated(ctx, f, r, err) && put(r, KEY_SOURCE, &(struct said){"azure-pipelines", "login"}, err) && put(r, KEY_CONNECTION, &f->of[CONNECTION], err);
}

/* Literal where that tool is logged in; else as if the kubeconfig left it to us. Only a tenant of the flag's own is passed on. */
static bool tool(const struct ctx *ctx, const char *name, const struct flags *f, struct request *r, struct err *err)
{
	struct err ignored;
	struct identity nobody = {0};
	const struct source *s = source_by_name(ctx->sources, name);
	if (!s || s->detect(ctx, &nobody, &ignored) != SOURCE_PRESENT)
		return ours(ctx, f, r, err);
	r->blank = true;
	return put(r, KEY_SOURCE, &(struct said){name, "login"}, err) && put(r, KEY_TENANT, &(struct said){f->tenant, "tenant-id"}, err);
}

static bool azurecli(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	return tool(ctx, "az", f, r, err);
}

static bool azd(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	return tool(ctx, "azd", f, r, err);
}

/* The machine's own identity, or one that a client id chooses, else a resource id. */
static bool msi(const struct ctx *ctx UNUSED, const struct flags *f, struct request *r, struct err *err)
{
	r->blank = true;
	return put(r, KEY_SOURCE, &(struct said){"managed-identity", "login"}, err) && put(r, KEY_CLIENT_ID, &f->of[CLIENT], err) &&
	       put(r, KEY_RESOURCE_ID, &f->of[RESOURCE], err);
}

/* The variable that holds a secret, by its name; the first that is set, or NULL. What goes by arguments is not taken, so
 * that --disable-environment-override does not count here. */
static const char *secret_variable(const struct ctx *ctx, const struct flags *f, const char *const names[3])
{
	if (f->of[ARM].value)
		return env_get(&ctx->env, names[2]) ? names[2] : NULL;
	return env_get(&ctx->env, names[0]) ? names[0] : env_get(&ctx->env, names[1]) ? names[1] : NULL;
}

/* A path of the kubeconfig's or of a variable is meant from where kubectl was called. */
static bool put_certificate(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	char here[4096];
	const struct said *s = &f->of[CERTIFICATE];
	static const char *const names[] = {"AZURE_CLIENT_CERTIFICATE_PASSWORD", "AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD", "ARM_CLIENT_CERTIFICATE_PASSWORD"};
	const char *password = secret_variable(ctx, f, names);
	if (s->value[0] != '/' && !getcwd(here, sizeof here))
		return err_set(err, ERR_USAGE, "name it by its absolute path", "%s: the current folder has no name", s->value);
	AUTO_STR path = s->value[0] == '/' ? str_dup(s->value) : str_printf("%s/%s", here, s->value);
	return put(r, KEY_SOURCE, &(struct said){"certificate", "login"}, err) && put(r, KEY_CERTIFICATE, &(struct said){path, s->origin}, err) &&
	       put(r, KEY_PASSWORD_ENV, &(struct said){password, password}, err);
}

/* Literal: its own certificate, else its own secret. */
static bool spn(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	static const char *const names[] = {"AZURE_CLIENT_SECRET", "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET", "ARM_CLIENT_SECRET"};
	const char *secret = secret_variable(ctx, f, names), *arm = f->of[ARM].value;
	r->blank = true;
	if (!f->of[CLIENT].value || !f->of[TENANT].value)
		return err_set(err, ERR_USAGE, arm ? "set ARM_CLIENT_ID and ARM_TENANT_ID" : "set AZURE_CLIENT_ID and AZURE_TENANT_ID, or both flags",
			       "--login spn needs --client-id and --tenant-id");
	if (!put(r, KEY_CLIENT_ID, &f->of[CLIENT], err) || !put(r, KEY_TENANT, &f->of[TENANT], err) || !put_cloud(r, &f->of[ENVIRONMENT], err) ||
	    !put_authority(ctx, r, &f->of[AUTHORITY], err))
		return false;
	if (f->of[CERTIFICATE].value)
		return put_certificate(ctx, f, r, err);
	if (!secret)
		return err_set(err, ERR_USAGE, arm ? "set ARM_CLIENT_SECRET or ARM_CLIENT_CERTIFICATE_PATH" : "set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH, or better: --login workloadidentity",
			       "--login spn has neither a secret nor a certificate");
	return put(r, KEY_SOURCE, &(struct said){"client-secret", "login"}, err) && put(r, KEY_CLIENT_SECRET_ENV, &(struct said){secret, secret}, err);
}

static const struct mode {
	const char *name;
	bool (*take)(const struct ctx *, const struct flags *, struct request *, struct err *); /* NULL: not here yet */
} modes[] = {{"workloadidentity", federated}, {"azurepipelines", pipelines}, {"azurecli", azurecli}, {"devicecode", ours}, {"interactive", ours},
	     {"azd", azd}, {"msi", msi}, {"spn", spn}, {"ropc", NULL}};

static bool by_mode(const struct ctx *ctx, const struct flags *f, struct request *r, struct err *err)
{
	const char *wanted = f->of[LOGIN].value ? f->of[LOGIN].value : "devicecode"; /* as kubelogin has it */
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		if (!str_ieq(wanted, modes[i].name))
			continue;
		if (modes[i].take)
			return modes[i].take(ctx, f, r, err);
		err_set(err, ERR_USAGE, NULL, "--login %s is not served: a person's password is nothing for a program to keep", wanted);
		return err_hint(err, "use --login workloadidentity, azurepipelines, azurecli, azd, msi or spn, or an [identity] of daypass (--login devicecode is answered by it)");
	}
	return err_set(err, ERR_USAGE, "workloadidentity, azurepipelines, azurecli, azd, msi, spn, devicecode, interactive", "--login %s is not known", wanted);
}

/* The scope's form that kubelogin takes too: with a final slash, or with /.default. */
static void take_server(const struct flags *f, struct request *r)
{
	static const char suffix[] = "/.default";
	const char *id = f->of[SERVER].value;
	size_t len = id ? strlen(id) : 0;
	if (id && str_ends(id, suffix))
		len -= strlen(suffix);
	while (len && id[len - 1] == '/')
		len--;
	if (len)
		r->resource = str_ndup(id, len);
}

/* A kubeconfig that names a stranger's token host is refused, even where a variable goes before it. */
static bool vouch(const struct ctx *ctx, const struct flags *f, struct err *err)
{
	struct setting set[KEY_COUNT] = {0};
	const char *host = f->of[AUTHORITY].value;
	bool ok = !host || identity_set_authority(ctx, set, host, "--authority-host", err);
	config_settings_free(set);
	return ok;
}

/* NAME=VALUE,...: u is the cluster's ARM id; kubelogin reads the others and does not use them. */
static bool take_pop(const struct flags *f, struct request *r, struct err *err)
{
	static const char hint[] = "--pop-claims u=ID, as it is told by: az connectedk8s show --name CLUSTER --resource-group GROUP --query id --output tsv";
	const char *at = f->of[POP_CLAIMS].value;
	if (!f->of[POP].value)
		return !at || err_set(err, ERR_USAGE, "take it away, or add --pop-enabled", "--pop-claims: proof-of-possession tokens are wanted by --pop-enabled only");
	for (size_t n; at; at = at[n] ? at + n + 1 : NULL) {
		n = strcspn(at, ",");
		const char *value = memchr(at, '=', n);
		if (!value || value == at || value + 1 == at + n)
			return err_set(err, ERR_USAGE, hint, "--pop-claims %.600s: it must be NAME=VALUE, with commas between", f->of[POP_CLAIMS].value);
		AUTO_STR id = value == at + 1 && *at == 'u' ? str_ndup(value + 1, n - 2) : NULL;
		if (id)
			str_set(&r->pop, id);
	}
	if (!r->pop || is_text(r->pop) || str_has_control(r->pop))
		return err_set(err, ERR_USAGE, hint, "--pop-enabled needs the cluster's ARM id among --pop-claims");
	return true;
}

bool kube_flags(const struct ctx *ctx, bool drop_in, struct words w, struct request *r, struct exchange_state *s, struct err *err)
{
	struct flags f = {0};
	for (int i = 0; i < w.argc; i++)
		if (!take_word(&f, w.argc, w.argv, &i, err))
			return false;
	if (f.secret && !str_ieq(f.of[LOGIN].value, "ropc")) /* which is refused as a whole */
		return err_set(err, ERR_USAGE, "put it into a file or a variable of the environment", "--%s in arguments can be read by every process of this machine: not taken", f.secret);
	if (f.of[LEGACY].value)
		return err_set(err, ERR_USAGE, "az aks update, or `kubelogin convert-kubeconfig` without --legacy", "--legacy tokens are for clusters of before 2020, which AKS no longer has: not made");
	if (!take_pop(&f, r, err) || !vouch(ctx, &f, err))
		return false;
	f.tenant = f.of[TENANT].value;
	variables(ctx, drop_in, &f);
	s->afresh = f.of[REFRESH].value != NULL;
	if (f.of[API_VERSION].value)
		str_set(&s->word, f.of[API_VERSION].value);
	take_server(&f, r);
	return by_mode(ctx, &f, r, err);
}
