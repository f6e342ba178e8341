/* The connections of an organization: every project page by page, each connection once. */
#include "helper/base/json.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/service_connection.h"

#define VERSION "api-version=7.1"

static const char SERVICE[] = "Azure DevOps", QUIET[] = "X-TFS-FedAuthRedirect: Suppress";

void connection_free(struct connection *c)
{
	char **const all[] = {&c->id, &c->name, &c->scheme, &c->creation, &c->issuer, &c->subject, &c->client, &c->tenant, &c->deadline, &c->state, &c->message, &c->owner, &c->owner_id};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		str_set(all[i], NULL);
}

void connections_free(struct connections *l)
{
	for (size_t i = 0; i < l->count; i++)
		connection_free(&l->rows[i]);
	free(l->rows);
	*l = (struct connections){0};
}

char *organization_url(const struct organization *o, const char *project, const char *rest)
{
	AUTO_BUF url = buf_new(8192);
	buf_addf(&url, "https://dev.azure.com/%s/", o->name);
	if (project) {
		url_encode(&url, project);
		buf_addc(&url, '/');
	}
	buf_addf(&url, "_apis/%s", rest);
	return buf_take(&url);
}

void connection_take(struct connection *out, const struct json *j)
{
	const struct json *authorization = json_get(j, "authorization"), *p = json_get(authorization, "parameters"), *data = json_get(j, "data"), *state = json_get(j, "operationStatus");
	const struct json *owner = json_get(json_at(json_get(j, "serviceEndpointProjectReferences"), 0), "projectReference");
	*out = (struct connection){.id = str_dup(json_str(j, "id")), .name = str_dup(json_str(j, json_str(j, "name") ? "name" : "id")), .scheme = str_dup(json_str(authorization, "scheme")), .creation = str_dup(json_str(data, "creationMode")),
				   .issuer = str_dup(json_str(p, "workloadIdentityFederationIssuer")), .subject = str_dup(json_str(p, "workloadIdentityFederationSubject")),
				   .client = str_dup(json_str(p, "serviceprincipalid")), .tenant = str_dup(json_str(p, "tenantid")), .deadline = str_dup(json_str(data, "revertSchemeDeadline")),
				   .state = str_dup(json_str(state, "state")), .message = str_dup(json_str(state, "statusMessage")), .owner = str_dup(json_str(owner, "name")),
				   .owner_id = str_dup(json_str(owner, "id")), .shared = json_is_true(json_get(j, "isShared")), .ready = json_is_true(json_get(j, "isReady"))};
}

/* An answer's list, never NULL where it is true: what is no list is not an empty one. */
static bool rows_of(const struct json *j, const struct json **out, struct err *err)
{
	*out = json_get(j, "value");
	return json_is_array(*out) || err_set(err, ERR_NETWORK, "try again; if it stays so: does something answer in Azure DevOps' place?", "the answer of Azure DevOps is not the list that was asked for");
}

/* --- projects --- */

static bool project_page(struct organization *o, const char *from, struct json **out, struct err *err)
{
	long status;
	AUTO_BUF rest = buf_new(4096);
	buf_adds(&rest, "projects?$top=100&" VERSION);
	if (*from) {
		buf_adds(&rest, "&continuationToken=");
		url_encode(&rest, from);
	}
	AUTO_STR url = organization_url(o, NULL, rest.p);
	flow_begin(o->admin.ctx); /* each call has its time: there may be hundreds */
	if (!admin_do(&o->admin, &(struct admin_call){.method = "GET", .url = url, .service = SERVICE, .header = QUIET}, &status, out, err))
		return false;
	return status != 404 || err_set(err, ERR_CONFIG, "check its name: --organization NAME, of https://dev.azure.com/NAME", "there is no Azure DevOps organization %s", o->name);
}

bool organization_projects(struct organization *o, bool (*take)(struct organization *, const char *, const char *, void *, struct err *), void *user, struct err *err)
{
	enum { PAGES_MAX = 100 };
	AUTO_STR from = str_dup("");
	for (int page = 0; page < PAGES_MAX; page++) {
		AUTO_JSON j = NULL;
		const struct json *rows;
		if (!project_page(o, from, &j, err) || !rows_of(j, &rows, err))
			return false;
		str_set(&from, o->admin.continuation);
		for (int i = 0; json_at(rows, i); i++) {
			const char *name = json_str(json_at(rows, i), "name"), *id = json_str(json_at(rows, i), "id");
			if (!name || !id)
				return err_set(err, ERR_NETWORK, NULL, "the answer of Azure DevOps has a project without name or id");
			if (!take(o, name, id, user, err))
				return false;
		}
		if (!*from)
			return true;
	}
	return err_set(err, ERR_REFUSED, "name one: --project NAME", "the organization %s has more projects than are looked at", o->name);
}

