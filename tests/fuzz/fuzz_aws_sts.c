/* STS's answers: what is read of them stands there, once and as it is, and what is said of them is clean. The status is that of the root. */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/amazon.h"

static const char ROOT[] = "GetWebIdentityTokenResponse";

/* What was read, put back between its tags, is found in the text; another opening tag is not. */
static void check_element(const struct secret *body, const char *name)
{
	AUTO_SECRET value = secret_new(TOKEN_MAX);
	if (!aws_xml_text(body, name, &value))
		return;
	must(!strpbrk(secret_reveal(&value), "<>&") && !str_has_control(secret_reveal(&value)));
	AUTO_STR open = str_printf("<%s>", name);
	AUTO_STR whole = str_printf("%s%s</%s>", open, secret_reveal(&value), name);
	const char *at = strstr(secret_reveal(body), whole);
	must(at && !strstr(at + 1, open) && strstr(secret_reveal(body), open) == at);
}

static void check_document(const struct secret *body)
{
	if (!aws_xml_is(body, ROOT))
		return;
	const char *text = secret_reveal(body);
	must(strlen(text) == secret_len(body));
	must(!strstr(text, "<!") && strstr(text, "</GetWebIdentityTokenResponse>"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_SECRET body = secret_new(HTTP_MAX_BODY);
	if (!secret_set(&body, (const char *)data, size))
		return 0;
	check_document(&body);
	check_element(&body, "WebIdentityToken");
	check_element(&body, "Message");
	BENCH(b);
	vars(&b, in_variables);
	bool refusal = aws_xml_is(&body, "ErrorResponse");
	const struct answer a = {refusal ? 403 : 200, .type = "text/xml", .body = secret_reveal(&body), .len = size};
	const struct answer script[] = {a, a};
	world_script(&b.w, script, COUNT_OF(script));
	if (fetch(&b, aws)) {
		must(!refusal && secret_len(&b.got.value) && str_is_token(secret_reveal(&b.got.value), secret_len(&b.got.value)));
		return 0;
	}
	must(b.err.kind != ERR_NONE && *b.err.msg);
	must_be_clean(&b.err);
	return 0;
}
