/* The little of XML that STS's answers are made of. A library that reads all of it would read a stranger's too. */
#include "helper/base/str.h"
#include "helper/sources/aws.h"

static const char BLANK[] = " \t\r\n";

static bool name_ends(char c)
{
	return c == '>' || c == '/' || (c && strchr(BLANK, c));
}

/* The next "<NAME" from p on, behind it; NULL where there is none. */
static const char *next_tag(const char *p, const char *name)
{
	size_t len = strlen(name);
	while ((p = strchr(p, '<'))) {
		p++;
		if (strncmp(p, name, len) == 0 && name_ends(p[len]))
			return p + len;
	}
	return NULL;
}

bool aws_xml_is(const struct secret *body, const char *root)
{
	const char *text = secret_reveal(body), *p = text + strspn(text, BLANK);
	size_t len = secret_len(body);
	if (strlen(text) != len)
		return false;
	if (str_starts(p, "<?xml ")) {
		p = strstr(p, "?>");
		p = p ? p + 2 : "";
		p += strspn(p, BLANK);
	}
	if (strstr(text, "<!") || strstr(p, "<?") || *p != '<' || next_tag(p, root) != p + 1 + strlen(root))
		return false;
	while (len && strchr(BLANK, text[len - 1]))
		len--;
	AUTO_STR end = str_printf("</%s>", root);
	return len >= strlen(end) && strncmp(text + len - strlen(end), end, strlen(end)) == 0;
}

bool aws_xml_text(const struct secret *body, const char *name, struct secret *out)
{
	const char *p = next_tag(secret_reveal(body), name);
	if (!p || *p != '>' || next_tag(p, name))
		return false;
	size_t len = strcspn(++p, "<>&");
	AUTO_STR end = str_printf("</%s>", name);
	if (!str_starts(p + len, end) || !secret_set(out, p, len))
		return false;
	return !str_has_control(secret_reveal(out));
}
