#include "helper/base/sign.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "helper/base/lazy.h"
#include "helper/base/proc.h"
#include "helper/base/seal.h"
#include "helper/base/str.h"

#define CRYPTO_API(X) \
	X(BIO_new_mem_buf) X(BIO_free) X(PEM_read_bio_PrivateKey) X(PEM_read_bio_X509) X(d2i_PKCS12_bio) X(PKCS12_parse) X(PKCS12_free) \
	X(OPENSSL_sk_num) X(OPENSSL_sk_value) X(OPENSSL_sk_free) X(X509_check_private_key) X(i2d_X509) X(X509_free) \
	X(EVP_PKEY_is_a) X(EVP_PKEY_free) X(EVP_MD_CTX_new) X(EVP_MD_CTX_free) X(EVP_sha256) X(EVP_DigestSignInit) X(EVP_DigestSign) X(CRYPTO_free) X(CRYPTO_clear_free) \
	X(EVP_PKEY_Q_keygen) X(i2d_PrivateKey) X(d2i_AutoPrivateKey) X(EVP_PKEY_get_bn_param) X(BN_num_bits) X(BN_bn2bin) X(BN_free)

#define FIELD(name) __typeof__(&name) name;
#define NAME(name) #name,
static struct {
	CRYPTO_API(FIELD)
} api;
static const char *const names[] = {CRYPTO_API(NAME)};
static const struct lazy_lib libcrypto = {"libcrypto.so.3", "libssl3", "to sign with a key", names, COUNT_OF(names)};
LAZY_NOTE(crypto, "[{\"soname\":[\"libcrypto.so.3\"],\"feature\":\"keys\",\"description\":\"Signs with a key\",\"priority\":\"suggested\"}]");

static bool load_once(struct err *err)
{
	static bool done;
	if (!done) {
		proc_scrub_environ();
		done = lazy_load(&libcrypto, (void **)&api, err);
	}
	return done;
}

/* What a file holds, as libcrypto's own objects. */
struct found {
	EVP_PKEY *key;
	X509 *certs[SIGN_CHAIN];
	size_t count;
};

static void found_free(struct found *f)
{
	api.EVP_PKEY_free(f->key);
	for (size_t i = 0; i < f->count; i++)
		api.X509_free(f->certs[i]);
}

static int give_password(char *to, int size, int writing UNUSED, void *user)
{
	size_t len = user ? strlen(user) : 0;
	if (!user || len > (size_t)size)
		return -1;
	memcpy(to, user, len);
	return (int)len;
}

static BIO *open_memory(const struct buf *file)
{
	return api.BIO_new_mem_buf(file->p, (int)file->len);
}

static void keep(struct found *f, X509 *cert)
{
	if (cert && f->count < SIGN_CHAIN)
		f->certs[f->count++] = cert;
	else
		api.X509_free(cert);
}

static void read_pem(const struct buf *file, const char *password, struct found *f)
{
	BIO *b = open_memory(file);
	f->key = api.PEM_read_bio_PrivateKey(b, NULL, give_password, (void *)(uintptr_t)password);
	api.BIO_free(b);
	b = open_memory(file);
	for (X509 *cert; f->count < SIGN_CHAIN && (cert = api.PEM_read_bio_X509(b, NULL, give_password, NULL));)
		keep(f, cert);
	api.BIO_free(b);
}

static void read_pkcs12(const struct buf *file, const char *password, struct found *f)
{
	X509 *own = NULL;
	STACK_OF(X509) *more = NULL;
	BIO *b = open_memory(file);
	PKCS12 *p12 = api.d2i_PKCS12_bio(b, NULL);
	api.BIO_free(b);
	if (!p12)
		return;
	api.PKCS12_parse(p12, password, &f->key, &own, &more);
	api.PKCS12_free(p12);
	keep(f, own);
	OPENSSL_STACK *stack = (OPENSSL_STACK *)more;
	for (int i = 0; stack && i < api.OPENSSL_sk_num(stack); i++)
		keep(f, api.OPENSSL_sk_value(stack, i));
	api.OPENSSL_sk_free(stack);
}

/* Which certificate is the key's; -1 where none is. */
static int own_of(const struct found *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (api.X509_check_private_key(f->certs[i], f->key) == 1)
			return (int)i;
	return -1;
}

static bool add(struct sign_key *out, X509 *cert)
{
	unsigned char *der = NULL;
	int len = api.i2d_X509(cert, &der);
	struct buf *to = &out->chain[out->count];
	*to = buf_new(SIGN_FILE_MAX);
	bool ok = len > 0 && buf_add(to, der, (size_t)len);
	out->count++;
	if (der)
		api.CRYPTO_free(der, "", 0);
	return ok;
}

static bool no_key(const struct buf *file, const char *password, bool pkcs12, const char *what, struct err *err)
{
	bool locked = pkcs12 || memmem(file->p, file->len, "ENCRYPTED", 9);
	err_set(err, ERR_SOURCE, NULL, locked ? "%s cannot be opened: its key is encrypted%s, or it is broken" : "%s holds no private key", what,
		locked && password ? " with another password" : "");
	if (!locked)
		return err_hint(err, "put the key and its certificate into one PEM file: cat key.pem cert.pem");
	return err_hint(err, pkcs12 ? "make a PEM file of it: openssl pkcs12 -legacy -noenc -in FILE -out FILE.pem, and chmod 600" : "name the variable with its password: key-password-env");
}

