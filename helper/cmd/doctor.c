/* daypass doctor: walks the way of federation, from the environment to the resource, and names the first thing that is wrong. */
#include "helper/cmd/doctor.h"

#include "helper/base/log.h"
#include "helper/base/str.h"
#include "helper/base/url.h"
#include "helper/cmd/cmd.h"
#include "helper/core/flow.h"

enum { FOUND_MAX = 16 * 1024 };

#define ARM "https://management.azure.com"

static const struct step {
	const char *name;
	enum doctor_end (*take)(struct doctor *, struct buf *found, struct err *);
} steps[] = {{"environment", doctor_environment}, {"source", doctor_source}, {"token", doctor_token}, {"issuer", doctor_issuer},
	     {"times", doctor_times}, {"exchange", doctor_exchange}, {"resource", doctor_resource}};

/* What was found, step by step; where one is wrong the later ones are not reached. */
struct report {
	enum doctor_end end[COUNT_OF(steps)];
	bool reached[COUNT_OF(steps)];
	struct buf found[COUNT_OF(steps)];
	struct err err;
};

static void report_free(struct report *r)
{
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		buf_free(&r->found[i]);
}

static void walk(struct doctor *d, struct report *r)
{
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		r->found[i] = buf_new(FOUND_MAX);
		if (r->err.kind)
			continue;
		flow_begin(d->ctx);
		r->reached[i] = true;
		r->end[i] = steps[i].take(d, &r->found[i], &r->err);
		log_mask(r->found[i].p); /* stderr is masked as it is written; this goes to stdout */
		log_mask(r->err.msg);
		log_mask(r->err.hint);
		if (r->end[i] == DOCTOR_WRONG && !r->err.kind)
			err_set(&r->err, ERR_INTERNAL, NULL, "the step %s ended without a word", steps[i].name);
	}
}

static const char *mark_of(const struct report *r, size_t i)
{
	static const char *const marks[] = {[DOCTOR_OK] = "ok", [DOCTOR_WRONG] = "wrong", [DOCTOR_UNSURE] = "?", [DOCTOR_NOTHING] = "-"};
	return r->reached[i] ? marks[r->end[i]] : "-";
}

/* The cause stands first: whoever reads no further has read it. */
static void text(const struct report *r, struct buf *out)
{
	if (r->err.kind) {
		buf_addf(out, "wrong: %s\n", r->err.msg);
		if (*r->err.detail)
			buf_addf(out, "  details: %s\n", r->err.detail);
		if (*r->err.hint)
			buf_addf(out, "  next: %s\n", r->err.hint);
	} else {
		buf_adds(out, "all is well\n");
	}
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		cmd_step(out, mark_of(r, i), steps[i].name, r->reached[i] ? r->found[i].p : "not reached");
}

static void json(const struct report *r, struct buf *out)
{
	buf_addf(out, "{\"ok\": %s, ", r->err.kind ? "false" : "true");
	json_pair(out, "error", r->err.kind ? r->err.msg : NULL, false);
	json_pair(out, "detail", *r->err.detail ? r->err.detail : NULL, false);
	json_pair(out, "hint", *r->err.hint ? r->err.hint : NULL, false);
	buf_adds(out, "\"steps\": [");
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		static const char *const names[] = {[DOCTOR_OK] = "passed", [DOCTOR_WRONG] = "failed", [DOCTOR_UNSURE] = "unknown", [DOCTOR_NOTHING] = "nothing to check"};
		AUTO_STR found = str_dup(r->found[i].p);
		buf_addc(out, '{');
		json_pair(out, "name", steps[i].name, false);
		json_pair(out, "result", r->reached[i] ? names[r->end[i]] : "not reached", false);
		json_pair(out, "found", found, true);
		buf_adds(out, i + 1 < COUNT_OF(steps) ? "}, " : "}]}\n");
	}
}

/* The organization of a job, or the first that a [match] names: where git would go. */
static char *likely_organization(const struct ctx *ctx)
{
	static const char prefix[] = "https://dev.azure.com/";
	const char *job = env_get(&ctx->env, "SYSTEM_COLLECTIONURI");
	for (size_t i = 0; i < ctx->config->count; i++) {
		const struct section *s = &ctx->config->sections[i];
		const char *rest = s->kind == SECTION_MATCH && str_starts(s->name, prefix) ? s->name + strlen(prefix) : "";
		if (*rest && *rest != '*')
			return str_ndup(rest, strcspn(rest, "/"));
	}
	return str_starts(job, prefix) ? str_ndup(job + strlen(prefix), strcspn(job + strlen(prefix), "/")) : NULL;
}

static bool is_azure_repos(const char *text)
{
	AUTO_URL u = {0};
	return url_parse(text, &u) && (str_eq(u.host, "dev.azure.com") || str_ends(u.host, ".visualstudio.com"));
}

/* What the token shall be for: an organization or repository, a registry, arm, any other resource. */
static bool take_target(struct doctor *d, const char *word, struct err *err)
{
	AUTO_STR likely = word ? NULL : likely_organization(d->ctx);
	AUTO_STR url = likely ? str_printf("https://dev.azure.com/%s", likely) : str_dup(word ? word : "");
	if (is_azure_repos(url) || (strpbrk(url, ".:") && !strstr(url, "://"))) {
		bool ok = cmd_request(url, &d->request, err);
		d->organization = ok && d->request.kind == REQUEST_GIT ? request_organization(&d->request) : NULL;
		return ok;
	}
	const char *resource = !word ? RESOURCE_AZURE_REPOS : str_eq(word, "arm") ? ARM : word;
	d->request = (struct request){.kind = REQUEST_RESOURCE, .action = ACTION_GET, .resource = str_dup(resource)};
	return resource_ok(resource) || err_set(err, ERR_USAGE, "daypass doctor https://dev.azure.com/ORG, NAME.azurecr.io, arm, or a resource as for `daypass token`", "'%.100s' is no resource", word);
}

static void doctor_free(struct doctor *d)
{
	request_free(&d->request);
	free(d->organization);
	plan_free(&d->plan);
	token_free(&d->assertion);
	token_free(&d->access);
	jwt_free(&d->jwt);
}

static int doctor(struct ctx *ctx, int argc, char *const *argv)
{
	CLEANUP(doctor_free) struct doctor d = {.ctx = ctx, .assertion = token_new(), .access = token_new()};
	CLEANUP(report_free) struct report r = {.err = ERR_INIT};
	AUTO_BUF out = buf_new(COUNT_OF(steps) * FOUND_MAX + 8192);
	char **words = (char **)(uintptr_t)argv;
	struct err err = ERR_INIT;
	bool as_json = cmd_flag(&argc, words, "--json");
	if (argc > 1 || (argc && words[0][0] == '-'))
		return cmd_usage(&command_doctor, words[argc - 1]);
	if (!take_target(&d, argc ? words[0] : NULL, &err))
		return cmd_fail(&err);
	walk(&d, &r);
	if (as_json)
		json(&r, &out);
	else
		text(&r, &out);
	int printed = cmd_print(ctx, &out);
	return r.err.kind ? (int)r.err.kind : printed;
}

const struct command command_doctor = {"doctor", "doctor [https://dev.azure.com/ORG | NAME.azurecr.io | arm | RESOURCE] [--json]", "from this environment to the resource: the first thing that is wrong", doctor};
