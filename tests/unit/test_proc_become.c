/* What a program gets on its stdin from us, turning into another program, and where such a program may lie. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "helper/base/proc.h"
#include "tests/unit/tmp.h"

enum { LONG_MS = 300000 };

static char *const start_vars[] = {(char[]){"PATH=/usr/bin:/bin"}, (char[]){"KEPT=yes"}, NULL};

static int begin(void **state UNUSED)
{
	umask(0027);
	signal(SIGPIPE, SIG_DFL);
	struct err err;
	bool ok = proc_begin((char **)(uintptr_t)start_vars, &err);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* the leak checker looks into this process */
	return ok ? 0 : -1;
}

static void run_with(const struct buf *in, const char *script, struct buf *out)
{
	struct proc p = proc_real();
	struct err err = ERR_INIT;
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct proc_run r = {.argv = argv, .timeout_ms = LONG_MS, .in = in, .out = out};
	assert_true(p.run(&p, &r, &err));
	assert_int_equal(r.status, 0);
}

TEST(a_child_reads_from_its_stdin_what_it_is_given)
{
	AUTO_BUF in = buf_new(100);
	AUTO_BUF out = buf_new(100);
	buf_add(&in, "a\0b\n", 4);
	run_with(&in, "cat", &out);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.p, "a\0b\n", 4);
}

TEST(more_than_a_pipe_holds_is_given_whole_and_need_not_be_read)
{
	AUTO_BUF in = buf_new(1024 * 1024);
	AUTO_BUF out = buf_new(100);
	AUTO_BUF none = buf_new(100);
	for (int i = 0; i < 300000; i++)
		buf_addc(&in, 'a');
	run_with(&in, "wc -c", &out);
	assert_says(out.p, "300000");
	run_with(&in, "exit 0", &none);
	assert_int_equal(none.len, 0);
}

TEST(what_is_given_lies_on_no_disk)
{
	AUTO_BUF in = buf_new(100);
	AUTO_BUF out = buf_new(1000);
	buf_adds(&in, "secret");
	run_with(&in, "readlink /proc/self/fd/0", &out);
	assert_true(str_starts(out.p, "/memfd:"));
}

