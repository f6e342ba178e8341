#include "helper/base/json.h"

#include <cjson/cJSON.h>
#include <malloc.h>

#include "helper/base/str.h"

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

static void hooks_once(void)
{
	static bool done;
	if (done)
		return;
	cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = free_wiped};
	cJSON_InitHooks(&hooks);
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
	hooks_once();
	if (!text_ok(text, len))
		return NULL;
	AUTO_BUF copy = buf_new(len + 1); /* NUL-terminated, as "nothing may follow" needs it */
	buf_add(&copy, text, len);
	return (struct json *)cJSON_ParseWithLengthOpts(copy.p, copy.len + 1, NULL, 1);
}

void json_free(struct json **j)
{
	cJSON_Delete((cJSON *)*j);
	*j = NULL;
}

const struct json *json_get(const struct json *j, const char *name)
{
	const cJSON *found = NULL, *item;
	if (!cJSON_IsObject((const cJSON *)j))
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

const char *json_raw_text(const struct json *j)
{
	return cJSON_GetStringValue((const cJSON *)j);
}

const char *json_text(const struct json *j)
{
	const char *s = cJSON_GetStringValue((const cJSON *)j);
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
	if (cJSON_IsString(item))
		return str_to_int(item->valuestring, exact, out);
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > (double)exact)
		return false;
	*out = (int64_t)item->valuedouble;
	return true;
}

bool json_int(const struct json *j, const char *name, int64_t *out)
{
	return json_number(json_get(j, name), out);
}

const struct json *json_at(const struct json *j, int index)
{
	return cJSON_IsArray((const cJSON *)j) ? (const struct json *)cJSON_GetArrayItem((const cJSON *)j, index) : NULL;
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
