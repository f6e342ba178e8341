/* The client's own secret and certificate: where they lie, who may read them, what is made of them. */
#include <sys/wait.h>

#include "helper/base/json.h"
#include "helper/base/sign.h"
#include "helper/core/exchange.h"
#include "helper/core/jwt.h"
#include "tests/unit/bench.h"
#include "tests/unit/tmp.h"

static const struct source *const hidden = &source_client_secret, *const certificate = &source_certificate;

static void unset(struct bench *b, enum key key)
{
	free(b->id.set[key].value);
	free(b->id.set[key].origin);
	b->id.set[key] = (struct setting){0};
}

/* --- secret ---------------------------------------------------------------------------------------------------------- */

TEST(a_secret_is_present_where_a_setting_names_it_and_azures_variable_only_by_the_sources_name)
{
	BENCH(b);
	world_env(&b.w, "AZURE_CLIENT_SECRET", "hush");
	setting(&b, KEY_SOURCE, "auto");
	assert_int_equal(detect(&b, hidden), SOURCE_ABSENT);
	setting(&b, KEY_SOURCE, "client-secret");
	assert_int_equal(detect(&b, hidden), SOURCE_PRESENT);
	assert_true(fetch(&b, hidden));
	assert_text(secret_reveal(&b.got.value), "hush");
	setting(&b, KEY_SOURCE, "auto");
	setting(&b, KEY_CLIENT_SECRET_ENV, "MY_SECRET");
	broken(&b, hidden, "the variable MY_SECRET (/f:1) is not set", "client-secret-file");
	world_env(&b.w, "MY_SECRET", "other");
	assert_int_equal(detect(&b, hidden), SOURCE_PRESENT);
	assert_true(fetch(&b, hidden));
	assert_text(secret_reveal(&b.got.value), "other");
	world_env(&b.w, "AZURE_CLIENT_SECRET", NULL);
	unset(&b, KEY_CLIENT_SECRET_ENV);
	setting(&b, KEY_SOURCE, "client-secret");
	broken(&b, hidden, "the variable AZURE_CLIENT_SECRET", "export it");
}

TEST(a_secret_goes_to_entra_as_it_is_and_is_the_clients_own)
{
	assert_true(hidden->yields_secret && hidden->own_credential && !hidden->yields_access_token);
	assert_true(certificate->own_credential && !certificate->yields_secret && !certificate->yields_access_token);
	assert_int_equal(hidden->automatic, AUTO_AMBIENT);
	assert_int_equal(certificate->automatic, AUTO_AMBIENT);
}

TEST(a_secrets_file_goes_before_its_variable_and_is_trimmed)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "secret");
	setting(&b, KEY_CLIENT_SECRET_ENV, "MY_SECRET");
	world_env(&b.w, "MY_SECRET", "other");
	setting(&b, KEY_CLIENT_SECRET_FILE, path);
	write_text(path, "\xEF\xBB\xBF a~b.c_-d \r\n", 0600);
	assert_true(fetch(&b, hidden));
	assert_text(secret_reveal(&b.got.value), "a~b.c_-d");
}

static void refused_file(mode_t mode, bool ok)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "secret");
	setting(&b, KEY_CLIENT_SECRET_FILE, path);
	write_text(path, "hush", 0600);
	assert_int_equal(chmod(path, mode), 0);
	if (fetch(&b, hidden) != ok)
		fail_msg("mode %o: %s", mode, b.err.msg);
	assert_true((print(&b, hidden) != NULL) == ok);
	if (ok)
		return;
	assert_says(b.err.msg, "others may read or change it");
	assert_says(b.err.hint, "chmod 600");
	assert_silent_about(b.err.msg, "hush");
}

TEST(a_file_that_others_may_read_is_not_used)
{
	static const mode_t bad[] = {0604, 0620, 0602, 0610, 0644, 0666, 0601};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		refused_file(bad[i], false);
	refused_file(0600, true);
	refused_file(0400, true);
	refused_file(0640, geteuid() == 0); /* root's file may be for a group: we could not read it otherwise */
	refused_file(0440, geteuid() == 0);
}

