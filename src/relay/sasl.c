/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sasl.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/wipe.h"
#include "crypto/encoding.h"

static enum sasl_mechanism mechanism_of(struct slice name)
{
    if (slice_equal_text(name, "PLAIN")) {
        return SASL_PLAIN;
    }
    if (slice_equal_text(name, "SCRAM-SHA-256") || slice_equal_text(name, "SCRAM-SHA-512")) {
        return SASL_SCRAM;
    }
    return slice_equal_text(name, "OAUTHBEARER") ? SASL_OAUTHBEARER : SASL_OTHER;
}

void sasl_begin(struct sasl *sasl, struct slice mechanism, bool bare_tokens)
{
    *sasl = (struct sasl){ .mechanism = mechanism_of(mechanism), .bare_tokens = bare_tokens };
}

uint8_t sasl_rounds(const struct sasl *sasl)
{
    switch (sasl->mechanism) {
    case SASL_PLAIN:
    case SASL_OAUTHBEARER:
        return 1;
    case SASL_SCRAM:
        return 2;
    default:
        return 0;
    }
}

/* A name with control characters is nobody's. */
static void claim(struct sasl *sasl, const char *type, struct slice name)
{
    size_t type_size = strlen(type);
    if (name.size == 0 || type_size + name.size > PRINCIPAL_BYTES_MAX) {
        return;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7f) {
            return;
        }
    }
    memcpy(sasl->claimed, type, type_size);
    memcpy(sasl->claimed + type_size, name.data, name.size);
    sasl->claimed[type_size + name.size] = '\0';
}

static struct slice until(struct slice text, uint8_t end)
{
    const uint8_t *found = text.size ? memchr(text.data, end, text.size) : NULL;
    return found ? slice_of(text.data, (size_t)(found - text.data)) : text;
}

static struct slice behind(struct slice text, size_t size)
{
    return size < text.size ? slice_of(text.data + size, text.size - size) : slice_of(NULL, 0);
}

/* RFC 4616: authorization id, NUL, authentication id, NUL, password.  Kafka refuses an authorization id that differs. */
static void learn_plain(struct sasl *sasl, struct slice token)
{
    struct slice authorization = until(token, 0);
    struct slice authentication = until(behind(token, authorization.size + 1), 0);
    claim(sasl, "User:", authentication);
}

/* RFC 5802, 5.1: "=2C" and "=3D" stand for comma and equals sign, which do not stand for themselves; 0 when they do. */
static size_t unescape(struct slice name, uint8_t *ret)
{
    size_t size = 0;
    for (size_t i = 0; i < name.size; i++) {
        ret[size] = name.data[i];
        if (name.data[i] == '=') {
            bool comma = name.size - i >= 3 && memcmp(name.data + i, "=2C", 3) == 0;
            if (!comma && !(name.size - i >= 3 && memcmp(name.data + i, "=3D", 3) == 0)) {
                return 0;
            }
            ret[size] = comma ? ',' : '=';
            i += 2;
        }
        size++;
    }
    return size;
}

static bool equal_ignoring_case(struct slice bytes, const char *text)
{
    return bytes.size == strlen(text) && strncasecmp((const char *)bytes.data, text, bytes.size) == 0;
}

static bool take_prefix(struct slice *bytes, const char *prefix)
{
    size_t size = strlen(prefix);
    bool has = bytes->size >= size && memcmp(bytes->data, prefix, size) == 0;
    *bytes = has ? slice_of(bytes->data + size, bytes->size - size) : *bytes;
    return has;
}

/* Kafka's extension: tokenauth=true, in any case, says that the name is a delegation token's, whose owner only brokers know. */
static bool is_by_token(struct slice attributes)
{
    bool by_token = false;
    while (attributes.size > 0) {
        struct slice attribute = until(attributes, ',');
        attributes = behind(attributes, attribute.size + 1);
        by_token |= take_prefix(&attribute, "tokenauth=") && equal_ignoring_case(attribute, "true");
    }
    return by_token;
}

