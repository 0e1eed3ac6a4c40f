/* SPDX-License-Identifier: Apache-2.0 */
#include "relay/sasl.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

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

/* RFC 5802, 5.1: "=2C" and "=3D" stand for comma and equals sign. */
static size_t unescape(struct slice name, uint8_t *ret)
{
    size_t size = 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '=' && i + 2 < name.size) {
            ret[size++] = name.data[i + 1] == '2' ? ',' : '=';
            i += 2;
        } else {
            ret[size++] = name.data[i];
        }
    }
    return size;
}

/* RFC 5802: "n,,n=name,r=nonce", with Kafka's extension tokenauth=true for delegation tokens, whose owner only brokers know. */
static void learn_scram(struct sasl *sasl, struct slice token)
{
    struct slice flag = until(token, ',');
    struct slice authorization = until(behind(token, flag.size + 1), ',');
    struct slice rest = behind(token, flag.size + 1 + authorization.size + 1);
    bool by_token = rest.size > 0 && memmem(rest.data, rest.size, ",tokenauth=true", 15) != NULL;
    struct slice name = until(rest, ',');
    uint8_t plain[PRINCIPAL_BYTES_MAX];
    if (name.size < 3 || name.size > sizeof plain || memcmp(name.data, "n=", 2) != 0) {
        return;
    }
    size_t size = unescape(behind(name, 2), plain);
    claim(sasl, by_token ? "DelegationToken:" : "User:", slice_of(plain, size));
}

/* RFC 7519: the middle part of the token is JSON; its subject is what brokers take as the name. */
static void learn_claims(struct sasl *sasl, struct slice payload)
{
    size_t size = 0, max = payload.size;
    uint8_t *json = malloc(max ? max : 1);
    if (json && base64_decode(payload, BASE64_URL_UNPADDED, json, max, &size) == SIGNET_OK) {
        json_t *claims = json_loadb((const char *)json, size, 0, NULL);
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

/* RFC 7628, 3.1: "n,a=...,\1auth=Bearer <token>\1...\1\1". */
static void learn_oauth(struct sasl *sasl, struct slice token)
{
    static const char start[] = "\1auth=Bearer ";
    const uint8_t *found = token.size ? memmem(token.data, token.size, start, sizeof start - 1) : NULL;
    if (!found) {
        return;
    }
    struct slice rest = behind(token, (size_t)(found - token.data) + sizeof start - 1);
    struct slice jwt = until(rest, 1);
    struct slice header = until(jwt, '.');
    learn_claims(sasl, until(behind(jwt, header.size + 1), '.'));
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

bool sasl_accepted(struct sasl *sasl)
{
    uint8_t rounds = sasl_rounds(sasl);
    if (rounds == 0 || sasl->rounds < rounds) {
        return false;
    }
    sasl->authenticated = true;
    sasl->bare_tokens = false;
    return true;
}
