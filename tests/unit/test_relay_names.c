/* SPDX-License-Identifier: Apache-2.0 */
/* Whose name a client gives in its SASL exchange: PLAIN, SCRAM and delegation tokens, OAUTHBEARER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/encoding.h"
#include "sasl_scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct name_case {
    const char *label, *mechanism;
    struct slice token;
    const char *principal; /* NULL: nobody's */
};

/* clang-format off */
#define PLAIN(label, token, principal) { label, "PLAIN", { (const uint8_t *)token, sizeof token - 1 }, principal }
#define SCRAM(label, token, principal) { label, "SCRAM-SHA-512", { (const uint8_t *)token, sizeof token - 1 }, principal }
static const struct name_case names[] = {
    PLAIN("a name", "\0alice\0secret", "User:alice"),
    PLAIN("a name and the same to act for", "alice\0alice\0secret", "User:alice"),
    PLAIN("another to act for, which Kafka refuses", "bob\0alice\0secret", "User:alice"),
    PLAIN("an empty password", "\0alice\0", "User:alice"),
    PLAIN("UTF-8", "\0\xc3\xa9lise\0secret", "User:\xc3\xa9lise"),
    PLAIN("no name", "\0\0secret", NULL),
    PLAIN("no separator", "alice", NULL),
    PLAIN("nothing", "", NULL),
    PLAIN("a name with a line feed", "\0al\nice\0secret", NULL),
    PLAIN("a name with a delete", "\0al\x7fice\0secret", NULL),
    SCRAM("a name", "n,,n=alice,r=abc", "User:alice"),
    SCRAM("the server may bind channels", "y,,n=alice,r=abc", "User:alice"),
    SCRAM("somebody to act for", "n,a=alice,n=alice,r=abc", "User:alice"),
    SCRAM("a comma", "n,,n=a=2Cb,r=abc", "User:a,b"),
    SCRAM("an equals sign", "n,,n=a=3Db,r=abc", "User:a=b"),
    SCRAM("both at the ends", "n,,n==2Ca=3D,r=abc", "User:,a="),
    SCRAM("an escape of an escape", "n,,n=a=3D2C,r=abc", "User:a=2C"),
    SCRAM("another escape", "n,,n=a=41,r=abc", NULL),
    SCRAM("a lower-case escape", "n,,n=a=2cb,r=abc", NULL),
    SCRAM("half an escape", "n,,n=a=2,r=abc", NULL),
    SCRAM("a bare equals sign", "n,,n=a=,r=abc", NULL),
    SCRAM("a delegation token", "n,,n=t0k3n,r=abc,tokenauth=true", "DelegationToken:t0k3n"),
    SCRAM("a delegation token in capitals", "n,,n=t0k3n,r=abc,tokenauth=TRUE", "DelegationToken:t0k3n"),
    SCRAM("an extension before", "n,,n=t0k3n,r=abc,x=y,tokenauth=true", "DelegationToken:t0k3n"),
    SCRAM("no delegation token", "n,,n=alice,r=abc,tokenauth=false", "User:alice"),
    SCRAM("nearly a delegation token", "n,,n=alice,r=abc,tokenauth=trueish", "User:alice"),
    SCRAM("nothing behind the name", "n,,n=alice", "User:alice"),
    SCRAM("no name", "n,,n=,r=abc", NULL),
    SCRAM("an extension before the name", "n,,m=x,n=alice,r=abc", NULL),
    SCRAM("garbage", "\xff\xff\xff", NULL),
    SCRAM("nothing", "", NULL),
};
/* clang-format on */

static void check_name(const struct name_case *c, int16_t version)
{
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    bool scram = strncmp(c->mechanism, "SCRAM", 5) == 0;
    if (scram) {
        sasl_scene_broker_says(&s, 0, TOKEN("r=nonce-and-more,s=c2FsdA==,i=4096"));
        sasl_scene_broker_says(&s, 0, TOKEN("v=cHJvb2Y="));
    }
    sasl_scene_authenticate(&s, version, c->mechanism, c->token);
    bool known = c->principal && sasl_scene_is_known_as(&s, c->principal) && sasl_scene_may_go_on(&s);
    bool nobody = !c->principal && s.party.error == SIGNET_ERROR_PERMISSION && sasl_scene_is_known_as(&s, "");
    if (!known && !nobody) {
        fail_msg("%s, %s: %s (%s)", c->mechanism, c->label, relay_principal(s.party.relay).data,
                 relay_fault(s.party.relay));
    }
    assert_int_equal(s.world.authenticated_count, c->principal ? 1 : 0);
    sasl_scene_end(&s);
}

static void names_are_learnt(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        for (int16_t version = 0; version <= 2; version++) {
            check_name(&names[i], version);
        }
    }
}

