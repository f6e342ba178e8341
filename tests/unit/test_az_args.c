/* Which calls of az are ours, and what they ask; all others are the real one's. */
#include "protocols/az_args.h"

#include "tests/unit/check.h"

static char *vars[2];
static const struct env env = {vars};
static struct az_call call;

static bool parse(const char *line)
{
	static char **words;
	int argc = 0;
	free(words);
	words = str_words(line);
	while (words && words[argc])
		argc++;
	return az_parse(&env, argc, words, &call);
}

static void ours(const char *line, enum az_word word, enum az_output output)
{
	if (!parse(line) || call.word != word || call.output != output)
		fail_msg("%s: word %d, output %d", line, (int)call.word, (int)call.output);
}

static void theirs(const char *line)
{
	if (parse(line))
		fail_msg("%s: is taken as word %d", line, (int)call.word);
}

TEST(the_words_that_are_ours)
{
	ours("account get-access-token", AZ_TOKEN, AZ_JSON);
	ours("account show", AZ_SHOW, AZ_JSON);
	ours("account list", AZ_LIST, AZ_JSON);
	ours("version", AZ_VERSION, AZ_JSON);
	static const char *const others[] = {"login", "account", "account set -s x", "account get-access-tokens", "accounts show", "group list", "account list-locations", "versions", "-o json account show", "--version"};
	for (size_t i = 0; i < COUNT_OF(others); i++)
		theirs(others[i]);
	assert_false(az_parse(&env, 0, vars, &call));
}

TEST(values_in_all_the_ways_that_argparse_takes)
{
	static const char *const lines[] = {"-o tsv", "-otsv", "-o=tsv", "--output tsv", "--output=tsv", "-o TSV"};
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		AUTO_STR line = str_printf("account get-access-token %s --query accessToken", lines[i]);
		ours(line, AZ_TOKEN, AZ_TSV);
	}
	ours("account get-access-token --resource https://x -s \"My Shop\" -o none", AZ_TOKEN, AZ_NONE);
	assert_text(call.resource, "https://x");
	assert_text(call.subscription, "My Shop");
	ours("account get-access-token --resource=https://x --scope=y/.default -t T --resource-type arm --only-show-errors", AZ_TOKEN, AZ_JSON);
	assert_text(call.scope, "y/.default");
	assert_text(call.tenant, "T");
	assert_text(call.type, "arm");
	ours("account show -n=N", AZ_SHOW, AZ_JSON);
	assert_text(call.subscription, "N");
	ours("account show --name N --subscription M", AZ_SHOW, AZ_JSON);
	assert_text(call.subscription, "M");
	ours("account list --all", AZ_LIST, AZ_JSON);
	assert_true(call.all);
}

TEST(what_is_wrong_or_unknown_is_the_real_ones)
{
	static const char *const lines[] = {"account get-access-token --resource", "account get-access-token --resource=", "account get-access-token --resource --tenant x", "account get-access-token x",
					    "account get-access-token --res x", "account get-access-token --debug", "account get-access-token --verbose", "account get-access-token -h", "account get-access-token -o",
					    "account get-access-token -o yaml", "account get-access-token -o jsonc", "account get-access-token --scope a b", "account get-access-token --all", "account show --resource x",
					    "account show --all", "account list -s x", "account list --all=x", "account list --refresh", "account list -o tsv", "account show -o tsv", "version -o tsv", "account get-access-token --only-show-errors=x",
					    "account get-access-token --query \"*\"", "account get-access-token --query foo", "account show --query user", "account show --query isDefault", "account list --query id", "version --query x"};
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		theirs(lines[i]);
}

TEST(the_variable_for_the_output_counts_where_no_option_does)
{
	vars[0] = (char[]){"AZURE_CORE_OUTPUT=tsv"};
	ours("account get-access-token", AZ_TOKEN, AZ_TSV);
	ours("account get-access-token -o json", AZ_TOKEN, AZ_JSON);
	theirs("account show");
	vars[0] = (char[]){"AZURE_CORE_OUTPUT=table"};
	theirs("account get-access-token");
	ours("account get-access-token -ojson", AZ_TOKEN, AZ_JSON);
	vars[0] = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_words_that_are_ours),
		T(values_in_all_the_ways_that_argparse_takes),
		T(what_is_wrong_or_unknown_is_the_real_ones),
		T(the_variable_for_the_output_counts_where_no_option_does),
	};
	return RUN(tests);
}
