/* get-token as a stranger's kubeconfig would call it: flags, one a line, then (behind a NUL) KUBERNETES_EXEC_INFO. The first
 * byte picks the name, and what the configuration says. Whatever stands there: no host but Entra's is asked, for nothing
 * but AKS and Arc, and where servers are named no other gets a token. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/json.h"
#include "helper/base/url.h"
#include "tests/unit/kube.h"

#define SERVERS IDENTITY "[match kube:c.test]\n"
#define ASSIGNED IDENTITY "[match kube:c.test]\nmode = direct\ncluster-audience = my-cluster\n"

enum { WORDS_MAX = 24, BY_KUBELOGIN = 1, VARIABLES = 2, BY_SERVER = 4, DIRECT = 8 };

static const char *const entra[] = {"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"};

/* Every request went to a token endpoint of Entra's, for a resource that no kubeconfig chooses. */
static void check_asked(const struct world *w)
{
	for (size_t i = 0; i < w->http.calls; i++) {
		AUTO_URL u = {0};
		bool known = false;
		must(url_parse(w->http.asked[i].url, &u) && str_eq(u.scheme, "https") && !u.port && !u.user && str_ends(u.path, "/oauth2/v2.0/token"));
		for (size_t k = 0; k < COUNT_OF(entra); k++)
			known = known || str_eq(u.host, entra[k]);
		must(known);
		must(strcasestr(w->http.asked[i].form, "scope=" RESOURCE_AKS "%2F.default&") || strcasestr(w->http.asked[i].form, "scope=" RESOURCE_ARC "%2F.default&"));
	}
}

/* Said anew, without the product's own matching. */
static bool from_the_named_server(const char *info)
{
	AUTO_JSON j = json_parse(info, strlen(info));
	const char *server = json_str(json_get(json_get(j, "spec"), "cluster"), "server");
	static const char *const starts[] = {"https://c.test", "https://c.test:443"};
	for (size_t i = 0; server && i < COUNT_OF(starts); i++) {
		size_t n = strlen(starts[i]);
		if (strncasecmp(server, starts[i], n) == 0 && (!server[n] || strchr("/?", server[n])))
			return true;
	}
	return false;
}

/* The version that was asked for, or one of the two. */
static void check_version(const char *version, const char *info)
{
	AUTO_JSON j = *info ? json_parse(info, strlen(info)) : NULL;
	must(str_eq(version, GROUP "v1") || str_eq(version, GROUP "v1beta1"));
	must(!*info || str_eq(json_str(j, "apiVersion"), version));
}

/* One line of JSON and nothing said; or one clean line and nothing given; or help, where it was asked for. */
static void check_answer(const struct call *c, const char *info, bool helps)
{
	size_t len = strlen(c->out), said = strlen(c->line);
	must(c->status == 0 || c->status == 1);
	must(c->status == 0 ? said == 0 : len == 0 && said > 1);
	must(!said || strchr(c->line, '\n') == c->line + said - 1);
	for (const char *p = c->line; *p && *p != '\n'; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7F);
	if (c->status || (str_starts(c->out, "Usage: ") && helps))
		return;
	must(c->out[len - 1] == '\n' && strchr(c->out, '\n') == c->out + len - 1);
	AUTO_JSON j = json_parse(c->out, len);
	const struct json *status = json_get(j, "status");
	must(str_eq(json_str(j, "kind"), "ExecCredential"));
	must(str_eq(json_str(status, "token"), "at-1"));
	must(strlen(json_str(status, "expirationTimestamp")) == 20 && strcmp(json_str(status, "expirationTimestamp"), "2026-11-23T10:00:00Z") > 0);
	check_version(json_str(j, "apiVersion"), info);
}

static void furnish(struct world *w, unsigned how, const char *info)
{
	world_config(w, how & DIRECT ? ASSIGNED : how & BY_SERVER ? SERVERS : IDENTITY);
	must(!w->config.broken);
	world_env(w, "KUBERNETES_EXEC_INFO", *info ? info : NULL);
	if (!(how & VARIABLES))
		return;
	world_env(w, "AZURE_CLIENT_ID", OTHER_CLIENT);
	world_env(w, "AZURE_TENANT_ID", OTHER_TENANT);
	world_env(w, "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	unsigned how = data[0];
	AUTO_STR text = str_ndup((const char *)data + 1, size - 1);
	size_t len = strlen(text);
	AUTO_STR info = len + 1 < size - 1 ? str_ndup((const char *)data + 2 + len, size - 2 - len) : str_dup("");
	char *argv[WORDS_MAX + 2] = {(char[]){"get-token"}};
	AUTO_STR words = str_dup(text);
	char *rest = words;
	for (int n = 1; n <= WORDS_MAX && rest && *rest; n++)
		argv[n] = strsep(&rest, "\n");
	const struct answer script[] = {ENTRA("at-1")};
	WORLD(w);
	world_script(&w, script, COUNT_OF(script));
	furnish(&w, how, info);
	AUTO_STR own = str_dup(fake_script.tokens[0]); /* with Entra's audience: no API server gets it */
	for (int i = 0; i < 2; i++) { /* fresh, then kept; --refresh has no second answer */
		CALL c = face_call(&w, how & BY_KUBELOGIN ? &protocol_kubelogin : &protocol_kube, argv, "", 0);
		check_answer(&c, info, strstr(text, "-h"));
		must(!strstr(c.line, "at-1") || strcasestr(text, "at-1") || strcasestr(info, "at-1")); /* but for its own words */
		must(!strstr(c.out, own) && !strstr(c.line, own));
		must(c.status || !strstr(c.out, "\"token\"") || !(how & (BY_SERVER | DIRECT)) || from_the_named_server(info));
	}
	must(w.proc.calls + w.proc.became == 0);
	check_asked(&w);
	return 0;
}
