#include "helper/cmd/fic_remote.h"

#include "helper/base/str.h"
#include "helper/base/url.h"

#define API_VERSION "?api-version=2023-01-31"
#define CREDENTIALS "/federatedIdentityCredentials"

enum { URL_MAX = 4096, PAGES = 10, ONE_AT_A_TIME_MS = 2000, CONFLICT = 409, NOT_FOUND = 404 };

static const char graph_name[] = "Microsoft Graph", arm_name[] = "Azure Resource Manager";

void fic_remote_close(struct fic_remote *r)
{
	admin_close(&r->admin);
	free(r->client);
	free(r->path);
}

char *fic_remote_name(const struct fic_remote *r)
{
	return str_printf("%s %s", r->path ? "managed identity" : "app registration", r->client);
}

/* --- which of the two ---------------------------------------------------------------------------------------------- */

/* A resource id as a path: /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.ManagedIdentity/userAssignedIdentities/NAME,
 * its words in any letter case. NULL for anything else; owned. */
static char *identity_path(const char *id)
{
	static const char *const words[] = {"subscriptions", NULL, "resourcegroups", NULL, "providers", "microsoft.managedidentity", "userassignedidentities", NULL};
	AUTO_BUF out = buf_new(URL_MAX);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t len = *id == '/' ? strcspn(id + 1, "/") : 0;
		AUTO_STR word = str_ndup(id + 1, len);
		if (!len || str_has_control(word) || strspn(word, ".") == len || (words[i] && !str_ieq(words[i], word)))
			return NULL;
		buf_addc(&out, '/');
		url_encode(&out, word);
		id += len + 1;
	}
	return *id || out.over ? NULL : buf_take(&out);
}

/* Behind a managed identity's service principal stands its resource id. */
static bool is_managed(struct fic_remote *r, const struct json *principal, bool *managed, struct err *err)
{
	const struct json *names = json_get(principal, "alternativeNames");
	*managed = str_eq(json_str(principal, "servicePrincipalType"), "ManagedIdentity");
	for (int i = 0; *managed && !r->path && json_at(names, i); i++) {
		const char *name = json_text(json_at(names, i));
		r->path = name && *name == '/' ? identity_path(name) : NULL;
	}
	if (!*managed || r->path)
		return true;
	return err_set(err, ERR_CONFIG, "federated credentials belong to app registrations and user-assigned managed identities",
		       "client %s is a managed identity, and no user-assigned one", r->client);
}

static bool open_arm(struct ctx *ctx, const struct fic_whose *whose, struct fic_remote *r, struct err *err)
{
	return admin_open(ctx, whose->admin, r->cloud->arm, &r->admin, err);
}

static bool by_graph(struct ctx *ctx, const struct fic_whose *whose, struct fic_remote *r, struct err *err)
{
	long status;
	bool managed;
	AUTO_JSON j = NULL;
	AUTO_STR url = str_printf("%s/v1.0/servicePrincipals(appId='%s')?$select=servicePrincipalType,alternativeNames", r->cloud->graph, r->client);
	struct admin_call c = {.method = "GET", .url = url, .service = graph_name};
	if (!admin_open(ctx, whose->admin, r->cloud->graph, &r->admin, err) || !admin_do(&r->admin, &c, &status, &j, err))
		return false;
	/* An application need not have a service principal in its own tenant: its list then says whether it is there. */
	if (status == NOT_FOUND)
		return true;
	if (!is_managed(r, j, &managed, err))
		return false;
	if (!managed)
		return true;
	admin_close(&r->admin);
	return open_arm(ctx, whose, r, err);
}

