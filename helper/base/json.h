/* Reading JSON from strangers, strictly; and escaping for what we write. The only user of cJSON. */
#ifndef DAYPASS_JSON_H
#define DAYPASS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/base/buf.h"

struct json;

#define AUTO_JSON CLEANUP(json_free) struct json *

/* NULL unless the whole text is one JSON value; text after it, raw control characters and \u0000 are refused
 * (cJSON alone takes the first and truncates at the last). Freed memory is wiped. */
struct json *json_parse(const char *text, size_t len);
void json_free(struct json **j);
/* Member by exact name; NULL where absent, where j is no object, or where the name stands twice: readers disagree on
 * which one counts, and an attacker may rely on that. */
const struct json *json_get(const struct json *j, const char *name);
/* Member as text without control characters; NULL otherwise. Borrowed from j. */
const char *json_str(const struct json *j, const char *name);
/* Member as a whole number 0..2^53, written as a number or as a string of digits (v1 token endpoints do that). */
bool json_int(const struct json *j, const char *name, int64_t *out);
/* Name of an object's member by its place; NULL beyond its end or where j is no object. Borrowed. */
const char *json_name(const struct json *j, int index);
/* Element of an array; NULL beyond its end or where j is no array. */
const struct json *json_at(const struct json *j, int index);
bool json_is_array(const struct json *j);
/* This value itself as text / number, by the rules above. */
const char *json_text(const struct json *j);
bool json_number(const struct json *j, int64_t *out);
/* Is this value true? */
bool json_is_true(const struct json *j);
/* This value as text, control characters included: only for what is cleaned before it is shown. */
const char *json_raw_text(const struct json *j);
/* The text of one member of an object, without a parser; UNSURE wherever json_parse and json_str could see it
 * differently (escapes, bytes beyond ASCII, odd numbers), and where what stands there is no JSON. out is owned by the
 * caller. */
enum json_peeked { JSON_UNSURE, JSON_MISSING, JSON_FOUND };
enum json_peeked json_peek(const char *text, size_t len, const char *name, char **out);
/* Likewise the place of a member that is an object itself, borrowed from text; to be peeked into in its turn. */
enum json_peeked json_peek_object(const char *text, size_t len, const char *name, const char **out, size_t *out_len);
/* Append s as a quoted JSON string (NULL becomes null). */
bool json_quote(struct buf *to, const char *s);
/* Append a member of an object, "name": value, with the comma behind it unless it is the last. */
void json_pair(struct buf *to, const char *name, const char *value, bool last);

#endif
