/* Other people's JSON files: what is put in can be taken out, byte by byte, and what is shown has no secret in it. */
#include "tests/fuzz/fuzz.h"

#include "helper/base/json.h"
#include "helper/base/json_edit.h"
#include "helper/cmd/configure_docker_creds.h"

static const char host[] = "contoso.azurecr.io";

static bool equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static struct json_span root_of(const struct buf *text)
{
	struct json_span root;
	struct json_fault fault;
	must(json_locate(text->p, text->len, &root, &fault));
	return root;
}

static struct json_member last_of(const struct buf *text)
{
	struct json_member m = {0};
	for (size_t at = 0; json_next_member(text->p, root_of(text), &at, &m);)
		must(m.name.from < m.name.to && m.name.to < m.value.from && m.value.to <= text->len);
	return m;
}

static void in_and_out(const struct buf *text, bool object)
{
	AUTO_BUF in = buf_new(8 * text->len + 1024), out = buf_new(8 * text->len + 1024);
	if (object)
		json_insert_object(text, root_of(text), "new", "inner", "value", &in);
	else
		json_insert(text, root_of(text), "new", "value", &in);
	must(!in.over);
	struct json_member m = last_of(&in);
	must(creds_says(&in, m.value, "value") != object);
	json_cut(&in, root_of(&in), &m, &out);
	must(equal(text, &out));
}

/* As configure and unconfigure do it, for one registry or, without one, for all. */
static void there_and_back(const struct buf *text, const char *of)
{
	struct err err = ERR_INIT;
	struct creds c;
	struct json_member m = {0};
	AUTO_BUF changed = buf_new(8 * text->len + 1024);
	buf_add(&changed, text->p, text->len);
	if (!creds_look("f", text, &c, &err) || (of && !creds_find("f", text, &c, of, &m, &err))) {
		must_be_clean(&err);
		return;
	}
	struct json_span value = of ? m.value : c.store.value;
	AUTO_STR old = value.from ? creds_name(text, value) : NULL;
	if (c.blank || (value.from && !old) || str_eq(old, "daypass"))
		return;
	must(creds_put("f", &changed, of, &err) && !changed.over && !equal(text, &changed));
	must(creds_drop("f", &changed, of, old, &err) && equal(text, &changed));
}

static void hide(const struct buf *text)
{
	struct err err = ERR_INIT;
	struct creds c;
	AUTO_BUF shown = buf_new(8 * text->len + 1024), again = buf_new(8 * text->len + 1024);
	creds_hide(text, &shown);
	if (!creds_look("f", text, &c, &err)) {
		must_be_clean(&err);
		must(shown.len == 0);
		return;
	}
	creds_hide(&shown, &again);
	must(!shown.over && equal(&shown, &again));
	if (!c.helpers.value.from && !c.store.value.from)
		must(!strstr(shown.p, ": \"s3cret") && !strstr(shown.p, ":\"s3cret"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_span root;
	struct json_fault fault = {.at = size + 1};
	AUTO_BUF text = buf_new(size + 1);
	buf_add(&text, data, size);
	bool ok = json_locate(text.p, text.len, &root, &fault);
	must(ok || (fault.at <= size && fault.what));
	if (!ok && memchr(text.p, 0, text.len))
		return 0;
	if (ok && text.p[root.from] == '{') {
		in_and_out(&text, false);
		in_and_out(&text, true);
	}
	if (ok && !strstr(text.p, "\\u0000")) {
		AUTO_JSON j = json_parse(text.p + root.from, root.to - root.from);
		must(j || strstr(text.p, "\\u")); /* halves of surrogate pairs */
	}
	there_and_back(&text, host);
	there_and_back(&text, NULL);
	hide(&text);
	return 0;
}
