/* Which files make the configuration, who may have written them, and what wins. */
#include "helper/core/config.h"

#include "tests/unit/tmp.h"

#define GUID "00001111-aaaa-2222-bbbb-3333cccc4444"

/* A home of our own, with a system file beside it. */
struct home {
	struct tmp tmp;
	char *user, *etc;
	char *vars[8];
	struct env env;
	struct config config;
};

static void home_end(struct home *h)
{
	config_free(&h->config);
	free(h->user);
	free(h->etc);
	for (size_t i = 0; i < COUNT_OF(h->vars); i++)
		free(h->vars[i]);
	tmp_end(&h->tmp);
}

static void home_begin(struct home *h)
{
	*h = (struct home){.env = {h->vars}};
	tmp_begin(&h->tmp);
	AUTO_STR config = tmp_path(&h->tmp, ".config");
	AUTO_STR daypass = tmp_path(&h->tmp, ".config/daypass");
	assert_int_equal(mkdir(config, 0700), 0);
	assert_int_equal(mkdir(daypass, 0700), 0);
	h->user = tmp_path(&h->tmp, ".config/daypass/config");
	h->etc = tmp_path(&h->tmp, "system");
	h->vars[0] = str_printf("HOME=%s", h->tmp.path);
}

#define HOME(h) CLEANUP(home_end) struct home h; home_begin(&h)

static void load(struct home *h)
{
	config_free(&h->config);
	config_load(&h->config, &h->env, h->etc);
}

static const char *audience(const struct home *h, const char *identity)
{
	const struct section *s = config_section(&h->config, SECTION_IDENTITY, identity);
	return s ? s->set[KEY_AUDIENCE].value : NULL;
}

TEST(no_file_is_no_configuration_and_nothing_broken)
{
	HOME(h);
	load(&h);
	assert_false(h.config.broken);
	assert_int_equal(h.config.count, 0);
	assert_null(h.config.files[0]);
	assert_null(h.config.files[1]);
}

TEST(the_users_setting_wins_over_the_systems_and_sections_are_merged)
{
	HOME(h);
	write_text(h.user, "[identity a]\naudience = user\n", 0600);
	write_text(h.etc, "[identity a]\naudience = system\nsource = auto\n[identity b]\naudience = only\n", 0644);
	load(&h);
	assert_false(h.config.broken);
	assert_text(audience(&h, "a"), "user");
	assert_text(audience(&h, "b"), "only");
	const struct section *s = config_section(&h.config, SECTION_IDENTITY, "a");
	AUTO_STR origin = str_printf("%s:3", h.etc);
	assert_text(s->set[KEY_SOURCE].origin, origin);
}

TEST(xdg_config_home_counts_where_it_is_absolute)
{
	HOME(h);
	AUTO_STR dir = tmp_path(&h.tmp, "daypass");
	AUTO_STR file = tmp_path(&h.tmp, "daypass/config");
	assert_int_equal(mkdir(dir, 0700), 0);
	write_text(file, "[identity a]\naudience = xdg\n", 0600);
	write_text(h.user, "[identity a]\naudience = home\n", 0600);
	h.vars[1] = str_printf("XDG_CONFIG_HOME=%s", h.tmp.path);
	load(&h);
	assert_text(audience(&h, "a"), "xdg");
	str_set(&h.vars[1], "XDG_CONFIG_HOME=relative");
	load(&h);
	assert_text(audience(&h, "a"), "home");
}

TEST(daypass_config_replaces_the_users_file_only)
{
	HOME(h);
	AUTO_STR mine = tmp_path(&h.tmp, "mine");
	write_text(mine, "[identity a]\naudience = named\n", 0600);
	write_text(h.user, "[identity a]\naudience = home\n", 0600);
	write_text(h.etc, "[identity b]\naudience = system\n", 0644);
	h.vars[1] = str_printf("DAYPASS_CONFIG=%s", mine);
	load(&h);
	assert_text(audience(&h, "a"), "named");
	assert_text(audience(&h, "b"), "system");
}

TEST(dev_null_as_daypass_config_means_none)
{
	HOME(h);
	write_text(h.user, "[identity a]\naudience = home\n", 0600);
	h.vars[1] = str_dup("DAYPASS_CONFIG=/dev/null");
	load(&h);
	assert_false(h.config.broken);
	assert_null(audience(&h, "a"));
}

TEST(a_named_file_must_be_there)
{
	HOME(h);
	h.vars[1] = str_printf("DAYPASS_CONFIG=%s/absent", h.tmp.path);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, "absent: No such file");
	assert_says(h.config.err.hint, "DAYPASS_CONFIG");
	str_set(&h.vars[1], "DAYPASS_CONFIG=/dev/null/x");
	load(&h);
	assert_true(h.config.broken); /* ENOTDIR */
}

TEST(a_default_path_that_cannot_be_reached_is_no_file)
{
	HOME(h);
	str_set(&h.vars[0], "HOME=/dev/null");
	load(&h);
	assert_false(h.config.broken); /* ENOTDIR */
	str_set(&h.vars[0], "NOTHING=1");
	load(&h);
	assert_false(h.config.broken); /* no HOME at all */
}

TEST(a_default_path_that_may_not_be_read_is_no_file_and_a_named_one_is_an_error)
{
	if (geteuid() == 0)
		SKIP("root may read everything");
	HOME(h);
	write_text(h.user, "[identity a]\naudience = x\n", 0000);
	load(&h);
	assert_false(h.config.broken); /* EACCES */
	h.vars[1] = str_printf("DAYPASS_CONFIG=%s", h.user);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, "Permission denied");
}

