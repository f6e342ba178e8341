/* The source aws: where keys are looked for, what is asked with them and where, and who is told apart. */
#include "tests/unit/amazon.h"
#include "tests/unit/tmp.h"

#define ROLE "arn:aws:iam::1:role/deploy"
#define ASSUMED "<AssumeRoleWithWebIdentityResponse" NS "><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>" KEY_ID "</AccessKeyId><SecretAccessKey>" HUSH "</SecretAccessKey>" \
	"<SessionToken>" SESSION_HUSH "</SessionToken></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
#define STS_FORM "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=api%3A%2F%2FAzureADTokenExchange&SigningAlgorithm=RS256&DurationSeconds=300"
#define IMDS "http://169.254.169.254/latest/"

/* A world whose STS gives `token` after the answers of `first`. */
struct away {
	char *token, *xml;
	struct answer script[8];
};

static void away_end(struct away *a)
{
	free(a->token);
	free(a->xml);
}

static void answers(struct bench *b, struct away *a, const struct answer *first, size_t count)
{
	*a = (struct away){.token = make_jwt(AWS_CLAIMS)};
	a->xml = token_xml(a->token);
	for (size_t i = 0; i < count; i++)
		a->script[i] = first[i];
	a->script[count] = (struct answer){200, .type = "text/xml", .body = a->xml};
	world_script(&b->w, a->script, count + 1);
}

#define AWAY(a, b, ...) \
	CLEANUP(away_end) struct away a; \
	const struct answer first_[] = {__VA_ARGS__}; \
	answers(&b, &a, first_, COUNT_OF(first_))
#define STS_ONLY(a, b) \
	CLEANUP(away_end) struct away a; \
	answers(&b, &a, NULL, 0)

static void arrives(struct bench *b, const struct away *a)
{
	if (!fetch(b, aws))
		fail_msg("%s; %s", b->err.msg, b->err.hint);
	assert_text(secret_reveal(&b->got.value), a->token);
}

/* The last request is the signed one. */
static void signed_by(struct bench *b, const char *region)
{
	const struct asked *q = &b->w.http.asked[b->w.http.calls - 1];
	AUTO_STR url = str_printf("https://sts.%s.amazonaws.com/", region);
	AUTO_STR scope = str_printf("aws:amz:%s:sts", region);
	assert_text(q->method, "POST");
	assert_text(q->url, url);
	assert_text(q->sigv4, scope);
	assert_text(q->sigv4_key, KEY_ID ":" HUSH);
	assert_text(q->bearer, "X-Amz-Security-Token: " SESSION_HUSH);
	assert_text(q->headers, "Content-Type: application/x-www-form-urlencoded\n");
	assert_text(q->form, STS_FORM);
	assert_false(q->direct || q->local);
}

/* --- variables ------------------------------------------------------------------------------------------------------- */

TEST(keys_in_variables_sign_one_request)
{
	BENCH(b);
	vars(&b, in_variables);
	STS_ONLY(a, b);
	assert_int_equal(aws->automatic, AUTO_NEVER);
	assert_int_equal(detect(&b, aws), SOURCE_PRESENT);
	arrives(&b, &a);
	assert_int_equal(b.w.http.calls, 1);
	signed_by(&b, "eu-west-1");
}

TEST(keys_of_a_user_have_no_session_token)
{
	BENCH(b);
	vars(&b, in_variables);
	world_env(&b.w, "AWS_SESSION_TOKEN", NULL);
	STS_ONLY(a, b);
	arrives(&b, &a);
	assert_null(b.w.http.asked[0].bearer);
}

