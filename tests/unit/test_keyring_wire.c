/* What the keyring's child sends: taken whole or not at all, whatever a library was driven to say. */
#include "helper/base/keyring_wire.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "tests/unit/edge.h"
#include "tests/unit/tmp.h"

#define ITEMS CLEANUP(keyring_list_free) struct keyring_list

static char name_a[] = "app", value_a[] = "daypass", name_b[] = "key", value_b[] = "", label_text[] = "a label";

/* Borrowed texts; the value is free'd by its owner below. */
static struct keyring_item item(const char *value, size_t len, int64_t modified)
{
	struct keyring_item i = {.label = label_text, .attrs = {{name_a, value_a}, {name_b, value_b}}, .attr_count = 2, .value = secret_new(KEYRING_VALUE_MAX + 1), .modified = modified};
	assert_true(secret_set(&i.value, value, len));
	return i;
}

static void add(struct buf *to, const char *value, int64_t modified)
{
	struct keyring_item i = item(value, strlen(value), modified);
	assert_true(keyring_wire_put(to, &i));
	secret_free(&i.value);
}

static void head(struct buf *to, uint32_t answer, uint32_t count)
{
	struct keyring_head h = {answer, count};
	assert_true(buf_add(to, &h, sizeof h));
}

#define REPLY(b) AUTO_BUF b = buf_new(KEYRING_REPLY_MAX + 64)

/* Not what was promised: no item is left of it. */
static void refused(const struct buf *reply)
{
	struct keyring_list l = {.count = 99};
	assert_int_equal(keyring_wire_read(reply, &l), KEYRING_BROKEN);
	assert_int_equal(l.count, 0);
	assert_null(l.items);
}

TEST(what_is_put_is_read_again)
{
	REPLY(b);
	ITEMS l;
	head(&b, KEYRING_OK, 1);
	add(&b, "a value", 1234567890123);
	assert_int_equal(keyring_wire_read(&b, &l), KEYRING_OK);
	assert_int_equal(l.count, 1);
	assert_text(l.items[0].label, "a label");
	assert_int_equal(l.items[0].attr_count, 2);
	assert_text(keyring_attr_get(&l.items[0], "app"), "daypass");
	assert_text(keyring_attr_get(&l.items[0], "key"), "");
	assert_null(keyring_attr_get(&l.items[0], "ap"));
	assert_text(secret_reveal(&l.items[0].value), "a value");
	assert_true(l.items[0].modified == 1234567890123);
}

TEST(an_item_without_label_attributes_and_value_is_one_too)
{
	REPLY(b);
	ITEMS l;
	struct keyring_item bare = {.value = secret_new(1)};
	head(&b, KEYRING_OK, 1);
	assert_true(keyring_wire_put(&b, &bare));
	assert_int_equal(keyring_wire_read(&b, &l), KEYRING_OK);
	assert_int_equal(l.count, 1);
	assert_text(l.items[0].label, "");
	assert_int_equal(l.items[0].attr_count, 0);
	assert_int_equal(secret_len(&l.items[0].value), 0);
}

TEST(each_answer_is_passed_on_with_what_was_found)
{
	for (uint32_t a = KEYRING_OK; a <= KEYRING_NO_LIBRARY; a++) {
		REPLY(b);
		ITEMS l;
		head(&b, a, a % 2);
		if (a % 2)
			add(&b, "x", 0);
		assert_int_equal(keyring_wire_read(&b, &l), a);
		assert_int_equal(l.count, a % 2);
	}
}

TEST(items_come_newest_first)
{
	static const int64_t times[] = {5, -3, 9, 5, INT64_MIN, INT64_MAX, 0}, sorted[] = {INT64_MAX, 9, 5, 5, 0, -3, INT64_MIN};
	REPLY(b);
	ITEMS l;
	head(&b, KEYRING_OK, COUNT_OF(times));
	for (size_t i = 0; i < COUNT_OF(times); i++)
		add(&b, "x", times[i]);
	assert_int_equal(keyring_wire_read(&b, &l), KEYRING_OK);
	for (size_t i = 0; i < COUNT_OF(sorted); i++)
		assert_true(l.items[i].modified == sorted[i]);
}

