/* Our lines in a file that is somebody else's: one block between two marker lines, and every other byte is kept. */
#ifndef DAYPASS_CONFIGURE_BLOCK_H
#define DAYPASS_CONFIGURE_BLOCK_H

#include "helper/base/buf.h"
#include "helper/base/err.h"

struct block {
	bool there;
	size_t from, to; /* of its bytes, markers included */
	bool joined;	 /* the file's last line had no end before we came */
	bool made;	 /* the file did not exist */
	bool crlf;
};

/* Where the block stands in a file's text. False where its end is missing or it stands twice. */
bool block_find(const char *path, const struct buf *text, struct block *b, struct err *err);
/* Does the block hold exactly these lines of ours, whatever else people put into it? */
bool block_holds(const struct buf *text, const struct block *b, const char *lines);
/* The text with these lines (each with '\n') in the block, in its old place or at the end. What is not ours in the old
 * block is kept behind it. */
void block_put(const struct buf *text, const struct block *b, const char *lines, struct buf *out);
/* The text without our lines. */
void block_cut(const struct buf *text, const struct block *b, struct buf *out);
/* What differs, as a diff without context: a neighbour's line may hold a secret. path_from or path_to is NULL where
 * there is no such file. */
void block_diff(const char *path_from, const struct buf *from, const char *path_to, const struct buf *to, struct buf *out);

#endif
