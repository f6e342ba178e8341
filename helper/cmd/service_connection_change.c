/* Changing a connection: from a secret to federation and back, and a new one by hand. Each shows what it sends and asks. */
#include "helper/base/clock.h"
#include "helper/base/json.h"
#include "helper/base/json_edit.h"
#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/cmd/fic_remote.h"
#include "helper/cmd/service_connection.h"
#include "helper/core/jwt.h"

#define VERSION "api-version=7.1"
#define FEDERATED "WorkloadIdentityFederation"
#define SECRET "ServicePrincipal"

/* How long a change may take in all, and between two looks where the service does not say. */
enum { WAIT_MS = 15 * 60 * 1000, LOOK_MS = 5000, LEAST_MS = 200, TELL_MS = 60 * 1000, MISSES_MAX = 5 };

static const char SERVICE[] = "Azure DevOps", QUIET[] = "X-TFS-FedAuthRedirect: Suppress";

/* --- the object that goes back --- */

/* The member of that name within an object of text; false where it is not there. */
static bool member(const struct buf *text, struct json_span object, const char *name, struct json_member *out)
{
	size_t at = 0;
	if (text->p[object.from] != '{')
		return false;
	while (json_next_member(text->p, object, &at, out)) {
		AUTO_STR found = json_decode(text->p, out->name);
		if (str_eq(found, name))
			return true;
	}
	return false;
}

/* OUTER.INNER of the whole object; outer gets the object that holds it. */
static bool inner(const struct buf *text, const char *outer, const char *name, struct json_member *holder, struct json_member *out)
{
	struct json_span root;
	struct json_fault fault;
	return json_locate(text->p, text->len, &root, &fault) && member(text, root, outer, holder) && member(text, holder->value, name, out);
}

/* As Microsoft's script sends it: the whole object, the other scheme in it, and no deadline. */
static bool with_scheme(const struct buf *text, const char *scheme, struct buf *out, struct err *err)
{
	struct json_member holder, m;
	AUTO_BUF changed = buf_new(CONNECTION_BYTES);
	if (!inner(text, "authorization", "scheme", &holder, &m))
		return err_set(err, ERR_REFUSED, NULL, "the answer of Azure DevOps has no authorization scheme");
	json_replace(text, m.value, scheme, &changed);
	if (inner(&changed, "data", "revertSchemeDeadline", &holder, &m))
		json_cut(&changed, holder.value, &m, out);
	else
		buf_add(out, changed.p, changed.len);
	return (!changed.over && !out->over) || err_set(err, ERR_REFUSED, NULL, "the connection is too large");
}

/* The short form that a public script goes back with. */
static void short_form(const struct connection *c, const char *scheme, struct buf *out)
{
	buf_adds(out, "{\"id\":");
	json_quote(out, c->id);
	buf_addf(out, ",\"type\":\"azurerm\",\"authorization\":{\"scheme\":\"%s\"},\"serviceEndpointProjectReferences\":[{\"description\":\"\",\"name\":", scheme);
	json_quote(out, c->name);
	buf_adds(out, ",\"projectReference\":{\"id\":");
	json_quote(out, c->owner_id);
	buf_adds(out, ",\"name\":");
	json_quote(out, c->owner);
	buf_adds(out, "}}]}");
}

/* For people: what the interface says to be a key (it says null) would be masked, and each line is made safe to show. */
static void for_eyes(const struct buf *body, struct buf *out)
{
	struct json_member holder, p, key;
	AUTO_BUF masked = buf_new(CONNECTION_BYTES);
	bool found = inner(body, "authorization", "parameters", &holder, &p) && member(body, p.value, "serviceprincipalkey", &key) && body->p[key.value.from] == '"';
	if (found)
		json_replace(body, key.value, "***", &masked);
	for (const char *at = found ? masked.p : body->p; *at; at += *at == '\n') {
		size_t n = strcspn(at, "\n");
		AUTO_STR line = str_ndup(at, n);
		err_clean(line);
		buf_addf(out, "%s\n", line);
		at += n;
	}
}

