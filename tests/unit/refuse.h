/* A kernel that says no: system calls of a child's choice fail, as they do in sandboxes and on older kernels. */
#ifndef DAYPASS_TESTS_REFUSE_H
#define DAYPASS_TESTS_REFUSE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/check.h"

/* From now on, in this process, these two fail with that error. False where the kernel does not offer it. */
static inline bool refuse(long first, long second, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)first, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)second, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = COUNT_OF(code), .filter = code};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

enum { REFUSAL_MISSING = 77 };

/* Run act in a child where these calls fail; 0 where it was content, REFUSAL_MISSING where nothing can be refused. */
static inline int where_refused(long first, long second, int error, bool (*act)(void *user), void *user)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(!refuse(first, second, error) ? REFUSAL_MISSING : act(user) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