static bool take(struct sign_key *out, struct found *f, const char *what, struct err *err)
{
	int own = own_of(f);
	if (!api.EVP_PKEY_is_a(f->key, "RSA"))
		return err_set(err, ERR_SOURCE, "Entra takes RSA keys only: make another certificate", "the key in %s is not RSA", what);
	if (own < 0)
		return err_set(err, ERR_SOURCE, "put the key and its certificate into one PEM file: cat key.pem cert.pem",
			       f->count ? "%s holds no certificate of its key" : "%s holds no certificate", what);
	bool ok = add(out, f->certs[own]);
	for (size_t i = 0; ok && i < f->count; i++)
		ok = (int)i == own || add(out, f->certs[i]);
	if (!ok)
		return err_set(err, ERR_SOURCE, NULL, "%s holds a certificate that is too large", what);
	out->key = f->key;
	f->key = NULL;
	return true;
}

bool sign_open(struct sign_key *out, const struct buf *file, const char *password, const char *what, struct err *err)
{
	*out = (struct sign_key){0};
	if (!load_once(err))
		return false;
	struct found f = {0};
	bool pkcs12 = file->len > 1 && file->p[0] == 0x30 && (file->p[1] & 0x80); /* DER: a sequence, and longer than 127 bytes */
	if (pkcs12)
		read_pkcs12(file, password, &f);
	else
		read_pem(file, password, &f);
	bool ok = f.key ? take(out, &f, what, err) : no_key(file, password, pkcs12, what, err);
	found_free(&f);
	return ok;
}

bool sign_generate(struct sign_key *out, struct err *err)
{
	enum { BITS = 2048 };
	*out = (struct sign_key){0};
	if (!load_once(err))
		return false;
	out->key = api.EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)BITS);
	return out->key || err_set(err, ERR_INTERNAL, NULL, "libcrypto makes no key");
}

bool sign_write(const struct sign_key *k, struct buf *out)
{
	unsigned char *der = NULL;
	int len = api.i2d_PrivateKey(k->key, &der);
	bool ok = len > 0 && buf_add(out, der, (size_t)len);
	if (len > 0)
		api.CRYPTO_clear_free(der, (size_t)len, "", 0);
	return ok;
}

bool sign_read(struct sign_key *out, const struct buf *der, struct err *err)
{
	const unsigned char *at = (const unsigned char *)der->p;
	*out = (struct sign_key){0};
	if (!load_once(err))
		return false;
	out->key = api.d2i_AutoPrivateKey(NULL, &at, (long)der->len);
	return (out->key && api.EVP_PKEY_is_a(out->key, "RSA")) || err_set(err, ERR_INTERNAL, "daypass cache clear", "the kept key is none");
}

static bool add_number(const struct sign_key *k, const char *name, struct buf *out)
{
	unsigned char bytes[2048];
	BIGNUM *n = NULL;
	bool ok = api.EVP_PKEY_get_bn_param(k->key, name, &n) == 1 && api.BN_num_bits(n) <= (int)sizeof bytes * 8;
	ok = ok && buf_add(out, bytes, (size_t)api.BN_bn2bin(n, bytes));
	api.BN_free(n);
	return ok;
}

bool sign_public(const struct sign_key *k, struct buf *n, struct buf *e, struct err *err)
{
	return (add_number(k, OSSL_PKEY_PARAM_RSA_N, n) && add_number(k, OSSL_PKEY_PARAM_RSA_E, e)) || err_set(err, ERR_INTERNAL, NULL, "libcrypto does not tell the public key");
}

void sign_close(struct sign_key *k)
{
	if (k->key)
		api.EVP_PKEY_free(k->key);
	for (size_t i = 0; i < k->count; i++)
		buf_free(&k->chain[i]);
	*k = (struct sign_key){0};
}

bool sign_rs256(const struct sign_key *k, const void *data, size_t len, struct buf *out, struct err *err)
{
	unsigned char made[2048]; /* keys to 16,384 bits, libcrypto's most */
	size_t n = sizeof made;
	EVP_MD_CTX *ctx = api.EVP_MD_CTX_new();
	bool ok = ctx && api.EVP_DigestSignInit(ctx, NULL, api.EVP_sha256(), NULL, k->key) == 1 && api.EVP_DigestSign(ctx, made, &n, data, len) == 1;
	api.EVP_MD_CTX_free(ctx);
	return (ok && buf_add(out, made, n)) || err_set(err, ERR_INTERNAL, NULL, "libcrypto cannot sign with this key");
}

bool sign_jws(const struct sign_key *k, const struct buf *head, const struct buf *payload, struct buf *out, struct err *err)
{
	AUTO_BUF signature = buf_new(4096);
	size_t from = out->len;
	seal_b64url_encode(out, head->p, head->len);
	buf_addc(out, '.');
	seal_b64url_encode(out, payload->p, payload->len);
	if (!sign_rs256(k, out->p + from, out->len - from, &signature, err))
		return false;
	buf_addc(out, '.');
	seal_b64url_encode(out, signature.p, signature.len);
	return true;
}
