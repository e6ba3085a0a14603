/* sign.c - see sign.h. */
#include "agent/source/rocketmq/sign.h"

#include "agent/base/buf.h"
#include "agent/base/xalloc.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#define SHA1_BYTES 20
#define SIGNATURE_TEXT 29 /* 20 bytes in base64, and the end */

struct sign {
    struct wire_signer signer; /* first: it is what others hold */
    const char *access_key, *secret_key, *security_token;
    struct buf content;
    const struct wire_field *sorted[WIRE_EXT_MAX + WIRE_SIGN_MAX];
    char signature[SIGNATURE_TEXT];
};

static int by_key(const void *a, const void *b)
{
    const struct wire_field *const *left = a, *const *right = b;

    return strcmp((*left)->key, (*right)->key);
}

/* A field without a value is not sent, so it is not signed. */
static size_t gather(struct sign *s, size_t count, const struct wire_field *fields, size_t field_count)
{
    for (size_t i = 0; i < field_count; i++)
        if (fields[i].value != NULL)
            s->sorted[count++] = &fields[i];
    return count;
}

static int make_signature(struct sign *s, struct err *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (buf_failed(&s->content) ||
        HMAC(EVP_sha1(), s->secret_key, (int)strlen(s->secret_key), (const unsigned char *)s->content.data, s->content.len,
             digest, &len) == NULL || len != SHA1_BYTES)
        return err_set(err, ERR_LIMIT, "cannot sign a request of %zu bytes", s->content.len);
    EVP_EncodeBlock((unsigned char *)s->signature, digest, SHA1_BYTES);
    return 0;
}

static int sign(void *ctx, const struct wire_field *fields, size_t count, struct view body,
                struct wire_field added[WIRE_SIGN_MAX], struct err *err)
{
    struct sign *s = ctx;
    int names = 1;

    if (count > WIRE_EXT_MAX)
        return err_set(err, ERR_LIMIT, "cannot sign %zu ext fields", count);
    added[0] = (struct wire_field){ "AccessKey", s->access_key };
    if (s->security_token[0] != '\0')
        added[names++] = (struct wire_field){ "SecurityToken", s->security_token };
    size_t all = gather(s, gather(s, 0, fields, count), added, (size_t)names);
    qsort(s->sorted, all, sizeof(s->sorted[0]), by_key);
    buf_reset(&s->content);
    for (size_t i = 0; i < all; i++)
        buf_puts(&s->content, s->sorted[i]->value);
    if (body.len > 0)
        buf_put(&s->content, body.data, body.len);
    if (make_signature(s, err) < 0)
        return -1;
    added[names++] = (struct wire_field){ "Signature", s->signature };
    return names;
}

struct wire_signer *sign_new(const char *access_key, const char *secret_key, const char *security_token, struct err *err)
{
    bool has_access = access_key[0] != '\0', has_secret = secret_key[0] != '\0';

    err->kind = ERR_NONE;
    if (has_access != has_secret || (security_token[0] != '\0' && !has_access)) {
        err_set(err, ERR_CONFIG, "%s wants %s", has_access ? "access_key" : has_secret ? "secret_key" : "security_token",
                has_access ? "secret_key" : has_secret ? "access_key" : "access_key and secret_key");
        return NULL;
    }
    if (!has_access)
        return NULL;
    if (strlen(secret_key) > INT_MAX) {
        err_set(err, ERR_CONFIG, "secret_key is too long");
        return NULL;
    }
    struct sign *s = xcalloc(1, sizeof(*s));
    s->signer = (struct wire_signer){ sign, s };
    s->access_key = access_key;
    s->secret_key = secret_key;
    s->security_token = security_token;
    buf_init(&s->content, 0);
    return &s->signer;
}

void sign_free(struct wire_signer *signer)
{
    struct sign *s = (struct sign *)signer;

    if (s == NULL)
        return;
    buf_fini(&s->content);
    free(s);
}
