/* Who else answers git for our hosts: git's whole configuration as git itself reads it, held against our place in it. */
#ifndef DAYPASS_CONFIGURE_OTHERS_H
#define DAYPASS_CONFIGURE_OTHERS_H

#include "helper/cmd/configure.h"

/* One setting that matters; the strings point into others.text. */
struct other {
	const char *scope, *origin, *key, *value;
	bool header;	/* http.extraheader, else credential.helper */
	bool ours;	/* in our file, and written by us */
	bool before;	/* asked before ours until now: what the empty helper silences */
	bool after;	/* asked after ours */
	bool mutes;	/* an empty helper behind ours */
	bool sends;	/* a header that goes to our hosts */
};

struct others {
	struct buf text; /* holds secrets: extraheaders */
	struct other *list;
	size_t count;
	size_t here; /* how many stand before our file's end */
	bool read;   /* git reads our file */
	const char *path; /* ours; borrowed */
};

#define AUTO_OTHERS CLEANUP(others_free) struct others

/* Ask git for all its settings. False (ERR_SOURCE) where git is not there, is older than 2.26, or cannot read them. */
bool others_load(const struct ctx *ctx, const char *path, enum git_scope scope, struct others *out, struct err *err);
/* Set the flags of every setting for our hosts; has_block: our lines stand in the file already. */
void others_judge(struct others *o, const struct git_hosts *hosts, bool has_block);
void others_free(struct others *o);
/* Append "credential.helper = manager (file:/etc/gitconfig)": fit to be shown, without what may be secret in it. */
void other_show(const struct other *e, struct buf *out);

#endif
