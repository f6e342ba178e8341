/* The arguments of a stanza: taken apart, and put together anew. */
#include "helper/base/buf.h"
#include "helper/base/str.h"
#include "helper/cmd/kube_flags.h"

/* Microsoft's own public clients for AKS and Arc: they say nothing about who asks. Source: AKS and Arc documentation. */
static const char *const public_clients[] = {"80faf920-1908-4b52-b5ef-a8e7bedfc67a", "3f4439ff-e698-4d6d-84fe-09c9d574f06b"};

void kube_stanza_free(struct kube_stanza *s)
{
	for (size_t i = 0; i < s->now_count; i++)
		str_wipe_free(s->now[i]);
	free(s->now);
	s->now = NULL;
	s->now_count = 0;
}

static bool stays(struct err *err, const char *why)
{
	return err_set(err, ERR_CONFIG, NULL, "%s", why);
}

/* A flag that we know, at *i: its value, and *i at its last argument. */
static bool take_known(struct kube_stanza *s, size_t *i, int flag, size_t at, struct err *err)
{
	const struct kube_flag_row *row = &kube_flag_rows[flag];
	const char *value = s->args[*i] + at;
	bool on = true;
	if (!at && row->kind == KUBE_SWITCH)
		value = "true";
	else if (!at && *i + 1 < s->count)
		value = s->args[++*i];
	else if (!at)
		return err_set(err, ERR_CONFIG, NULL, "its --%s has no value", row->name);
	if (row->kind == KUBE_SWITCH && !str_to_bool(value, &on))
		return err_set(err, ERR_CONFIG, NULL, "its --%s is neither true nor false", row->name);
	if (row->kind == KUBE_SWITCH)
		value = on ? "true" : "false";
	int place = flag == KUBE_OLD_CACHE ? KUBE_CACHE : flag;
	if (s->old[place] && !str_eq(s->old[place], value))
		return err_set(err, ERR_CONFIG, NULL, "its --%s stands there twice", row->name);
	s->old[place] = value;
	return true;
}

/* Where "get-token" stands. */
static bool find_verb(const struct kube_stanza *s, size_t *verb)
{
	*verb = s->count && str_eq(s->args[0], "kube");
	return *verb < s->count && str_eq(s->args[*verb], "get-token");
}

bool kube_stanza_read(struct kube_stanza *s, struct err *err)
{
	size_t verb, at;
	if (!s->count)
		return true;
	for (size_t i = 0; i < s->count; i++)
		if (str_starts(s->args[i], "--oidc-"))
			return err_set(err, ERR_POLICY, NULL, "it is int128's kubelogin (kubectl oidc-login), which has nothing to do with Azure");
	if (!find_verb(s, &verb))
		return stays(err, "its arguments do not begin with get-token");
	for (size_t i = verb + 1; i < s->count; i++) {
		const char *arg = s->args[i];
		int flag = kube_flag_find(arg, &at);
		if (flag >= 0 && !take_known(s, &i, flag, at, err))
			return false;
		if (flag >= 0)
			continue;
		if (*arg != '-' || str_eq(arg, "--") || str_eq(arg, "-"))
			return stays(err, "it has an argument that is no flag of get-token");
		if (i + 1 < s->count && s->args[i + 1][0] != '-' && !strchr(arg, '=')) /* its value, it seems */
			i++;
	}
	return true;
}

/* --- what it shall say --- */

static enum kube_mode old_mode(const struct kube_stanza *s)
{
	return s->old[KUBE_LOGIN] ? kube_mode_of(s->old[KUBE_LOGIN]) : s->count && str_eq(s->args[0], "kube") ? KUBE_NONE : KUBE_DEVICE;
}

static bool is_public_client(const char *id)
{
	for (size_t i = 0; i < COUNT_OF(public_clients); i++)
		if (str_ieq(public_clients[i], id))
			return true;
	return false;
}

/* The names that kubelogin knows for a cloud, as daypass names it; what it does not know, it takes for public. */
static const char *cloud_of(const char *environment)
{
	if (str_ieq(environment, "AzureUSGovernment") || str_ieq(environment, "AzureUSGovernmentCloud"))
		return "usgov";
	return str_ieq(environment, "AzureChinaCloud") ? "china" : "public";
}

/* Said already by our configuration, or nothing that needs saying? */
static bool is_said(int flag, const char *value, const struct kube_said *said)
{
	if (flag == KUBE_TENANT)
		return str_ieq(value, said->tenant);
	if (flag == KUBE_CLIENT)
		return str_ieq(value, said->client) || is_public_client(value);
	return flag == KUBE_ENVIRONMENT && str_eq(cloud_of(value), said->cloud ? said->cloud : "public");
}

