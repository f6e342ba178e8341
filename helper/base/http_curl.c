/* The HTTP port on libcurl, opened with dlopen. The only user of libcurl. */
#include <curl/curl.h>
#include <dirent.h>
#include <malloc.h>

#include "helper/base/clock.h"
#include "helper/base/http.h"
#include "helper/base/http_child.h"
#include "helper/base/lazy.h"
#include "helper/base/log.h"
#include "helper/base/proc.h"
#include "helper/base/str.h"
#include "helper/base/url.h"

#define CURL_API(X) \
	X(global_init_mem) X(version_info) X(easy_init) X(easy_setopt) X(easy_perform) X(easy_getinfo) X(easy_cleanup) \
	X(easy_strerror) X(slist_append) X(slist_free_all)

#define FIELD(name) __typeof__(&curl_##name) name;
#define NAME(name) "curl_" #name,
static struct {
	CURL_API(FIELD)
} api;
static const char *const names[] = {CURL_API(NAME)};
static const struct lazy_lib libcurl = {"libcurl.so.4", "libcurl4", "to reach the token endpoint", names, COUNT_OF(names)};
LAZY_NOTE(curl, "[{\"soname\":[\"libcurl.so.4\"],\"feature\":\"http\",\"description\":\"Exchanges tokens\",\"priority\":\"required\"}]");

/* Options go through one function a type: in C the real curl_easy_setopt is variadic and takes anything. */
static void set_long(CURL *h, CURLoption o, long v)
{
	api.easy_setopt(h, o, v);
}

static void set_str(CURL *h, CURLoption o, const char *v)
{
	api.easy_setopt(h, o, v);
}

static void set_ptr(CURL *h, CURLoption o, void *v)
{
	api.easy_setopt(h, o, v);
}

static void free_wiped(void *p)
{
	if (p)
		wipe(p, malloc_usable_size(p));
	free(p);
}

static void *realloc_wiped(void *old, size_t n)
{
	return mem_realloc_wipe(old, old ? malloc_usable_size(old) : 0, n);
}

static char *copy_text(const char *s)
{
	return str_dup(s);
}

static bool load_once(struct err *err)
{
	static bool done;
	if (done)
		return true;
	proc_scrub_environ();
	if (!lazy_load(&libcurl, (void **)&api, err))
		return false;
	if (api.global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, free_wiped, realloc_wiped, copy_text, calloc) != CURLE_OK)
		return err_set(err, ERR_INTERNAL, NULL, "libcurl cannot be initialised");
	done = true;
	return true;
}

/* libcurl 7.87 learnt not to wait for its resolver thread; before, a dead name server outlasts any deadline. */
static bool can_quick_exit(void)
{
	return LIBCURL_VERSION_NUM >= 0x075700 && api.version_info(CURLVERSION_NOW)->version_num >= 0x075700;
}

struct transfer {
	struct http_response *response;
	char problem[CURL_ERROR_SIZE];
	bool too_big;
};

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	if (buf_add(secret_buf(&t->response->body), data, size * n))
		return size * n;
	t->too_big = true;
	return 0;
}

static void keep(char *to, size_t size, const char *value, size_t len)
{
	while (len && (value[len - 1] == '\r' || value[len - 1] == '\n' || value[len - 1] == ' '))
		len--;
	snprintf(to, size, "%.*s", (int)len, value);
	err_clean(to);
}

static size_t on_header(char *line, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	struct http_response *r = t->response;
	size_t len = size * n;
	const struct {
		const char *name;
		char *to;
		size_t size;
	} wanted[] = {
		{"content-type:", r->content_type, sizeof r->content_type},
		{"retry-after:", r->retry_after, sizeof r->retry_after},
		{"date:", r->date, sizeof r->date},
		{"server:", r->server, sizeof r->server},
		{"location:", r->location, sizeof r->location},
		{"www-authenticate:", r->authenticate, sizeof r->authenticate},
		{"x-ms-request-id:", r->request_id, sizeof r->request_id},
		{"x-ms-correlation-request-id:", r->request_id, sizeof r->request_id},
		{"x-vss-e2eid:", r->request_id, sizeof r->request_id},
		{"x-ms-continuationtoken:", r->continuation, sizeof r->continuation},
		{"metadata-flavor:", r->metadata_flavor, sizeof r->metadata_flavor},
		{"grpc-status:", r->grpc_status, sizeof r->grpc_status},
		{"grpc-message:", r->grpc_message, sizeof r->grpc_message},
	};
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		size_t m = strlen(wanted[i].name);
		if (len <= m || strncasecmp(line, wanted[i].name, m) != 0)
			continue;
		while (m < len && line[m] == ' ')
			m++;
		keep(wanted[i].to, wanted[i].size, line + m, len - m);
	}
	if (len > 16 && strncasecmp(line, "x-ms-ests-server:", 17) == 0)
		r->from_entra = true;
	return len;
}

