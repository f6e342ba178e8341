/* kubectl's side of its exec plugins: what a kubeconfig has in args and env, and what comes back. */
#ifndef DAYPASS_TESTS_KUBE_H
#define DAYPASS_TESTS_KUBE_H

#include "protocols/kube.h"
#include "tests/unit/face.h"

#define GROUP "client.authentication.k8s.io/"
#define AKS RESOURCE_AKS
#define FOR_AKS "--server-id " AKS
#define INFO(version) "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP version "\",\"spec\":{\"interactive\":false}}"
#define FROM(server) "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" GROUP "v1\",\"spec\":{\"cluster\":{\"server\":\"" server "\"},\"interactive\":false}}"
/* What AKS writes into a kubeconfig, with Microsoft's own client. */
#define STANZA "--environment AzurePublicCloud " FOR_AKS " --client-id 80faf920-1908-4b52-b5ef-a8e7bedfc67a --tenant-id " TENANT " --login devicecode"
#define ENTRA(name) {200, .body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"" name "\"}"}

extern const struct protocol protocol_kube, protocol_kubelogin;

/* Both names, for what is the same under each. */
static const struct protocol *const kube_faces[] = {&protocol_kube, &protocol_kubelogin};

/* args: what stands behind get-token, split at blanks; double quotes group. */
static inline char **kube_words(const char *args)
{
	AUTO_STR all = str_printf("get-token %s", args);
	char **words = str_words(all);
	assert_non_null(words);
	return words;
}

static inline struct call kube_call(struct world *w, const struct protocol *face, const char *args)
{
	char **words = kube_words(args);
	struct call c = face_call(w, face, words, "", 0);
	free(words);
	return c;
}

/* What was made of a call, before anything is decided. */
struct parsed {
	struct request r;
	struct exchange_state s;
	struct err err;
	bool ok;
};

static inline void parsed_end(struct parsed *p)
{
	request_free(&p->r);
	exchange_state_free(&p->s);
}

#define PARSED UNUSED CLEANUP(parsed_end) struct parsed

static inline struct parsed kube_parsed(struct world *w, const struct protocol *face, const char *args)
{
	struct parsed p = {.s = exchange_state_new(), .err = ERR_INIT};
	char **words = kube_words(args);
	int argc = 0;
	while (words[argc])
		argc++;
	p.ok = face->parse(&w->ctx, argc, words, &p.r, &p.s, &p.err);
	free(words);
	return p;
}

/* What is said of the identity; NULL where nothing is. */
static inline const char *says_of(const struct parsed *p, enum key key)
{
	return p->r.settings ? p->r.settings[key].value : NULL;
}

static inline const char *origin_of(const struct parsed *p, enum key key)
{
	return p->r.settings ? p->r.settings[key].origin : NULL;
}

#endif
