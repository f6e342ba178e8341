#include "helper/core/binding.h"

#include "helper/base/file.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"

enum { CA_MAX = 256 * 1024 };

static const char PROXY[] = "AZURE_KUBERNETES_TOKEN_PROXY", SNI[] = "AZURE_KUBERNETES_SNI_NAME", CA_FILE[] = "AZURE_KUBERNETES_CA_FILE",
		  CA_DATA[] = "AZURE_KUBERNETES_CA_DATA";

void binding_free(struct binding *b)
{
	free(b->url);
	free(b->connect_to);
	free(b->host);
	if (b->ca.p)
		buf_free(&b->ca);
	*b = (struct binding){0};
}

static bool wrong(const char *what, struct err *err)
{
	return err_set(err, ERR_CONFIG, "check the pod's identity binding, or unset AZURE_KUBERNETES_*", "%s", what);
}

static bool read_ca(const struct ctx *ctx, struct binding *out, struct err *err)
{
	const char *file = env_get(&ctx->env, CA_FILE), *data = env_get(&ctx->env, CA_DATA);
	out->ca = buf_new(CA_MAX);
	if (file && data)
		return wrong("AZURE_KUBERNETES_CA_FILE and AZURE_KUBERNETES_CA_DATA are both set", err);
	if (file && !file_read(file, &out->ca, NULL, ERR_CONFIG, err)) /* on each exchange: it may be rotated */
		return err_wrap(err, "AZURE_KUBERNETES_CA_FILE");
	if (data && !buf_adds(&out->ca, data))
		return wrong("AZURE_KUBERNETES_CA_DATA is larger than 256 KiB", err);
	return !file || strstr(out->ca.p, "BEGIN CERTIFICATE") || wrong("AZURE_KUBERNETES_CA_FILE holds no certificate", err);
}

static bool from_pod(const struct ctx *ctx, const struct plan *p)
{
	return env_get(&ctx->env, "KUBERNETES_SERVICE_HOST") && str_eq(p->source->name, "file") &&
	       str_eq(identity_origin(&p->id, KEY_TOKEN_FILE), "AZURE_FEDERATED_TOKEN_FILE");
}

bool binding_apply(const struct ctx *ctx, const struct plan *p, struct http_request *q, struct binding *out, struct err *err)
{
	const char *proxy = env_get(&ctx->env, PROXY), *sni = env_get(&ctx->env, SNI);
	*out = (struct binding){0};
	if (!from_pod(ctx, p))
		return true;
	if (!proxy)
		return !(sni || env_get(&ctx->env, CA_FILE) || env_get(&ctx->env, CA_DATA)) ||
		       wrong("AZURE_KUBERNETES_SNI_NAME, _CA_FILE or _CA_DATA is set, but AZURE_KUBERNETES_TOKEN_PROXY is not", err);
	AUTO_URL u = {0};
	if (!url_parse(proxy, &u) || !str_eq(u.scheme, "https") || u.user || u.query)
		return wrong("AZURE_KUBERNETES_TOKEN_PROXY is not of the form https://HOST[:PORT][/PATH]", err);
	if (sni && !url_host_ok(sni))
		return wrong("AZURE_KUBERNETES_SNI_NAME is no host name", err);
	if (!read_ca(ctx, out, err))
		return false;
	/* libcurl takes the SNI from the URL: name the certificate's host there and dial the proxy. */
	int port = u.port ? u.port : 443;
	const char *path = u.path;
	size_t len = strlen(path);
	out->url = str_printf("https://%s/%.*s%s%s/oauth2/v2.0/token", sni ? sni : u.host, (int)(len && path[len - 1] == '/' ? len - 1 : len), path, len ? "/" : "",
			      identity_get(&p->id, KEY_TENANT));
	out->connect_to = str_printf("%s:%d", u.host, port);
	out->host = port == 443 ? str_printf("Host: %s", u.host) : str_printf("Host: %s:%d", u.host, port);
	q->url = out->url;
	q->connect_to = out->connect_to;
	q->direct = true;
	q->ca_data = out->ca.len ? out->ca.p : NULL;
	for (size_t i = 0; i + 1 < COUNT_OF(q->headers); i++)
		if (!q->headers[i]) {
			q->headers[i] = out->host;
			break;
		}
	log_trace("identity binding: the exchange goes through %s", proxy);
	return true;
}
