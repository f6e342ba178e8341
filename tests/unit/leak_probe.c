/* Not one of the tests: leaks on purpose, so that `run.py --expect-leak` can see that the sanitizer looks. */
#include "helper/base/buf.h"

#include <stdio.h>

static void *volatile kept;

__attribute__((noinline)) static void planted_leak(void)
{
	struct buf b = buf_new(100);
	buf_adds(&b, "nobody frees this");
	kept = b.p;
}

int main(void)
{
	planted_leak();
	kept = NULL;
	return puts("leaked") < 0;
}
