/* Changes to a YAML text that is somebody else's: a few values change, every other byte stays. What the changes shall mean
 * is kept beside them, and the new text is read again before anybody gets it: it must mean exactly that, and hold every
 * comment that was there. */
#ifndef DAYPASS_YAML_EDIT_H
#define DAYPASS_YAML_EDIT_H

#include "helper/base/yaml.h"

/* Bytes [from, to) become text. */
struct yaml_edit {
	size_t from, to;
	char *text;
	size_t order; /* among those at one place */
};

/* What a node shall read as from now on. Values are JSON without blanks. */
enum yaml_where { YAML_INSTEAD, YAML_BEFORE, YAML_BEHIND };
struct yaml_want {
	const struct yaml *at;
	enum yaml_where where;
	char *json;
	size_t order;
};

/* Zero it, set text and root. root is the tree of text and must outlive the edits. */
struct yaml_edits {
	const struct buf *text;
	const struct yaml *root;
	struct yaml_edit *list;
	size_t count;
	struct yaml_want *wants;
	size_t want_count;
};

#define AUTO_EDITS CLEANUP(yaml_edits_free) struct yaml_edits

void yaml_edits_free(struct yaml_edits *e);
/* Add one change of bytes as it is, and one meaning. text and json are taken over. */
void yaml_edit_bytes(struct yaml_edits *e, size_t from, size_t to, char *text);
void yaml_edit_want(struct yaml_edits *e, const struct yaml *at, enum yaml_where where, char *json);

/* Below: false with "NAME:LINE: why" in err where the text is laid out in a way that is not edited. Values are JSON. */

/* A text takes another value, in its own style of quotes. */
bool yaml_edit_text(struct yaml_edits *e, const struct yaml *node, const char *value, struct err *err);
/* A list of texts becomes these, entry by entry: what is in both stays as it is written. */
bool yaml_edit_list(struct yaml_edits *e, const struct yaml *list, char *const *now, size_t count, struct err *err);
/* A list takes one more entry at its end. */
bool yaml_edit_append(struct yaml_edits *e, const struct yaml *list, const char *json, struct err *err);
/* A map takes a member more, in front of one that is there; or a member whose value is nothing, or an empty list, takes one. */
bool yaml_edit_put(struct yaml_edits *e, const struct yaml *map, const char *before, const char *name, const char *json, struct err *err);
/* A member is replaced by another one, name and all. Comments inside move in front. */
bool yaml_edit_swap(struct yaml_edits *e, const struct yaml *map, const char *old, const char *name, const char *json, struct err *err);

/* The new text. False where changes overlap, or it does not read as it shall. Sorts the list. */
bool yaml_edits_apply(struct yaml_edits *e, struct buf *out, struct err *err);
/* The same without looking at what it means: for changes that were added as bytes. */
bool yaml_edits_bytes(struct yaml_edits *e, struct buf *out);

/* A tree as JSON without blanks. Numbers and the like stand there as they are written. */
void yaml_json(const struct yaml *y, struct buf *out);
/* Every comment between two places, a line each; within: what stands there. */
void yaml_comments(const struct buf *text, const struct yaml *within, size_t from, size_t to, struct buf *out);

/* Where the line of a byte begins and (without its line end) ends; its number, from 1. */
size_t yaml_line_start(const struct buf *text, size_t at);
size_t yaml_line_end(const struct buf *text, size_t at);
size_t yaml_line(const struct buf *text, size_t at);

#endif