bool fic_remote_open(struct ctx *ctx, const struct fic_whose *whose, struct fic_remote *out, struct err *err)
{
	const char *client = identity_get(whose->id, KEY_CLIENT_ID);
	*out = (struct fic_remote){.cloud = identity_cloud(whose->id), .client = str_dup(client)};
	if (!out->cloud)
		return err_set(err, ERR_CONFIG, NULL, "identity %s has an authority of its own: daypass does not know the Microsoft Graph of that cloud", whose->id->name);
	if (!str_is_guid(client)) {
		err_set(err, ERR_CONFIG, NULL, "no client id is named here, so nobody's federated credentials are meant");
		return err_hint(err, "set AZURE_CLIENT_ID and AZURE_TENANT_ID, or client-id in the configuration; or name an identity: daypass --identity NAME fic ...");
	}
	if (!whose->resource_id)
		return by_graph(ctx, whose, out, err);
	out->path = identity_path(whose->resource_id);
	if (!out->path)
		return err_set(err, ERR_USAGE, "az identity show --name NAME --resource-group GROUP --query id", "'%s' is no resource id of a user-assigned managed identity", whose->resource_id);
	return open_arm(ctx, whose, out, err);
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static const char *service(const struct fic_remote *r)
{
	return r->path ? arm_name : graph_name;
}

static const char *base(const struct fic_remote *r)
{
	return r->path ? r->cloud->arm : r->cloud->graph;
}

/* Of all of them (name NULL), or of one. */
static char *make_url(const struct fic_remote *r, const char *version, const char *name)
{
	if (r->path)
		return str_printf("%s%s" CREDENTIALS "%s%s" API_VERSION, r->cloud->arm, r->path, name ? "/" : "", name ? name : "");
	return str_printf("%s/%s/applications(appId='%s')" CREDENTIALS, r->cloud->graph, version, r->client);
}

static bool absent(const struct fic_remote *r, struct err *err)
{
	AUTO_STR name = fic_remote_name(r);
	err_set(err, ERR_CONFIG, NULL, "%s is unknown to %s, asked as %s", name, service(r), r->admin.who);
	return err_hint(err, "check the client id (not the object id), and that %s is of the same tenant: az login --tenant TENANT", r->admin.who);
}

/* The next page, if it is at the same service: the token goes there. */
static char *next_page(const struct fic_remote *r, const struct json *page)
{
	const char *next = json_str(page, r->path ? "nextLink" : "@odata.nextLink");
	AUTO_STR home = str_printf("%s/", base(r));
	return next && str_starts(next, home) ? str_dup(next) : NULL;
}

static bool read_pages(struct fic_remote *r, const char *version, struct fic_list *out, struct err *err)
{
	AUTO_STR url = make_url(r, version, NULL);
	for (int i = 0; url && i < PAGES; i++) {
		long status;
		AUTO_JSON j = NULL;
		struct admin_call c = {.method = "GET", .url = url, .service = service(r)};
		if (!admin_do(&r->admin, &c, &status, &j, err))
			return false;
		if (status == NOT_FOUND)
			return absent(r, err);
		if (!fic_list_read(out, j))
			return err_set(err, ERR_NETWORK, "try again", "the answer of %s is no list of federated credentials", service(r));
		char *next = next_page(r, j);
		free(url);
		url = next;
	}
	return true;
}

bool fic_remote_list(struct fic_remote *r, struct fic_list *out, struct err *err)
{
	*out = (struct fic_list){0};
	if (r->path)
		return read_pages(r, NULL, out, err);
	/* Only beta shows expressions; it may change or go, and v1.0 has the others. */
	if (read_pages(r, "beta", out, err))
		return true;
	fic_list_free(out);
	return (err->kind == ERR_REFUSED || err->kind == ERR_CONFIG) && read_pages(r, "v1.0", out, err);
}

/* --- making one ---------------------------------------------------------------------------------------------------- */

static void managed_body(const struct fic_wish *w, struct buf *out)
{
	buf_adds(out, "{\n  \"properties\": {\n    \"issuer\": ");
	json_quote(out, w->issuer);
	buf_adds(out, ",\n    \"subject\": ");
	json_quote(out, w->subject);
	buf_adds(out, ",\n    \"audiences\": [");
	json_quote(out, w->audience);
	buf_adds(out, "]\n  }\n}\n");
}

void fic_remote_request(const struct fic_remote *r, const struct fic_wish *w, struct buf *line, struct buf *body)
{
	AUTO_STR url = make_url(r, "v1.0", w->name);
	buf_addf(line, "%s %s", r->path ? "PUT" : "POST", url);
	if (r->path)
		managed_body(w, body);
	else
		fic_print_json(w, body);
}

bool fic_remote_create(struct fic_remote *r, const struct fic_wish *w, struct err *err)
{
	AUTO_BUF line = buf_new(URL_MAX);
	AUTO_BUF body = buf_new(HTTP_MAX_BODY);
	struct ctx *ctx = r->admin.ctx;
	fic_remote_request(r, w, &line, &body);
	AUTO_STR url = make_url(r, "v1.0", w->name);
	struct admin_call c = {.method = r->path ? "PUT" : "POST", .url = url, .service = service(r), .body = &body};
	for (;;) {
		long status;
		AUTO_JSON j = NULL;
		if (admin_do(&r->admin, &c, &status, &j, err))
			return status != NOT_FOUND || absent(r, err);
		if (!r->path || status != CONFLICT || ctx->deadline_ms - ctx->clock->mono_ms(ctx->clock) < 2 * ONE_AT_A_TIME_MS)
			return false;
		ctx->clock->sleep_ms(ctx->clock, ONE_AT_A_TIME_MS);
	}
}
