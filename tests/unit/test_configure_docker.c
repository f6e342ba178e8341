/* What stands between reading somebody's file and writing it, and how the difference is shown. */
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/cmd/configure_docker_change.h"
#include "helper/cmd/configure_docker_diff.h"
#include "tests/unit/check.h"

static char *new_folder(void)
{
	const char *base = getenv("TMPDIR");
	char *path = str_printf("%s/daypass-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(path));
	return path;
}

static void put(const char *path, const char *text)
{
	struct err err = ERR_INIT;
	assert_true(file_replace(path, text, strlen(text), 0600, &err));
}

static void assert_file(const char *path, const char *wanted)
{
	AUTO_BUF text = buf_new(1024);
	struct err err = ERR_INIT;
	assert_true(file_read(path, &text, NULL, ERR_CONFIG, &err));
	assert_text(text.p, wanted);
}

TEST(what_somebody_else_wrote_meanwhile_is_not_lost)
{
	static const char *const others[] = {"{\"theirs\": 1}", "{} ", NULL};
	AUTO_STR folder = new_folder();
	AUTO_STR path = str_printf("%s/config.json", folder);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		AUTO_CHANGE c = {0};
		struct err err = ERR_INIT;
		put(path, "{}");
		assert_true(change_read(&c, str_dup(path), &err));
		buf_adds(&c.new, "{\"ours\": 1}");
		c.wanted = true;
		if (others[i])
			put(path, others[i]);
		else
			assert_int_equal(unlink(path), 0);
		assert_false(change_carry_out(&c, &err));
		assert_clean(&err);
		assert_says(err.msg, "somebody else has just changed");
		if (others[i])
			assert_file(path, others[i]);
		else
			assert_int_equal(access(path, F_OK), -1);
	}
	unlink(path);
	rmdir(folder);
}

TEST(a_file_that_came_meanwhile_is_not_lost)
{
	AUTO_STR folder = new_folder();
	AUTO_STR path = str_printf("%s/config.json", folder);
	AUTO_CHANGE c = {0};
	struct err err = ERR_INIT;
	assert_true(change_read(&c, str_dup(path), &err));
	assert_false(c.exists);
	c.wanted = true;
	put(path, "");
	assert_false(change_carry_out(&c, &err));
	assert_file(path, "");
	unlink(path);
	rmdir(folder);
}

TEST(folders_come_and_go_with_the_file)
{
	AUTO_STR folder = new_folder();
	AUTO_STR path = str_printf("%s/a/b/config.json", folder);
	AUTO_STR upper = str_printf("%s/a", folder);
	struct stat st;
	struct err err = ERR_INIT;
	AUTO_CHANGE c = {0};
	assert_true(change_read(&c, str_dup(path), &err));
	assert_int_equal(c.folders, 2);
	buf_adds(&c.new, "x");
	c.wanted = true;
	assert_true(change_carry_out(&c, &err));
	assert_int_equal(stat(upper, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	AUTO_CHANGE back = {0};
	assert_true(change_read(&back, str_dup(path), &err));
	assert_int_equal(back.folders, 0);
	back.wanted = back.goes = true;
	back.folders = 2;
	assert_true(change_carry_out(&back, &err));
	assert_int_equal(stat(upper, &st), -1);
	assert_int_equal(rmdir(folder), 0);
}

static void differs_at(const char *from, const char *to, size_t context, const char *wanted, const char *file, int line)
{
	AUTO_BUF a = buf_new(4096), b = buf_new(4096), out = buf_new(8192);
	buf_adds(&a, from);
	buf_adds(&b, to);
	diff_add(&a, &b, context, &out);
	text_at(out.p, wanted, file, line);
}

#define assert_differs(from, to, context, wanted) differs_at(from, to, context, wanted, __FILE__, __LINE__)

TEST(the_difference_is_one_hunk)
{
	assert_differs("1\n2\n3\n4\n5\n", "1\n2\nx\n4\n5\n", 1, "@@ -2,3 +2,3 @@\n 2\n-3\n+x\n 4\n");
	assert_differs("1\n2\n3\n4\n5\n", "1\nx\n3\n4\ny\n", 3, "@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n-5\n+y\n");
	assert_differs("", "1\n2\n", 3, "@@ -0,0 +1,2 @@\n+1\n+2\n");
	assert_differs("1\r\n", "", 3, "@@ -1,1 +0,0 @@\n-1\n");
	assert_differs("1\n2", "1\n2\n", 0, "@@ -2,1 +2,1 @@\n-2\n+2\n");
	assert_differs("a\n", "a\n\tb\x1B[m\n", 0, "@@ -1,0 +2,1 @@\n+\tb?[m\n");
}

TEST(far_from_each_other_there_are_two)
{
	assert_differs("1\n2\n3\n4\n5\n6\n", "x\n2\n3\n4\n5\ny\n", 1, "@@ -1,2 +1,2 @@\n-1\n+x\n 2\n@@ -5,2 +5,2 @@\n 5\n-6\n+y\n");
	assert_differs("0\n1\n2\n3\n4\n5\n6\n", "0\n2\n3\n4\n5\n6\n7\n8\n", 1, "@@ -1,3 +1,2 @@\n 0\n-1\n 2\n@@ -7,1 +6,3 @@\n 6\n+7\n+8\n");
	assert_differs("1\n2\n3\n4\n", "x\n2\n3\ny\n", 1, "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n-4\n+y\n");
	assert_differs("1\n2\n3\n4\n5\n6\n", "x\n2\n3\n4\n5\ny\n", 0, "@@ -1,6 +1,6 @@\n-1\n+x\n 2\n 3\n 4\n 5\n-6\n+y\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_somebody_else_wrote_meanwhile_is_not_lost),
		T(a_file_that_came_meanwhile_is_not_lost),
		T(folders_come_and_go_with_the_file),
		T(the_difference_is_one_hunk),
		T(far_from_each_other_there_are_two),
	};
	return RUN(tests);
}
