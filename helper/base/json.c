#include "helper/base/json.h"

#include <cjson/cJSON.h>
#include <malloc.h>

#include "helper/base/lazy.h"
#include "helper/base/log.h"
#include "helper/base/proc.h"
#include "helper/base/str.h"

/* Opened on the first value that is parsed: many hits need none, and linking it costs each of them a twelfth. */
#define CJSON_API(X) X(InitHooks) X(Delete) X(ParseWithLengthOpts)

#define FIELD(name) __typeof__(&cJSON_##name) name;
#define NAME(name) "cJSON_" #name,
static struct {
	CJSON_API(FIELD)
} api;
static const char *const names[] = {CJSON_API(NAME)};
static const struct lazy_lib libcjson = {"libcjson.so.1", "libcjson1", "to read JSON", names, COUNT_OF(names)};
LAZY_NOTE(cjson, "[{\"soname\":[\"libcjson.so.1\"],\"feature\":\"json\",\"description\":\"Reads tokens and answers\",\"priority\":\"required\"}]");

static void free_wiped(void *p)
{
	if (p)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static void *allocate(size_t n)
{
	return mem_alloc(n);
}

static void load_once(void)
{
	static bool done;
	struct err err;
	if (done)
		return;
	if (!lazy_load(&libcjson, (void **)&api, &err)) {
		log_line("%s; %s", err.msg, err.hint);
		proc_exit(ERR_INTERNAL); /* nothing can be understood without it */
	}
	cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = free_wiped};
	api.InitHooks(&hooks);
	done = true;
}

/* cJSON passes raw control characters inside strings and cuts a string at an escaped NUL: neither may get through. */
static bool text_ok(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
			return false;
		if (c == '\\' && len - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
			return false;
	}
	return true;
}

struct json *json_parse(const char *text, size_t len)
{
	load_once();
	if (!text_ok(text, len))
		return NULL;
	AUTO_BUF copy = buf_new(len + 1); /* NUL-terminated, as "nothing may follow" needs it */
	buf_add(&copy, text, len);
	return (struct json *)api.ParseWithLengthOpts(copy.p, copy.len + 1, NULL, 1);
}

void json_free(struct json **j)
{
	if (*j)
		api.Delete((cJSON *)*j);
	*j = NULL;
}

static bool is(const cJSON *item, int type)
{
	return item && (item->type & 0xFF) == type;
}

const struct json *json_get(const struct json *j, const char *name)
{
	const cJSON *found = NULL, *item;
	if (!is((const cJSON *)j, cJSON_Object))
		return NULL;
	cJSON_ArrayForEach(item, (const cJSON *)j)
	{
		if (!str_eq(item->string, name))
			continue;
		if (found)
			return NULL;
		found = item;
	}
	return (const struct json *)found;
}

bool json_is_array(const struct json *j)
{
	return is((const cJSON *)j, cJSON_Array);
}

const char *json_raw_text(const struct json *j)
{
	return is((const cJSON *)j, cJSON_String) ? ((const cJSON *)j)->valuestring : NULL;
}

const char *json_text(const struct json *j)
{
	const char *s = json_raw_text(j);
	return s && !str_has_control(s) ? s : NULL;
}

const char *json_str(const struct json *j, const char *name)
{
	return json_text(json_get(j, name));
}

bool json_number(const struct json *j, int64_t *out)
{
	static const int64_t exact = (int64_t)1 << 53;
	const cJSON *item = (const cJSON *)j;
	if (is(item, cJSON_String))
		return str_to_int(item->valuestring, exact, out);
	if (!is(item, cJSON_Number) || !(item->valuedouble >= 0) || item->valuedouble > (double)exact)
		return false;
	*out = (int64_t)item->valuedouble;
	return (double)*out == item->valuedouble;
}

bool json_int(const struct json *j, const char *name, int64_t *out)
{
	return json_number(json_get(j, name), out);
}

const struct json *json_at(const struct json *j, int index)
{
	const cJSON *item = is((const cJSON *)j, cJSON_Array) ? ((const cJSON *)j)->child : NULL;
	for (; item && index > 0; index--)
		item = item->next;
	return (const struct json *)item;
}

bool json_is_true(const struct json *j)
{
	return is((const cJSON *)j, cJSON_True);
}

const char *json_name(const struct json *j, int index)
{
	const cJSON *item = is((const cJSON *)j, cJSON_Object) ? ((const cJSON *)j)->child : NULL;
	for (; item && index > 0; index--)
		item = item->next;
	return item ? item->string : NULL;
}

bool json_quote(struct buf *to, const char *s)
{
	if (!s)
		return buf_adds(to, "null");
	bool ok = buf_addc(to, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			ok = buf_addc(to, '\\') && buf_addc(to, *s) && ok;
		else if (c < 0x20 || c == 0x7F)
			ok = buf_addf(to, "\\u%04x", c) && ok;
		else
			ok = buf_addc(to, *s) && ok;
	}
	return buf_addc(to, '"') && ok;
}

void json_pair(struct buf *to, const char *name, const char *value, bool last)
{
	buf_addf(to, "\"%s\": ", name);
	json_quote(to, value);
	buf_adds(to, last ? "" : ", ");
}
