/* Reading YAML with its places, and changing a text in place: every other byte stays, and on any doubt all of them. */
#include "helper/base/json.h"
#include "helper/base/yaml_edit.h"
#include "tests/unit/check.h"

enum { MAX = 256 * 1024 };

static char *json_of(const char *text)
{
	AUTO_BUF b = buf_new(MAX), out = buf_new(MAX);
	AUTO_YAML y = {0};
	struct err err = ERR_INIT;
	buf_adds(&b, text);
	if (!yaml_tree_read("f", &b, &y, &err)) {
		assert_clean(&err);
		return str_dup(err.msg);
	}
	yaml_json(&y, &out);
	return buf_take(&out);
}

static void reads_at(const char *text, const char *wanted, const char *file, int line)
{
	AUTO_STR got = json_of(text);
	text_at(got, wanted, file, line);
}

#define assert_reads(text, wanted) reads_at(text, wanted, __FILE__, __LINE__)

TEST(what_yaml_says)
{
	assert_reads("a: 1\nb: [x, \"y\", 'z']\nc:\n- d\n- e: f\n", "{\"a\":1,\"b\":[\"x\",\"y\",\"z\"],\"c\":[\"d\",{\"e\":\"f\"}]}");
	assert_reads("", "");
	assert_reads("# only a comment\n", "");
	assert_reads("\xEF\xBB\xBF" "a: \xC3\xA9\n", "{\"a\":\"\xC3\xA9\"}");
	assert_reads("---\na: null\nb: ~\nc:\n...\n", "{\"a\":null,\"b\":~,\"c\":}");
	assert_reads("a: |\n  x\n  y\n\nb: >-\n  z\n", "{\"a\":\"x\\u000ay\\u000a\",\"b\":\"z\"}");
	assert_reads("{\"a\": [1, true, {\"b\": null}]}", "{\"a\":[1,true,{\"b\":null}]}");
}

TEST(what_is_not_edited_is_named_with_its_place)
{
	assert_reads("a: &x 1\n", "f:1:4: an anchor or a tag: daypass does not edit a file with such");
	assert_reads("a: 1\nb: *a\n", "f:2:4: an alias: daypass does not edit a file with such");
	assert_reads("a: !!str b\n", "f:1:4: an anchor or a tag: daypass does not edit a file with such");
	assert_reads("a: &x [1]\n", "f:1:4: an anchor or a tag: daypass does not edit a file with such");
	assert_reads("a: 1\n---\nb: 2\n", "f:2:1: a second document: a program that reads this file sees only the first");
	assert_reads("a: 1\n\tb: 2\n", "f:2:1: found a tab character that violates indentation");
	assert_reads("a: [1\n", "f:2:1: did not find expected ',' or ']'");
	assert_reads("a: 1\rb: 2\r", "f:1:1: a line end that is neither LF nor CRLF");
	assert_reads("a: \xE2\x80\xA8 1\n", "f:1:1: a line end that is neither LF nor CRLF");
	AUTO_STR bad = json_of("a: \xFF\xFE\n");
	assert_says(bad, "f:1:");
	AUTO_STR zero = json_of("a: \"\\0\"\n");
	assert_says(zero, "a NUL character");
	AUTO_STR deep = str_printf("%0*d", 4000, 0);
	memset(deep, '[', 4000);
	AUTO_STR said = json_of(deep);
	assert_says(said, "too many values inside each other");
}

TEST(places_are_bytes)
{
	AUTO_BUF b = buf_new(MAX);
	AUTO_YAML y = {0};
	struct err err = ERR_INIT;
	buf_adds(&b, "\xEF\xBB\xBF\xC3\xA9: {a: \xE2\x82\xAC, b: [c , d]}\nx:\n- |\n  t\n\n\n- q  # c\n\n");
	assert_true(yaml_tree_read("f", &b, &y, &err));
	const struct yaml *flow = &y.items[1], *list = yaml_get(&y, "x", NULL);
	assert_true(strncmp(b.p + y.items[0].from, "\xC3\xA9:", 3) == 0);
	assert_int_equal(b.p[flow->from], '{');
	assert_int_equal(b.p[flow->to - 1], '}');
	assert_int_equal(b.p[flow->items[3].to - 1], ']');
	assert_true(strncmp(b.p + flow->items[1].from, "\xE2\x82\xAC,", 4) == 0);
	assert_int_equal(b.p[list->items[0].to - 1], 't');
	assert_int_equal(b.p[list->to - 1], 'q');
	assert_int_equal(yaml_line(&b, list->to), 7);
}

