/* Whatever an agent says in a gRPC frame: a token that lies within it, or a word on what is wrong. The first byte picks whether an
 * id is wanted. */
#include "tests/fuzz/fuzz.h"

#include "helper/sources/spiffe_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *jwt = NULL, *why = NULL;
	size_t len = 0;
	if (size < 1)
		return 0;
	char *copy = mem_alloc(size); /* so that a sanitizer sees its very end */
	memcpy(copy, data + 1, size - 1);
	bool ok = spiffe_response(copy, size - 1, data[0] & 1 ? "spiffe://d/x" : NULL, &jwt, &len, &why);
	must(ok ? len > 0 && jwt >= copy && jwt + len <= copy + size - 1 : why != NULL);
	free(copy);
	return 0;
}