/* RFC 5802: "n,,n=name,r=nonce". */
static void learn_scram(struct sasl *sasl, struct slice token)
{
    struct slice flag = until(token, ',');
    struct slice authorization = until(behind(token, flag.size + 1), ',');
    struct slice rest = behind(token, flag.size + 1 + authorization.size + 1);
    struct slice name = until(rest, ',');
    bool by_token = is_by_token(behind(rest, name.size + 1));
    uint8_t plain[PRINCIPAL_BYTES_MAX];
    if (!take_prefix(&name, "n=") || name.size > sizeof plain) {
        return;
    }
    claim(sasl, by_token ? "DelegationToken:" : "User:", slice_of(plain, unescape(name, plain)));
}

/* RFC 7519: the middle part of the token is JSON; its subject is what brokers take as the name. */
static void learn_claims(struct sasl *sasl, struct slice payload)
{
    size_t size = 0, max = payload.size;
    uint8_t *json = malloc(max ? max : 1);
    if (json && base64_decode(payload, BASE64_URL_UNPADDED, json, max, &size) == SIGNET_OK) {
        json_t *claims = json_loadb((const char *)json, size, JSON_REJECT_DUPLICATES, NULL);
        const char *subject = json_string_value(json_object_get(claims, "sub"));
        if (subject) {
            claim(sasl, "User:", slice_of_text(subject));
        }
        json_decref(claims);
    }
    if (json) {
        wipe(json, max);
    }
    free(json);
}

/* RFC 6750, 2.1: "Bearer <token>", and Kafka takes any number of blanks and any case. */
static struct slice bearer_token(struct slice value)
{
    struct slice scheme = until(value, ' ');
    struct slice rest = behind(value, scheme.size + 1);
    while (rest.size > 0 && rest.data[0] == ' ') {
        rest = behind(rest, 1);
    }
    return equal_ignoring_case(scheme, "Bearer") ? until(rest, ' ') : slice_of(NULL, 0);
}

/* RFC 7628, 3.1: "n,a=...,\1auth=Bearer <token>\1...\1\1".  With two tokens nobody can say which one the broker takes. */
static void learn_oauth(struct sasl *sasl, struct slice token)
{
    struct slice jwt = { 0 };
    size_t found = 0;
    struct slice rest = behind(token, until(token, 1).size + 1);
    while (rest.size > 0) {
        struct slice pair = until(rest, 1);
        rest = behind(rest, pair.size + 1);
        if (take_prefix(&pair, "auth=")) {
            jwt = bearer_token(pair);
            found++;
        }
    }
    struct slice header = until(jwt, '.');
    struct slice payload = until(behind(jwt, header.size + 1), '.');
    if (found == 1 && payload.size > 0) {
        learn_claims(sasl, payload);
    }
}

void sasl_client_token(struct sasl *sasl, struct slice token)
{
    if (sasl->rounds < UINT8_MAX) {
        sasl->rounds++;
    }
    if (sasl->rounds != 1) {
        return;
    }
    if (sasl->mechanism == SASL_PLAIN) {
        learn_plain(sasl, token);
    } else if (sasl->mechanism == SASL_SCRAM) {
        learn_scram(sasl, token);
    } else if (sasl->mechanism == SASL_OAUTHBEARER) {
        learn_oauth(sasl, token);
    }
}

/* A broker that accepts has nothing more to say, but in SCRAM its own proof.  A refused bearer is told why first, without an error. */
static bool is_last_word(const struct sasl *sasl, struct slice token)
{
    return sasl->mechanism == SASL_SCRAM ? take_prefix(&token, "v=") : token.size == 0;
}

bool sasl_accepted(struct sasl *sasl, struct slice token)
{
    uint8_t rounds = sasl_rounds(sasl);
    if (rounds == 0 || sasl->rounds != rounds || !is_last_word(sasl, token)) {
        return false;
    }
    sasl->authenticated = true;
    sasl->bare_tokens = false;
    return true;
}