/* A directory prepared by `openssl rehash` (eight hex digits, ".0") is read name by name: 17 ms less per call than the
 * bundle with OpenSSL; GnuTLS would load all of it. */
static bool hashed_dir(const char *path)
{
	DIR *d = opendir(path);
	bool found = false;
	for (struct dirent *e; d && !found && (e = readdir(d));)
		found = strspn(e->d_name, "0123456789abcdef") == 8 && str_eq(e->d_name + 8, ".0");
	if (d)
		closedir(d);
	return found;
}

static void set_trust(CURL *h, const struct http_request *q, const struct http *http)
{
	static const char system_dir[] = "/etc/ssl/certs";
	const struct env *env = http->env;
	const char *file = q->ca_file ? q->ca_file : env_get(env, "DAYPASS_CA_FILE");
	file = file ? file : http->ca_file;
	bool own = file || q->ca_data;
	if (!file && !q->ca_data)
		file = env_get(env, "SSL_CERT_FILE");
	const char *dir = own ? NULL : env_get(env, "SSL_CERT_DIR");
	const char *tls = api.version_info(CURLVERSION_NOW)->ssl_version;
	bool use_system = !file && !dir && !q->ca_data && str_starts(tls, "OpenSSL") && hashed_dir(system_dir);
	if (q->ca_data) {
#if LIBCURL_VERSION_NUM >= 0x074D00
		struct curl_blob blob = {.data = (void *)(uintptr_t)q->ca_data, .len = strlen(q->ca_data), .flags = CURL_BLOB_COPY};
		set_ptr(h, CURLOPT_CAINFO_BLOB, &blob);
#endif
		set_str(h, CURLOPT_CAPATH, NULL);
	} else if (file || dir || use_system) {
		set_str(h, CURLOPT_CAINFO, file);
		set_str(h, CURLOPT_CAPATH, use_system ? system_dir : dir);
	}
}

