/* Docker's requests, and the whole face behind them: who is no registry of ours hears nothing, and no request leaves for
 * anybody else. The first byte picks the verb. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/json.h"
#include "helper/base/url.h"
#include "tests/unit/docker.h"

static char verbs[][8] = {"get", "store", "erase", "list"};

/* Said anew, without the product's own matching: NAME.azurecr.io, or NAME.REGION.geo.azurecr.io. */
static bool is_registry(const char *host)
{
	static const char suffix[] = ".azurecr.io";
	size_t len = strlen(host), end = sizeof suffix - 1;
	if (len <= end || strcmp(host + len - end, suffix) != 0)
		return false;
	AUTO_STR head = str_ndup(host, len - end);
	char *dot = strchr(head, '.');
	char *last = strrchr(head, '.');
	size_t name = strspn(head, "abcdefghijklmnopqrstuvwxyz0123456789");
	bool regional = dot && dot != last && strchr(dot + 1, '.') == last && strcmp(last, ".geo") == 0;
	return name >= 5 && name <= 50 && (!dot || regional);
}

static void check_request(const struct request *r, const struct exchange_state *s)
{
	must(!r->host || !*r->host || url_host_ok(r->host));
	must(r->port >= 0 && r->port <= 65535);
	for (const char *p = r->host; p && *p; p++)
		must(*p < 'A' || *p > 'Z');
	must(!r->path || (!str_has_control(r->path) && !str_starts(r->path, "../") && !strstr(r->path, "/../") && *r->path != '/'));
	must(!s->server || (strlen(s->server) && (!r->host || !str_has_control(s->server))));
	must(r->action != ACTION_STORE || (!str_empty(r->user) && !str_has_control(r->user) && s->has_given && s->server));
	must(secret_len(&s->given) <= TOKEN_MAX);
}

static void parse_only(struct world *w, char *const *argv, const char *text, size_t len)
{
	AUTO_REQUEST r = {0};
	AUTO_STATE s = exchange_state_new();
	struct err err = ERR_INIT;
	w->ctx.in = given(text, len);
	if (protocol_docker.parse(&w->ctx, 1, argv, &r, &s, &err))
		check_request(&r, &s);
	else
		must_be_clean(&err);
	close(w->ctx.in);
}

/* Every request went to Entra, or to a registry that may be one. */
static void check_asked(const struct world *w)
{
	for (size_t i = 0; i < w->http.calls; i++) {
		AUTO_URL u = {0};
		must(url_parse(w->http.asked[i].url, &u) && str_eq(u.scheme, "https") && !u.port && !u.user);
		must(str_eq(u.host, "login.microsoftonline.com") || (is_registry(u.host) && str_eq(u.path, "oauth2/exchange")));
		AUTO_STR service = str_printf("&service=%s&", u.host);
		must(!is_registry(u.host) || strstr(w->http.asked[i].form, service));
	}
}

/* No host can have it in its name; a client's own words, which messages repeat, could. */
#define ENTRA_TOKEN "at~entra~1"
static bool own_words;

/* One line: not found, an error, or JSON that a strict reader takes. */
static void check_answer(const struct call *c, const char *verb, const char *token)
{
	size_t len = strlen(c->out);
	must(c->status == 0 || c->status == 1);
	must(len == 0 || (c->out[len - 1] == '\n' && strchr(c->out, '\n') == c->out + len - 1));
	must(!strstr(c->line, token) && (own_words || !strstr(c->line, ENTRA_TOKEN)));
	must(c->status == 0 || (len > 1 && !strstr(c->out, token)));
	if (c->status)
		return;
	AUTO_JSON j = len ? json_parse(c->out, len) : NULL;
	must(!str_eq(verb, "get") || (json_str(j, "ServerURL") && str_eq(json_str(j, "Secret"), token)));
	must(!str_eq(verb, "list") || j);
	must(str_eq(verb, "get") || str_eq(verb, "list") || len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	char *verb = verbs[data[0] % COUNT_OF(verbs)], *const argv[] = {verb, NULL};
	const char *text = (const char *)data + 1;
	AUTO_STR token = refresh_token("rt-1", REGISTRY, NOW, NOW + 10800);
	AUTO_STR body = exchange_body(token);
	const struct answer script[] = {{200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"" ENTRA_TOKEN "\"}"}, {200, .body = body}};
	WORLD(w);
	world_script(&w, script, COUNT_OF(script));
	own_words = memmem(text, size - 1, ENTRA_TOKEN, strlen(ENTRA_TOKEN));
	parse_only(&w, argv, text, size - 1);
	for (int i = 0; i < 2; i++) { /* fresh, then kept */
		CALL c = face_call(&w, &protocol_docker, argv, text, size - 1);
		check_answer(&c, verb, token);
	}
	check_asked(&w);
	return 0;
}
