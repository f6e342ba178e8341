/* Which registries: named, matched in our configuration, known to the file. */
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/configure_docker.h"
#include "helper/core/hosts.h"
#include "helper/core/match.h"
#include "helper/core/plan.h"

static const char example[] = "contoso.azurecr.io";

void registries_free(struct registries *r)
{
	for (size_t i = 0; i < r->count; i++) {
		free(r->list[i].host);
		free(r->list[i].old);
	}
	free(r->list);
	*r = (struct registries){0};
}

static void add(struct registries *r, const char *host, bool named)
{
	for (size_t i = 0; i < r->count; i++)
		if (str_eq(r->list[i].host, host))
			return;
	r->list = mem_realloc_wipe(r->list, r->count * sizeof *r->list, (r->count + 1) * sizeof *r->list);
	r->list[r->count++] = (struct registry){.host = str_dup(host), .named = named};
}

/* HOST[:PORT] in lower case taken apart. */
static bool split(const char *text, char **host, int *port)
{
	int64_t number = 0;
	size_t n = strcspn(text, ":");
	if (text[n] && !str_to_int(text + n + 1, 65535, &number))
		return false;
	*port = number == 443 ? 0 : (int)number;
	*host = str_ndup(text, n);
	return url_host_ok(*host);
}

static enum { ANSWERED, NOT_MATCHED, FOREIGN } answer_for(const struct ctx *ctx, const char *text)
{
	AUTO_STR host = NULL;
	int port;
	if (!split(text, &host, &port))
		return FOREIGN;
	struct request r = {.kind = REQUEST_DOCKER, .action = ACTION_GET, .scheme = (char *)(uintptr_t)"https", .host = host, .port = port};
	struct match any = match_find(ctx->config, &r, MATCH_ALL), tokens = match_find(ctx->config, &r, MATCH_TOKENS);
	bool known = hosts_known(ctx, &r);
	if (any.result == MATCH_FOUND || any.result == MATCH_UNCLEAR || (tokens.result == MATCH_NO_PATTERNS && known))
		return ANSWERED;
	return known ? NOT_MATCHED : FOREIGN;
}

bool registry_is_ours(const struct ctx *ctx, const char *host)
{
	return answer_for(ctx, host) == ANSWERED;
}

bool registry_helper_is_old(const char *name)
{
	return str_eq(name, "acr-env") || str_eq(name, "acr-linux") || str_eq(name, "acr");
}

/* As people write it: with https:// and a final slash, too. NULL where it is no registry. */
static char *plain_host(const char *word)
{
	AUTO_STR text = str_dup(word);
	str_lower(text);
	const char *host = str_starts(text, "https://") ? text + strlen("https://") : text;
	size_t n = strlen(host);
	n -= n && host[n - 1] == '/';
	AUTO_STR plain = str_ndup(host, n);
	AUTO_STR name = NULL;
	int port;
	return split(plain, &name, &port) ? str_dup(plain) : NULL;
}

static bool not_a_registry(const char *program, const char *word, struct err *err)
{
	AUTO_STR text = str_dup(word);
	str_lower(text);
	bool label = *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
	err_set(err, ERR_USAGE, NULL, "'%s' is no registry: its whole host name is needed, without a path", word);
	return err_hint(err, "daypass configure %s %s%s", program, label ? text : example, label ? ".azurecr.io" : "");
}

static bool not_answered(const struct ctx *ctx, const char *program, const char *host, bool known, struct err *err)
{
	if (known) {
		const char *file = ctx->config->files[0] ? ctx->config->files[0] : "~/.config/daypass/config";
		err_set(err, ERR_CONFIG, NULL, "no [match] names %s, so daypass would not answer for it", host);
		return err_hint(err, "add [match %s] to %s", host, file);
	}
	err_set(err, ERR_CONFIG, NULL, "daypass would not answer for %s: it is no registry of Azure", host);
	return err_hint(err, "add [match %s] with `store = keyring`, which keeps its password in the keyring; or: daypass configure %s --all", host, program);
}

bool registries_name(const struct ctx *ctx, const char *program, int argc, char **argv, struct registries *r, struct err *err)
{
	for (int i = 0; i < argc; i++) {
		AUTO_STR host = plain_host(argv[i]);
		if (!host || !strpbrk(host, ".:"))
			return not_a_registry(program, argv[i], err);
		int answer = answer_for(ctx, host);
		if (answer != ANSWERED)
			return not_answered(ctx, program, host, answer == NOT_MATCHED, err);
		add(r, host, true);
	}
	return true;
}

/* [match HOST] or [match HOST:PORT], and no other kind of pattern. */
static void add_matched(const struct ctx *ctx, struct registries *r)
{
	for (size_t i = 0; i < ctx->config->count; i++) {
		const struct section *s = &ctx->config->sections[i];
		if (s->kind != SECTION_MATCH || strpbrk(s->name, "*/"))
			continue;
		AUTO_STR host = plain_host(s->name);
		if (host && strpbrk(host, ".:") && registry_is_ours(ctx, host))
			add(r, host, false);
	}
}

static void add_from_auths(const struct ctx *ctx, const struct buf *text, struct json_span auths, struct registries *r)
{
	struct json_member m;
	for (size_t at = 0; json_next_member(text->p, auths, &at, &m);) {
		AUTO_STR key = json_decode(text->p, m.name);
		AUTO_STR host = key ? creds_host(key) : NULL;
		if (host && registry_is_ours(ctx, host))
			add(r, host, false);
	}
}

static void add_from_helpers(const struct ctx *ctx, const struct buf *text, struct json_span helpers, struct registries *r)
{
	struct json_member m;
	for (size_t at = 0; json_next_member(text->p, helpers, &at, &m);) {
		AUTO_STR host = json_decode(text->p, m.name);
		AUTO_STR helper = json_decode(text->p, m.value);
		bool served = registry_helper_is_old(helper) || str_eq(helper, "daypass");
		if (host && served && registry_is_ours(ctx, host))
			add(r, host, false);
	}
}

void registries_find(const struct ctx *ctx, const struct buf *text, const struct creds *c, bool all, struct registries *r)
{
	if (!all)
		add_matched(ctx, r);
	if (c->auths.value.from && !all)
		add_from_auths(ctx, text, c->auths.value, r);
	if (c->helpers.value.from)
		add_from_helpers(ctx, text, c->helpers.value, r);
}
