#include "protocols/az_args.h"

#include "helper/base/str.h"

/* One option: its names, of which words (bits), and where its value goes. A flag has no value. */
struct option {
	const char *name;
	unsigned words;
	size_t at;
	bool flag;
};

#define ON(word) (1u << (word))
#define ALL (ON(AZ_TOKEN) | ON(AZ_SHOW) | ON(AZ_LIST) | ON(AZ_VERSION))
#define AT(field) offsetof(struct az_call, field)

enum { NOWHERE = -1 };

static const struct option options[] = {
	{"--resource", ON(AZ_TOKEN), AT(resource), false},	     {"--scope", ON(AZ_TOKEN), AT(scope), false},
	{"--resource-type", ON(AZ_TOKEN), AT(type), false},	     {"--tenant", ON(AZ_TOKEN), AT(tenant), false},
	{"-t", ON(AZ_TOKEN), AT(tenant), false},		     {"--subscription", ON(AZ_TOKEN) | ON(AZ_SHOW), AT(subscription), false},
	{"-s", ON(AZ_TOKEN) | ON(AZ_SHOW), AT(subscription), false}, {"--name", ON(AZ_TOKEN) | ON(AZ_SHOW), AT(subscription), false},
	{"-n", ON(AZ_TOKEN) | ON(AZ_SHOW), AT(subscription), false}, {"--query", ALL, AT(query), false},
	{"--output", ALL, NOWHERE, false},			     {"-o", ALL, NOWHERE, false},
	{"--only-show-errors", ALL, NOWHERE, true},		     {"--all", ON(AZ_LIST), AT(all), true},
};

static bool output_of(const char *name, enum az_output *out)
{
	static const char *const names[] = {[AZ_JSON] = "json", [AZ_TSV] = "tsv", [AZ_NONE] = "none"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_ieq(names[i], name)) {
			*out = (enum az_output)i;
			return true;
		}
	return false;
}

/* How far this argument names the option: the value's place in it, its end where the value is the next one; 0: not it. */
static size_t names(const struct option *o, const char *arg)
{
	size_t n = strlen(o->name);
	if (strncmp(arg, o->name, n) != 0)
		return 0;
	if (!arg[n] || (arg[n] == '=' && !o->flag))
		return n;
	return o->name[1] != '-' && !o->flag ? n : 0; /* -ojson */
}

static const struct option *option_of(enum az_word word, const char *arg, size_t *at)
{
	for (size_t i = 0; i < COUNT_OF(options); i++)
		if ((options[i].words & ON(word)) && (*at = names(&options[i], arg)) != 0)
			return &options[i];
	return NULL;
}

static bool take(struct az_call *c, const struct option *o, const char *value)
{
	if (o->at == (size_t)NOWHERE)
		return o->flag || output_of(value, &c->output);
	if (o->flag)
		memcpy((char *)c + o->at, &(bool){true}, sizeof(bool));
	else
		memcpy((char *)c + o->at, &value, sizeof value);
	return true;
}

static enum az_word word_of(int argc, char *const *argv, int *used)
{
	static const char *const names_of[] = {[AZ_TOKEN] = "get-access-token", [AZ_SHOW] = "show", [AZ_LIST] = "list"};
	*used = 1;
	if (argc && str_eq(argv[0], "version"))
		return AZ_VERSION;
	*used = 2;
	for (int w = AZ_TOKEN; argc > 1 && str_eq(argv[0], "account") && w <= AZ_LIST; w++)
		if (str_eq(argv[1], names_of[w]))
			return (enum az_word)w;
	return AZ_OTHER;
}

/* Plain names only: the rest of JMESPath is the real one's. */
static bool can_answer(const struct az_call *c)
{
	static const char *const of_token[] = {"accessToken", "expiresOn", "expires_on", "subscription", "tenant", "tokenType", NULL};
	static const char *const of_show[] = {"environmentName", "homeTenantId", "id", "name", "state", "tenantId", "user.name", "user.type", NULL};
	if (!c->query)
		return c->output != AZ_TSV || c->word == AZ_TOKEN;
	const char *const *known = c->word == AZ_TOKEN ? of_token : c->word == AZ_SHOW ? of_show : (const char *const[]){NULL};
	while (*known && !str_eq(*known, c->query))
		known++;
	return *known != NULL;
}

bool az_parse(const struct env *env, int argc, char *const *argv, struct az_call *out)
{
	int i;
	size_t at = 0;
	*out = (struct az_call){0};
	out->word = word_of(argc, argv, &i);
	const char *output = env_get(env, "AZURE_CORE_OUTPUT");
	bool ok = out->word != AZ_OTHER, known = !output || output_of(output, &out->output);
	for (; ok && i < argc; i++) {
		const struct option *o = option_of(out->word, argv[i], &at);
		if (!o)
			return false;
		const char *value = argv[i][at] ? argv[i] + at + (argv[i][at] == '=') : NULL;
		if (!value && !o->flag)
			value = i + 1 < argc && argv[i + 1][0] != '-' ? argv[++i] : NULL;
		if (str_empty(value) && !o->flag)
			return false;
		ok = take(out, o, value);
		known = known || str_eq(o->name, "--output") || str_eq(o->name, "-o");
	}
	return ok && known && can_answer(out);
}
