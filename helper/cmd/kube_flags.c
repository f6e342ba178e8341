#include "helper/cmd/kube_flags.h"

#include "helper/base/str.h"

enum { N = KUBE_NONE, D = KUBE_DEVICE, I = KUBE_INTERACTIVE, S = KUBE_SPN, R = KUBE_ROPC, M = KUBE_MSI, C = KUBE_CLI, W = KUBE_WORKLOAD, P = KUBE_PIPELINES, ALL = KUBE_ANY };

const struct kube_flag_row kube_flag_rows[KUBE_FLAGS] = {
#define FLAG(id, name, letter, kind, ours_given, ours_kept, theirs_given, theirs_kept, own) \
	{name, letter, KUBE_##kind, {{ours_given, ours_kept}, {theirs_given, theirs_kept}}, own},
#include "helper/core/kube_flags.def"
#undef FLAG
};

static const struct {
	enum kube_mode mode;
	const char *name;
} modes[] = {
	{KUBE_DEVICE, "devicecode"}, {KUBE_INTERACTIVE, "interactive"}, {KUBE_SPN, "spn"}, {KUBE_ROPC, "ropc"}, {KUBE_MSI, "msi"},
	{KUBE_CLI, "azurecli"}, {KUBE_AZD, "azd"}, {KUBE_WORKLOAD, "workloadidentity"}, {KUBE_PIPELINES, "azurepipelines"},
};

const char *kube_mode_name(enum kube_mode mode)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (modes[i].mode == mode)
			return modes[i].name;
	return NULL;
}

enum kube_mode kube_mode_of(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		if (str_eq(modes[i].name, name))
			return modes[i].mode;
	return 0;
}

int kube_flag_find(const char *arg, size_t *value_at)
{
	size_t n;
	*value_at = 0;
	for (int i = 0; i < KUBE_FLAGS && arg[0] == '-' && arg[1] == '-'; i++) {
		n = strlen(kube_flag_rows[i].name);
		if (strncmp(arg + 2, kube_flag_rows[i].name, n) != 0 || (arg[2 + n] && arg[2 + n] != '='))
			continue;
		*value_at = arg[2 + n] ? n + 3 : 0;
		return i;
	}
	for (int i = 0; i < KUBE_FLAGS && arg[0] == '-' && arg[1] && arg[1] != '-'; i++) {
		if (kube_flag_rows[i].letter != arg[1])
			continue;
		*value_at = !arg[2] ? 0 : arg[2] == '=' ? 3 : 2;
		return i;
	}
	return -1;
}

bool kube_arg_is_secret(const char *arg, bool *next)
{
	static const char *const words[] = {"secret", "password", "passwd", "pwd", "passphrase", "token", "key", "credential"};
	size_t at;
	int known = kube_flag_find(arg, &at);
	*next = false;
	if (known >= 0 && kube_flag_rows[known].kind != KUBE_SECRET)
		return false;
	AUTO_STR name = str_ndup(arg, strcspn(arg, "="));
	str_lower(name);
	bool secret = known >= 0;
	for (size_t i = 0; i < COUNT_OF(words) && *arg == '-'; i++)
		secret = secret || strstr(name, words[i]);
	*next = secret && !arg[strlen(name)];
	return secret && !*next;
}

bool kube_args_hold_secret(char *const *args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool next;
		if (kube_arg_is_secret(args[i], &next) || next)
			return true;
	}
	return false;
}

/* --- the command line --- */

/* Flags of the conversion itself. */
struct own_flag {
	const char *name;
	const char **text;
	bool *sign;
	bool not_theirs;
};

static bool unknown_flag(const char *arg, const struct own_flag *own, size_t count, struct err *err)
{
	AUTO_STR word = str_ndup(arg, strcspn(arg, "="));
	const char *near = NULL;
	int best = 4;
	const char *plain = word + strspn(word, "-");
	for (size_t i = 0; i < count + KUBE_FLAGS; i++) {
		const char *name = i < count ? own[i].name : kube_flag_rows[i - count].name;
		int d = str_distance(plain, name);
		near = d < best ? name : near;
		best = d < best ? d : best;
	}
	err_set(err, ERR_USAGE, NULL, *arg == '-' ? "unknown flag: %s" : "'%s' is not understood", word);
	return near ? err_hint(err, "did you mean --%s?", near) : false;
}

/* The value of argv[*i], which may be argv[*i + 1]; at: where it stands in argv[*i], 0 for behind it. */
static const char *value_of(int argc, char *const *argv, int *i, size_t at, struct err *err)
{
	if (at)
		return argv[*i] + at;
	if (*i + 1 < argc)
		return argv[++*i];
	err_set(err, ERR_USAGE, NULL, "the flag %s needs a value", argv[*i]);
	return NULL;
}

static bool take_own(int argc, char *const *argv, int *i, const struct own_flag *f, struct err *err)
{
	size_t n = strlen(f->name);
	const char *arg = argv[*i];
	const char *text = f->sign ? arg[2 + n] ? arg + n + 3 : "true" : value_of(argc, argv, i, arg[2 + n] ? n + 3 : 0, err);
	if (f->text)
		*f->text = text;
	else if (!str_to_bool(text, f->sign))
		return err_set(err, ERR_USAGE, NULL, "--%s is true or false, not '%s'", f->name, text);
	return text != NULL && (*text || err_set(err, ERR_USAGE, NULL, "the flag --%s needs a value", f->name));
}

