/* The program of the same name that we stand in front of. Links to this very test stand for us. */
#include "helper/base/program.h"

#include "tests/unit/tmp.h"

/* A corner with folders a to e, and a PATH of them. */
struct corner {
	struct tmp dir;
	char *var, *vars[3];
	struct env env;
};

static void corner_end(struct corner *c)
{
	free(c->var);
	tmp_end(&c->dir);
}

static void put(const struct corner *c, const char *name, mode_t mode)
{
	AUTO_STR path = tmp_path(&c->dir, name);
	if (mode) {
		write_file(path, "#!/bin/sh\n", 10, mode);
		return;
	}
	AUTO_STR own = program_own_path();
	assert_int_equal(symlink(own, path), 0);
}

/* folders: letters in the order of PATH; "." is an empty entry, "-" a relative one. */
static void set_path(struct corner *c, const char *folders)
{
	AUTO_BUF b = buf_new(8192);
	buf_adds(&b, "PATH=");
	for (const char *f = folders; *f; f++)
		if (*f == '.' || *f == '-')
			buf_addf(&b, "%s%s", f > folders ? ":" : "", *f == '-' ? "rel" : "");
		else
			buf_addf(&b, "%s%s/%c", f > folders ? ":" : "", c->dir.path, *f);
	free(c->var);
	c->var = buf_take(&b);
	c->vars[0] = c->var;
}

static void corner_begin(struct corner *c)
{
	*c = (struct corner){0};
	tmp_begin(&c->dir);
	for (const char *f = "abcde"; *f; f++) {
		AUTO_STR path = str_printf("%s/%c", c->dir.path, *f);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	c->env = (struct env){c->vars};
	put(c, "a/az", 0755); /* in front of us: not behind */
	put(c, "b/az", 0);
	put(c, "c/az", 0);    /* us again */
	put(c, "d/az", 0644); /* no program */
	put(c, "e/az", 0755);
}

#define CORNER(c) CLEANUP(corner_end) struct corner c; corner_begin(&c)

static void finds(struct corner *c, const char *folders, const char *wanted)
{
	set_path(c, folders);
	AUTO_STR path = wanted ? tmp_path(&c->dir, wanted) : NULL;
	AUTO_STR found = program_behind(&c->env, "az");
	assert_text(found, path);
}

TEST(the_first_behind_us_that_is_a_program_and_not_us)
{
	CORNER(c);
	finds(&c, "abcde", "e/az");
	finds(&c, "abcdea", "e/az");
	finds(&c, "aba", "a/az");
	finds(&c, "ab", NULL);
	finds(&c, "bcd", NULL);
	finds(&c, "b.-e", "e/az");
	finds(&c, ".-be", "e/az");
}

TEST(where_path_does_not_lead_to_us_the_first_is_meant)
{
	CORNER(c);
	finds(&c, "ae", "a/az");
	finds(&c, "dea", "e/az");
	finds(&c, "d", NULL);
	c.vars[0] = NULL;
	assert_null(program_behind(&c.env, "az"));
}

TEST(we_are_ourselves_by_any_link_and_nobody_else_is)
{
	CORNER(c);
	AUTO_STR link = tmp_path(&c.dir, "b/az");
	AUTO_STR other = tmp_path(&c.dir, "e/az");
	assert_true(program_is_own(link));
	assert_false(program_is_own(other) || program_is_own("/nowhere") || program_is_own(NULL));
}

TEST(the_third_hand_is_the_last)
{
	static const struct {
		const char *var, *next;
	} rows[] = {{NULL, "DAYPASS_SHIM_DEPTH=1"}, {"DAYPASS_SHIM_DEPTH=1", "DAYPASS_SHIM_DEPTH=2"}, {"DAYPASS_SHIM_DEPTH=2", NULL}, {"DAYPASS_SHIM_DEPTH=99", NULL}, {"DAYPASS_SHIM_DEPTH=x", "DAYPASS_SHIM_DEPTH=1"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct err err = ERR_INIT;
		char *vars[] = {(char *)(uintptr_t)rows[i].var, NULL};
		struct env env = {vars};
		AUTO_STR next = program_depth(&env, "/usr/bin/az", &err);
		assert_text(next, rows[i].next);
		if (rows[i].next)
			continue;
		AUTO_STR own = program_own_path();
		assert_clean(&err);
		assert_says(err.msg, own);
		assert_says(err.msg, "/usr/bin/az");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_behind_us_that_is_a_program_and_not_us),
		T(where_path_does_not_lead_to_us_the_first_is_meant),
		T(we_are_ourselves_by_any_link_and_nobody_else_is),
		T(the_third_hand_is_the_last),
	};
	return RUN(tests);
}
