#include "helper/core/aadsts.h"

#include <stddef.h>

static const struct aadsts rows[] = {
#define AADSTS(code, class, what, advice) {code, AADSTS_##class, &what[what[0] == '='], advice, what[0] == '='},
#include "helper/core/aadsts.def"
#undef AADSTS
};

const struct aadsts *aadsts_find(int64_t code)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}