/* --- send, and wait --- */

/* A look may be older than the change: ready is only what has the new scheme. */
static bool settled(const struct connection *c, const char *scheme)
{
	if (str_eq(c->state, "Failed"))
		return true;
	return str_ieq(c->scheme, scheme) && (c->state ? str_eq(c->state, "Ready") : c->ready);
}

static bool failed(const struct connection *c, struct err *err)
{
	return err_set(err, ERR_REFUSED, "daypass service-connection show; the project's settings, Service connections, say more", "Azure DevOps could not change the connection %.100s: %.300s", c->name, c->message ? c->message : "it does not say why");
}

/* A look that failed in a way that may pass. */
static bool may_pass(const struct organization *o, const struct err *err)
{
	return err->kind == ERR_NETWORK || err->kind == ERR_THROTTLED || o->admin.status >= 500;
}

static void pause_until(struct organization *o, int64_t end)
{
	struct clock *clock = o->admin.ctx->clock;
	int64_t told = o->admin.retry_after, pause = told < 0 ? LOOK_MS : told * 1000, left = end - clock->mono_ms(clock);
	pause = pause < LEAST_MS ? LEAST_MS : pause;
	clock->sleep_ms(clock, pause < left ? pause : left);
}

/* Until the service says that it has that scheme, or that it failed. */
static bool wait_for(struct organization *o, struct connection *c, const char *scheme, struct err *err)
{
	struct clock *clock = o->admin.ctx->clock;
	int64_t begun = clock->mono_ms(clock), now = begun, tell = begun;
	AUTO_STR id = str_dup(c->id);
	AUTO_STR project = str_dup(c->owner);
	for (int misses = 0; now - begun < WAIT_MS; now = clock->mono_ms(clock)) {
		flow_begin(o->admin.ctx);
		connection_free(c);
		bool seen = connection_read(o, project, id, c, NULL, err);
		if (seen && settled(c, scheme))
			return !str_eq(c->state, "Failed") || failed(c, err);
		misses = seen ? 0 : misses + 1;
		if (!seen && (!may_pass(o, err) || misses == MISSES_MAX))
			return err_wrap(err, "sent; looking what became of it (daypass service-connection show %s)", id);
		if (now >= tell) {
			log_line("Azure DevOps is at it (%s), %llds so far; this takes a minute or two ...", c->state ? c->state : "no answer", (long long)(now - begun) / 1000);
			tell += TELL_MS;
		}
		pause_until(o, begun + WAIT_MS);
	}
	err_set(err, ERR_NETWORK, NULL, "the connection is not ready after %d minutes", WAIT_MS / 60000);
	return err_hint(err, "look again: daypass service-connection show %s", id);
}

static bool put(struct organization *o, const char *project, const struct connection *c, const struct buf *body, struct err *err)
{
	AUTO_JSON j = NULL;
	long status;
	AUTO_STR rest = str_printf("serviceendpoint/endpoints/%s?operation=ConvertAuthenticationScheme&" VERSION, c->id);
	AUTO_STR url = organization_url(o, project, rest);
	flow_begin(o->admin.ctx); /* a person took time */
	if (!admin_do(&o->admin, &(struct admin_call){.method = "PUT", .url = url, .service = SERVICE, .header = QUIET, .body = body}, &status, &j, err))
		return err->kind == ERR_POLICY ? err_hint(err, "it needs the connection's Administrator role: the project's settings, Service connections, Security") : false;
	return status != 404 || err_set(err, ERR_CONFIG, "daypass service-connection list", "the connection %.100s is not there any more", c->name);
}

/* A change that is to be made. All borrowed; project: of the URL, or NULL. */
struct turn {
	const char *verb, *project, *scheme;
	const struct buf *body;
	bool yes;
};

