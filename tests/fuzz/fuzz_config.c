/* The configuration's line reader, and what reads its sections afterwards. */
#include "tests/fuzz/fuzz.h"

#include "helper/core/config.h"
#include "helper/core/match.h"

static void look_up(const struct config *c, char *host, char *path, char *user)
{
	struct request r = {.kind = REQUEST_GIT, .action = ACTION_GET, .host = host, .path = path, .user = user};
	struct match m = match_find(c, &r, MATCH_ALL);
	must((m.result == MATCH_FOUND) == (m.section != NULL));
	must(!m.section || m.section->kind == SECTION_MATCH);
}

static void check_sections(const struct config *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct section *s = &c->sections[i];
		must(s->name && s->origin && str_starts(s->origin, "/f:"));
		must(config_section(c, s->kind, s->name) == s); /* none stands twice */
		for (int k = 0; k < KEY_COUNT; k++) {
			const struct setting *set = &s->set[k];
			must(!set->value == !set->origin);
			must(!set->value || config_keys[k].section == s->kind);
			must(!set->value || !config_keys[k].check(set->value));
			must(!set->value || !strpbrk(set->value, "\r\n"));
		}
		char **words = s->set[KEY_COMMAND].value ? str_words(s->set[KEY_COMMAND].value) : NULL;
		must(!s->set[KEY_COMMAND].value || words[0][0] == '/');
		free(words);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char azure[] = "dev.azure.com", old[] = "contoso.visualstudio.com", path[] = "contoso/app/_git/x", user[] = "contoso";
	struct env none = {NULL};
	CLEANUP(config_free) struct config c = {.env = &none};
	struct err err = ERR_INIT;
	if (!config_parse(&c, 0, "/f", (const char *)data, size, &err)) {
		must(err.kind == ERR_CONFIG && str_starts(err.msg, "/f:"));
		must_be_clean(&err);
		return 0;
	}
	check_sections(&c);
	look_up(&c, azure, path, NULL);
	look_up(&c, azure, NULL, user);
	look_up(&c, azure, NULL, NULL);
	look_up(&c, old, path, user);
	/* The same text as the system's file: merged, and nothing of the user's is lost. */
	size_t before = c.count;
	must(config_parse(&c, 1, "/g", (const char *)data, size, &err));
	must(c.count == before);
	check_sections(&c);
	return 0;
}
