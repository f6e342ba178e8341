#include "helper/core/aadsts.h"

#include <stddef.h>

static const struct aadsts rows[] = {
#define AADSTS(code, class, what, advice, more) {code, AADSTS_##class, &what[what[0] == '='], advice, more, what[0] == '='},
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

bool aadsts_is_mismatch(int64_t code)
{
	static const int64_t codes[] = {70021, 70025, 700211, 700212, 7002121, 700213, 7002137, 7002138};
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		if (codes[i] == code)
			return true;
	return false;
}
