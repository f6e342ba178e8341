/* Reading YAML from strangers, for its places: every node knows the bytes that it stands on. The only user of libyaml. */
#ifndef DAYPASS_YAML_H
#define DAYPASS_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "helper/base/buf.h"
#include "helper/base/err.h"

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	bool flow;	      /* a list or map in brackets */
	char style;	      /* of a text: 0 plain, ' or ", | or > */
	size_t from, to;      /* its place; of a list or map without brackets: from its first entry to the end of its last */
	char *text;	      /* of a text: its value, NUL-terminated, without NULs; owned */
	struct yaml *items;   /* of a map: name, value, name, value ... */
	size_t count;	      /* of items */
};

#define AUTO_YAML CLEANUP(yaml_tree_free) struct yaml

/* Read a text of one document; an empty one is an empty plain text. False with "NAME:LINE:COLUMN: why" (ERR_CONFIG)
 * where it is no YAML, and where it is YAML that cannot be edited without doubt: more than one document, anchors,
 * aliases, tags, nesting beyond 64, line ends other than LF and CRLF. */
bool yaml_tree_read(const char *name, const struct buf *text, struct yaml *root, struct err *err);
void yaml_tree_free(struct yaml *root);

/* The value of a map's member: NULL where it is absent, or y is no map. *twice, where not NULL, is set where the name
 * stands there more than once. Borrowed. */
const struct yaml *yaml_get(const struct yaml *y, const char *name, bool *twice);
/* The name's own node. */
const struct yaml *yaml_name(const struct yaml *y, const char *name);
/* A text as every YAML reader takes it, numbers, truth values and nulls being none; NULL otherwise. Borrowed. */
const char *yaml_str(const struct yaml *y);
/* Nothing: absent, null, ~, or an empty plain text. */
bool yaml_is_null(const struct yaml *y);
/* Would this text, written plain, be read back as it is by readers of YAML 1.1 and 1.2, in brackets and out of them? */
bool yaml_plain_ok(const char *text);
/* The end of the last thing in a node: of a list or map without brackets, of its last entry. */
size_t yaml_end(const struct yaml *y);

#endif