static bool refuse_secret(const struct kube_flag_row *row, enum kube_flag flag, struct err *err)
{
	const char *variable = flag == KUBE_PASSWORD ? "AZURE_PASSWORD" : flag == KUBE_CLIENT_SECRET ? "AZURE_CLIENT_SECRET" : "AZURE_CLIENT_CERTIFICATE_PASSWORD";
	err_set(err, ERR_USAGE, NULL, "--%s: daypass writes no secret into a kubeconfig, where every reader of the file and of /proc finds it", row->name);
	return err_hint(err, "leave the flag out, and where kubectl runs: read -rs %s && export %s", variable, variable);
}

static bool take_flag(int argc, char *const *argv, int *i, struct kube_options *o, struct err *err)
{
	size_t at;
	int flag = kube_flag_find(argv[*i], &at);
	const struct kube_flag_row *row = &kube_flag_rows[flag];
	bool on = true;
	if (row->kind == KUBE_SECRET)
		return refuse_secret(row, (enum kube_flag)flag, err);
	const char *text = row->kind == KUBE_SWITCH ? at ? argv[*i] + at : "true" : value_of(argc, argv, i, at, err);
	if (!text)
		return false;
	if (row->kind == KUBE_SWITCH && !str_to_bool(text, &on))
		return err_set(err, ERR_USAGE, NULL, "--%s is true or false, not '%s'", row->name, text);
	if (!*text || str_has_control(text))
		return err_set(err, ERR_USAGE, NULL, "--%s: %s", row->name, *text ? "a control character in its value" : "it needs a value");
	o->given[flag == KUBE_OLD_CACHE ? KUBE_CACHE : flag] = row->kind == KUBE_SWITCH ? on ? "true" : "false" : text;
	return true;
}

static bool check_modes(struct kube_options *o, struct err *err)
{
	const char *word = o->given[KUBE_LOGIN];
	o->mode = word ? kube_mode_of(word) : 0;
	if (word && !o->mode)
		return err_set(err, ERR_USAGE, NULL, "'%s' is not a supported login method. Supported method is one of devicecode, interactive, spn, ropc, msi, azurecli, azd, workloadidentity, azurepipelines", word);
	if (!o->theirs && (o->mode & KUBE_PERSON)) {
		err_set(err, ERR_USAGE, NULL, "--login %s signs a person in, which daypass does not do", word);
		return err_hint(err, "leave --login out: then the identity that is configured answers");
	}
	if (str_eq(o->given[KUBE_LEGACY], "true")) {
		err_set(err, ERR_USAGE, NULL, "--legacy asks for tokens of a kind (audience spn:...) that only clusters with the AAD integration before 2020 take, and Entra's new applications do not give");
		return err_hint(err, "move the cluster over: az aks update --enable-aad, then az aks get-credentials");
	}
	bool pop = str_eq(o->given[KUBE_POP], "true");
	if (pop != (o->given[KUBE_POP_CLAIMS] != NULL))
		return err_set(err, ERR_USAGE, NULL, pop ? "--pop-enabled needs --pop-claims too: u=ARM_ID" : "--pop-claims needs --pop-enabled too");
	for (int i = KUBE_LOGIN + 1; i < KUBE_VERBOSE && !o->theirs && o->mode; i++)
		if (o->given[i] && !str_eq(o->given[i], "false") && !(kube_flag_rows[i].modes[0].given & o->mode))
			return err_set(err, ERR_USAGE, NULL, "--%s has no use with --login %s", kube_flag_rows[i].name, word);
	return true;
}

bool kube_options_read(int argc, char *const *argv, struct kube_options *o, struct err *err)
{
	const struct own_flag own[] = {{"kubeconfig", &o->kubeconfig, NULL, false}, {"context", &o->context, NULL, false}, {"azure-config-dir", &o->azure_dir, NULL, false},
				       {"user", &o->user, NULL, true}, {"all", NULL, &o->all, true}, {"dry-run", NULL, &o->dry_run, false}};
	for (int i = 0; i < argc; i++) {
		size_t k = 0, at;
		while (k < COUNT_OF(own)) {
			size_t n = strlen(own[k].name);
			const char *arg = argv[i];
			bool match = str_starts(arg, "--") && strncmp(arg + 2, own[k].name, n) == 0 && (!arg[2 + n] || arg[2 + n] == '=');
			if (match && !(own[k].not_theirs && o->theirs))
				break;
			k++;
		}
		if (k < COUNT_OF(own) ? !take_own(argc, argv, &i, &own[k], err) :
		    kube_flag_find(argv[i], &at) >= 0 ? !take_flag(argc, argv, &i, o, err) : !unknown_flag(argv[i], own, COUNT_OF(own), err))
			return false;
	}
	if ((o->context != NULL) + (o->user != NULL) + o->all > 1)
		return err_set(err, ERR_USAGE, NULL, "--context, --user and --all exclude each other");
	return check_modes(o, err);
}