/* What a flag shall be; NULL: it is not needed. */
static const char *wanted(const struct kube_stanza *s, int flag, enum kube_mode mode, const struct kube_options *o, const struct kube_said *said)
{
	const struct kube_flag_row *row = &kube_flag_rows[flag];
	const char *given = o->given[flag], *old = s->old[flag];
	bool same = old_mode(s) == mode;
	if (flag == KUBE_LOGIN)
		return kube_mode_name(mode);
	if (flag == KUBE_RESOURCE && o->given[KUBE_CLIENT])
		given = old = NULL; /* the one or the other names a managed identity */
	if (given && (row->modes[o->theirs].given & mode))
		return str_eq(given, "false") ? NULL : given;
	if (!old || str_eq(old, "false"))
		return NULL;
	if (row->modes[o->theirs].kept & mode)
		return !o->theirs && is_said(flag, old, said) ? NULL : old;
	if (!(row->own & mode) || !same)
		return NULL;
	return is_said(flag, old, said) && (!o->theirs || is_public_client(old)) ? NULL : old;
}

static void add(struct kube_stanza *s, char *arg)
{
	size_t n = s->now_count;
	s->now = n & (n - 1) ? s->now : mem_realloc_wipe(s->now, n * sizeof *s->now, (n ? 2 * n : 1) * sizeof *s->now);
	s->now[s->now_count++] = arg;
}

/* The arguments that are there, each flag with its new value or without it. */
static void go_through(struct kube_stanza *s, const char *const *value, bool *done)
{
	size_t verb, at;
	find_verb(s, &verb);
	for (size_t i = verb + 1; i < s->count; i++) {
		const char *arg = s->args[i];
		int flag = kube_flag_find(arg, &at);
		int place = flag == KUBE_OLD_CACHE ? KUBE_CACHE : flag;
		bool two = flag >= 0 && !at && kube_flag_rows[flag].kind != KUBE_SWITCH;
		i += two;
		if (flag >= 0 && (!value[place] || done[place]))
			continue;
		if (flag >= 0 && at && kube_flag_rows[flag].kind != KUBE_SWITCH)
			add(s, str_printf("%.*s%s", (int)at, arg, value[place]));
		else
			add(s, str_dup(arg));
		if (two)
			add(s, str_dup(value[place]));
		if (flag >= 0)
			done[place] = true;
	}
}

/* What kubelogin's converter, or get-token itself, would stumble over. */
static bool complete(const struct kube_stanza *s, const struct kube_options *o, enum kube_mode mode, const char *const *value, struct err *err)
{
	int needed = o->theirs ? KUBE_DEVICE | KUBE_INTERACTIVE | KUBE_SPN | KUBE_ROPC : 0;
	if (!value[KUBE_SERVER])
		return err_set(err, ERR_POLICY, NULL, "it names no server: --server-id is required");
	if (str_eq(s->old[KUBE_LEGACY], "true") && (!o->theirs || (mode & (KUBE_DEVICE | KUBE_SPN | KUBE_ROPC))))
		return stays(err, "its cluster wants tokens of the legacy kind (audience spn:...), which are not given any more: az aks update --enable-aad, then az aks get-credentials");
	if ((mode & needed) && !value[KUBE_CLIENT])
		return stays(err, "--client-id is required");
	if ((mode & (needed | (o->theirs ? KUBE_PIPELINES : 0))) && !value[KUBE_TENANT])
		return stays(err, "--tenant-id is required");
	if (!value[KUBE_POP] != !value[KUBE_POP_CLAIMS])
		return stays(err, value[KUBE_POP] ? "--pop-claims is required when specifying --pop-enabled" : "--pop-enabled is required when specifying --pop-claims");
	if (!o->theirs && kube_args_hold_secret(s->args, s->count))
		return stays(err, "it holds a secret, which would be lost: take it out, and put it where kubectl runs: AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PASSWORD or AZURE_PASSWORD");
	return true;
}

bool kube_stanza_plan(struct kube_stanza *s, const struct kube_options *o, const struct kube_said *said, struct err *err)
{
	const char *value[KUBE_FLAGS];
	bool done[KUBE_FLAGS] = {0};
	enum kube_mode old = old_mode(s), mode = o->mode ? o->mode : o->theirs ? KUBE_DEVICE : old & KUBE_PERSON ? KUBE_NONE : old;
	if (!old)
		return stays(err, "its log-in mode is none that kubelogin has");
	for (int i = 0; i < KUBE_FLAGS; i++)
		value[i] = wanted(s, i, mode, o, said);
	if (!complete(s, o, mode, value, err))
		return false;
	if (!o->theirs)
		add(s, str_dup("kube"));
	add(s, str_dup("get-token"));
	go_through(s, value, done);
	for (int i = 0; i < KUBE_FLAGS; i++) {
		if (!value[i] || done[i])
			continue;
		add(s, str_printf("--%s", kube_flag_rows[i].name));
		if (kube_flag_rows[i].kind != KUBE_SWITCH)
			add(s, str_dup(value[i]));
	}
	return true;
}