TEST(texts_and_what_only_looks_like_one)
{
	static const char *const typed[] = {"1", "-1.5e3", "0x1F", "1_000", ".5", "12:30", "2026-01-02", "true", "No", "NULL", "~", "", "y", ".inf", "1e5"};
	static const char *const texts[] = {"kubelogin", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630", "00000000-0000-0000-0000-000000000000", "12ab", "/tmp/x",
					    "1.2.x", "get-token", "e1", "-l", "https://login.microsoftonline.com/"};
	for (size_t i = 0; i < COUNT_OF(typed); i++) {
		struct yaml y = {.text = (char *)(uintptr_t)typed[i]};
		assert_null(yaml_str(&y));
		assert_false(yaml_plain_ok(typed[i]));
		y.style = '"';
		assert_text(yaml_str(&y), typed[i]);
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct yaml y = {.text = (char *)(uintptr_t)texts[i]};
		assert_text(yaml_str(&y), texts[i]);
		assert_true(yaml_plain_ok(texts[i]));
	}
	assert_false(yaml_plain_ok("a: b"));
	assert_false(yaml_plain_ok("a:"));
	assert_false(yaml_plain_ok("-"));
	assert_false(yaml_plain_ok("---"));
	assert_false(yaml_plain_ok("a #b"));
	assert_false(yaml_plain_ok("a, b"));
	assert_false(yaml_plain_ok("\xC3\xA9"));
}

/* --- changes --- */

typedef bool change(struct yaml_edits *e, const struct yaml *root, struct err *err);

static char *changed(const char *text, change *how)
{
	AUTO_BUF b = buf_new(MAX), out = buf_new(MAX);
	AUTO_YAML y = {0};
	struct err err = ERR_INIT;
	buf_adds(&b, text);
	if (!yaml_tree_read("f", &b, &y, &err))
		fail_msg("%s", err.msg);
	AUTO_EDITS e = {.text = &b, .root = &y};
	if (how(&e, &y, &err) && yaml_edits_apply(&e, &out, &err))
		return buf_take(&out);
	assert_clean(&err);
	return str_printf("! %s", err.msg);
}

static void becomes_at(const char *before, change *how, const char *after, const char *file, int line)
{
	AUTO_STR got = changed(before, how);
	text_at(got, after, file, line);
}

#define assert_becomes(before, how, after) becomes_at(before, how, after, __FILE__, __LINE__)

static bool name_it(struct yaml_edits *e, const struct yaml *root, struct err *err)
{
	return yaml_edit_text(e, yaml_get(root, "a", NULL), "new", err);
}

TEST(a_text_keeps_its_quotes)
{
	assert_becomes("a: old # c\nb: 1\n", name_it, "a: new # c\nb: 1\n");
	assert_becomes("a: 'it''s'\n", name_it, "a: 'new'\n");
	assert_becomes("{\"a\":\"old\",\"b\":[]}", name_it, "{\"a\":\"new\",\"b\":[]}");
	assert_becomes("{a: old}", name_it, "{a: \"new\"}");
	assert_becomes("a:\nb: 1\r\n", name_it, "a: new\nb: 1\r\n");
	assert_becomes("? a\n: old\n", name_it, "? a\n: new\n");
	assert_becomes("a:\n  old\n  text\nb: c\n", name_it, "a:\n  new\nb: c\n");
	assert_becomes("a: |\n  old\n", name_it, "! line 1: a value that daypass would change is no text on one line");
	assert_becomes("a: [x]\n", name_it, "! line 1: a value that daypass would change is no text on one line");
}

static bool list_it(struct yaml_edits *e, const struct yaml *root, struct err *err)
{
	char now[][8] = {"kube", "get", "--id", "S"};
	char *const list[] = {now[0], now[1], now[2], now[3]};
	return yaml_edit_list(e, yaml_get(root, "a", NULL), list, COUNT_OF(list), err);
}

