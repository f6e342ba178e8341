/* Libraries that only some calls need are opened when they are needed: linking libcurl alone costs 4 to 5 ms. */
#ifndef DAYPASS_LAZY_H
#define DAYPASS_LAZY_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/err.h"

/* A library and the symbols wanted from it; names[i] goes to table[i]. */
struct lazy_lib {
	const char *soname;	   /* "libcurl.so.4" */
	const char *package;	   /* what to install where it is missing, Debian's name */
	const char *purpose;	   /* "to reach the token endpoint" */
	const char *const *names;
	size_t count;
};

/* Open once and fill table (an array of function pointers, in the order of names). Never closed again: libcurl and
 * GObject cannot be unloaded safely. False, with the package's name in the hint, where it is missing or too old. */
bool lazy_load(const struct lazy_lib *lib, void **table, struct err *err);

/* Announce a dlopen in the ELF file, as the "ELF dlopen metadata" specification of the UAPI group has it, so that
 * packaging tools see the dependency. json is a string literal. */
#define LAZY_NOTE(id, json) \
	__attribute__((used, section(".note.dlopen"), aligned(4))) static const struct { \
		struct { \
			unsigned namesz, descsz, type; \
		} header; \
		char name[4]; \
		_Alignas(4) char desc[sizeof json]; \
	} lazy_note_##id = {{4, sizeof json, 0x407c0c0a}, "FDO", json}

#endif