TEST(a_reply_cut_at_any_length_is_refused_and_not_read_beyond)
{
	REPLY(b);
	head(&b, KEYRING_OK, 2);
	add(&b, "one", 1);
	add(&b, "two", 2);
	EDGE(e, b.len);
	for (size_t n = 0; n < b.len; n++) {
		struct buf cut = edge_buf(&e, b.p, n);
		refused(&cut);
	}
	ITEMS l;
	struct buf whole = edge_buf(&e, b.p, b.len);
	assert_int_equal(keyring_wire_read(&whole, &l), KEYRING_OK);
	assert_int_equal(l.count, 2);
}

TEST(bytes_behind_the_last_item_are_refused)
{
	REPLY(b);
	head(&b, KEYRING_OK, 1);
	add(&b, "one", 1);
	assert_true(buf_addc(&b, 0));
	refused(&b);
	REPLY(none);
	head(&none, KEYRING_ABSENT, 0);
	assert_true(buf_addc(&none, 0));
	refused(&none);
}

TEST(an_answer_that_does_not_exist_is_refused)
{
	static const uint32_t answers[] = {KEYRING_NO_LIBRARY + 1, 0x80000000, UINT32_MAX};
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		REPLY(b);
		head(&b, answers[i], 0);
		refused(&b);
	}
}

TEST(a_count_that_lies_is_refused)
{
	static const uint32_t counts[] = {0, 1, 3, 4096, 4097, INT32_MAX, UINT32_MAX};
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		REPLY(b);
		head(&b, KEYRING_OK, counts[i]);
		add(&b, "one", 1);
		add(&b, "two", 2);
		refused(&b);
	}
}

TEST(as_many_items_as_may_be_are_taken_and_not_one_more)
{
	struct keyring_item bare = {.value = secret_new(1)};
	for (uint32_t n = KEYRING_ITEMS_MAX; n <= KEYRING_ITEMS_MAX + 1; n++) {
		REPLY(b);
		ITEMS l;
		head(&b, KEYRING_OK, n);
		for (uint32_t i = 0; i < n; i++)
			assert_true(keyring_wire_put(&b, &bare));
		assert_int_equal(keyring_wire_read(&b, &l), n == KEYRING_ITEMS_MAX ? KEYRING_OK : KEYRING_BROKEN);
		assert_int_equal(l.count, n == KEYRING_ITEMS_MAX ? n : 0);
	}
}

/* Where each length and count stands in a reply of one item. */
enum { LABEL_AT = sizeof(struct keyring_head), COUNT_AT = LABEL_AT + 4 + 7 + 8, NAME_AT = COUNT_AT + 4, VALUE_AT = NAME_AT + 4 + 3 };

TEST(a_length_that_lies_is_refused_and_not_read_beyond)
{
	static const size_t places[] = {LABEL_AT, NAME_AT, VALUE_AT};
	static const uint32_t lies[] = {1, 1000, INT32_MAX, UINT32_MAX, UINT32_MAX - 3};
	REPLY(b);
	head(&b, KEYRING_OK, 1);
	add(&b, "one", 1);
	EDGE(e, b.len);
	for (size_t i = 0; i < COUNT_OF(places); i++)
		for (size_t k = 0; k < COUNT_OF(lies); k++) {
			AUTO_BUF lying = buf_new(b.len);
			uint32_t length;
			buf_add(&lying, b.p, b.len);
			memcpy(&length, lying.p + places[i], sizeof length);
			length = lies[k] == 1 ? length + 1 : lies[k];
			memcpy(lying.p + places[i], &length, sizeof length);
			struct buf at = edge_buf(&e, lying.p, lying.len);
			refused(&at);
		}
}

