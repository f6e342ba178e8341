/* What the tests of the source aws share: its variables, and AWS's answers. */
#ifndef DAYPASS_TESTS_AMAZON_H
#define DAYPASS_TESTS_AMAZON_H

#include "helper/sources/aws.h"
#include "tests/unit/bench.h"

extern const struct source source_aws;
static const struct source *const aws = &source_aws;

#define KEY_ID "ASIATESTTESTTEST0001"
#define HUSH "hush/secret+key"
#define SESSION_HUSH "hush/session+token=="
#define AUD "api://AzureADTokenExchange"
#define NS " xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""
#define AWS_CLAIMS "{\"iss\":\"https://u.tokens.sts.global.api.aws\",\"sub\":\"arn:aws:iam::1:role/deploy\",\"aud\":\"" AUD "\",\"exp\":1795428300}"
#define KEYS_JSON(more) "{" more "\"AccessKeyId\":\"" KEY_ID "\",\"SecretAccessKey\":\"" HUSH "\",\"Token\":\"" SESSION_HUSH "\",\"Expiration\":\"2026-11-23T11:00:00Z\"}"
#define REFUSAL(code, message) "<ErrorResponse" NS "><Error><Type>Sender</Type><Code>" code "</Code><Message>" message "</Message></Error><RequestId>1</RequestId></ErrorResponse>"

static inline void vars(struct bench *b, const char *const *pairs)
{
	for (; *pairs; pairs += 2)
		world_env(&b->w, pairs[0], pairs[1]);
}

static const char *const in_variables[] = {"AWS_REGION", "eu-west-1", "AWS_ACCESS_KEY_ID", KEY_ID, "AWS_SECRET_ACCESS_KEY", HUSH, "AWS_SESSION_TOKEN", SESSION_HUSH, NULL};

/* STS's answer with this text as the token; owned. */
static inline char *token_xml(const char *token)
{
	return str_printf("<GetWebIdentityTokenResponse" NS ">\n  <GetWebIdentityTokenResult>\n    <WebIdentityToken>%s</WebIdentityToken>\n    <Expiration>2026-11-23T10:05:00Z</Expiration>\n"
			  "  </GetWebIdentityTokenResult>\n  <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\n</GetWebIdentityTokenResponse>\n", token);
}

#endif