/* --- connections --- */

static bool is_known(const struct connections *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++)
		if (str_ieq(l->rows[i].id, id))
			return true;
	return false;
}

static bool of_project(struct organization *o, const char *project, const char *id UNUSED, void *user, struct err *err)
{
	struct connections *l = user;
	AUTO_JSON j = NULL;
	const struct json *rows;
	long status;
	AUTO_STR url = organization_url(o, project, "serviceendpoint/endpoints?type=azurerm&includeFailed=true&includeDetails=true&" VERSION);
	flow_begin(o->admin.ctx);
	if (!admin_do(&o->admin, &(struct admin_call){.method = "GET", .url = url, .service = SERVICE, .header = QUIET}, &status, &j, err))
		return false;
	if (status == 404)
		return err_set(err, ERR_CONFIG, "check its name: --project NAME", "the organization %s has no project '%.100s'", o->name, project);
	if (!rows_of(j, &rows, err))
		return false;
	for (int i = 0; json_at(rows, i); i++) {
		const char *row_id = json_str(json_at(rows, i), "id");
		if (!str_is_guid(row_id)) /* it stands in URLs later */
			return err_set(err, ERR_NETWORK, NULL, "the answer of Azure DevOps has a connection without an id");
		if (is_known(l, row_id))
			continue;
		if (l->count == CONNECTIONS_MAX)
			return err_set(err, ERR_REFUSED, "name one: --project NAME", "the organization %s has more connections than are looked at", o->name);
		l->rows = mem_realloc_wipe(l->rows, l->count * sizeof *l->rows, (l->count + 1) * sizeof *l->rows);
		connection_take(&l->rows[l->count++], json_at(rows, i));
	}
	return true;
}

bool organization_connections(struct organization *o, struct connections *out, struct err *err)
{
	*out = (struct connections){0};
	return o->project ? of_project(o, o->project, NULL, out, err) : organization_projects(o, of_project, out, err);
}

bool organization_find(struct organization *o, const char *name, struct connection *out, struct err *err)
{
	AUTO_CONNECTIONS l = {0};
	size_t found = 0, at = 0;
	if (!organization_connections(o, &l, err))
		return false;
	for (size_t i = 0; i < l.count; i++) {
		if (!str_ieq(l.rows[i].id, name) && !str_ieq(l.rows[i].name, name))
			continue;
		found++;
		at = i;
	}
	if (!found)
		return err_set(err, ERR_CONFIG, "daypass service-connection list", "there is no connection '%.100s' to Azure Resource Manager in %s", name, o->project ? o->project : o->name);
	if (found > 1)
		return err_set(err, ERR_CONFIG, "name its project (--project) or its id", "%zu connections are called '%.100s'", found, name);
	*out = l.rows[at];
	l.rows[at] = (struct connection){0};
	return true;
}

bool connection_read(struct organization *o, const char *project, const char *id, struct connection *out, struct buf *text, struct err *err)
{
	AUTO_JSON j = NULL;
	long status;
	AUTO_STR rest = str_printf("serviceendpoint/endpoints/%s?includeDetails=true&" VERSION, id);
	AUTO_STR url = organization_url(o, project, rest);
	if (!admin_do(&o->admin, &(struct admin_call){.method = "GET", .url = url, .service = SERVICE, .header = QUIET, .raw = text}, &status, &j, err))
		return false;
	connection_take(out, j);
	return (status == 200 && str_ieq(out->id, id)) || err_set(err, ERR_CONFIG, "daypass service-connection list", "the connection %.100s is not there any more", id);
}

/* --- for people --- */

bool connection_is_federated(const struct connection *c)
{
	return str_ieq(c->scheme, "WorkloadIdentityFederation");
}

const char *connection_flag(const struct connection *c)
{
	if (str_ieq(c->scheme, "ServicePrincipal"))
		return str_ieq(c->creation, "Automatic") ? "has a secret: convert it" : "has a secret: make a federated one beside it";
	if (str_starts(c->issuer, "https://vstoken.dev.azure.com/"))
		return "its issuer ends on 2027-07-01: move it to Entra's";
	return c->state && str_eq(c->state, "Failed") ? "its last operation failed" : NULL;
}

static int width(const struct connections *l, bool owner)
{
	size_t most = owner ? strlen("PROJECT") : strlen("NAME");
	for (size_t i = 0; i < l->count; i++) {
		const char *text = owner ? l->rows[i].owner : l->rows[i].name;
		size_t n = text ? strlen(text) : 0;
		most = n > most ? n : most;
	}
	return (int)(most < 40 ? most : 40);
}