/* Show, ask, send, wait, and show what came of it. */
static int change(struct organization *o, const struct turn *t, struct connection *c)
{
	struct err err = ERR_INIT;
	struct ctx *ctx = o->admin.ctx;
	AUTO_BUF out = buf_new(2 * CONNECTION_BYTES);
	AUTO_STR again = str_printf("daypass service-connection %s %s --yes --organization %s%s%s", t->verb, c->id, o->name, o->admin.name ? " --identity " : "", o->admin.name ? o->admin.name : "");
	AUTO_STR question = str_printf("%s it?", t->verb);
	AUTO_STR head = str_printf("the connection %s of project %s, as %s; what is sent:", c->name, c->owner, o->admin.who);
	err_clean(head);
	buf_addf(&out, "%s\n", head);
	for_eyes(t->body, &out);
	int status = cmd_print(ctx, &out);
	if (status)
		return status;
	if ((!t->yes && !cmd_yes(ctx, question, again, &err)) || !put(o, t->project, c, t->body, &err) || !wait_for(o, c, t->scheme, &err))
		return cmd_fail(&err);
	buf_clear(&out);
	connection_show(c, &out);
	return cmd_print(ctx, &out);
}

/* --- convert and revert --- */

/* Why this one cannot be converted: Azure DevOps changes only those that it made itself, and only in their own project. */
static bool convertible(const struct organization *o, const struct connection *c, struct err *err)
{
	if (connection_is_federated(c))
		return err_set(err, ERR_REFUSED, "daypass service-connection show", "the connection %.100s is federated already", c->name);
	if (!str_ieq(c->scheme, SECRET)) {
		err_set(err, ERR_REFUSED, NULL, "the connection %.100s has the scheme %.60s: only one with a secret can be converted", c->name, c->scheme ? c->scheme : "of nobody");
		return err_hint(err, "make a new one: daypass service-connection create");
	}
	if (!str_ieq(c->creation, "Automatic")) {
		err_set(err, ERR_REFUSED, NULL, "the connection %.100s was made by hand (creationMode %.60s): Azure DevOps converts only those that it made itself", c->name, c->creation ? c->creation : "unknown");
		return err_hint(err, "make a federated one beside it: daypass service-connection create NAME --subscription ID --client-id %s", c->client ? c->client : "ID");
	}
	if (!c->owner || !c->owner_id)
		return err_set(err, ERR_REFUSED, NULL, "the connection %.100s does not say which project it is of", c->name);
	if (!o->project || str_ieq(o->project, c->owner))
		return true;
	err_set(err, ERR_REFUSED, NULL, "the connection %.100s is shared from the project %.100s, and can be converted there only", c->name, c->owner);
	return err_hint(err, "--project '%.100s'", c->owner);
}

int connection_convert(struct ctx *ctx UNUSED, struct organization *o, int argc, char **argv)
{
	struct err err = ERR_INIT;
	CLEANUP(connection_free) struct connection c = {0};
	AUTO_BUF text = buf_new(CONNECTION_BYTES);
	AUTO_BUF body = buf_new(CONNECTION_BYTES);
	bool yes = cmd_flag(&argc, argv, "--yes");
	if (argc != 1)
		return cmd_usage(&command_service_connection, argc ? argv[argc - 1] : "convert");
	if (!organization_find(o, argv[0], &c, &err) || !convertible(o, &c, &err))
		return cmd_fail(&err);
	AUTO_STR project = str_dup(c.owner);
	AUTO_STR id = str_dup(c.id);
	connection_free(&c);
	if (!connection_read(o, project, id, &c, &text, &err) || !convertible(o, &c, &err) || !with_scheme(&text, FEDERATED, &body, &err))
		return cmd_fail(&err);
	return change(o, &(struct turn){.verb = "convert", .project = project, .scheme = FEDERATED, .body = &body, .yes = yes}, &c);
}