/* In a process of its own, which is that program from then on; its stdout. */
static int becomes(const char *const *argv, const struct buf *in, struct buf *out)
{
	int pipes[2], status = -1;
	assert_int_equal(pipe(pipes), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct proc p = proc_real();
		struct err err = ERR_INIT;
		dup2(pipes[1], 1);
		close(pipes[0]);
		close(pipes[1]);
		bool ok = p.become(&p, &(struct proc_become){.path = argv[0], .argv = argv, .in = in}, &err);
		file_write_fd(1, err.msg, strlen(err.msg)); /* only where it could not */
		_exit(ok ? 98 : err.kind == ERR_SOURCE ? 97 : 99);
	}
	close(pipes[1]);
	assert_true(file_read_fd(pipes[0], out));
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(we_become_a_program_with_all_that_we_were_started_with)
{
	static const char script[] = "cat; umask; echo \"$KEPT $#\"; grep -E '^Sig(Ign|Blk)' /proc/self/status; exit 7";
	const char *const argv[] = {"/bin/sh", "-c", script, "sh", "get", NULL};
	AUTO_BUF in = buf_new(100);
	AUTO_BUF out = buf_new(4096);
	buf_adds(&in, "ghcr.io\n");
	assert_int_equal(becomes(argv, &in, &out), 7);
	assert_true(str_starts(out.p, "ghcr.io\n0027\nyes 1\n"));
	const char *ignored = strstr(out.p, "SigIgn:\t");
	assert_non_null(ignored);
	unsigned long long mask = strtoull(ignored + strlen("SigIgn:\t"), NULL, 16);
	assert_false(mask & (1ull << (SIGPIPE - 1)));
	assert_false(mask & (1ull << (SIGXFSZ - 1)));
}

TEST(nothing_given_is_an_empty_stdin)
{
	const char *const argv[] = {"/bin/sh", "-c", "wc -c", NULL};
	AUTO_BUF in = buf_new(10);
	AUTO_BUF out = buf_new(100);
	assert_int_equal(becomes(argv, &in, &out), 0);
	assert_says(out.p, "0");
}

TEST(a_program_that_cannot_be_started_says_so)
{
	TMP(t);
	AUTO_STR none = tmp_path(&t, "none");
	AUTO_STR text = str_printf("%s: cannot be started: No such file or directory", none);
	AUTO_BUF in = buf_new(10);
	AUTO_BUF out = buf_new(1000);
	const char *const argv[] = {none, "get", NULL};
	assert_int_equal(becomes(argv, &in, &out), 97);
	assert_text(out.p, text);
}

/* --- where it may lie ---------------------------------------------------------------------------------------------------- */

struct path {
	struct tmp tmp;
	char *safe, *open, *found;
};

static void path_end(struct path *p)
{
	free(p->safe);
	free(p->open);
	free(p->found);
	tmp_end(&p->tmp);
}

static void make_folder(const char *path, mode_t mode)
{
	AUTO_STR program = str_printf("%s/docker-credential-x", path);
	assert_int_equal(mkdir(path, 0700), 0);
	write_text(program, "#!/bin/sh\n", 0755);
	assert_int_equal(chmod(path, mode), 0);
}

static void path_begin(struct path *p)
{
	*p = (struct path){0};
	tmp_begin(&p->tmp);
	p->safe = tmp_path(&p->tmp, "safe");
	p->open = tmp_path(&p->tmp, "open");
	make_folder(p->safe, 0755);
	make_folder(p->open, 0757);
}

#define PATH(p) CLEANUP(path_end) struct path p; path_begin(&p)

/* What is found by such a PATH. */
static const char *find(struct path *p, const char *path)
{
	AUTO_STR var = path ? str_printf("PATH=%s", path) : str_dup("HOME=/");
	char *vars[] = {var, NULL};
	struct env env = {vars};
	free(p->found);
	p->found = proc_find(&env, "docker-credential-x", true);
	return p->found;
}

TEST(the_first_safe_folder_of_the_path_that_has_it_counts)
{
	PATH(p);
	AUTO_STR wanted = str_printf("%s/docker-credential-x", p.safe);
	const char *const forms[] = {"%s", "/nowhere:%s", "%s:/nowhere", ":%s", "::%s:", "/nowhere::%s", "/usr/bin:%s:/bin"};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		AUTO_BUF path = buf_new(4096);
		const char *at = strstr(forms[i], "%s");
		buf_add(&path, forms[i], (size_t)(at - forms[i]));
		buf_adds(&path, p.safe);
		buf_adds(&path, at + 2);
		assert_text(find(&p, path.p), wanted);
	}
}

TEST(a_folder_that_anybody_may_write_to_is_passed_over)
{
	PATH(p);
	AUTO_STR both = str_printf("%s:%s", p.open, p.safe);
	AUTO_STR wanted = str_printf("%s/docker-credential-x", p.safe);
	assert_null(find(&p, p.open));
	assert_text(find(&p, both), wanted);
	assert_int_equal(chmod(p.open, 01777), 0); /* as /tmp is */
	assert_null(find(&p, p.open));
}

TEST(a_relative_folder_is_passed_over)
{
	PATH(p);
	assert_int_equal(chdir(p.tmp.path), 0);
	assert_null(find(&p, "safe"));
	assert_null(find(&p, "./safe"));
	assert_null(find(&p, ""));
	assert_int_equal(chdir(p.safe), 0);
	assert_null(find(&p, ""));
	assert_null(find(&p, ":"));
	assert_null(find(&p, "."));
	assert_int_equal(chdir("/"), 0);
}

TEST(without_a_path_or_a_program_there_is_none)
{
	PATH(p);
	AUTO_STR program = str_printf("%s/docker-credential-x", p.safe);
	assert_null(find(&p, NULL));
	assert_null(find(&p, "/nowhere:/usr/bin:/bin"));
	assert_null(find(&p, program)); /* no folder */
	assert_int_equal(chmod(program, 0644), 0);
	assert_null(find(&p, p.safe));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_child_reads_from_its_stdin_what_it_is_given),
		T(more_than_a_pipe_holds_is_given_whole_and_need_not_be_read),
		T(what_is_given_lies_on_no_disk),
		T(we_become_a_program_with_all_that_we_were_started_with),
		T(nothing_given_is_an_empty_stdin),
		T(a_program_that_cannot_be_started_says_so),
		T(the_first_safe_folder_of_the_path_that_has_it_counts),
		T(a_folder_that_anybody_may_write_to_is_passed_over),
		T(a_relative_folder_is_passed_over),
		T(without_a_path_or_a_program_there_is_none),
	};
	return cmocka_run_group_tests(tests, begin, NULL);
}