TEST(half_present_keys_are_broken_and_name_what_is_missing)
{
	static const char *const rows[][3] = {
		{"AWS_ACCESS_KEY_ID", "x", "AWS_SECRET_ACCESS_KEY is not"},
		{"AWS_SECRET_ACCESS_KEY", "hush", "AWS_ACCESS_KEY_ID is not"},
		{"AWS_SESSION_TOKEN", "hush", "AWS_ACCESS_KEY_ID is not"},
		{"AWS_ROLE_ARN", ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE is not"},
		{"AWS_WEB_IDENTITY_TOKEN_FILE", "/t", "AWS_ROLE_ARN is not"},
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush", "no AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/t", "no AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{"AWS_EC2_METADATA_DISABLED", "True", "AWS_EC2_METADATA_DISABLED forbids"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		world_env(&b.w, "AWS_REGION", "eu-west-1");
		world_env(&b.w, rows[i][0], rows[i][1]);
		broken(&b, aws, rows[i][2], "");
		assert_says(b.err.msg, rows[i][0]);
		assert_silent_about(b.err.msg, "hush");
		assert_false(fetch(&b, aws));
		assert_null(print(&b, aws));
		assert_int_equal(b.w.http.calls, 0);
	}
}

TEST(a_profile_is_for_awss_own_programs)
{
	BENCH(b);
	world_env(&b.w, "AWS_PROFILE", "prod");
	broken(&b, aws, "AWS_PROFILE names the profile prod", "credential-command = /usr/bin/aws configure export-credentials --profile prod");
	vars(&b, in_variables);
	assert_int_equal(detect(&b, aws), SOURCE_PRESENT); /* keys in variables go first there, too */
}

TEST(what_cannot_be_a_key_is_named_and_not_sent)
{
	static const char *const rows[][3] = {
		{"AWS_ACCESS_KEY_ID", "ASIA:hush", "access key id"}, {"AWS_ACCESS_KEY_ID", "ASIA\n", "access key id"}, {"AWS_SECRET_ACCESS_KEY", "hush hush", "secret access key"},
		{"AWS_SECRET_ACCESS_KEY", "\"hush\"", "secret access key"}, {"AWS_SESSION_TOKEN", "hush\r\nx-evil: 1", "session token"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		vars(&b, in_variables);
		world_env(&b.w, rows[i][0], rows[i][1]);
		assert_false(fetch(&b, aws));
		assert_clean(&b.err);
		assert_says(b.err.msg, rows[i][2]);
		assert_says(b.err.msg, "the AWS_* variables");
		assert_silent_about(b.err.msg, "hush");
		assert_null(print(&b, aws));
		assert_int_equal(b.w.http.calls, 0);
	}
}

/* --- region ---------------------------------------------------------------------------------------------------------- */

TEST(the_region_is_the_settings_else_the_variables)
{
	BENCH(b);
	vars(&b, in_variables);
	world_env(&b.w, "AWS_DEFAULT_REGION", "us-east-2");
	for (int i = 0; i < 3; i++) {
		static const char *const wanted[] = {"eu-west-1", "us-east-2", "ap-south-1"};
		STS_ONLY(a, b);
		arrives(&b, &a);
		signed_by(&b, wanted[i]);
		world_env(&b.w, "AWS_REGION", NULL);
		if (i == 1)
			setting(&b, KEY_REGION, "ap-south-1");
	}
}

TEST(without_a_region_nobody_is_asked)
{
	static const char *const bad[] = {"EU-west-1", "eu_west_1", "eu-west-1.evil.test/", "aws-global", "-1", "x1", "eu-west-0", "a-1@evil.test", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1", "eu-west-1 "};
	BENCH(b);
	vars(&b, in_variables);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		world_env(&b.w, "AWS_REGION", bad[i]);
		broken(&b, aws, "it must be a region of AWS", "region = eu-west-1");
		assert_says(b.err.msg, "AWS_REGION");
		assert_false(fetch(&b, aws));
	}
	world_env(&b.w, "AWS_REGION", NULL);
	broken(&b, aws, "neither the setting region nor AWS_REGION", "set AWS_REGION");
	assert_false(config_set(b.id.set, KEY_REGION, "Paris", "/f:1", &b.err));
	assert_int_equal(b.w.http.calls, 0);
}

TEST(each_partition_has_its_domain)
{
	static const char *const rows[][2] = {{"cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"}, {"us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com/"},
					      {"eusc-de-east-1", "https://sts.eusc-de-east-1.amazonaws.eu/"}, {"us-isob-east-1", "https://sts.us-isob-east-1.sc2s.sgov.gov/"},
					      {"us-iso-east-1", "https://sts.us-iso-east-1.c2s.ic.gov/"}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		vars(&b, in_variables);
		world_env(&b.w, "AWS_REGION", rows[i][0]);
		STS_ONLY(a, b);
		arrives(&b, &a);
		assert_text(b.w.http.asked[0].url, rows[i][1]);
	}
}

/* --- a pod's own token ------------------------------------------------------------------------------------------------ */

TEST(a_pods_token_becomes_keys_of_its_role_without_a_signature)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "web");
	AUTO_STR web = make_jwt("{\"iss\":\"https://oidc.eks\",\"sub\":\"system:serviceaccount:a:b\"}");
	write_text(path, web, 0600);
	world_env(&b.w, "AWS_REGION", "eu-west-1");
	world_env(&b.w, "AWS_ROLE_ARN", ROLE);
	world_env(&b.w, "AWS_WEB_IDENTITY_TOKEN_FILE", path);
	AWAY(a, b, {200, .type = "text/xml", .body = ASSUMED});
	assert_int_equal(detect(&b, aws), SOURCE_PRESENT);
	arrives(&b, &a);
	const struct asked *q = &b.w.http.asked[0];
	AUTO_STR form = str_printf("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%%3Aaws%%3Aiam%%3A%%3A1%%3Arole%%2Fdeploy&RoleSessionName=daypass&WebIdentityToken=%s&DurationSeconds=900", web);
	assert_text(q->url, "https://sts.eu-west-1.amazonaws.com/");
	assert_text(q->form, form);
	assert_null(q->sigv4);
	assert_null(q->bearer);
	signed_by(&b, "eu-west-1");
	AUTO_STR first = str_dup(print(&b, aws));
	assert_says(first, "https://oidc.eks\nsystem:serviceaccount:a:b");
	assert_int_equal(b.evidence.len, SEAL_HASH);
	assert_int_equal(unlink(path), 0);
	assert_null(print(&b, aws));
	assert_false(fetch(&b, aws));
	assert_says(b.err.msg, "No such file");
	assert_says(b.err.hint, "AWS_WEB_IDENTITY_TOKEN_FILE");
}

TEST(a_role_that_does_not_trust_the_pod_is_explained)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "web");
	AUTO_STR web = make_jwt("{\"iss\":\"https://oidc.eks\",\"sub\":\"s\"}");
	write_text(path, web, 0600);
	world_env(&b.w, "AWS_REGION", "eu-west-1");
	world_env(&b.w, "AWS_ROLE_ARN", ROLE);
	world_env(&b.w, "AWS_WEB_IDENTITY_TOKEN_FILE", path);
	SCRIPT(&b.w, {403, .type = "text/xml", .body = REFUSAL("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")},
	       {200, .type = "text/xml", .body = "<AssumeRoleWithWebIdentityResponse" NS "><AccessKeyId>" KEY_ID "</AccessKeyId></AssumeRoleWithWebIdentityResponse>"});
	assert_false(fetch(&b, aws));
	assert_clean(&b.err);
	assert_says(b.err.msg, "AWS STS in eu-west-1 refused AssumeRoleWithWebIdentity (HTTP 403): AccessDenied: Not authorized");
	assert_says(b.err.hint, "trust policy");
	assert_false(fetch(&b, aws));
	assert_says(b.err.msg, "holds no readable keys");
}

