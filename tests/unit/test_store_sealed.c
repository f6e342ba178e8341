/* Records sealed with a key of the kernel's keyring: in a user namespace, whose keyring is nobody else's and goes with
 * this process. */
#include <errno.h>
#include <linux/keyctl.h>

#include "tests/unit/apart.h"
#include "tests/unit/refuse.h"

static bool own_keyring;

static int enter(void **state UNUSED)
{
	own_keyring = apart_enter(0);
	return 0;
}

#define SEALED(r) \
	if (!own_keyring) \
		SKIP("no kernel keyring in a user namespace of our own"); \
	RUNTIME(r); \
	r.store.kernel = KEYCTL_OK

TEST(a_key_is_kept_by_its_name_and_read_by_its_id)
{
	unsigned char key[KEYCTL_KEY] = {7, 8, 9}, got[KEYCTL_KEY];
	int32_t id = 0, found = 0;
	if (!own_keyring)
		SKIP("no kernel keyring in a user namespace of our own");
	assert_int_equal(keyctl_add("daypass:unit", key, &id), KEYCTL_OK);
	assert_int_equal(keyctl_read_id(id, got), KEYCTL_OK);
	assert_memory_equal(key, got, sizeof key);
	memset(got, 0, sizeof got);
	assert_int_equal(keyctl_find("daypass:unit", got, &found), KEYCTL_OK);
	assert_int_equal(found, id);
	assert_memory_equal(key, got, sizeof key);
	assert_int_equal(keyctl_read_id(0x7ffffff0, got), KEYCTL_ABSENT);
}

TEST(a_revoked_key_is_gone_by_its_name_and_by_its_id_and_others_stay)
{
	unsigned char key[KEYCTL_KEY] = {7}, got[KEYCTL_KEY];
	int32_t id = 0, other = 0;
	if (!own_keyring)
		SKIP("no kernel keyring in a user namespace of our own");
	assert_int_equal(keyctl_revoke("daypass:gone"), 0);
	assert_int_equal(keyctl_add("daypass:gone", key, &id), KEYCTL_OK);
	assert_int_equal(keyctl_add("daypass:stays", key, &other), KEYCTL_OK);
	assert_true(syscall(SYS_keyctl, KEYCTL_LINK, (long)id, KEY_SPEC_PROCESS_KEYRING, 0, 0) >= 0); /* somebody holds on to it */
	assert_int_equal(keyctl_revoke("daypass:gone"), 1);
	assert_int_equal(keyctl_read_id(id, got), KEYCTL_ABSENT);
	assert_int_equal(keyctl_find("daypass:gone", got, &id), KEYCTL_ABSENT);
	assert_int_equal(keyctl_find("daypass:stays", got, &other), KEYCTL_OK);
	assert_int_equal(keyctl_revoke("daypass:gone"), 0);
}

TEST(a_sealed_record_does_not_show_its_text)
{
	SEALED(r);
	assert_true(runtime_put(&r, 1, "a-secret-token"));
	assert_kept(&r, 1, "a-secret-token");
	assert_says(r.store.port.describe(&r.store.port), "sealed, in ");
	AUTO_STR file = runtime_file(&r, 1);
	AUTO_BUF raw = buf_new(10000);
	struct err err;
	assert_true(file_read(file, &raw, NULL, ERR_INTERNAL, &err));
	assert_null(memmem(raw.p, raw.len, "a-secret", 8));
}

TEST(any_changed_byte_of_a_sealed_record_is_a_miss)
{
	SEALED(r);
	assert_true(runtime_put(&r, 1, "a-secret-token"));
	AUTO_STR file = runtime_file(&r, 1);
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	AUTO_CLOSE int fd = open(file, O_RDWR | O_CLOEXEC);
	for (off_t i = 0; i < st.st_size; i++) {
		unsigned char byte, changed;
		assert_int_equal(pread(fd, &byte, 1, i), 1);
		changed = (unsigned char)(byte ^ 0x04);
		assert_int_equal(pwrite(fd, &changed, 1, i), 1);
		assert_kept(&r, 1, NULL);
		assert_int_equal(pwrite(fd, &byte, 1, i), 1);
	}
	r.store.kernel = KEYCTL_OK;
	assert_kept(&r, 1, "a-secret-token");
}

