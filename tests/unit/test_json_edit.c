/* Editing a JSON text in place: every other byte stays, and what was put in can be taken out again. */
#include "helper/base/json.h"
#include "helper/base/json_edit.h"
#include "tests/unit/check.h"

enum { MAX = 64 * 1024 };

static struct json_span root_of(const struct buf *text)
{
	struct json_fault fault = {0};
	struct json_span root;
	if (!json_locate(text->p, text->len, &root, &fault))
		fail_msg("%s at %zu in %s", fault.what, fault.at, text->p);
	return root;
}

static struct json_member member_of(const struct buf *text, struct json_span object, const char *name)
{
	struct json_member m;
	for (size_t at = 0; json_next_member(text->p, object, &at, &m);) {
		AUTO_STR found = json_decode(text->p, m.name);
		if (str_eq(found, name))
			return m;
	}
	return (struct json_member){0};
}

static void inserted_at(const char *before, const char *after, const char *file, int line)
{
	AUTO_BUF text = buf_new(MAX), out = buf_new(MAX), back = buf_new(MAX);
	buf_adds(&text, before);
	json_insert(&text, root_of(&text), "new", "value", &out);
	text_at(out.p, after, file, line);
	struct json_member m = member_of(&out, root_of(&out), "new");
	json_cut(&out, root_of(&out), &m, &back);
	text_at(back.p, before, file, line);
}

#define assert_inserted(before, after) inserted_at(before, after, __FILE__, __LINE__)

TEST(a_member_takes_the_layout_of_those_before_it)
{
	assert_inserted("{\n\t\"a\": 1\n}", "{\n\t\"a\": 1,\n\t\"new\": \"value\"\n}");
	assert_inserted("{\r\n  \"a\": 1,\r\n  \"b\": {}\r\n}\r\n", "{\r\n  \"a\": 1,\r\n  \"b\": {},\r\n  \"new\": \"value\"\r\n}\r\n");
	assert_inserted("{\"a\":1}", "{\"a\":1,\"new\":\"value\"}");
	assert_inserted("{\"a\": 1}", "{\"a\": 1, \"new\": \"value\"}");
	assert_inserted("{ \"a\" : 1 } ", "{ \"a\" : 1, \"new\" : \"value\" } ");
	assert_inserted("{\"a\": 1\n}", "{\"a\": 1, \"new\": \"value\"\n}");
	assert_inserted("{\n\n\n\t\"a\":\n\t1\n\n}", "{\n\n\n\t\"a\":\n\t1,\n\t\"new\": \"value\"\n\n}");
	assert_inserted("\xEF\xBB\xBF{\n\"a\": \"}\"\n}", "\xEF\xBB\xBF{\n\"a\": \"}\",\n\"new\": \"value\"\n}");
}

TEST(an_empty_object_gets_no_blank_in_front_of_its_first_member)
{
	assert_inserted("{}", "{\"new\": \"value\"}");
	assert_inserted("{ }", "{\"new\": \"value\" }");
	assert_inserted("{\n}\n", "{\"new\": \"value\"\n}\n");
	AUTO_BUF text = buf_new(MAX), out = buf_new(MAX);
	buf_adds(&text, "{\"a\":{}}");
	struct json_member m = member_of(&text, root_of(&text), "a");
	json_insert(&text, m.value, "new", "value", &out);
	assert_text(out.p, "{\"a\":{\"new\":\"value\"}}");
	m = member_of(&out, root_of(&out), "a");
	assert_false(json_is_spaced(out.p, m.value));
}

static void object_inserted_at(const char *before, const char *after, const char *file, int line)
{
	AUTO_BUF text = buf_new(MAX), out = buf_new(MAX), back = buf_new(MAX);
	buf_adds(&text, before);
	json_insert_object(&text, root_of(&text), "new", "a\"b", "c", &out);
	text_at(out.p, after, file, line);
	struct json_member m = member_of(&out, root_of(&out), "new");
	assert_true(json_is_spaced(out.p, m.value));
	json_cut(&out, root_of(&out), &m, &back);
	text_at(back.p, before, file, line);
}

#define assert_object_inserted(before, after) object_inserted_at(before, after, __FILE__, __LINE__)