TEST(a_list_over_lines)
{
	assert_becomes("a:\n- get\n- --id\n- S\n", list_it, "a:\n- kube\n- get\n- --id\n- S\n");
	assert_becomes("a:\n    - get # one\n    # two\n    - --x # three\n    - v\n    - --id\n    - 'S' # four\n    - --login\n    - d # five\n    # six\nb: 1\n", list_it,
		       "a:\n    - kube\n    - get # one\n    # two\n    # three\n    - --id\n    - 'S' # four\n    # five\n    # six\nb: 1\n");
	assert_becomes("a:\r\n  - get\r\n  - x\r\n  - --id\r\nb: 1\r\n", list_it, "a:\r\n  - kube\r\n  - get\r\n  - --id\r\n  - S\r\nb: 1\r\n");
	assert_becomes("a:\n-   \"get\"\n-   \"--id\"", list_it, "a:\n-   \"kube\"\n-   \"get\"\n-   \"--id\"\n-   \"S\"");
	assert_becomes("a:\n- get   \n- --id\n- other  # why\n", list_it, "a:\n- kube\n- get   \n- --id\n- S  # why\n");
	assert_becomes("a:\n- get\n- --x\n\n- v\n- --id\n- S\n", list_it, "a:\n- kube\n- get\n\n- --id\n- S\n");
	assert_becomes("a:\n- get\n- |\n  text\n", list_it, "! line 3: an entry of a list is no text on one line");
	assert_becomes("a:\n- get\n- 1\n", list_it, "! line 3: an entry of a list is no text on one line");
	assert_becomes("a:\n-\n  get\n- --id\n- S\n", list_it, "! line 3: an entry of a list that does not stand on a line of its own");
	assert_becomes("? a\n: - get\n  - --id\n  - S\n", list_it, "! line 2: an entry of a list that does not stand on a line of its own");
}

TEST(a_list_in_brackets)
{
	assert_becomes("a: [get, --id, S] # c\n", list_it, "a: [kube, get, --id, S] # c\n");
	assert_becomes("a: [get, --x, v, --id, S, --login, d]\n", list_it, "a: [kube, get, --id, S]\n");
	assert_becomes("a: [x, z, get,\n    --id]\n", list_it, "a: [kube, get,\n    --id, S]\n");
	assert_becomes("{\"a\":[\"get\",\"--id\"]}", list_it, "{\"a\":[\"kube\",\"get\",\"--id\",\"S\"]}");
	assert_becomes("{\n \"a\": [\n  \"get\",\n  \"--id\"\n ]\n}", list_it, "{\n \"a\": [\n  \"kube\",\n  \"get\",\n  \"--id\",\n  \"S\"\n ]\n}");
	assert_becomes("a: [get, x, # why\n  --id, S]\n", list_it, "a: [kube, get, # why\n  --id, S]\n");
	assert_becomes("a: [get, # why\n  x, --id, S]\n", list_it, "! the text is laid out in a way that daypass does not edit: a comment would be lost");
	assert_becomes("a: [get, --id, S,]\n", list_it, "a: [kube, get, --id, S,]\n");
	assert_becomes("a: []\n", list_it, "! line 1: a list that daypass would change is none, or too long");
}

static bool put_it(struct yaml_edits *e, const struct yaml *root, struct err *err)
{
	const struct yaml *m = yaml_get(root, "m", NULL);
	return yaml_edit_put(e, m, "k", "l", "[\"x\",\"on\"]", err) && yaml_edit_put(e, m, "k", "p", "true", err);
}

TEST(a_member_more)
{
	assert_becomes("m:\n  a: 1\n  k: v # c\n", put_it, "m:\n  a: 1\n  l:\n  - x\n  - \"on\"\n  p: true\n  k: v # c\n");
	assert_becomes("m:\n    k: v", put_it, "m:\n    l:\n    - x\n    - \"on\"\n    p: true\n    k: v");
	assert_becomes("m:\r\n  k: v\r\n", put_it, "m:\r\n  l:\r\n  - x\r\n  - \"on\"\r\n  p: true\r\n  k: v\r\n");
	assert_becomes("m: {k: v}\n", put_it, "m: {l: [x, \"on\"], p: true, k: v}\n");
	assert_becomes("{\"m\":{\"a\":1,\"k\":\"v\"}}", put_it, "{\"m\":{\"a\":1,\"l\": [\"x\", \"on\"],\"p\": true,\"k\":\"v\"}}");
	assert_becomes("m:\n  l: null # c\n  k: v\n", put_it, "m:\n  l:\n  - x\n  - \"on\" # c\n  p: true\n  k: v\n");
	assert_becomes("m:\n  l:\n  k: v\n", put_it, "m:\n  l:\n  - x\n  - \"on\"\n  p: true\n  k: v\n");
	assert_becomes("m:\n  l: []\n  p:\n  k: v\n", put_it, "m:\n  l:\n  - x\n  - \"on\"\n  p: true\n  k: v\n");
	assert_becomes("m: {l: null, k: v}\n", put_it, "m: {l: [x, \"on\"], p: true, k: v}\n");
	assert_becomes("{\"m\": {\"l\": [], \"k\": \"v\"}}", put_it, "{\"m\": {\"l\": [\"x\", \"on\"], \"p\": true, \"k\": \"v\"}}");
	assert_becomes("m:\n  l: x\n  k: v\n", put_it, "! line 2: a member that daypass would add has no place");
	assert_becomes("m:\n  a: 1\n", put_it, "! line 2: a member that daypass would add has no place");
}

