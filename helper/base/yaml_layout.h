/* How new text is laid out beside what stands there already: for the files of yaml_edit.h alone. */
#ifndef DAYPASS_YAML_LAYOUT_H
#define DAYPASS_YAML_LAYOUT_H

#include "helper/base/yaml_edit.h"

enum { VALUE_MAX_BYTES = 256 * 1024 };

/* How new text is written in one place. */
struct yaml_layout {
	bool flow;  /* in brackets, on one line */
	char quote; /* 0: where needed */
	const char *eol;
	size_t step; /* how much deeper the members of a map stand */
};

/* quote: that of the text beside; where the whole file is in brackets, as JSON is, everything is quoted. */
struct yaml_layout yaml_layout_of(const struct yaml_edits *e, bool flow, char quote);
void yaml_put_blanks(struct buf *out, size_t count);
void yaml_put_text(struct buf *out, const char *text, char quote);
/* A value in brackets. */
void yaml_put_flow(struct buf *out, const struct yaml *v, const struct yaml_layout *l);
/* A value behind "name:" or "-". Entries of a list stand at that column, members of a map deeper; the first member of a map
 * in a list stands behind its dash. */
void yaml_put_block(struct buf *out, const struct yaml *v, const struct yaml_layout *l, size_t column, bool in_list);

/* JSON from our own hands. */
bool yaml_value_of(const char *json, struct yaml *v, struct err *err);
/* What a tree, and a text, mean; owned. */
char *yaml_meaning_of(const struct yaml *v);
char *yaml_quoted(const char *text);

/* "line N: what". Returns false. */
bool yaml_odd(const struct yaml_edits *e, size_t at, const char *what, struct err *err);
/* Do these bytes consist of that set alone? */
bool yaml_only(const struct buf *text, size_t from, size_t to, const char *set);
/* Where the line of a list's entry begins; false where more than blanks and its dash stands in front of it there. */
bool yaml_find_dash(const struct yaml_edits *e, const struct yaml *item, size_t *start, struct err *err);
/* What stands between two entries or members in brackets, to be put between others; owned. */
char *yaml_separator(const struct yaml_edits *e, size_t from, size_t to);

#endif
