/* Names that a container registry can have, and names that none has. */
#include "helper/core/registry.h"
#include "tests/unit/check.h"

#define FIFTY "a123456789b123456789c123456789d123456789e123456789"

TEST(a_registry_has_five_to_fifty_letters_and_digits)
{
	static const char *const hosts[] = {"conto.azurecr.io", "contoso.azurecr.io", "12345.azurecr.io", FIFTY ".azurecr.io", "contoso.azurecr.us", "contoso.azurecr.cn"};
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (!registry_host_ok(hosts[i]))
			fail_msg("refused: %s", hosts[i]);
}

TEST(a_domain_name_label_has_a_hash_behind_one_hyphen)
{
	assert_true(registry_host_ok("contoso-e7ggejfuhzhgedc8.azurecr.io"));
	assert_true(registry_host_ok("conto-a.azurecr.io"));
}

TEST(a_regional_endpoint_has_its_region_before_geo)
{
	assert_true(registry_host_ok("contoso.eastus.geo.azurecr.io"));
	assert_true(registry_host_ok("contoso-a1b2c3.westeurope2.geo.azurecr.io"));
	assert_false(registry_host_ok("contoso.geo.geo.azurecr.io"));
}

TEST(no_registry_has_such_a_name)
{
	static const char *const hosts[] = {
		"", ".azurecr.io", "cont.azurecr.io", FIFTY "f.azurecr.io", "con-toso.azurecr.io", "contoso-.azurecr.io", "contoso--a.azurecr.io", "contoso-a-b.azurecr.io",
		"-contoso.azurecr.io", "con_toso.azurecr.io", "Contoso.azurecr.io", "contoso", "contoso-a", "contoso..geo.azurecr.io", "contoso.east-us.geo.azurecr.io",
		"contoso.east.us.geo.azurecr.io", "contoso.data.eastus.geo.azurecr.io", "cont.eastus.geo.azurecr.io", "contoso\xc3\xa9.azurecr.io", "contoso%2e.azurecr.io", "*.azurecr.io",
	};
	for (size_t i = 0; i < COUNT_OF(hosts); i++)
		if (registry_host_ok(hosts[i]))
			fail_msg("accepted: %s", hosts[i]);
}

/* DNS has no longer ones: such a name can only be a mistake, and no token is asked for it. */
TEST(no_label_is_longer_than_sixty_three_bytes)
{
	assert_true(registry_host_ok(FIFTY "-0123456789ab.azurecr.io"));
	assert_false(registry_host_ok(FIFTY "-0123456789abc.azurecr.io"));
	assert_true(registry_host_ok("contoso." FIFTY "0123456789abc.geo.azurecr.io"));
	assert_false(registry_host_ok("contoso." FIFTY "0123456789abcd.geo.azurecr.io"));
}

static void whole(const char *host, const char *wanted)
{
	AUTO_STR got = registry_global(host);
	assert_text(got, wanted);
}

TEST(a_regional_endpoint_belongs_to_the_registry_as_a_whole)
{
	whole("contoso.eastus.geo.azurecr.io", "contoso.azurecr.io");
	whole("contoso-a1b2c3.eastus.geo.azurecr.us", "contoso-a1b2c3.azurecr.us");
	whole("contoso.azurecr.io", "contoso.azurecr.io");
	whole("registry.example.com", "registry.example.com");
}

TEST(the_name_for_people_is_the_registrys_own)
{
	static const char *const rows[][2] = {{"contoso.azurecr.io", "contoso"}, {"contoso-a1b2.eastus.geo.azurecr.io", "contoso"}, {"contoso.eastus.geo.azurecr.io", "contoso"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_STR got = registry_name(rows[i][0]);
		assert_text(got, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_registry_has_five_to_fifty_letters_and_digits),
		T(a_domain_name_label_has_a_hash_behind_one_hyphen),
		T(a_regional_endpoint_has_its_region_before_geo),
		T(no_registry_has_such_a_name),
		T(no_label_is_longer_than_sixty_three_bytes),
		T(a_regional_endpoint_belongs_to_the_registry_as_a_whole),
		T(the_name_for_people_is_the_registrys_own),
	};
	return RUN(tests);
}