static void set_safety(CURL *h, const struct http_request *q)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	set_str(h, CURLOPT_PROTOCOLS_STR, q->local ? "http,https" : "https");
#else
	set_long(h, CURLOPT_PROTOCOLS, q->local ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	if (can_quick_exit())
		set_long(h, CURLOPT_QUICK_EXIT, 1);
#endif
	set_long(h, CURLOPT_FOLLOWLOCATION, 0);
	set_long(h, CURLOPT_NETRC, CURL_NETRC_IGNORED);
	set_long(h, CURLOPT_DISALLOW_USERNAME_IN_URL, 1);
	set_long(h, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	set_long(h, CURLOPT_HTTP_VERSION, q->http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1);
	set_long(h, CURLOPT_PROXYAUTH, (long)CURLAUTH_ANY);
	set_long(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
	set_long(h, CURLOPT_NOSIGNAL, 1);
	set_str(h, CURLOPT_USERAGENT, "daypass/" DAYPASS_VERSION);
}

static void set_proxy(CURL *h, const struct http_request *q, const struct http *http)
{
	if (q->direct || q->unix_socket || (http->proxy && !*http->proxy))
		set_str(h, CURLOPT_NOPROXY, "*");
	else if (http->proxy)
		set_str(h, CURLOPT_PROXY, http->proxy);
	if (http->proxy_always)
		set_str(h, CURLOPT_NOPROXY, "");
}

static void set_time(CURL *h, const struct http_request *q, int64_t left_ms)
{
	enum { CONNECT_MS = 10000 };
	int64_t connect_ms = q->connect_ms ? q->connect_ms : CONNECT_MS;
	set_long(h, CURLOPT_TIMEOUT_MS, (long)left_ms);
	set_long(h, CURLOPT_CONNECTTIMEOUT_MS, (long)(left_ms < connect_ms ? left_ms : connect_ms));
}

/* libcurl 7.75 can sign; 7.86 is the first to do it right with a header that it did not make itself. */
static bool set_signature(CURL *h, const struct http_request *q, struct err *err)
{
#if LIBCURL_VERSION_NUM >= 0x075600
	if (api.version_info(CURLVERSION_NOW)->version_num >= 0x075600) {
		set_str(h, CURLOPT_AWS_SIGV4, q->sigv4);
		set_str(h, CURLOPT_USERPWD, secret_reveal(q->sigv4_key));
		return true;
	}
#else
	(void)h;
#endif
	return err_set(err, ERR_SOURCE, "install libcurl 7.86 or newer", "this libcurl cannot sign a request for AWS: %s", q->url);
}

/* What some libcurls are built without. */
static bool set_special(CURL *h, const struct http_request *q, struct err *err)
{
	if (q->unix_socket)
		set_str(h, CURLOPT_UNIX_SOCKET_PATH, q->unix_socket);
	if (q->http2 && !(api.version_info(CURLVERSION_NOW)->features & CURL_VERSION_HTTP2))
		return err_set(err, ERR_SOURCE, "install a libcurl with HTTP/2, as distributions have it", "this libcurl does not speak HTTP/2");
	return !q->sigv4 || set_signature(h, q, err);
}

static struct curl_slist *make_headers(const struct http_request *q)
{
	/* libcurl would sign the name of a header that is only taken away, and AWS never see it. */
	struct curl_slist *list = q->sigv4 ? NULL : api.slist_append(NULL, "Expect:");
	for (size_t i = 0; i < COUNT_OF(q->headers) && q->headers[i]; i++)
		list = api.slist_append(list, q->headers[i]);
	if (q->bearer) {
		AUTO_BUF line = buf_new(128 * 1024);
		if (q->bearer_name)
			buf_addf(&line, "%s: ", q->bearer_name);
		else
			buf_addf(&line, "Authorization: %s ", q->bearer_word);
		buf_add(&line, secret_reveal(q->bearer), secret_len(q->bearer));
		list = api.slist_append(list, line.p);
	}
	return list;
}

static const char *proxy_of(const struct http *http)
{
	static const char *const vars[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	const char *found = http->proxy;
	for (size_t i = 0; !found && i < COUNT_OF(vars); i++)
		found = env_get(http->env, vars[i]);
	return found;
}

static bool explain_proxy(const struct http *http, const char *host, long connect_code, struct err *err)
{
	const char *proxy = proxy_of(http), *setting = http->proxy ? http->proxy_name : "HTTPS_PROXY";
	AUTO_BUF masked = buf_new(512);
	url_mask(&masked, proxy ? proxy : "the proxy");
	if (connect_code == 407) {
		err_set(err, ERR_NETWORK, NULL, "proxy %s wants a log-in (HTTP 407) before it lets us reach %s", masked.p, host);
		return err_hint(err, "put user and password into %s, or except the host: NO_PROXY=%s", setting, host);
	}
	if (connect_code)
		err_set(err, ERR_NETWORK, NULL, "proxy %s does not let us reach %s (HTTP %ld)", masked.p, host, connect_code);
	else
		err_set(err, ERR_NETWORK, NULL, "%s cannot be reached through proxy %s", host, masked.p);
	return err_hint(err, "check %s, or except the host: NO_PROXY=%s", setting, host);
}

static bool explain(CURLcode rc, const struct transfer *t, const struct http *http, const char *host, long connect_code,
		    struct err *err)
{
	const char *text = t->problem[0] ? t->problem : api.easy_strerror(rc);
	if (t->too_big)
		return err_set(err, ERR_NETWORK, NULL, "%s answered with more than %zu KiB: not a token", host, secret_buf(&t->response->body)->max / 1024);
	/* A dial that failed did not name our host: it was a proxy's. */
	bool proxy_lost = rc == CURLE_COULDNT_CONNECT && proxy_of(http) && !strstr(text, host);
	if (connect_code >= 300 || rc == CURLE_COULDNT_RESOLVE_PROXY || proxy_lost)
		return explain_proxy(http, host, connect_code, err);
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return err_set(err, ERR_NETWORK, "if a proxy opens TLS here, name its CA: export DAYPASS_CA_FILE=/path/to/ca.pem",
			       "the certificate of %s is not trusted: %s", host, text);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(err, ERR_NETWORK, "check DAYPASS_CA_FILE, SSL_CERT_FILE and SSL_CERT_DIR", "the CA certificates cannot be read: %s", text);
	case CURLE_COULDNT_RESOLVE_HOST:
		return err_set(err, ERR_NETWORK, "check the network and its name server", "the name %s cannot be resolved", host);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(err, ERR_NETWORK, "check the network, or allow more time: DAYPASS_TIMEOUT=60", "%s did not answer in time", host);
	case CURLE_PARTIAL_FILE:
		return err_set(err, ERR_NETWORK, "try again", "the answer of %s was cut short", host);
	default:
		return err_set(err, ERR_NETWORK, "check the network, HTTPS_PROXY and NO_PROXY", "%s cannot be reached: %s", host, text);
	}
}

static bool transfer(const struct http *http, const struct http_request *q, int64_t left_ms, struct http_response *r, struct err *err)
{
	struct transfer t = {.response = r};
	AUTO_STR host = http_host(q->url);
	CURL *h = api.easy_init();
	if (!h)
		return err_set(err, ERR_INTERNAL, NULL, "libcurl gave no handle");
	struct curl_slist *headers = make_headers(q), *connect = NULL;
	set_safety(h, q);
	set_time(h, q, left_ms);
	set_trust(h, q, http);
	set_proxy(h, q, http);
	set_str(h, CURLOPT_URL, q->url);
	set_str(h, CURLOPT_CUSTOMREQUEST, q->method);
	set_ptr(h, CURLOPT_HTTPHEADER, headers);
	if (q->form) {
		set_str(h, CURLOPT_POSTFIELDS, secret_reveal(q->form));
		set_long(h, CURLOPT_POSTFIELDSIZE, (long)secret_len(q->form));
	} else if (str_eq(q->method, "POST")) {
		set_str(h, CURLOPT_POSTFIELDS, "");
		set_long(h, CURLOPT_POSTFIELDSIZE, 0);
	}
	if (q->connect_to) {
		AUTO_STR rule = str_printf("::%s", q->connect_to);
		connect = api.slist_append(NULL, rule);
		set_ptr(h, CURLOPT_CONNECT_TO, connect);
	}
	api.easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	api.easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	set_ptr(h, CURLOPT_WRITEDATA, &t);
	set_ptr(h, CURLOPT_HEADERDATA, &t);
	set_ptr(h, CURLOPT_ERRORBUFFER, t.problem);
	bool possible = set_special(h, q, err);
	CURLcode rc = possible ? api.easy_perform(h) : CURLE_OK;
	long connect_code = 0;
	api.easy_getinfo(h, CURLINFO_RESPONSE_CODE, &r->status);
	api.easy_getinfo(h, CURLINFO_HTTP_CONNECTCODE, &connect_code);
	api.easy_cleanup(h);
	api.slist_free_all(headers);
	api.slist_free_all(connect);
	return possible && (rc == CURLE_OK || explain(rc, &t, http, host, connect_code, err));
}

static bool url_ok(const struct http_request *q, struct url *u, struct err *err)
{
	if (!url_parse(q->url, u) || u->user)
		return err_set(err, ERR_CONFIG, NULL, "'%s' is not a URL that daypass calls", q->url);
	bool near = url_is_loopback(u->host) || url_is_link_local(u->host) || q->unix_socket;
	if (str_eq(u->scheme, "https") || (q->local && near && str_eq(u->scheme, "http")))
		return true;
	return err_set(err, ERR_CONFIG, NULL, "'%s' is not https", q->url);
}

static bool curl_perform(struct http *http, const struct http_request *q, struct http_response *r, struct err *err)
{
	AUTO_URL u = {0};
	struct clock c = clock_real();
	if (!url_ok(q, &u, err) || !load_once(err))
		return false;
	if (http->prepare) {
		http->prepare(http, http->prepare_user);
		http->prepare = NULL;
	}
	int64_t left = q->deadline_ms - c.mono_ms(&c);
	if (left <= 0)
		return err_set(err, ERR_NETWORK, "try again, or allow more time: DAYPASS_TIMEOUT=60", "no time is left to ask %s", u.host);
	log_trace("%s %s://%s/%s", q->method, u.scheme, u.host, u.path);
	bool fork_it = http->always_fork || !can_quick_exit();
	bool ok = fork_it ? http_in_child(transfer, http, q, left, r, err) : transfer(http, q, left, r, err);
	if (ok)
		log_trace("%s answered %ld, %zu bytes, in %lld ms", u.host, r->status, secret_len(&r->body), (long long)(c.mono_ms(&c) - (q->deadline_ms - left)));
	return ok;
}

struct http http_curl(const struct env *env)
{
	return (struct http){.perform = curl_perform, .env = env};
}