static bool revertible(const struct ctx *ctx, const struct connection *c, struct err *err)
{
	int64_t until = 0;
	if (!connection_is_federated(c) || !c->deadline || !c->owner || !c->owner_id)
		return err_set(err, ERR_REFUSED, "daypass service-connection show", "the connection %.100s was not converted, or its seven days are over: there is nothing to go back to", c->name);
	if (clock_iso_date(c->deadline, &until) && until <= ctx->clock->wall(ctx->clock))
		return err_set(err, ERR_REFUSED, "make a new one: daypass service-connection create", "the connection %.100s could be reverted until %.60s", c->name, c->deadline);
	return true;
}

int connection_revert(struct ctx *ctx, struct organization *o, int argc, char **argv)
{
	struct err err = ERR_INIT;
	CLEANUP(connection_free) struct connection c = {0};
	AUTO_BUF body = buf_new(CONNECTION_BYTES);
	bool yes = cmd_flag(&argc, argv, "--yes");
	if (argc != 1)
		return cmd_usage(&command_service_connection, argc ? argv[argc - 1] : "revert");
	if (!organization_find(o, argv[0], &c, &err) || !revertible(ctx, &c, &err))
		return cmd_fail(&err);
	short_form(&c, SECRET, &body);
	log_line("Microsoft documents only the button for this; the call is the one that people's scripts make");
	return change(o, &(struct turn){.verb = "revert", .scheme = SECRET, .body = &body, .yes = yes}, &c);
}

/* --- create --- */

/* What a new connection is made of. Borrowed from argv unless said. */
struct wish {
	const char *name, *subscription, *subscription_name, *client;
	char *tenant, *project, *project_id; /* owned */
};

static void wish_free(struct wish *w)
{
	free(w->tenant);
	free(w->project);
	free(w->project_id);
}

static bool take_project(struct organization *o, const char *name, const char *id, void *user, struct err *err UNUSED)
{
	struct wish *w = user;
	if (!str_ieq(name, o->project))
		return true;
	str_set(&w->project, name);
	str_set(&w->project_id, id);
	return true;
}

static bool complete(struct organization *o, struct wish *w, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err opaque = ERR_INIT;
	if (!o->project)
		return err_set(err, ERR_USAGE, "--project NAME", "which project shall the connection be of?");
	if (!str_is_guid(w->subscription) || !str_is_guid(w->client))
		return err_set(err, ERR_USAGE, "daypass service-connection create NAME --project P --subscription ID --client-id ID", "--subscription and --client-id are GUIDs");
	if (w->tenant && !str_is_tenant(w->tenant))
		return err_set(err, ERR_USAGE, "--tenant-id ID", "'%.100s' is no tenant", w->tenant);
	if (!w->tenant && jwt_read(&o->admin.token.token.value, "the token", &jwt, &opaque))
		w->tenant = str_dup(jwt.tid);
	if (!w->tenant)
		return err_set(err, ERR_USAGE, "--tenant-id ID", "which tenant is the client of?");
	if (!organization_projects(o, take_project, w, err))
		return false;
	return w->project_id || err_set(err, ERR_CONFIG, "check its name: --project NAME", "the organization %s has no project '%.100s'", o->name, o->project);
}

static void creation(const struct wish *w, struct buf *out)
{
	buf_addc(out, '{');
	json_pair(out, "name", w->name, false);
	buf_adds(out, "\"type\": \"AzureRM\", \"url\": \"https://management.azure.com/\", \"data\": {");
	json_pair(out, "subscriptionId", w->subscription, false);
	json_pair(out, "subscriptionName", w->subscription_name ? w->subscription_name : w->subscription, false);
	buf_adds(out, "\"environment\": \"AzureCloud\", \"scopeLevel\": \"Subscription\", \"creationMode\": \"Manual\"}, \"authorization\": {\"scheme\": \"" FEDERATED "\", \"parameters\": {");
	json_pair(out, "tenantid", w->tenant, false);
	json_pair(out, "serviceprincipalid", w->client, true);
	buf_adds(out, "}}, \"isShared\": false, \"isReady\": true, \"serviceEndpointProjectReferences\": [{\"description\": \"\", ");
	json_pair(out, "name", w->name, false);
	buf_adds(out, "\"projectReference\": {");
	json_pair(out, "id", w->project_id, false);
	json_pair(out, "name", w->project, true);
	buf_adds(out, "}}]}");
}

