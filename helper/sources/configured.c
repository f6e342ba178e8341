#include "helper/sources/configured.h"

#include <errno.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"

enum { TIMEOUT_MS = 30000, SPOKEN_MAX = 4096 };

const char *configured(const struct identity *id, enum key key)
{
	return id->command_ok ? identity_get(id, key) : NULL;
}

/* Somebody else's program, or one that others can change, would be run with our rights. */
static bool program_ok(const char *path, enum key key, struct stat *st, struct err *err)
{
	if (stat(path, st) < 0) {
		err_set(err, ERR_SOURCE, NULL, "%s: %s", path, strerror(errno));
		return err_hint(err, "correct the identity's `%s` setting", config_keys[key].name);
	}
	if ((st->st_uid != 0 && st->st_uid != geteuid()) || file_others_can_write(st)) {
		err_set(err, ERR_SOURCE, NULL, "%s is not run: others can change it (owner %u, mode %03o)", path, (unsigned)st->st_uid, (unsigned)st->st_mode & 0777u);
		return err_hint(err, "it must belong to you or root: chmod go-w %s", path);
	}
	return true;
}

static char **words_of(const struct identity *id, enum key key, struct err *err)
{
	const char *command = configured(id, key);
	if (command)
		return str_words(command);
	err_set(err, ERR_SOURCE, "daypass config keys", "no %s is configured, or its file belongs to somebody else", config_keys[key].name);
	return NULL;
}

bool configured_print(const struct identity *id, enum key key, struct buf *out, struct err *err)
{
	char **words = words_of(id, key, err);
	struct stat st;
	bool ok = words && program_ok(words[0], key, &st, err);
	if (ok)
		buf_addf(out, "%s\n%llu %llu %lld %lld.%09ld", configured(id, key), (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	free(words);
	return ok;
}

static bool run(const struct ctx *ctx, char **words, const char *const *more, struct buf *text, struct err *err)
{
	AUTO_BUF spoken = buf_new(SPOKEN_MAX);
	int64_t left = ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock);
	struct proc_run r = {.argv = (const char *const *)words, .more_env = more, .timeout_ms = left < TIMEOUT_MS ? left : TIMEOUT_MS, .out = text, .err = &spoken};
	if (!ctx->proc->run(ctx->proc, &r, err))
		return false;
	buf_trim(&spoken);
	log_mask(spoken.p);
	if (r.status == 0)
		return true;
	return err_set(err, ERR_SOURCE, "run it by hand to see more", "%s ended with status %d%s%.300s", words[0], r.status, spoken.len ? ": " : "", spoken.p);
}

bool configured_run(const struct ctx *ctx, const struct identity *id, enum key key, const char *const *more, struct buf *text, struct err *err)
{
	char **words = words_of(id, key, err);
	struct stat st;
	bool ok = words && program_ok(words[0], key, &st, err) && run(ctx, words, more, text, err);
	free(words);
	return ok;
}