static void list_text(const struct connections *l, struct buf *out)
{
	int names = width(l, false), owners = width(l, true), flagged = 0;
	buf_addf(out, "%-*s  %-*s  %-10s  %-9s  %s\n", names, "NAME", owners, "PROJECT", "MODE", "LOG-IN", "TO DO");
	for (size_t i = 0; i < l->count; i++) {
		const struct connection *c = &l->rows[i];
		const char *flag = connection_flag(c), *scheme = c->scheme ? c->scheme : "?";
		AUTO_STR name = str_dup(c->name);
		AUTO_STR owner = str_dup(c->owner ? c->owner : "?");
		err_clean(name);
		err_clean(owner);
		flagged += flag != NULL;
		buf_addf(out, "%-*s  %-*s  %-10.10s  %-9.20s  %s\n", names, name, owners, owner, c->creation ? c->creation : "?",
			 connection_is_federated(c) ? "federated" : str_ieq(scheme, "ServicePrincipal") ? "secret" : scheme, flag ? flag : "");
	}
	buf_addf(out, "%zu connection%s, %d to do\n", l->count, l->count == 1 ? "" : "s", flagged);
}

static void list_json(const struct connections *l, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < l->count; i++) {
		const struct connection *c = &l->rows[i];
		buf_adds(out, i ? ",\n {" : "{");
		json_pair(out, "id", c->id, false);
		json_pair(out, "name", c->name, false);
		json_pair(out, "project", c->owner, false);
		json_pair(out, "creationMode", c->creation, false);
		json_pair(out, "scheme", c->scheme, false);
		json_pair(out, "issuer", c->issuer, false);
		json_pair(out, "subject", c->subject, false);
		json_pair(out, "clientId", c->client, false);
		json_pair(out, "tenantId", c->tenant, false);
		json_pair(out, "revertSchemeDeadline", c->deadline, false);
		buf_addf(out, "\"shared\": %s, ", c->shared ? "true" : "false");
		json_pair(out, "todo", connection_flag(c), true);
		buf_addc(out, '}');
	}
	buf_adds(out, "]\n");
}

int connection_list(struct ctx *ctx, struct organization *o, int argc, char **argv)
{
	struct err err = ERR_INIT;
	AUTO_CONNECTIONS l = {0};
	AUTO_BUF out = buf_new((size_t)CONNECTIONS_MAX * 2048);
	bool json = cmd_flag(&argc, argv, "--json");
	if (argc)
		return cmd_usage(&command_service_connection, argv[0]);
	if (!organization_connections(o, &l, &err))
		return cmd_fail(&err);
	if (json)
		list_json(&l, &out);
	else
		list_text(&l, &out);
	return cmd_print(ctx, &out);
}

static void line(struct buf *out, const char *label, const char *value)
{
	AUTO_STR text = str_dup(value);
	if (!text)
		return;
	err_clean(text);
	buf_addf(out, "  %-9s %s\n", label, text);
}

/* A word of a command to type: somebody else chose it. */
static void word(struct buf *out, const char *text, const char *otherwise)
{
	AUTO_STR clean = str_dup(text ? text : otherwise);
	err_clean(clean);
	if (clean[strspn(clean, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:")])
		cmd_shell_word(out, clean);
	else
		buf_adds(out, clean);
}

void connection_show(const struct connection *c, struct buf *out)
{
	const char *flag = connection_flag(c);
	AUTO_STR name = str_dup(c->name ? c->name : "");
	err_clean(name);
	buf_addf(out, "%s\n", name);
	line(out, "id", c->id);
	line(out, "project", c->owner);
	line(out, "scheme", c->scheme);
	line(out, "mode", c->creation);
	line(out, "client", c->client);
	line(out, "tenant", c->tenant);
	line(out, "issuer", c->issuer);
	line(out, "subject", c->subject);
	line(out, "state", c->state);
	line(out, "says", c->message);
	line(out, "revert", c->deadline);
	if (c->shared)
		buf_adds(out, "  shared with other projects: it can be changed in its own only\n");
	if (flag)
		buf_addf(out, "to do: %s\n", flag);
	if (str_ieq(c->scheme, "ServicePrincipal"))
		buf_addf(out, str_ieq(c->creation, "Automatic") ? "next: daypass service-connection convert %s\n" : "next: make a federated one beside it: daypass service-connection create (the connection %s is made by hand)\n", c->id);
	if (!flag || !str_starts(c->issuer, "https://vstoken.dev.azure.com/"))
		return;
	buf_adds(out, "next: az devops service-endpoint convert --azdo-subject ");
	word(out, c->subject, "SUBJECT");
	buf_adds(out, " --tenant-id ");
	word(out, c->tenant, "TENANT");
	buf_addc(out, '\n');
}
