/* Whatever stands in a token, in an expression and in a directory's answer: a comparison that ends, and text without
 * control characters. The first line is the expression, the second the claims, the rest the answer. */
#include "tests/fuzz/fuzz.h"

#include "helper/cmd/fic_report.h"
#include "helper/core/fic.h"

static void must_be_lines(const struct buf *out)
{
	for (const char *c = out->p; *c; c++)
		must((unsigned char)*c >= ' ' || *c == '\n');
}

static char *next_line(const char **at)
{
	size_t n = strcspn(*at, "\n");
	char *line = str_ndup(*at, n);
	*at += n + ((*at)[n] == '\n');
	return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_STR whole = str_ndup((const char *)data, strnlen((const char *)data, size));
	const char *at = whole;
	AUTO_STR expression = next_line(&at);
	AUTO_STR text = next_line(&at);
	AUTO_JSON claims = json_parse(text, strlen(text));
	AUTO_JSON answer = json_parse(at, strlen(at));
	AUTO_FIC_LIST l = {0};
	AUTO_BUF out = buf_new(1024 * 1024);
	struct fic_presented p;
	struct fic_result d = {0};
	struct fic_clause clause;
	bool immutable;
	enum fic_verdict v = fic_expression(expression, claims, &clause);
	must((v == FIC_FALSE) == (*clause.claim != 0) || v == FIC_UNKNOWN);
	fic_present(&p, claims);
	fic_list_read(&l, answer);
	const struct fic_registered *r = fic_nearest(&p, &l, &d);
	must(!r == !l.count);
	free(fic_github_other(&p, &immutable));
	fic_report_by_hand(&p, NULL, &out);
	fic_warn(&p, &l, "api://AzureADTokenExchange", &out);
	free(fic_report_advice(r, &d));
	if (r)
		fic_report_result(&p, r, &d, &out);
	for (size_t i = 0; i < l.count; i++)
		fic_report_registered(&l.rows[i], &out);
	must_be_lines(&out);
	return 0;
}
