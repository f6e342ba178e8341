/* fresh BASE [--stranger] PROGRAM ARG...: the program with a runtime folder that nobody has used yet, as after a restart of the machine; with
 * --stranger also as a client that nobody has seen (DAYPASS_CLIENT_ID), whose token is nowhere. */
#include <stdint.h>
#include <sys/random.h>

int main(int argc, char **argv)
{
	char path[4096], client[40];
	uint64_t random = 0;
	int stranger = argc > 2 && strcmp(argv[2], "--stranger") == 0;
	if (argc < 3 + stranger || getrandom(&random, sizeof random, 0) < 0)
		return 2;
	snprintf(path, sizeof path, "%s/f-XXXXXX", argv[1]);
	snprintf(client, sizeof client, "%08x-0000-4000-8000-%012llx", (unsigned)(random >> 32), (unsigned long long)(random & 0xffffffff));
	if (!mkdtemp(path) || setenv("XDG_RUNTIME_DIR", path, 1) < 0 || (stranger && setenv("DAYPASS_CLIENT_ID", client, 1) < 0))
		return 3;
	execvp(argv[2 + stranger], argv + 2 + stranger);
	return 4;
}
