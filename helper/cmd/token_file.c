/* daypass token-file: the external token in a file, for programs that read AZURE_FEDERATED_TOKEN_FILE or
 * ARM_OIDC_TOKEN_FILE_PATH. Without a line end (Python's and Go's SDK send it along), replaced by rename, on tmpfs only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"
#include "helper/cmd/claims.h"
#include "helper/cmd/cmd.h"
#include "helper/core/runtime_dir.h"

enum { AGAIN_S = 10, UNKNOWN_LIFE_S = 120 };

/* Where it lies. Static: the end comes by a signal, which has nothing else to know it by. */
static struct {
	int dir;
	char name[NAME_MAX + 1];
	struct stat st; /* of what we wrote */
} place = {.dir = -1};

static bool no_place(const char *path, const char *why, struct err *err)
{
	err_set(err, ERR_POLICY, NULL, "%s: %s", path, why);
	return err_hint(err, "below $XDG_RUNTIME_DIR or /run/user/%u, or in a folder of your own: mkdir -m 700 /dev/shm/tokens-%u", (unsigned)geteuid(), (unsigned)geteuid());
}

/* The folder, and what stands there under that name: nothing, or a plain file of ours. */
static bool open_place(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	AUTO_STR folder = slash ? str_ndup(path, slash == path ? 1 : (size_t)(slash - path)) : str_dup(".");
	if (!*name || strlen(name) >= sizeof place.name || str_eq(name, ".") || str_eq(name, ".."))
		return err_set(err, ERR_USAGE, "daypass token-file $XDG_RUNTIME_DIR/token", "%s is no name of a file", path);
	memcpy(place.name, name, strlen(name) + 1);
	place.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place.dir < 0)
		return err_set(err, ERR_CONFIG, "make the folder, or name another", "%s: cannot be opened: %s", folder, strerror(errno));
	if (!runtime_dir_is_memory(place.dir))
		return no_place(folder, "a token is written to no disk, and this folder is none in memory (tmpfs)", err);
	if (!runtime_dir_is_ours(place.dir))
		return no_place(folder, "others may write there: this folder is not yours alone", err);
	if (fstatat(place.dir, place.name, &place.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || err_set(err, ERR_CONFIG, NULL, "%s: cannot be looked at: %s", path, strerror(errno));
	if (!S_ISREG(place.st.st_mode) || place.st.st_uid != geteuid())
		return err_set(err, ERR_POLICY, "take it away, or name another file", "%s is a link, a folder or somebody else's: not replaced", path);
	return true;
}

static bool write_file(const struct secret *token, struct err *err)
{
	char guid[37];
	seal_guid(guid);
	AUTO_STR temp = str_printf(".daypass-%s", guid);
	AUTO_CLOSE int fd = openat(place.dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	bool ok = fd >= 0 && fchmod(fd, 0600) == 0 && file_write_fd(fd, secret_reveal(token), secret_len(token)) && fstat(fd, &st) == 0 &&
		  renameat(place.dir, temp, place.dir, place.name) == 0;
	int why = errno;
	if (ok)
		place.st = st;
	else if (fd >= 0)
		unlinkat(place.dir, temp, 0);
	return ok || err_set(err, ERR_CONFIG, "is the folder full?", "%s: cannot be written: %s", place.name, strerror(why));
}

static bool renew(struct ctx *ctx, const char *audience, struct jwt *jwt, struct err *err)
{
	AUTO_CLAIMS c = {0};
	*err = ERR_INIT;
	if (!claims_assertion(ctx, audience, &c, err) || !write_file(&c.token.value, err))
		return false;
	jwt->iat = c.jwt.iat;
	jwt->exp = c.jwt.exp;
	return true;
}

/* Seconds until the next: half of its life; of one that was fetched late in it, half of the rest. */
static int64_t pause_after(const struct ctx *ctx, const struct jwt *jwt)
{
	int64_t now = ctx->clock->wall(ctx->clock), life = jwt->exp - jwt->iat, left = jwt->exp - now;
	if (!jwt->exp || !jwt->iat || life <= 0)
		life = left = UNKNOWN_LIFE_S;
	left = left < life ? left : life; /* our clock may be behind */
	if (left <= 0)
		return AGAIN_S;
	int64_t pause = left > life / 2 ? left - life / 2 : left / 2;
	return pause > 0 ? pause : 1;
}

/* Only what is safe in a handler. The file goes if it is still the one that we wrote. */
static void leave(int number UNUSED)
{
	struct stat now;
	if (fstatat(place.dir, place.name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_dev == place.st.st_dev && now.st_ino == place.st.st_ino)
		unlinkat(place.dir, place.name, 0);
	_exit(0);
}

static void leave_on_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction end = {.sa_handler = leave};
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		sigaddset(&end.sa_mask, numbers[i]);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		sigaction(numbers[i], &end, NULL);
}

/* For as long as it is wanted: a failure is told, and tried again. */
_Noreturn static void watch(struct ctx *ctx, const char *audience, struct jwt *jwt)
{
	struct err err;
	for (;;) {
		ctx->clock->sleep_ms(ctx->clock, pause_after(ctx, jwt) * 1000);
		while (!renew(ctx, audience, jwt, &err)) {
			log_line("%s; tried again in %d s", err.msg, AGAIN_S);
			ctx->clock->sleep_ms(ctx->clock, AGAIN_S * 1000);
		}
	}
}

static int token_file(struct ctx *ctx, int argc, char *const *const_argv)
{
	struct err err = ERR_INIT;
	struct jwt jwt = {0};
	char **argv = (char **)(uintptr_t)const_argv;
	bool stay = cmd_flag(&argc, argv, "--watch");
	const char *identity = cmd_option(&argc, argv, "--identity"), *audience = cmd_option(&argc, argv, "--audience");
	if (argc != 1 || argv[0][0] == '-')
		return cmd_usage(&command_token_file, argc ? argv[argc - 1] : NULL);
	ctx->identity = identity ? identity : ctx->identity;
	if (!open_place(argv[0], &err))
		return cmd_fail(&err);
	if (stay)
		leave_on_signals();
	if (!renew(ctx, audience, &jwt, &err))
		return cmd_fail(&err);
	if (stay)
		watch(ctx, audience, &jwt);
	return 0;
}

const struct command command_token_file = {"token-file", "token-file PATH [--watch] [--audience AUDIENCE] [--identity NAME]", "the external token in a file on tmpfs; --watch keeps it fresh until it is ended", token_file};