TEST(an_object_that_is_made_begins_with_a_blank)
{
	assert_object_inserted("{}", "{\"new\": { \"a\\\"b\": \"c\" }}");
	assert_object_inserted("{\"x\":1}", "{\"x\":1,\"new\":{ \"a\\\"b\":\"c\" }}");
	assert_object_inserted("{\n  \"x\": 1\n}", "{\n  \"x\": 1,\n  \"new\": {\n    \"a\\\"b\": \"c\"\n  }\n}");
	assert_object_inserted("{\r\n\t\"x\": 1\r\n}", "{\r\n\t\"x\": 1,\r\n\t\"new\": {\r\n\t\t\"a\\\"b\": \"c\"\r\n\t}\r\n}");
	assert_object_inserted("{\n\"x\": 1\n}", "{\n\"x\": 1,\n\"new\": {\n\t\"a\\\"b\": \"c\"\n}\n}");
}

static void cut_at(const char *before, const char *name, const char *after, const char *file, int line)
{
	AUTO_BUF text = buf_new(MAX), out = buf_new(MAX);
	buf_adds(&text, before);
	struct json_member m = member_of(&text, root_of(&text), name);
	json_cut(&text, root_of(&text), &m, &out);
	text_at(out.p, after, file, line);
	root_of(&out);
}

#define assert_cut(before, name, after) cut_at(before, name, after, __FILE__, __LINE__)

TEST(a_member_goes_with_its_comma)
{
	static const char three[] = "{\n\t\"a\": 1,\n\t\"b\": [2],\n\t\"c\": 3\n}";
	assert_cut(three, "a", "{\n\t\"b\": [2],\n\t\"c\": 3\n}");
	assert_cut(three, "b", "{\n\t\"a\": 1,\n\t\"c\": 3\n}");
	assert_cut(three, "c", "{\n\t\"a\": 1,\n\t\"b\": [2]\n}");
	assert_cut("{\n\t\"a\": 1\n}\n", "a", "{\n}\n");
	assert_cut("{\"a\" : {\"a\" : 2} , \"b\":1}", "a", "{\"b\":1}");
	assert_cut("{\"a\":1,\"b\":{\"a\":2}}", "b", "{\"a\":1}");
}

TEST(a_value_is_replaced_by_a_string)
{
	AUTO_BUF text = buf_new(MAX), out = buf_new(MAX);
	buf_adds(&text, "{\"a\" :  [1,2] , \"b\":1}");
	struct json_member m = member_of(&text, root_of(&text), "a");
	json_replace(&text, m.value, "x\"\n", &out);
	assert_text(out.p, "{\"a\" :  \"x\\\"\\u000a\" , \"b\":1}");
}

TEST(names_are_decoded)
{
	AUTO_BUF text = buf_new(MAX);
	buf_adds(&text, "{\"credHelp\\u0065rs\": 1, \"\\u0000\": 2, \"\": 3}");
	assert_int_equal(text.p[member_of(&text, root_of(&text), "credHelpers").value.from], '1');
	assert_int_equal(text.p[member_of(&text, root_of(&text), "").value.from], '3');
	AUTO_STR nul = json_decode("\"\\u0000\"", (struct json_span){0, 8});
	AUTO_STR number = json_decode("12", (struct json_span){0, 2});
	assert_null(nul);
	assert_null(number);
}

static void faulty_at(const char *text, size_t len, size_t where, const char *what, const char *file, int line)
{
	struct json_fault fault = {0};
	struct json_span root;
	if (json_locate(text, len, &root, &fault) || fault.at != where || !strstr(fault.what, what)) {
		print_error("\"%s\": %s at %zu\n", text, fault.what ? fault.what : "(nothing wrong)", fault.at);
		_fail(file, line);
	}
}

#define assert_faulty(text, where, what) faulty_at(text, sizeof text - 1, where, what, __FILE__, __LINE__)

