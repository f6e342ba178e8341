/* The words of az that we answer, and their arguments. Source: azure-cli 2.91, command_modules/profile, and what the SDKs
 * and Terraform send (az.md). */
#ifndef DAYPASS_AZ_ARGS_H
#define DAYPASS_AZ_ARGS_H

#include <stdbool.h>

#include "helper/base/env.h"

enum az_word { AZ_OTHER, AZ_TOKEN, AZ_SHOW, AZ_LIST, AZ_VERSION };
enum az_output { AZ_JSON, AZ_TSV, AZ_NONE };

/* All borrowed from argv; NULL where not given. */
struct az_call {
	enum az_word word;
	enum az_output output;
	const char *resource, *scope, *type, *tenant, *subscription, *query;
	bool all;
};

/* False: not a call that we answer, be it wrong or only unknown to us: it is the real az's. */
bool az_parse(const struct env *env, int argc, char *const *argv, struct az_call *out);

#endif
