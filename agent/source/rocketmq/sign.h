/*
 * sign.h - signs requests for brokers that ask who we are: ACL 1.0 (4.4 to 5.3.2) and auth 2.0 (from 5.3.0), one algorithm.
 *
 *     content   = the values of all ext fields but Signature, in the order of their keys, nothing between them; then the body
 *     Signature = base64(HMAC-SHA1(secret key, content))
 *
 * AccessKey (and SecurityToken, where there is one) are ext fields like any other and are signed with the rest. No time stands in
 * it: equal requests have equal signatures. Name servers check nothing and are sent nothing. This file alone knows libcrypto.
 * One thread.
 */
#ifndef AGENT_SOURCE_ROCKETMQ_SIGN_H
#define AGENT_SOURCE_ROCKETMQ_SIGN_H

#include "agent/source/rocketmq/wire.h"

/* What rpc signs with; NULL and ERR_CONFIG where the keys do not belong together, NULL and ERR_NONE where there are none ("").
 * The texts are kept by reference. */
struct wire_signer *sign_new(const char *access_key, const char *secret_key, const char *security_token, struct err *err);
void sign_free(struct wire_signer *signer); /* NULL is fine */

#endif