static bool append_it(struct yaml_edits *e, const struct yaml *root, struct err *err)
{
	return yaml_edit_append(e, yaml_get(root, "env", NULL), "{\"name\":\"NAME\",\"value\":\"V\"}", err);
}

TEST(an_entry_more)
{
	assert_becomes("env:\n- name: A\n  value: B # c\nz: 1\n", append_it, "env:\n- name: A\n  value: B # c\n- name: NAME\n  value: V\nz: 1\n");
	assert_becomes("env:\n    - {name: A, value: B}", append_it, "env:\n    - {name: A, value: B}\n    - name: NAME\n      value: V");
	assert_becomes("env: [{name: A, value: B}]\n", append_it, "env: [{name: A, value: B}, {name: NAME, value: V}]\n");
}

static bool swap_it(struct yaml_edits *e, const struct yaml *root, struct err *err)
{
	return yaml_edit_swap(e, yaml_get(root, "user", NULL), "old", "exec", "{\"args\":[\"a\",\"b\"],\"command\":\"c\",\"env\":null}", err);
}

TEST(a_member_for_another)
{
	assert_becomes("user:\n  old: # one\n    name: azure\n    # two\n    config: {a: b} # three\n  z: 1\n", swap_it,
		       "user:\n  # one\n  # two\n  exec:\n    args:\n    - a\n    - b\n    command: c\n    env: null # three\n  z: 1\n");
	assert_becomes("user:\n    old:\n        name: azure\n", swap_it, "user:\n    exec:\n        args:\n        - a\n        - b\n        command: c\n        env: null\n");
	assert_becomes("{\"user\": {\"old\": {\"name\": \"azure\"}}}", swap_it, "{\"user\": {\"exec\": {\"args\": [\"a\", \"b\"], \"command\": \"c\", \"env\": null}}}");
	assert_becomes("user:\n  old: {name: azure}\n", swap_it, "user:\n  exec:\n    args:\n    - a\n    - b\n    command: c\n    env: null\n");
	assert_becomes("user:\n  old:\n    name: azure\n  exec: 1\n", swap_it, "! line 2: a member that daypass would replace is not laid out plainly");
}

static bool slip(struct yaml_edits *e, const struct yaml *root, struct err *err UNUSED)
{
	const struct yaml *a = yaml_get(root, "a", NULL);
	yaml_edit_bytes(e, a->from, a->to, str_dup("other"));
	return true;
}

static bool overlap(struct yaml_edits *e, const struct yaml *root, struct err *err UNUSED)
{
	const struct yaml *a = yaml_get(root, "a", NULL);
	yaml_edit_bytes(e, a->from, a->to, str_dup("one"));
	yaml_edit_bytes(e, a->from, a->to, str_dup("two"));
	return true;
}

static bool break_it(struct yaml_edits *e, const struct yaml *root, struct err *err UNUSED)
{
	const struct yaml *a = yaml_get(root, "a", NULL);
	yaml_edit_bytes(e, a->from, a->to, str_dup("[x"));
	return true;
}

TEST(a_text_that_would_mean_something_else_is_not_handed_out)
{
	assert_becomes("a: old\n", slip, "! the text is laid out in a way that daypass does not edit: it would come to mean something else");
	assert_becomes("a: old\n", overlap, "! the text is laid out in a way that daypass does not edit");
	AUTO_STR broken = changed("a: old\n", break_it);
	assert_says(broken, "! the text as it would become:2:1: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_yaml_says),
		T(what_is_not_edited_is_named_with_its_place),
		T(places_are_bytes),
		T(texts_and_what_only_looks_like_one),
		T(a_text_keeps_its_quotes),
		T(a_list_over_lines),
		T(a_list_in_brackets),
		T(a_member_more),
		T(an_entry_more),
		T(a_member_for_another),
		T(a_text_that_would_mean_something_else_is_not_handed_out),
	};
	return RUN(tests);
}