/* --- a container ------------------------------------------------------------------------------------------------------ */

TEST(a_container_is_asked_at_its_own_address)
{
	static const struct {
		const char *relative, *full, *url;
		bool near;
	} rows[] = {
		{"/v2/credentials/1", NULL, "http://169.254.170.2/v2/credentials/1", true}, {"/v2/1", "http://169.254.170.23/v1/credentials", "http://169.254.170.2/v2/1", true},
		{NULL, "http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials", true}, {NULL, "http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]/v1/credentials", true},
		{NULL, "http://localhost:1338/x", "http://localhost:1338/x", true}, {NULL, "http://127.0.0.1/x", "http://127.0.0.1/x", true},
		{NULL, "https://keys.example/x", "https://keys.example/x", false}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		world_env(&b.w, "AWS_REGION", "eu-west-1");
		world_env(&b.w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", rows[i].relative);
		world_env(&b.w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", rows[i].full);
		AWAY(a, b, {200, .body = KEYS_JSON("")});
		assert_int_equal(detect(&b, aws), SOURCE_PRESENT);
		arrives(&b, &a);
		const struct asked *q = &b.w.http.asked[0];
		assert_text(q->url, rows[i].url);
		assert_text(q->method, "GET");
		assert_null(q->bearer);
		assert_true(q->direct == rows[i].near && q->local == rows[i].near);
		assert_int_equal(q->connect_ms, rows[i].near ? 1000 : 0);
		signed_by(&b, "eu-west-1");
	}
}

TEST(far_or_odd_addresses_of_a_container_are_not_asked)
{
	static const char *const full[] = {"http://10.0.0.1/x", "http://evil.test/x", "http://u@127.0.0.1/", "ftp://127.0.0.1/", "nonsense", "http://[fd00:ec2::24]/", "http://169.254.170.2.evil.test/"};
	static const char *const relative[] = {"@evil.test/", "evil", ".evil.test/x", "/a b", "/\n"};
	for (size_t i = 0; i < COUNT_OF(full) + COUNT_OF(relative); i++) {
		BENCH(b);
		bool is_full = i < COUNT_OF(full);
		const char *name = is_full ? "AWS_CONTAINER_CREDENTIALS_FULL_URI" : "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
		world_env(&b.w, "AWS_REGION", "eu-west-1");
		world_env(&b.w, name, is_full ? full[i] : relative[i - COUNT_OF(full)]);
		assert_false(fetch(&b, aws));
		assert_clean(&b.err);
		assert_says(b.err.msg, name);
		assert_says(b.err.msg, "not asked");
		assert_int_equal(b.w.http.calls, 0);
		assert_null(print(&b, aws));
	}
}

TEST(a_containers_token_goes_into_its_header_and_nowhere_else)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "token");
	world_env(&b.w, "AWS_REGION", "eu-west-1");
	world_env(&b.w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
	world_env(&b.w, "AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic hush");
	AWAY(a, b, {200, .body = KEYS_JSON("")});
	arrives(&b, &a);
	assert_text(b.w.http.asked[0].bearer, "Authorization: Basic hush");
	AUTO_STR plain = str_dup(print(&b, aws));
	assert_silent_about(plain, "hush");
	world_env(&b.w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path); /* the file goes first */
	write_text(path, "from-file\n", 0600);
	b.w.http.calls = 0;
	arrives(&b, &a);
	assert_text(b.w.http.asked[0].bearer, "Authorization: from-file");
	assert_string_not_equal(print(&b, aws), plain);
	static const char *const bad[] = {"", "a\nb: hush", "\r\n"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		write_text(path, bad[i], 0600);
		assert_false(fetch(&b, aws));
		assert_says(b.err.msg, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE holds what no header can");
	}
	assert_int_equal(unlink(path), 0);
	assert_false(fetch(&b, aws));
	assert_says(b.err.hint, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
}

TEST(what_a_container_says_instead_is_explained)
{
	static const struct {
		struct answer given;
		const char *msg, *hint;
	} rows[] = {
		{{.fails = true}, "asking for the container's keys of AWS", "check AWS_CONTAINER_CREDENTIALS_FULL_URI"},
		{{400, .body = "{\"code\":\"InvalidIdInRequest\",\"message\":\"not found\"}"}, "the container's end point 169.254.170.23 gave no keys (HTTP 400): InvalidIdInRequest: not found", "AWS_CONTAINER_*"},
		{{503, .body = "{}"}, "gave no keys (HTTP 503): no reason given", "try again"}, {{200, .body = "{}"}, "gave no keys (HTTP 200)", ""}, {{200, .body = "[1]"}, "gave no keys", ""},
		{{200, .type = "text/html", .body = "<html>"}, "a web page came back", ""}, {{200, .body = "hush"}, "is not JSON", ""}, {{302, .location = "http://evil.test/"}, "not followed", ""},
		{{200, .body = "{\"AccessKeyId\":\"" KEY_ID "\",\"SecretAccessKey\":\"hush hush\"}"}, "no secret access key of AWS can be read from the container's end point", ""},
		{{200, .body = "{\"AccessKeyId\":\"" KEY_ID "\",\"SecretAccessKey\":\"" HUSH "\",\"SecretAccessKey\":\"x\"}"}, "no secret access key", ""}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		world_env(&b.w, "AWS_REGION", "eu-west-1");
		world_env(&b.w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
		world_script(&b.w, &rows[i].given, 1);
		assert_false(fetch(&b, aws));
		assert_clean(&b.err);
		assert_says(b.err.msg, rows[i].msg);
		assert_says(b.err.hint, rows[i].hint);
		assert_silent_about(b.err.msg, "hush");
		assert_int_equal(b.w.http.calls, 1);
	}
}

TEST(a_pods_renewed_token_is_the_same_caller)
{
	BENCH(b);
	world_env(&b.w, "AWS_REGION", "eu-west-1");
	world_env(&b.w, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials");
	AUTO_STR first = make_jwt("{\"iss\":\"https://oidc.eks\",\"sub\":\"s\",\"iat\":1}");
	AUTO_STR second = make_jwt("{\"iss\":\"https://oidc.eks\",\"sub\":\"s\",\"iat\":2}");
	AUTO_STR other = make_jwt("{\"iss\":\"https://oidc.eks\",\"sub\":\"t\",\"iat\":1}");
	world_env(&b.w, "AWS_CONTAINER_AUTHORIZATION_TOKEN", first);
	AUTO_STR p = str_dup(print(&b, aws));
	world_env(&b.w, "AWS_CONTAINER_AUTHORIZATION_TOKEN", second);
	assert_text(print(&b, aws), p);
	world_env(&b.w, "AWS_CONTAINER_AUTHORIZATION_TOKEN", other);
	assert_string_not_equal(print(&b, aws), p);
}

/* --- the instance ------------------------------------------------------------------------------------------------------ */

#define SESSION_OK {200, .type = "text/plain", .body = "imds-hush=="}
#define ROLE_OK {200, .type = "text/plain", .body = "deploy"}
#define KEYS_OK {200, .type = "text/plain", .body = KEYS_JSON("\"Code\":\"Success\",")}
#define REGION_OK {200, .type = "text/plain", .body = "eu-west-1\n"}

TEST(an_instance_is_asked_by_the_second_version_only)
{
	BENCH(b);
	AWAY(a, b, SESSION_OK, ROLE_OK, KEYS_OK, REGION_OK);
	assert_int_equal(detect(&b, aws), SOURCE_PRESENT);
	arrives(&b, &a);
	static const char *const urls[] = {IMDS "api/token", IMDS "meta-data/iam/security-credentials/", IMDS "meta-data/iam/security-credentials/deploy", IMDS "meta-data/placement/region"};
	for (size_t i = 0; i < COUNT_OF(urls); i++) {
		const struct asked *q = &b.w.http.asked[i];
		assert_text(q->url, urls[i]);
		assert_text(q->method, i ? "GET" : "PUT");
		assert_text(q->headers, i ? "" : "X-aws-ec2-metadata-token-ttl-seconds: 60\n");
		assert_text(q->bearer, i ? "X-aws-ec2-metadata-token: imds-hush==" : NULL);
		assert_true(q->direct && q->local);
		assert_int_equal(q->connect_ms, 1000);
		assert_true(q->deadline_ms <= b.w.clock.ms + 3000);
	}
	assert_int_equal(b.w.http.calls, 5);
	signed_by(&b, "eu-west-1");
}

TEST(a_region_that_is_known_is_not_asked_for)
{
	BENCH(b);
	world_env(&b.w, "AWS_REGION", "us-east-1");
	AWAY(a, b, SESSION_OK, ROLE_OK, KEYS_OK);
	arrives(&b, &a);
	signed_by(&b, "us-east-1");
}

TEST(other_addresses_of_the_metadata_service_must_be_near)
{
	static const char *const rows[][2] = {{"http://127.0.0.1:8000/", "http://127.0.0.1:8000/latest/api/token"}, {"http://[fd00:ec2::254]", "http://[fd00:ec2::254]/latest/api/token"},
					      {"http://10.0.0.1", NULL}, {"https://evil.test", NULL}, {"http://127.0.0.1/?x", NULL}, {"nonsense", NULL}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		BENCH(b);
		world_env(&b.w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", rows[i][0]);
		AWAY(a, b, SESSION_OK, ROLE_OK, KEYS_OK, REGION_OK);
		assert_int_equal(fetch(&b, aws), rows[i][1] != NULL);
		if (rows[i][1]) {
			assert_text(b.w.http.asked[0].url, rows[i][1]);
			continue;
		}
		assert_says(b.err.msg, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
		assert_int_equal(b.w.http.calls, 0);
		assert_null(print(&b, aws));
	}
	BENCH(b);
	world_env(&b.w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
	AWAY(a, b, SESSION_OK, ROLE_OK, KEYS_OK, REGION_OK);
	arrives(&b, &a);
	assert_text(b.w.http.asked[0].url, "http://[fd00:ec2::254]/latest/api/token");
}

static void instance_says(const struct answer *script, size_t count, const char *msg, const char *hint)
{
	BENCH(b);
	world_script(&b.w, script, count);
	assert_false(fetch(&b, aws));
	assert_clean(&b.err);
	assert_says(b.err.msg, msg);
	assert_says(b.err.hint, hint);
	assert_silent_about(b.err.msg, "hush");
	assert_int_equal(b.w.http.calls, count);
}

#define INSTANCE_SAYS(msg, hint, ...) \
	do { \
		const struct answer s_[] = {__VA_ARGS__}; \
		instance_says(s_, COUNT_OF(s_), msg, hint); \
	} while (0)

TEST(what_an_instance_says_instead_is_explained)
{
	INSTANCE_SAYS("the metadata service 169.254.169.254 does not answer", "hop-limit 2", {.fails = true});
	INSTANCE_SAYS("there are no keys of AWS here", "credential-command", {.fails = true});
	INSTANCE_SAYS("is shut off (HTTP 403)", "--http-endpoint enabled", {403, .type = "text/html", .body = "<html>"});
	INSTANCE_SAYS("no session of IMDSv2 (HTTP 404)", "elsewhere than on EC2: set AWS_ACCESS_KEY_ID", {404, .body = "{\"error\":\"x\"}"});
	INSTANCE_SAYS("no session of IMDSv2 (HTTP 200)", "", {200, .body = "two words"});
	INSTANCE_SAYS("no session of IMDSv2 (HTTP 200)", "", {200, .body = ""});
	INSTANCE_SAYS("no session of IMDSv2 (HTTP 301)", "", {301, .location = "http://evil.test/"});
	INSTANCE_SAYS("this EC2 instance has no role (HTTP 404)", "aws ec2 associate-iam-instance-profile", SESSION_OK, {404, .type = "text/html", .body = "<html>"});
	INSTANCE_SAYS("named no role (HTTP 200)", "", SESSION_OK, {200, .body = "two\nroles"});
	INSTANCE_SAYS("named no role (HTTP 200)", "", SESSION_OK, {200, .body = "../../x"});
	INSTANCE_SAYS("named no role (HTTP 401)", "", SESSION_OK, {401, .body = ""});
	INSTANCE_SAYS("cannot be reached", "", SESSION_OK, {.fails = true});
	INSTANCE_SAYS("role deploy gave no keys (HTTP 200): AssumeRoleUnauthorizedAccess: EC2 cannot assume the role", "trust policy", SESSION_OK, ROLE_OK,
		      {200, .body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume the role\"}"});
	INSTANCE_SAYS("gave no keys (HTTP 503)", "try again", SESSION_OK, ROLE_OK, {503, .body = "{}"});
	INSTANCE_SAYS("a web page came back", "", SESSION_OK, ROLE_OK, {200, .body = "<html>"});
	INSTANCE_SAYS("no secret access key of AWS can be read from the instance's role deploy", "", SESSION_OK, ROLE_OK, {200, .body = "{\"AccessKeyId\":\"" KEY_ID "\"}"});
	INSTANCE_SAYS("named no region (HTTP 500)", "", SESSION_OK, ROLE_OK, KEYS_OK, {500, .body = ""});
	INSTANCE_SAYS("the metadata service's region is none of AWS: evil.test", "region = ", SESSION_OK, ROLE_OK, KEYS_OK, {200, .body = "evil.test"});
}

/* --- a program --------------------------------------------------------------------------------------------------------- */

TEST(a_program_gives_keys_as_a_credential_process_does)
{
	BENCH(b);
	TMP(t);
	AUTO_STR path = tmp_path(&t, "aws");
	AUTO_STR line = str_printf("%s configure export-credentials --profile \"my prod\"", path);
	write_text(path, "#!/bin/sh\n", 0755);
	vars(&b, in_variables);
	world_env(&b.w, "AWS_ACCESS_KEY_ID", "ASIAOTHER");
	setting(&b, KEY_CREDENTIAL_COMMAND, line);
	STS_ONLY(a, b);
	b.w.proc.out = "{\"Version\":1,\"AccessKeyId\":\"" KEY_ID "\",\"SecretAccessKey\":\"" HUSH "\",\"SessionToken\":\"" SESSION_HUSH "\",\"Expiration\":\"2026-11-23T11:00:00+00:00\"}\n";
	assert_int_equal(detect(&b, aws), SOURCE_PRESENT);
	arrives(&b, &a);
	AUTO_STR wanted = str_printf("%s configure export-credentials --profile my prod", path);
	assert_text(b.w.proc.line, wanted);
	assert_text(b.w.proc.more, "");
	signed_by(&b, "eu-west-1");
	assert_says(print(&b, aws), line);
	static const char *const bad[] = {"", "eyJhbGciOiJSUzI1NiJ9", "{\"Version\":2}", "[]", "{\"Version\":1,\"AccessKeyId\":\"x\",\"AccessKeyId\":\"y\"}", "<html>hush"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		b.w.proc.out = bad[i];
		assert_false(fetch(&b, aws));
		assert_clean(&b.err);
		assert_says(b.err.msg, "credential-command");
		assert_silent_about(b.err.msg, "hush");
	}
	assert_int_equal(chmod(path, 0777), 0);
	assert_false(fetch(&b, aws));
	assert_says(b.err.msg, "is not run: others can change it");
	assert_null(print(&b, aws));
	b.id.command_ok = false; /* from a file of somebody else's: as if it were not there */
	b.w.http.calls = 0;
	arrives(&b, &a);
	assert_text(b.w.http.asked[0].sigv4_key, "ASIAOTHER:" HUSH);
}

TEST(a_program_that_is_not_there_is_named_with_its_setting)
{
	BENCH(b);
	setting(&b, KEY_REGION, "eu-west-1");
	setting(&b, KEY_CREDENTIAL_COMMAND, "/nonexistent/aws");
	assert_false(fetch(&b, aws));
	assert_says(b.err.msg, "/nonexistent/aws: No such file");
	assert_says(b.err.hint, "`credential-command` setting");
}

/* --- who is told apart -------------------------------------------------------------------------------------------------- */

TEST(callers_are_told_apart_without_network_and_without_secrets)
{
	BENCH(b);
	vars(&b, in_variables);
	AUTO_STR first = str_dup(print(&b, aws));
	assert_silent_about(first, KEY_ID);
	assert_silent_about(first, "hush");
	world_env(&b.w, "AWS_ACCESS_KEY_ID", "ASIAOTHER");
	assert_string_not_equal(print(&b, aws), first);
	world_env(&b.w, "AWS_ACCESS_KEY_ID", KEY_ID);
	assert_text(print(&b, aws), first);
	world_env(&b.w, "AWS_SECRET_ACCESS_KEY", "other");
	assert_string_not_equal(print(&b, aws), first);
	world_env(&b.w, "AWS_SECRET_ACCESS_KEY", HUSH);
	world_env(&b.w, "AWS_SESSION_TOKEN", "other");
	assert_string_not_equal(print(&b, aws), first);
	world_env(&b.w, "AWS_SESSION_TOKEN", SESSION_HUSH);
	setting(&b, KEY_REGION, "us-east-1");
	assert_string_not_equal(print(&b, aws), first);
	assert_int_equal(b.w.http.calls + b.w.proc.calls, 0);
}

TEST(an_instance_is_known_until_it_restarts)
{
	BENCH(b);
	AUTO_STR first = str_dup(print(&b, aws));
	assert_text(print(&b, aws), first);
	b.w.clock.boots++;
	assert_string_not_equal(print(&b, aws), first);
	assert_int_equal(b.w.http.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(keys_in_variables_sign_one_request),
		T(keys_of_a_user_have_no_session_token),
		T(half_present_keys_are_broken_and_name_what_is_missing),
		T(a_profile_is_for_awss_own_programs),
		T(what_cannot_be_a_key_is_named_and_not_sent),
		T(the_region_is_the_settings_else_the_variables),
		T(without_a_region_nobody_is_asked),
		T(each_partition_has_its_domain),
		T(a_pods_token_becomes_keys_of_its_role_without_a_signature),
		T(a_role_that_does_not_trust_the_pod_is_explained),
		T(a_container_is_asked_at_its_own_address),
		T(far_or_odd_addresses_of_a_container_are_not_asked),
		T(a_containers_token_goes_into_its_header_and_nowhere_else),
		T(what_a_container_says_instead_is_explained),
		T(a_pods_renewed_token_is_the_same_caller),
		T(an_instance_is_asked_by_the_second_version_only),
		T(a_region_that_is_known_is_not_asked_for),
		T(other_addresses_of_the_metadata_service_must_be_near),
		T(what_an_instance_says_instead_is_explained),
		T(a_program_gives_keys_as_a_credential_process_does),
		T(a_program_that_is_not_there_is_named_with_its_setting),
		T(callers_are_told_apart_without_network_and_without_secrets),
		T(an_instance_is_known_until_it_restarts),
	};
	return RUN(tests);
}
