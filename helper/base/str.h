/* Small string helpers: ASCII only, never the locale. Returned char * are owned by the caller. */
#ifndef DAYPASS_STR_H
#define DAYPASS_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

char *str_dup(const char *s);
char *str_ndup(const char *s, size_t n);
char *str_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Free *s and put a copy of value (or NULL) in its place. */
void str_set(char **s, const char *value);
/* Wipe, then free. NULL is fine. */
void str_wipe_free(char *s);

bool str_eq(const char *a, const char *b);
/* Equal without regard to ASCII case. NULL equals nothing. */
bool str_ieq(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* NULL or "". */
bool str_empty(const char *s);
void str_lower(char *s);
bool str_has_control(const char *s);
/* Only bytes that a bearer token may consist of (RFC 6750 b64token), and at least one. */
bool str_is_token(const char *s, size_t len);
/* 8-4-4-4-12 hexadecimal digits. */
bool str_is_guid(const char *s);
/* A tenant as Entra takes it in a URL: a GUID or a domain name (labels of letters, digits and hyphens, with a dot). */
bool str_is_tenant(const char *s);
/* yes/true/on/1, no/false/off/0 as git reads them. False where it is neither. */
bool str_to_bool(const char *s, bool *out);
/* A decimal number without sign, at most max. False for anything else. */
bool str_to_int(const char *s, int64_t max, int64_t *out);
/* How many single-letter edits apart (capped at 9): for "did you mean". */
int str_distance(const char *a, const char *b);
void str_hex(char *out, const unsigned char *data, size_t len);
bool str_from_hex(const char *hex, unsigned char *out, size_t len);
/* Split a command line as a configuration file writes it: words at blanks, double quotes group. NULL-terminated list in
 * one allocation; NULL where a quote is not closed or there is no word. */
char **str_words(const char *text);
/* Is word one of those words, as `same` compares them? A list that is NULL or not well formed has none. */
bool str_listed(const char *list, const char *word, bool (*same)(const char *, const char *));

#define AUTO_STR CLEANUP(auto_free) char *

#endif
