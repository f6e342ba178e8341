#include <errno.h>

#include "helper/base/file.h"
#include "helper/base/str.h"
#include "helper/sources/managed_identity.h"

enum { KEY_FILE_MAX = 4096 };

/* FOLDER/NAME.key and no other place: NAME has no slash, so that "..", too, leads nowhere else. */
static bool path_ok(const char *folder, const char *path)
{
	size_t n = strlen(folder);
	return str_starts(path, folder) && path[n] == '/' && !strchr(path + n + 1, '/') && str_ends(path, ".key") && path[n + 1] != '.' && !str_has_control(path);
}

bool arc_answer(const char *folder, const char *challenge, struct secret *out, struct err *err)
{
	static const char head[] = "Basic realm=";
	const char *path = strncasecmp(challenge, head, strlen(head)) == 0 ? challenge + strlen(head) : "";
	size_t len = strlen(path);
	bool quoted = len > 1 && *path == '"' && path[len - 1] == '"';
	AUTO_STR plain = quoted ? str_ndup(path + 1, len - 2) : str_dup(path);
	AUTO_BUF text = buf_new(KEY_FILE_MAX);
	struct stat st;
	if (!path_ok(folder, plain))
		return err_set(err, ERR_SOURCE, "check what listens on port 40342: sudo azcmagent show", "Azure Arc's agent names no file of %s in its challenge: '%.200s'", folder, challenge);
	if (lstat(plain, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, ERR_SOURCE, "sudo azcmagent show", "%s is no regular file: not read", plain);
	bool read = file_read(plain, &text, NULL, ERR_SOURCE, err);
	if (!read && errno == EACCES)
		return err_hint(err, "join the agent's group, then log in again: sudo usermod -aG himds \"$USER\"");
	if (!read)
		return err_hint(err, "sudo azcmagent show");
	buf_trim(&text);
	if (!text.len || strlen(text.p) != text.len || str_has_control(text.p))
		return err_set(err, ERR_SOURCE, "sudo azcmagent show", "%s holds no key", plain);
	return secret_set(out, text.p, text.len);
}