TEST(a_sealed_record_of_another_place_is_a_miss)
{
	SEALED(r);
	assert_true(runtime_put(&r, 1, "one"));
	assert_true(runtime_put(&r, 2, "two"));
	AUTO_STR one = runtime_file(&r, 1);
	AUTO_STR two = runtime_file(&r, 2);
	assert_int_equal(rename(one, two), 0);
	assert_kept(&r, 2, NULL);
}

TEST(without_its_key_a_record_is_a_miss_and_the_next_one_is_sealed_anew)
{
	SEALED(r);
	assert_true(runtime_put(&r, 1, "one"));
	unsigned char other[KEYCTL_KEY] = {1};
	int32_t id;
	assert_int_equal(keyctl_add("daypass:wrap:v1", other, &id), KEYCTL_OK); /* replaced */
	assert_kept(&r, 1, NULL);
	assert_true(runtime_put(&r, 1, "again"));
	assert_kept(&r, 1, "again");
	assert_says(r.store.port.describe(&r.store.port), "sealed");
}

TEST(where_only_sealed_records_count_they_are_kept_too)
{
	SEALED(r);
	r.store.seal = STORE_SEAL_ALWAYS;
	assert_true(runtime_put(&r, 1, "one"));
	assert_kept(&r, 1, "one");
}

/* In containers and older sandboxes: the record is kept, in the clear, on tmpfs. */
static bool kept_plain(void *user)
{
	struct runtime *r = user;
	char *got = runtime_put(r, 1, "one") ? runtime_get(r, 1) : NULL;
	return str_eq(got, "one") && str_starts(r->store.port.describe(&r->store.port), "plain, in ");
}

static bool kept_not(void *user)
{
	struct runtime *r = user;
	r->store.seal = STORE_SEAL_ALWAYS;
	return !runtime_put(r, 1, "one") && !runtime_get(r, 1);
}

static const int refusals[] = {EPERM, ENOSYS, EACCES, EDQUOT};

static void each_refusal(bool (*act)(void *))
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		RUNTIME(r);
		r.store.kernel = KEYCTL_OK;
		int status = where_refused(SYS_keyctl, SYS_add_key, refusals[i], act, &r);
		if (status == REFUSAL_MISSING) {
			runtime_end(&r);
			SKIP("no system call filter");
		}
		if (status != 0)
			fail_msg("with %s: status %d", strerror(refusals[i]), status);
	}
}

TEST(where_the_kernel_refuses_its_keyring_records_are_plain)
{
	each_refusal(kept_plain);
}

TEST(where_the_kernel_refuses_its_keyring_and_only_sealed_records_count_none_is_kept)
{
	each_refusal(kept_not);
}

/* The key is found, but no new one may be made: quotas. */
TEST(where_no_key_can_be_added_records_are_plain)
{
	SEALED(r);
	long ring = syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_USER_KEYRING, 0, 0, 0);
	long persistent = syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING, 0, 0);
	if (persistent >= 0)
		ring = syscall(SYS_keyctl, KEYCTL_CLEAR, persistent, 0, 0, 0);
	assert_int_equal(ring, 0);
	assert_int_equal(where_refused(SYS_add_key, SYS_add_key, EDQUOT, kept_plain, &r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_key_is_kept_by_its_name_and_read_by_its_id),
		T(a_revoked_key_is_gone_by_its_name_and_by_its_id_and_others_stay),
		T(a_sealed_record_does_not_show_its_text),
		T(any_changed_byte_of_a_sealed_record_is_a_miss),
		T(a_sealed_record_of_another_place_is_a_miss),
		T(without_its_key_a_record_is_a_miss_and_the_next_one_is_sealed_anew),
		T(where_only_sealed_records_count_they_are_kept_too),
		T(where_the_kernel_refuses_its_keyring_records_are_plain),
		T(where_the_kernel_refuses_its_keyring_and_only_sealed_records_count_none_is_kept),
		T(where_no_key_can_be_added_records_are_plain),
	};
	return cmocka_run_group_tests(tests, enter, NULL);
}