TEST(the_length_of_the_last_text_is_held_against_what_is_left)
{
	REPLY(b);
	head(&b, KEYRING_OK, 1);
	add(&b, "one", 1);
	EDGE(e, b.len);
	for (uint32_t length = 0; length < 6; length++) {
		memcpy(b.p + b.len - 7, &length, sizeof length);
		struct buf at = edge_buf(&e, b.p, b.len);
		struct keyring_list l;
		assert_int_equal(keyring_wire_read(&at, &l), length == 3 ? KEYRING_OK : KEYRING_BROKEN);
		keyring_list_free(&l);
	}
}

TEST(eight_attributes_are_taken_and_not_nine)
{
	struct keyring_item i = {.attr_count = KEYRING_ATTRS, .value = secret_new(1)};
	for (size_t k = 0; k < KEYRING_ATTRS; k++) {
		i.attrs[k].name = name_a;
		i.attrs[k].value = value_a;
	}
	REPLY(b);
	ITEMS l;
	head(&b, KEYRING_OK, 1);
	assert_true(keyring_wire_put(&b, &i));
	assert_int_equal(keyring_wire_read(&b, &l), KEYRING_OK);
	assert_int_equal(l.items[0].attr_count, KEYRING_ATTRS);
	static const uint32_t counts[] = {KEYRING_ATTRS + 1, 7, INT32_MAX, UINT32_MAX};
	for (size_t k = 0; k < COUNT_OF(counts); k++) {
		memcpy(b.p + sizeof(struct keyring_head) + 4 + 8, &counts[k], sizeof counts[k]);
		refused(&b);
	}
}

TEST(nine_attributes_that_are_really_there_are_not_taken)
{
	REPLY(b);
	uint32_t none = 0, nine = KEYRING_ATTRS + 1, one = 1;
	int64_t modified = 0;
	head(&b, KEYRING_OK, 1);
	buf_add(&b, &none, sizeof none);
	buf_add(&b, &modified, sizeof modified);
	buf_add(&b, &nine, sizeof nine);
	for (uint32_t i = 0; i < 2 * nine; i++) {
		buf_add(&b, &one, sizeof one);
		buf_addc(&b, 'x');
	}
	buf_add(&b, &none, sizeof none);
	refused(&b);
}

TEST(a_NUL_in_a_label_or_attribute_is_refused)
{
	static const size_t places[] = {LABEL_AT + 4, NAME_AT + 4 + 1, VALUE_AT + 4 + 6};
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		REPLY(b);
		head(&b, KEYRING_OK, 1);
		add(&b, "one", 1);
		b.p[places[i]] = 0;
		refused(&b);
	}
}

TEST(a_value_may_hold_any_bytes)
{
	REPLY(b);
	ITEMS l;
	struct keyring_item i = item("a\0b\n\xff", 5, 1);
	head(&b, KEYRING_OK, 1);
	assert_true(keyring_wire_put(&b, &i));
	secret_free(&i.value);
	assert_int_equal(keyring_wire_read(&b, &l), KEYRING_OK);
	assert_int_equal(secret_len(&l.items[0].value), 5);
	assert_memory_equal(secret_reveal(&l.items[0].value), "a\0b\n\xff", 5);
}

TEST(a_value_of_the_greatest_size_is_taken_and_no_larger_one)
{
	char *text = mem_alloc(KEYRING_VALUE_MAX + 1);
	memset(text, 'v', KEYRING_VALUE_MAX + 1);
	for (size_t n = KEYRING_VALUE_MAX; n <= KEYRING_VALUE_MAX + 1; n++) {
		REPLY(b);
		ITEMS l;
		struct keyring_item i = item(text, n, 1);
		head(&b, KEYRING_OK, 1);
		assert_true(keyring_wire_put(&b, &i));
		secret_free(&i.value);
		assert_int_equal(keyring_wire_read(&b, &l), n == KEYRING_VALUE_MAX ? KEYRING_OK : KEYRING_BROKEN);
	}
	free(text);
}

TEST(what_does_not_fit_into_the_reply_is_told)
{
	struct keyring_item i = item("a value", 7, 1);
	AUTO_BUF whole = buf_new(1000);
	assert_true(keyring_wire_put(&whole, &i));
	for (size_t n = 0; n < whole.len; n++) {
		AUTO_BUF small = buf_new(n);
		assert_false(keyring_wire_put(&small, &i));
	}
	secret_free(&i.value);
}

