/* One member of a JSON text that is somebody else's, put in or taken out: every other byte stays. Places are offsets. */
#ifndef DAYPASS_JSON_EDIT_H
#define DAYPASS_JSON_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/buf.h"

struct json_span {
	size_t from, to;
};

/* The name's span holds its quotes. */
struct json_member {
	struct json_span name, value;
};

/* What is wrong with a text, and where. */
struct json_fault {
	size_t at;
	const char *what;
};

/* The one value that the whole text is, by the letter of RFC 8259; a byte order mark may stand in front. */
bool json_locate(const char *text, size_t len, struct json_span *value, struct json_fault *fault);
/* Nothing but blanks and perhaps a byte order mark? */
bool json_is_blank(const char *text, size_t len);
/* The members of an object, one each call; *at begins as 0. Only for a text that json_locate took. */
bool json_next_member(const char *text, struct json_span object, size_t *at, struct json_member *out);
/* A string decoded; NULL for any other value, and where it holds a NUL. Owned. */
char *json_decode(const char *text, struct json_span value);
/* Is there a blank behind the '{'? json_insert leaves none where it fills an empty object, json_insert_object always
 * one: so whoever takes the last member out knows whether the object was there before. */
bool json_is_spaced(const char *text, struct json_span object);
/* The text with "name": "value" as the object's last member, laid out as the members before it. */
void json_insert(const struct buf *text, struct json_span object, const char *name, const char *value, struct buf *out);
/* The same with "name": { "inner": "value" }, for the outermost object. */
void json_insert_object(const struct buf *text, struct json_span root, const char *name, const char *inner, const char *value, struct buf *out);
/* The text without a member, its comma, and the blanks that json_insert put there. */
void json_cut(const struct buf *text, struct json_span object, const struct json_member *m, struct buf *out);
/* The text with a string in the place of a value. */
void json_replace(const struct buf *text, struct json_span value, const char *with, struct buf *out);
/* Line and column of an offset, from 1. */
void json_place(const char *text, size_t at, size_t *line, size_t *column);

#endif
