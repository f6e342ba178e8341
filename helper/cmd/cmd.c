#include "helper/cmd/cmd.h"

#include <errno.h>

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/core/plan.h"
#include "helper/core/store_keyring.h"

int cmd_fail(const struct err *err)
{
	log_line("%s", err->msg);
	if (*err->detail)
		log_line("details: %s", err->detail);
	if (*err->hint)
		log_line("next: %s", err->hint);
	return err->kind ? (int)err->kind : (int)ERR_INTERNAL;
}

int cmd_usage(const struct command *c, const char *word)
{
	if (word)
		log_line("%s: '%s' is not understood", c->name, word);
	log_line("usage: daypass %s", c->usage);
	return ERR_USAGE;
}

int cmd_print(const struct ctx *ctx, const struct buf *text)
{
	if (!text->over && file_write_fd(ctx->out, text->p, text->len))
		return 0;
	log_line("the answer cannot be written: %s", text->over ? "too long" : strerror(errno));
	return ERR_INTERNAL;
}

int cmd_keyring(enum keyring_answer a)
{
	struct err err;
	if (!keyring_untold(a))
		return 0;
	err_set(&err, ERR_KEYRING, keyring_advice(a), "the keyring is left as it was: %s", keyring_says(a));
	return cmd_fail(&err);
}

static void drop(int *argc, char **argv, int at, int count)
{
	for (int i = at; i + count <= *argc; i++)
		argv[i] = argv[i + count];
	*argc -= count;
}

bool cmd_flag(int *argc, char **argv, const char *name)
{
	for (int i = 0; i < *argc; i++) {
		if (!str_eq(argv[i], name))
			continue;
		drop(argc, argv, i, 1);
		return true;
	}
	return false;
}

const char *cmd_option(int *argc, char **argv, const char *name)
{
	size_t len = strlen(name);
	for (int i = 0; i < *argc; i++) {
		const char *value = NULL;
		if (str_eq(argv[i], name) && i + 1 < *argc) {
			value = argv[i + 1];
			drop(argc, argv, i, 2);
		} else if (strncmp(argv[i], name, len) == 0 && argv[i][len] == '=') {
			value = argv[i] + len + 1;
			drop(argc, argv, i, 1);
		}
		if (value)
			return value;
	}
	return NULL;
}

bool cmd_identity(const struct ctx *ctx, struct identity *id, bool *named, struct err *err)
{
	*named = true;
	*err = ERR_INIT;
	if (ctx->config->broken) {
		*err = ctx->config->err;
		return false;
	}
	if (plan_identity(ctx, REQUEST_GIT, NULL, id, err))
		return true;
	if (err->kind)
		return false;
	*named = false;
	*id = (struct identity){.name = str_dup("none"), .origin = str_dup("nothing names a tenant and a client id")};
	const char *source = env_get(&ctx->env, config_keys[KEY_SOURCE].env);
	return !source || config_set(id->set, KEY_SOURCE, source, config_keys[KEY_SOURCE].env, err);
}

bool cmd_request(const char *text, struct request *r, struct err *err)
{
	AUTO_URL u = {0};
	AUTO_BUF path = buf_new(4096);
	bool registry = !strstr(text, "://") && strpbrk(text, ".:");
	AUTO_STR whole = str_printf("%s%s", registry ? "https://" : "", text);
	if (!url_parse(whole, &u) || !url_decode(&path, u.path))
		return err_set(err, ERR_USAGE, "daypass config check https://dev.azure.com/ORG/PROJECT/_git/REPO (or a registry: NAME.azurecr.io)", "'%s' is not a URL", text);
	*r = (struct request){.kind = registry ? REQUEST_DOCKER : REQUEST_GIT, .action = ACTION_GET, .scheme = str_dup(u.scheme), .host = str_dup(u.host), .path = str_dup(path.p), .user = str_dup(u.user)};
	r->port = u.port == url_own_port(u.scheme) ? 0 : u.port;
	return true;
}

void cmd_step(struct buf *out, const char *mark, const char *name, const char *found)
{
	do {
		size_t len = strcspn(found, "\n");
		AUTO_STR line = str_ndup(found, len);
		err_clean(line);
		buf_addf(out, *line ? "  %-6s %-12s%s\n" : "  %-6s %s\n", mark, name, line);
		found += len + (found[len] == '\n');
		mark = name = "";
	} while (*found);
}

bool cmd_yes(const struct ctx *ctx, const char *question, const char *again, struct err *err)
{
	char answer[8] = "";
	AUTO_STR text = str_printf("%s [y/N] ", question);
	if (!isatty(ctx->in) || !isatty(2)) {
		err_set(err, ERR_USAGE, NULL, "nothing was sent: there is no terminal to ask at");
		return err_hint(err, "if it is right: %s", again);
	}
	file_write_fd(2, text, strlen(text));
	ssize_t n = read(ctx->in, answer, sizeof answer - 1);
	answer[n > 0 ? strcspn(answer, "\r\n") : 0] = 0;
	return str_ieq(answer, "y") || str_ieq(answer, "yes") || err_set(err, ERR_PERSON, NULL, "nothing was sent");
}

void cmd_shell_word(struct buf *out, const char *word)
{
	buf_addc(out, '\'');
	for (; *word; word++)
		buf_adds(out, *word == '\'' ? "'\\''" : (char[]){*word, 0});
	buf_addc(out, '\'');
}