TEST(a_list_is_freed_once_and_empty_afterwards)
{
	REPLY(b);
	struct keyring_list l;
	head(&b, KEYRING_OK, 1);
	add(&b, "one", 1);
	assert_int_equal(keyring_wire_read(&b, &l), KEYRING_OK);
	keyring_list_free(&l);
	assert_int_equal(l.count, 0);
	keyring_list_free(&l);
}

/* --- where the bus is ---------------------------------------------------------------------------------------------- */

static bool named(const char *address, const char *runtime)
{
	AUTO_STR one = address ? str_printf("DBUS_SESSION_BUS_ADDRESS=%s", address) : str_dup("A=b");
	AUTO_STR two = runtime ? str_printf("XDG_RUNTIME_DIR=%s", runtime) : NULL;
	char *vars[] = {one, two, NULL};
	return keyring_bus_named(&(struct env){vars});
}

TEST(an_address_names_a_bus_unless_it_would_start_one)
{
	static const struct {
		const char *address;
		bool is;
	} rows[] = {
		{"unix:path=/run/user/1000/bus", true},
		{"unix:abstract=/tmp/dbus-x,guid=0123", true},
		{"tcp:host=localhost,port=1", true},
		{"unix:path=/a;unix:path=/b", true},
		{"unix:path=/x/autolaunch:", true}, /* a strange folder, and no method */
		{"autolaunch:", false},
		{"autolaunch:scope=*user", false},
		{"unix:path=/a;autolaunch:", false},
		{"unix:path=/a;autolaunch:scope=x;unix:path=/b", false},
		{"", false},
		{NULL, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (named(rows[i].address, NULL) != rows[i].is)
			fail_msg("%s", rows[i].address ? rows[i].address : "(none)");
}

TEST(without_an_address_a_socket_in_the_runtime_folder_is_the_bus)
{
	TMP(t);
	AUTO_STR bus = tmp_path(&t, "bus");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	assert_false(named(NULL, t.path));
	write_text(bus, "no socket", 0600);
	assert_false(named(NULL, t.path));
	assert_int_equal(unlink(bus), 0);
	assert_int_equal(mkdir(bus, 0700), 0);
	assert_false(named(NULL, t.path));
	assert_int_equal(rmdir(bus), 0);
	AUTO_CLOSE int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof at.sun_path, "%s", bus);
	assert_int_equal(bind(s, (struct sockaddr *)&at, sizeof at), 0);
	assert_true(named(NULL, t.path));
	assert_true(named("", t.path));
	assert_false(named("autolaunch:", t.path)); /* what is named goes before what lies there */
	assert_true(named("unix:path=/a", "/nowhere"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_put_is_read_again),
		T(an_item_without_label_attributes_and_value_is_one_too),
		T(each_answer_is_passed_on_with_what_was_found),
		T(items_come_newest_first),
		T(a_reply_cut_at_any_length_is_refused_and_not_read_beyond),
		T(bytes_behind_the_last_item_are_refused),
		T(an_answer_that_does_not_exist_is_refused),
		T(a_count_that_lies_is_refused),
		T(as_many_items_as_may_be_are_taken_and_not_one_more),
		T(a_length_that_lies_is_refused_and_not_read_beyond),
		T(the_length_of_the_last_text_is_held_against_what_is_left),
		T(eight_attributes_are_taken_and_not_nine),
		T(nine_attributes_that_are_really_there_are_not_taken),
		T(a_NUL_in_a_label_or_attribute_is_refused),
		T(a_value_may_hold_any_bytes),
		T(a_value_of_the_greatest_size_is_taken_and_no_larger_one),
		T(what_does_not_fit_into_the_reply_is_told),
		T(a_list_is_freed_once_and_empty_afterwards),
		T(an_address_names_a_bus_unless_it_would_start_one),
		T(without_an_address_a_socket_in_the_runtime_folder_is_the_bus),
	};
	return RUN(tests);
}