TEST(a_file_of_another_user_is_not_used)
{
	if (geteuid() != 0)
		SKIP("only root can give a file away");
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "secret");
	setting(&b, KEY_CLIENT_SECRET_FILE, path);
	write_text(path, "hush", 0600);
	assert_int_equal(chown(path, 4321, 4321), 0);
	assert_false(fetch(&b, hidden));
	assert_says(b.err.msg, "another user (4321)");
}

TEST(what_is_no_secret_is_named_by_its_place_and_not_shown)
{
	static const char *const odd[] = {"", " \n", "hush\nhush", "hush\x01", "hush\thush"};
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "secret");
	setting(&b, KEY_CLIENT_SECRET_FILE, path);
	assert_false(fetch(&b, hidden));
	assert_says(b.err.msg, "No such file");
	assert_text(b.err.hint, "check /f:1");
	for (size_t i = 0; i < COUNT_OF(odd); i++) {
		write_text(path, odd[i], 0600);
		assert_false(fetch(&b, hidden));
		assert_clean(&b.err);
		assert_says(b.err.msg, path);
		assert_silent_about(b.err.msg, "hush");
		assert_null(print(&b, hidden));
	}
	char big[5000];
	memset(big, 'a', sizeof big);
	write_file(path, big, 4097, 0600);
	assert_false(fetch(&b, hidden));
	big[4097] = 0;
	unset(&b, KEY_CLIENT_SECRET_FILE);
	setting(&b, KEY_SOURCE, "client-secret");
	world_env(&b.w, "AZURE_CLIENT_SECRET", big);
	assert_false(fetch(&b, hidden));
	assert_says(b.err.msg, "the variable AZURE_CLIENT_SECRET is longer than 4096 bytes");
}

TEST(another_secret_is_another_caller_and_its_print_does_not_show_it)
{
	BENCH(b);
	setting(&b, KEY_CLIENT_SECRET_ENV, "MY_SECRET");
	world_env(&b.w, "MY_SECRET", "hush");
	AUTO_STR before = str_dup(print(&b, hidden));
	assert_silent_about(before, "hush");
	assert_text(print(&b, hidden), before);
	world_env(&b.w, "MY_SECRET", "other");
	assert_string_not_equal(print(&b, hidden), before);
}

TEST(a_secret_is_in_the_form_alone)
{
	BENCH(b);
	struct plan p = {.source = hidden, .authority = (char *)(uintptr_t)"https://login.microsoftonline.com", .scope = (char *)(uintptr_t)"r/.default"};
	struct exchange_failure f;
	AUTO_TOKEN given = token_new();
	AUTO_TOKEN out = token_new();
	SCRIPT(&b.w, {401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215],\"error_description\":\"AADSTS7000215: x\"}"},
	       {200, .body = "{\"token_type\":\"Bearer\",\"access_token\":\"at\",\"expires_in\":60}"});
	setting(&b, KEY_CLIENT_SECRET_ENV, "MY_SECRET");
	p.id = b.id;
	secret_set(&given.value, "h&u=s~h+", 8);
	assert_false(exchange_once(&b.w.ctx, &p, &given, &out, &f, &b.err));
	assert_clean(&b.err);
	assert_text(b.w.http.asked[0].form, "grant_type=client_credentials&client_id=" CLIENT "&scope=r%2F.default&client_secret=h%26u%3Ds~h%2B");
	assert_null(b.w.http.asked[0].bearer);
	assert_silent_about(b.w.http.asked[0].url, "h%26u");
	assert_says(b.err.msg, "the client secret is wrong");
	assert_says(b.err.msg, "; the secret is that in MY_SECRET");
	assert_silent_about(b.err.msg, "h&u");
	assert_true(exchange_once(&b.w.ctx, &p, &given, &out, &f, &b.err));
}

/* --- which source goes first ----------------------------------------------------------------------------------------- */

static const char *chosen(struct bench *b)
{
	const struct source *s = NULL;
	setting(b, KEY_SOURCE, "auto");
	b->err = ERR_INIT;
	enum verdict v = plan_source(&b->w.ctx, &b->id, &s, &b->err);
	return v == PLAN_OURS ? s->name : v == PLAN_NOT_OURS ? "none" : "broken";
}