/* Only what came back is what Entra must trust. The credential is named by the connection's id: a connection's own name may hold
 * what no credential's may, or be that of another, which a managed identity would have overwritten. */
static int trust(struct ctx *ctx, const struct wish *w, const struct connection *c, const char *as)
{
	struct err err = ERR_INIT;
	AUTO_REMOTE remote = {0};
	AUTO_IDENTITY id = {.name = str_dup("the connection"), .origin = str_dup("the command line")};
	AUTO_BUF out = buf_new(CONNECTION_BYTES);
	const struct fic_wish f = {.name = c->id, .issuer = c->issuer, .subject = c->subject, .audience = "api://AzureADTokenExchange", .client = w->client};
	flow_begin(ctx);
	bool ok = config_set(id.set, KEY_CLIENT_ID, w->client, "--client-id", &err) && config_set(id.set, KEY_TENANT, w->tenant, "--tenant-id", &err) &&
		  fic_remote_open(ctx, &(struct fic_whose){.id = &id, .admin = as}, &remote, &err) && fic_remote_create(&remote, &f, &err);
	buf_adds(&out, ok ? "created, with the federated credential:\n" : "the connection is there; its federated credential is not, and must be made:\n");
	fic_print(ok ? "json" : NULL, &f, &out);
	int status = cmd_print(ctx, &out);
	return ok ? status : cmd_fail(&err);
}

static int make(struct ctx *ctx, struct organization *o, const struct wish *w, const char *as, bool yes)
{
	struct err err = ERR_INIT;
	AUTO_JSON j = NULL;
	CLEANUP(connection_free) struct connection c = {0};
	long status;
	AUTO_BUF body = buf_new(CONNECTION_BYTES);
	AUTO_BUF out = buf_new(2 * CONNECTION_BYTES);
	AUTO_STR url = organization_url(o, NULL, "serviceendpoint/endpoints?" VERSION);
	creation(w, &body);
	buf_addf(&out, "as %s; what is sent:\n%s\n", o->admin.who, body.p);
	if (cmd_print(ctx, &out) || (!yes && !cmd_yes(ctx, "create it?", "the same with --yes", &err)))
		return err.kind ? cmd_fail(&err) : (int)ERR_INTERNAL;
	flow_begin(ctx);
	if (!admin_do(&o->admin, &(struct admin_call){.method = "POST", .url = url, .service = SERVICE, .header = QUIET, .body = &body}, &status, &j, &err))
		return cmd_fail(&err);
	connection_take(&c, j);
	if (status == 404 || !str_is_guid(c.id) || !c.issuer || !c.subject) {
		err_set(&err, ERR_REFUSED, "daypass service-connection list", "Azure DevOps did not say what the new connection's id, issuer and subject are");
		return cmd_fail(&err);
	}
	buf_clear(&out);
	connection_show(&c, &out);
	int printed = cmd_print(ctx, &out);
	return printed ? printed : trust(ctx, w, &c, as);
}

int connection_create(struct ctx *ctx, struct organization *o, int argc, char **argv)
{
	struct err err = ERR_INIT;
	CLEANUP(wish_free) struct wish w = {.subscription = cmd_option(&argc, argv, "--subscription"), .subscription_name = cmd_option(&argc, argv, "--subscription-name"), .client = cmd_option(&argc, argv, "--client-id")};
	bool yes = cmd_flag(&argc, argv, "--yes");
	const char *tenant = cmd_option(&argc, argv, "--tenant-id"), *as = o->admin.name;
	w.tenant = tenant ? str_dup(tenant) : NULL;
	if (argc != 1 || !w.subscription || !w.client)
		return cmd_usage(&command_service_connection, argc > 1 ? argv[argc - 1] : "create");
	w.name = argv[0];
	return complete(o, &w, &err) ? make(ctx, o, &w, as, yes) : cmd_fail(&err);
}
