/* The last steps of `daypass doctor`: Entra's exchange, and whether the resource knows us. */
#include "helper/base/clock.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/doctor.h"
#include "helper/cmd/fic_remote.h"
#include "helper/cmd/fic_report.h"
#include "helper/core/answer.h"
#include "helper/core/flow.h"
#include "helper/core/step_acr.h"

/* Beside what is registered, where the log-in of az may read that: which of the three differs, and where. */
static void compare(struct doctor *d, struct buf *found)
{
	struct err quiet = ERR_INIT;
	struct fic_presented p;
	struct fic_result difference = {0};
	AUTO_REMOTE remote = {0};
	AUTO_FIC_LIST registered = {0};
	AUTO_JSON claims = jwt_claims(&d->assertion.value);
	fic_present(&p, claims);
	flow_begin(d->ctx);
	if (!claims || !fic_remote_open(d->ctx, &(struct fic_whose){.id = &d->plan.id}, &remote, &quiet) || !fic_remote_list(&remote, &registered, &quiet)) {
		buf_addf(found, "what is registered could not be read (%s)", quiet.msg);
		return;
	}
	const struct fic_registered *nearest = fic_nearest(&p, &registered, &difference);
	buf_addf(found, "%zu federated credentials are registered%s%s\n", registered.count, nearest ? "; the nearest is " : "", nearest && nearest->name ? nearest->name : "");
	if (nearest)
		fic_report_result(&p, nearest, &difference, found);
}

/* Does Entra say that no credential matches what was presented (70021, 700211 to 700213, 7002121, 7002137, 7002138)? */
static bool is_mismatch(const struct err *err)
{
	return str_starts(err->detail, "AADSTS70021");
}

/* Past the cache: a kept token would say nothing of today. */
enum doctor_end doctor_exchange(struct doctor *d, struct buf *found, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err opaque = ERR_INIT;
	char span[32];
	int64_t unused = 0;
	if (!flow_exchange(d->ctx, &d->plan, &d->access, &unused, err)) {
		if (is_mismatch(err))
			compare(d, found);
		return DOCTOR_WRONG;
	}
	jwt_read(&d->access.value, "the access token", &jwt, &opaque);
	clock_span(span, d->access.expires_at - d->ctx->clock->wall(d->ctx->clock));
	buf_addf(found, "a token for %s, good for %s", resource_name(d->plan.resource), span);
	if (jwt.oid)
		buf_addf(found, "\nas object %s", jwt.oid);
	return DOCTOR_OK;
}

/* --- Azure Repos --- */

static bool not_a_member(const struct doctor *d, const struct http_response *r, struct err *err)
{
	AUTO_JWT jwt = {0};
	struct err opaque = ERR_INIT;
	jwt_read(&d->access.value, "the access token", &jwt, &opaque);
	err_set(err, ERR_REFUSED, NULL, "the Azure DevOps organization %s does not know this identity (HTTP %ld), though its token is good: it is no member, or the organization belongs to another tenant", d->organization, r->status);
	return err_hint(err, "Organization settings, Users: add the service principal (object %s) with Basic access", jwt.oid ? jwt.oid : "id: daypass whoami");
}

static enum doctor_end azure_repos(struct doctor *d, struct buf *found, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	AUTO_BUF url = buf_new(4096);
	buf_adds(&url, "https://dev.azure.com/");
	url_encode(&url, d->organization);
	buf_adds(&url, "/_apis/connectionData");
	struct http_request q = {.method = "GET", .url = url.p, .bearer_word = "Bearer", .bearer = &d->access.value, .deadline_ms = d->ctx->deadline_ms,
				 .headers = {"Accept: application/json", "X-TFS-FedAuthRedirect: Suppress"}};
	if (!d->ctx->http->perform(d->ctx->http, &q, &r, err))
		return DOCTOR_WRONG;
	if (r.status == 404) {
		err_set(err, ERR_REFUSED, "check its name: https://dev.azure.com/ORG", "there is no Azure DevOps organization %s (HTTP 404)", d->organization);
		return DOCTOR_WRONG;
	}
	if (r.status != 200) {
		not_a_member(d, &r, err);
		return DOCTOR_WRONG;
	}
	if (!answer_json(&r, "Azure DevOps", &j, err))
		return DOCTOR_WRONG;
	const char *name = json_str(json_get(j, "authenticatedUser"), "providerDisplayName");
	buf_addf(found, "the organization %s knows us%s%s", d->organization, name ? " as " : "", name ? name : "");
	return DOCTOR_OK;
}

/* --- a registry --- */

static enum doctor_end registry(struct doctor *d, struct buf *found, struct err *err)
{
	struct exchange_failure f;
	AUTO_TOKEN out = token_new();
	if (!step_acr(d->ctx, &d->plan, &d->access, &out, &f, err))
		return DOCTOR_WRONG;
	buf_addf(found, "%s takes us; what may be pulled and pushed is for its roles to say", d->plan.registry);
	return DOCTOR_OK;
}

/* --- Resource Manager --- */

static enum doctor_end resource_manager(struct doctor *d, struct buf *found, struct err *err)
{
	AUTO_RESPONSE r = http_response_new();
	AUTO_JSON j = NULL;
	AUTO_STR url = str_printf("%s/subscriptions?api-version=2022-12-01", d->plan.resource);
	struct http_request q = {.method = "GET", .url = url, .bearer_word = "Bearer", .bearer = &d->access.value, .deadline_ms = d->ctx->deadline_ms, .headers = {"Accept: application/json"}};
	if (!d->ctx->http->perform(d->ctx->http, &q, &r, err) || !answer_json(&r, "Azure Resource Manager", &j, err))
		return DOCTOR_WRONG;
	int count = 0;
	while (json_at(json_get(j, "value"), count))
		count++;
	if (r.status != 200)
		err_set(err, ERR_REFUSED, "check the tenant: daypass whoami", "Azure Resource Manager does not take the token (HTTP %ld)", r.status);
	else if (!count)
		err_set(err, ERR_REFUSED, "az role assignment create --assignee CLIENT-ID --role Reader --scope /subscriptions/ID", "this identity has no role on any subscription");
	buf_addf(found, "sees %d subscription%s", count, count == 1 ? "" : "s");
	return err->kind ? DOCTOR_WRONG : DOCTOR_OK;
}

static bool is_resource_manager(const char *resource)
{
	static const char *const all[] = {"https://management.azure.com", "https://management.usgovcloudapi.net", "https://management.chinacloudapi.cn"};
	for (size_t i = 0; i < COUNT_OF(all); i++)
		if (str_eq(resource, all[i]))
			return true;
	return false;
}

enum doctor_end doctor_resource(struct doctor *d, struct buf *found, struct err *err)
{
	if (d->organization)
		return azure_repos(d, found, err);
	if (d->plan.registry)
		return registry(d, found, err);
	if (is_resource_manager(d->plan.resource))
		return resource_manager(d, found, err);
	buf_adds(found, str_eq(d->plan.resource, RESOURCE_AZURE_REPOS) ? "no organization is named: daypass doctor https://dev.azure.com/ORG" : "what the resource says is not looked at; for a cluster: daypass kube check");
	return DOCTOR_NOTHING;
}
