/* curl_post URL FORM-FILE: the bare minimum that any client of the token endpoint pays: libcurl linked as usual, one
 * POST with the same trust settings as daypass. Prints milliseconds and the HTTP status; exit status 0 on a 200. */
#include <curl/curl.h>

static size_t drop(char *data, size_t size, size_t count, void *user)
{
	(void)data;
	(void)user;
	return size * count;
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long read_file(const char *path, char *to, size_t size)
{
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(to, 1, size, f) : 0;
	if (f)
		fclose(f);
	return n && n < size ? (long)n : -1;
}

/* As helper/base/http_curl.c chooses: the named file, else the hashed folder instead of the bundle. */
static void set_trust(CURL *h)
{
	const char *own = getenv("DAYPASS_CA_FILE"), *file = own ? own : getenv("SSL_CERT_FILE"), *dir = own ? NULL : getenv("SSL_CERT_DIR");
	if (!file && !dir)
		dir = "/etc/ssl/certs";
	curl_easy_setopt(h, CURLOPT_CAINFO, file);
	curl_easy_setopt(h, CURLOPT_CAPATH, dir);
}

int main(int argc, char **argv)
{
	static char form[256 * 1024];
	double start = now_ms();
	long status = 0, len = argc == 3 ? read_file(argv[2], form, sizeof form) : -1;
	if (len < 0) {
		fprintf(stderr, "usage: curl_post URL FORM-FILE\n");
		return 2;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *h = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	headers = curl_slist_append(headers, "Accept: application/json");
	curl_easy_setopt(h, CURLOPT_URL, argv[1]);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h, CURLOPT_POSTFIELDS, form);
	curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE, len);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, 20000L);
	set_trust(h);
	CURLcode rc = curl_easy_perform(h);
	curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
	if (rc != CURLE_OK)
		fprintf(stderr, "curl_post: %s\n", curl_easy_strerror(rc));
	printf("%.3f ms, HTTP %ld\n", now_ms() - start, status);
	return rc == CURLE_OK && status == 200 ? 0 : 1;
}