TEST(a_federated_source_goes_first_then_certificate_secret_and_the_machine)
{
	BENCH(b);
	assert_text(chosen(&b), "none");
	world_env(&b.w, "IDENTITY_ENDPOINT", "http://127.0.0.1:1");
	world_env(&b.w, "IDENTITY_HEADER", "x");
	assert_text(chosen(&b), "managed-identity");
	setting(&b, KEY_CLIENT_SECRET_FILE, "/nowhere/s");
	assert_text(chosen(&b), "client-secret");
	setting(&b, KEY_CERTIFICATE, "/nowhere/c");
	assert_text(chosen(&b), "certificate");
	setting(&b, KEY_TOKEN_FILE, "/nowhere/t");
	assert_text(chosen(&b), "file");
	world_env(&b.w, "GITHUB_ACTIONS", "true");
	assert_text(chosen(&b), "broken");
}

/* --- certificate ----------------------------------------------------------------------------------------------------- */

/* Run a shell command in the folder; false where openssl is not there or says no. */
static bool shell(const struct tmp *t, const char *command)
{
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		if (chdir(t->path) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2)
			execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	int status;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#define MAKE "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=app -days 1 -keyout key.pem -out cert.pem && cat key.pem cert.pem >both.pem && chmod 600 *.pem"

static bool made(struct bench *b, const struct tmp *t, const char *command, const char *name)
{
	AUTO_STR path = tmp_path(t, name);
	setting(b, KEY_CERTIFICATE, path);
	return shell(t, MAKE) && shell(t, command);
}

#define CERTIFICATE(b, t, command, name) \
	BENCH(b); \
	TMP(t); \
	if (!made(&b, &t, command, name)) \
		SKIP("openssl is not there")

static struct json *part(const struct token *t, int n)
{
	const char *p = secret_reveal(&t->value);
	for (; n; n--)
		p = strchr(p, '.') + 1;
	AUTO_BUF text = buf_new(65536);
	assert_true(seal_b64url_decode(&text, p, strcspn(p, ".")));
	return json_parse(text.p, text.len);
}

/* openssl's own judgement of the signature. */
static bool verifies(const struct tmp *t, const struct token *token)
{
	const char *jwt = secret_reveal(&token->value), *dot = strrchr(jwt, '.');
	AUTO_BUF signature = buf_new(4096);
	AUTO_STR data_path = tmp_path(t, "data");
	AUTO_STR signature_path = tmp_path(t, "sig");
	assert_true(seal_b64url_decode(&signature, dot + 1, strlen(dot + 1)));
	write_file(data_path, jwt, (size_t)(dot - jwt), 0600);
	write_file(signature_path, signature.p, signature.len, 0600);
	return shell(t, "openssl x509 -in cert.pem -pubkey -noout >pub.pem && openssl dgst -sha256 -verify pub.pem -signature sig data");
}

TEST(a_certificate_signs_an_assertion_of_the_client_itself)
{
	CERTIFICATE(b, t, ":", "both.pem");
	AUTO_JWT jwt = {0};
	assert_int_equal(detect(&b, certificate), SOURCE_PRESENT);
	if (!fetch(&b, certificate))
		fail_msg("%s", b.err.msg);
	assert_true(jwt_read(&b.got.value, "it", &jwt, &b.err));
	assert_text(jwt.iss, CLIENT);
	assert_text(jwt.sub, CLIENT);
	assert_text(jwt.aud, "https://login.microsoftonline.com/" TENANT "/oauth2/v2.0/token");
	assert_text(jwt.alg, "RS256");
	assert_int_equal(jwt.iat, NOW);
	assert_int_equal(jwt.nbf, NOW - 60);
	assert_int_equal(jwt.exp, NOW + 600);
	assert_true(verifies(&t, &b.got));
	AUTO_JSON head = part(&b.got, 0);
	AUTO_JSON claims = part(&b.got, 1);
	assert_int_equal(strlen(json_str(head, "x5t#S256")), 43);
	assert_text(json_str(head, "typ"), "JWT");
	assert_non_null(json_text(json_at(json_get(head, "x5c"), 0)));
	assert_null(json_at(json_get(head, "x5c"), 1));
	AUTO_STR jti = str_dup(json_str(claims, "jti"));
	assert_true(str_is_guid(jti));
	assert_true(fetch(&b, certificate));
	AUTO_JSON again = part(&b.got, 1);
	assert_string_not_equal(json_str(again, "jti"), jti);
}

TEST(the_thumbprint_is_that_of_the_certificate)
{
	CERTIFICATE(b, t, "openssl x509 -in cert.pem -outform DER | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d = >thumb", "both.pem");
	AUTO_BUF thumb = buf_new(100);
	AUTO_STR path = tmp_path(&t, "thumb");
	assert_true(file_read(path, &thumb, NULL, ERR_SOURCE, &b.err));
	assert_true(fetch(&b, certificate));
	AUTO_JSON head = part(&b.got, 0);
	assert_text(json_str(head, "x5t#S256"), thumb.p);
}

TEST(the_chain_goes_along_the_keys_own_certificate_first)
{
	CERTIFICATE(b, t, "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=other -keyout other.key -out other.pem && cat other.pem cert.pem key.pem >chain.pem && chmod 600 chain.pem", "chain.pem");
	assert_true(fetch(&b, certificate));
	assert_true(verifies(&t, &b.got));
	AUTO_JSON head = part(&b.got, 0);
	assert_non_null(json_at(json_get(head, "x5c"), 1));
	AUTO_BUF pem = buf_new(65536);
	AUTO_STR path = tmp_path(&t, "cert.pem");
	assert_true(file_read(path, &pem, NULL, ERR_SOURCE, &b.err));
	AUTO_STR begin = str_ndup(json_text(json_at(json_get(head, "x5c"), 0)), 60);
	assert_says(pem.p, begin); /* a PEM's lines are the same base64 */
}

TEST(an_encrypted_key_needs_its_password)
{
	CERTIFICATE(b, t, "openssl rsa -aes256 -passout pass:open -in key.pem -out locked.key && cat locked.key cert.pem >locked.pem && chmod 600 locked.pem", "locked.pem");
	assert_false(fetch(&b, certificate));
	assert_says(b.err.msg, "its key is encrypted");
	assert_says(b.err.hint, "key-password-env");
	setting(&b, KEY_PASSWORD_ENV, "MY_PASSWORD");
	world_env(&b.w, "MY_PASSWORD", "wrong-hush");
	assert_false(fetch(&b, certificate));
	assert_says(b.err.msg, "with another password");
	assert_silent_about(b.err.msg, "wrong-hush");
	world_env(&b.w, "MY_PASSWORD", "open");
	assert_true(fetch(&b, certificate));
	assert_true(verifies(&t, &b.got));
}

TEST(pkcs12_is_taken_with_and_without_a_password)
{
	CERTIFICATE(b, t, "openssl pkcs12 -export -inkey key.pem -in cert.pem -passout pass: -out plain.pfx && openssl pkcs12 -export -inkey key.pem -in cert.pem -passout pass:open -out locked.pfx && chmod 600 *.pfx", "plain.pfx");
	AUTO_STR locked = tmp_path(&t, "locked.pfx");
	if (!fetch(&b, certificate))
		fail_msg("%s", b.err.msg);
	assert_true(verifies(&t, &b.got));
	setting(&b, KEY_CERTIFICATE, locked);
	assert_false(fetch(&b, certificate));
	assert_says(b.err.msg, "cannot be opened");
	setting(&b, KEY_PASSWORD_ENV, "MY_PASSWORD");
	world_env(&b.w, "MY_PASSWORD", "open");
	assert_true(fetch(&b, certificate));
	assert_true(verifies(&t, &b.got));
}

static void unusable(const char *command, const char *name, const char *msg)
{
	CERTIFICATE(b, t, command, name);
	assert_false(fetch(&b, certificate));
	assert_clean(&b.err);
	if (!strstr(b.err.msg, msg))
		fail_msg("'%s' is not in: %s", msg, b.err.msg);
	assert_true(*b.err.hint);
	assert_silent_about(b.err.msg, "BEGIN");
}

TEST(what_cannot_sign_is_named)
{
	unusable(":", "key.pem", "holds no certificate");
	unusable(":", "cert.pem", "holds no private key");
	unusable("openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=o -keyout o.key -out o.pem && cat key.pem o.pem >x.pem && chmod 600 x.pem", "x.pem", "holds no certificate of its key");
	unusable("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=o -keyout o.key -out o.pem && cat o.key o.pem >x.pem && chmod 600 x.pem", "x.pem", "is not RSA");
	unusable("echo nonsense >x.pem && chmod 600 x.pem", "x.pem", "holds no private key");
	unusable(": >x.pem && chmod 600 x.pem", "x.pem", "holds no private key");
	unusable("printf '\\060\\202\\001\\000garbage' >x.pfx && chmod 600 x.pfx", "x.pfx", "cannot be opened");
	unusable("chmod 644 both.pem", "both.pem", "others may read or change it");
	unusable("rm both.pem", "both.pem", "No such file");
	unusable("head -c 70000 /dev/zero >x.pem && chmod 600 x.pem", "x.pem", "larger than");
}

TEST(a_certificate_is_present_where_a_setting_names_it_and_azures_variable_only_by_the_sources_name)
{
	BENCH(b);
	world_env(&b.w, "AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere/c");
	setting(&b, KEY_SOURCE, "auto");
	assert_int_equal(detect(&b, certificate), SOURCE_ABSENT);
	setting(&b, KEY_SOURCE, "certificate");
	assert_int_equal(detect(&b, certificate), SOURCE_PRESENT);
	assert_false(fetch(&b, certificate));
	assert_text(b.err.hint, "check AZURE_CLIENT_CERTIFICATE_PATH");
	world_env(&b.w, "AZURE_CLIENT_CERTIFICATE_PATH", NULL);
	assert_int_equal(detect(&b, certificate), SOURCE_ABSENT);
	assert_false(fetch(&b, certificate));
	assert_null(print(&b, certificate));
}

TEST(another_certificate_is_another_caller_known_without_opening_it)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "c");
	setting(&b, KEY_CERTIFICATE, path);
	assert_null(print(&b, certificate));
	write_text(path, "one", 0600);
	setting(&b, KEY_PASSWORD_ENV, "MY_PASSWORD");
	AUTO_STR before = str_dup(print(&b, certificate));
	unsigned char evidence[STORE_ID];
	assert_int_equal(b.evidence.len, STORE_ID);
	memcpy(evidence, b.evidence.p, STORE_ID);
	world_env(&b.w, "MY_PASSWORD", "hush");
	assert_text(print(&b, certificate), before);
	assert_memory_not_equal(b.evidence.p, evidence, STORE_ID); /* worth another try */
	write_text(path, "two", 0600);
	assert_string_not_equal(print(&b, certificate), before);
	assert_int_equal(strlen(before), 64 + strlen("\ncertificate"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_secret_is_present_where_a_setting_names_it_and_azures_variable_only_by_the_sources_name),
		T(a_secret_goes_to_entra_as_it_is_and_is_the_clients_own),
		T(a_secrets_file_goes_before_its_variable_and_is_trimmed),
		T(a_file_that_others_may_read_is_not_used),
		T(a_file_of_another_user_is_not_used),
		T(what_is_no_secret_is_named_by_its_place_and_not_shown),
		T(another_secret_is_another_caller_and_its_print_does_not_show_it),
		T(a_secret_is_in_the_form_alone),
		T(a_federated_source_goes_first_then_certificate_secret_and_the_machine),
		T(a_certificate_signs_an_assertion_of_the_client_itself),
		T(the_thumbprint_is_that_of_the_certificate),
		T(the_chain_goes_along_the_keys_own_certificate_first),
		T(an_encrypted_key_needs_its_password),
		T(pkcs12_is_taken_with_and_without_a_password),
		T(what_cannot_sign_is_named),
		T(a_certificate_is_present_where_a_setting_names_it_and_azures_variable_only_by_the_sources_name),
		T(another_certificate_is_another_caller_known_without_opening_it),
	};
	return RUN(tests);
}