static void names_have_a_limit(void **state)
{
    (void)state;
    char token[1 + PRINCIPAL_BYTES_MAX + 2] = { 0 };
    size_t fits = PRINCIPAL_BYTES_MAX - strlen("User:");
    memset(token + 1, 'a', fits);
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_authenticate(&s, 2, "PLAIN", slice_of(token, fits + 2));
    assert_int_equal(relay_principal(s.party.relay).size, PRINCIPAL_BYTES_MAX);
    sasl_scene_end(&s);
    token[1 + fits] = 'a';
    sasl_scene_begin(&s, true);
    sasl_scene_authenticate(&s, 2, "PLAIN", slice_of(token, fits + 3));
    assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
    sasl_scene_end(&s);
}

/* Bearer tokens */

struct bearer_case {
    const char *label;
    const char *before, *payload, *after; /* the payload is encoded; NULL puts nothing between */
    const char *principal;
};

#define BEARER "n,,\1auth=Bearer e30."
#define REST   ".c2ln\1\1"

static const struct bearer_case bearers[] = {
    { "a subject", BEARER, "{\"sub\":\"alice\",\"exp\":1}", REST, "User:alice" },
    { "somebody to act for", "n,a=alice,\1auth=Bearer e30.", "{\"sub\":\"alice\"}", REST, "User:alice" },
    { "an extension", "n,,\1traceId=1\1auth=Bearer e30.", "{\"sub\":\"alice\"}", REST, "User:alice" },
    { "an extension behind", BEARER, "{\"sub\":\"alice\"}", ".c2ln\1traceId=1\1\1", "User:alice" },
    { "in small letters", "n,,\1auth=bearer e30.", "{\"sub\":\"alice\"}", REST, "User:alice" },
    { "with blanks", "n,,\1auth=Bearer   e30.", "{\"sub\":\"alice\"}", ".c2ln  \1\1", "User:alice" },
    { "no signature", BEARER, "{\"sub\":\"alice\"}", ".\1\1", "User:alice" },
    { "an escaped letter", BEARER, "{\"sub\":\"\\u0061lice\"}", REST, "User:alice" },
    { "no subject", BEARER, "{\"user\":\"alice\"}", REST, NULL },
    { "two subjects", BEARER, "{\"sub\":\"alice\",\"sub\":\"bob\"}", REST, NULL },
    { "a number", BEARER, "{\"sub\":1}", REST, NULL },
    { "an empty subject", BEARER, "{\"sub\":\"\"}", REST, NULL },
    { "a control character", BEARER, "{\"sub\":\"al\\nice\"}", REST, NULL },
    { "a zero in it", BEARER, "{\"sub\":\"al\\u0000ice\"}", REST, NULL },
    { "a list", BEARER, "[\"sub\"]", REST, NULL },
    { "not JSON", BEARER, "sub=alice", REST, NULL },
    { "half of JSON", BEARER, "{\"sub\":\"alice\"", REST, NULL },
    { "something behind the JSON", BEARER, "{\"sub\":\"alice\"}x", REST, NULL },
    { "not base64", "n,,\1auth=Bearer e30.****.c2ln\1\1", NULL, "", NULL },
    { "one part", "n,,\1auth=Bearer abc\1\1", NULL, "", NULL },
    { "no token", "n,,\1auth=Bearer \1\1", NULL, "", NULL },
    { "another scheme", "n,,\1auth=Basic e30.", "{\"sub\":\"alice\"}", REST, NULL },
    { "no scheme", "n,,\1auth=e30.", "{\"sub\":\"alice\"}", REST, NULL },
    { "nothing but a header", "n,,", NULL, "", NULL },
    { "nothing", "", NULL, "", NULL },
    { "two tokens", "n,,\1auth=Bearer e30.eyJzdWIiOiJhbGljZSJ9.c2ln\1auth=Bearer e30.", "{\"sub\":\"bob\"}", REST,
      NULL },
    { "a token and an empty one", "n,,\1auth=\1auth=Bearer e30.", "{\"sub\":\"bob\"}", REST, NULL },
};

static void bearers_are_known_by_their_subject(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bearers); i++) {
        const struct bearer_case *c = &bearers[i];
        struct byte_string token = { 0 };
        char payload[256] = "";
        byte_string_add(&token, slice_of_text(c->before));
        if (c->payload) {
            base64_encode(slice_of_text(c->payload), BASE64_URL_UNPADDED, payload);
        }
        byte_string_add(&token, slice_of_text(payload));
        byte_string_add(&token, slice_of_text(c->after));
        const struct name_case name = { c->label, "OAUTHBEARER", byte_string_slice(&token), c->principal };
        check_name(&name, 2);
        byte_string_free(&token);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_learnt),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(bearers_are_known_by_their_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