TEST(what_is_wrong_is_found_where_it_stands)
{
	assert_faulty("", 0, "too early");
	assert_faulty("\xEF\xBB\xBF", 3, "too early");
	assert_faulty("{\"a\": 1, // x\n}", 9, "comment");
	assert_faulty("{\"a\": 1 /* x */}", 8, "comment");
	assert_faulty("# x\n{}", 0, "comment");
	assert_faulty("{\"a\": 1,}", 8, "comma with nothing");
	assert_faulty("[1,]", 3, "comma with nothing");
	assert_faulty("[,1]", 1, "no JSON value");
	assert_faulty("{,}", 1, "double quotes");
	assert_faulty("{a: 1}", 1, "double quotes");
	assert_faulty("{\"a\" 1}", 5, "colon");
	assert_faulty("[1 2]", 3, "comma is missing");
	assert_faulty("{\"a\": 1]", 7, "comma is missing");
	assert_faulty("{} {}", 3, "behind the end");
	assert_faulty("{}\0", 2, "behind the end");
	assert_faulty("{\"a", 1, "without an end");
	assert_faulty("[\"a\n\"]", 1, "without an end");
	assert_faulty("[\"\x1F\"]", 2, "control character");
	assert_faulty("[\"\\a\"]", 2, "escape");
	assert_faulty("[\"\\u00g0\"]", 2, "escape");
	assert_faulty("[\"\\u00", 2, "escape");
	assert_faulty("[\"\\", 2, "escape");
	assert_faulty("[-]", 1, "number");
	assert_faulty("[00]", 1, "number");
	assert_faulty("[1.]", 1, "number");
	assert_faulty("[1e]", 1, "number");
	assert_faulty("[+1]", 1, "no JSON value");
	assert_faulty("[nul]", 1, "no JSON value");
	assert_faulty("[truex]", 5, "comma is missing");
}

TEST(good_texts_are_taken_whole)
{
	static const char *const texts[] = {"{}", " [] ", "\"\"", "-0", "1.5e-3", "1E+2", "true", "null\n", "[[[{\"a\":[false]}]]]", "\xEF\xBB\xBF 0", "\"\\u00e9\\\\\\/\\b\\f\\n\\r\\t\\\"\""};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct json_fault fault = {0};
		struct json_span root;
		if (!json_locate(texts[i], strlen(texts[i]), &root, &fault))
			fail_msg("%s: %s", texts[i], fault.what);
	}
	assert_true(json_is_blank("", 0) && json_is_blank(" \r\n\t", 4) && json_is_blank("\xEF\xBB\xBF\n", 4));
	assert_false(json_is_blank("{}", 2) || json_is_blank("\0", 1) || json_is_blank(" x", 2));
}

TEST(it_is_no_milder_than_the_parser_after_any_change_of_one_byte)
{
	static const char text[] = "{\"auths\": {\"x\": {}}, \"credHelpers\": {\"a\": \"b\\u00e9\"}, \"n\": [-1.5e3, true, null]}";
	static const char others[] = "\"\\{}[]:,0-ae \n\x01/";
	char copy[sizeof text];
	for (size_t i = 0; i + 1 < sizeof text; i++) {
		for (size_t k = 0; k < sizeof others; k++) {
			struct json_fault fault;
			struct json_span root;
			memcpy(copy, text, sizeof text);
			copy[i] = others[k];
			if (!json_locate(copy, sizeof text - 1, &root, &fault))
				continue;
			AUTO_JSON j = json_parse(copy, sizeof text - 1);
			assert_true(j || strstr(copy, "\\u0000"));
		}
	}
}

TEST(depth_is_bounded)
{
	AUTO_BUF text = buf_new(MAX);
	struct json_fault fault = {0};
	struct json_span root;
	for (int i = 0; i < 10000; i++)
		buf_addc(&text, '[');
	assert_false(json_locate(text.p, text.len, &root, &fault));
	assert_says(fault.what, "inside each other");
}

TEST(places_are_counted_from_one)
{
	size_t line, column;
	json_place("{\n  x", 4, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 3);
	json_place("\xEF\xBB\xBFx", 3, &line, &column);
	assert_int_equal(line, 1);
	assert_int_equal(column, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_member_takes_the_layout_of_those_before_it),
		T(an_empty_object_gets_no_blank_in_front_of_its_first_member),
		T(an_object_that_is_made_begins_with_a_blank),
		T(a_member_goes_with_its_comma),
		T(a_value_is_replaced_by_a_string),
		T(names_are_decoded),
		T(what_is_wrong_is_found_where_it_stands),
		T(good_texts_are_taken_whole),
		T(it_is_no_milder_than_the_parser_after_any_change_of_one_byte),
		T(depth_is_bounded),
		T(places_are_counted_from_one),
	};
	return RUN(tests);
}