TEST(a_folder_or_fifo_in_place_of_the_file_is_an_error)
{
	HOME(h);
	assert_int_equal(mkdir(h.user, 0700), 0);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, "is a directory");
	assert_int_equal(rmdir(h.user), 0);
	assert_int_equal(mkfifo(h.user, 0600), 0);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, "not a regular file");
}

TEST(a_file_that_others_can_write_is_refused)
{
	HOME(h);
	write_text(h.user, "[identity a]\naudience = x\n", 0646);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, "others can change this file");
	AUTO_STR fix = str_printf("chmod go-w %s", h.user);
	assert_text(h.config.err.hint, fix);
	assert_null(audience(&h, "a"));
	assert_int_equal(chmod(h.user, 0644), 0);
	load(&h);
	assert_false(h.config.broken);
}

TEST(a_file_that_a_foreign_group_can_write_is_refused)
{
	if (geteuid() != 0 && getegid() == (gid_t)geteuid())
		SKIP("this user's only group is its own");
	HOME(h);
	write_text(h.user, "[identity a]\naudience = x\n", 0664);
	if (geteuid() == 0)
		assert_int_equal(chown(h.user, (uid_t)-1, 4321), 0);
	load(&h);
	assert_true(h.config.broken);
}

TEST(a_file_of_another_user_is_refused)
{
	if (geteuid() != 0)
		SKIP("only root can give a file away");
	HOME(h);
	write_text(h.user, "[identity a]\naudience = x\n", 0644);
	assert_int_equal(chown(h.user, 4321, 4321), 0);
	load(&h);
	assert_true(h.config.broken);
	AUTO_STR fix = str_printf("chown 0 %s", h.user);
	assert_text(h.config.err.hint, fix);
}

TEST(a_link_is_judged_by_what_it_points_to)
{
	HOME(h);
	AUTO_STR real = tmp_path(&h.tmp, "dotfiles");
	write_text(real, "[identity a]\naudience = x\n", 0644);
	assert_int_equal(symlink(real, h.user), 0);
	load(&h);
	assert_false(h.config.broken);
	assert_text(audience(&h, "a"), "x");
}

TEST(an_error_in_either_file_breaks_the_configuration_and_names_the_file)
{
	HOME(h);
	write_text(h.user, "[identity a]\naudience = x\n", 0600);
	write_text(h.etc, "[identity a]\nnonsense\n", 0644);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, h.etc);
	assert_says(h.config.err.msg, ":2: ");
}

TEST(a_file_larger_than_a_mebibyte_is_refused)
{
	HOME(h);
	char *big = mem_alloc(1024 * 1024 + 1);
	memset(big, '\n', 1024 * 1024 + 1);
	write_file(h.user, big, 1024 * 1024 + 1, 0600);
	free(big);
	load(&h);
	assert_true(h.config.broken);
	assert_says(h.config.err.msg, "larger than");
}

TEST(the_system_file_may_be_named_as_the_users)
{
	HOME(h);
	write_text(h.etc, "[identity a]\naudience = x\n", 0644);
	h.vars[1] = str_printf("DAYPASS_CONFIG=%s", h.etc);
	load(&h);
	if (h.config.broken)
		fail_msg("%s", h.config.err.msg);
	assert_text(audience(&h, "a"), "x");
}

TEST(a_global_setting_is_variable_then_user_then_system_then_default)
{
	HOME(h);
	load(&h);
	assert_text(config_global(&h.config, KEY_TIMEOUT), "20");
	write_text(h.etc, "[daypass]\ntimeout = 30\n", 0644);
	load(&h);
	assert_text(config_global(&h.config, KEY_TIMEOUT), "30");
	write_text(h.user, "[daypass]\ntimeout = 40\n", 0644);
	load(&h);
	assert_text(config_global(&h.config, KEY_TIMEOUT), "40");
	h.vars[1] = str_dup("DAYPASS_TIMEOUT=50");
	assert_text(config_global(&h.config, KEY_TIMEOUT), "50");
	str_set(&h.vars[1], "DAYPASS_TIMEOUT=never"); /* nonsense does not count */
	assert_text(config_global(&h.config, KEY_TIMEOUT), "40");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(no_file_is_no_configuration_and_nothing_broken),
		T(the_users_setting_wins_over_the_systems_and_sections_are_merged),
		T(xdg_config_home_counts_where_it_is_absolute),
		T(daypass_config_replaces_the_users_file_only),
		T(dev_null_as_daypass_config_means_none),
		T(a_named_file_must_be_there),
		T(a_default_path_that_cannot_be_reached_is_no_file),
		T(a_default_path_that_may_not_be_read_is_no_file_and_a_named_one_is_an_error),
		T(a_folder_or_fifo_in_place_of_the_file_is_an_error),
		T(a_file_that_others_can_write_is_refused),
		T(a_file_that_a_foreign_group_can_write_is_refused),
		T(a_file_of_another_user_is_refused),
		T(a_link_is_judged_by_what_it_points_to),
		T(an_error_in_either_file_breaks_the_configuration_and_names_the_file),
		T(a_file_larger_than_a_mebibyte_is_refused),
		T(the_system_file_may_be_named_as_the_users),
		T(a_global_setting_is_variable_then_user_then_system_then_default),
	};
	return RUN(tests);
}
