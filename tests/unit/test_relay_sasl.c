/* SPDX-License-Identifier: Apache-2.0 */
/* SASL as it passes by: whose name is believed, when, and what nobody may do before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crypto/encoding.h"
#include "relay/conversation.h"
#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TOKEN(text)  slice_of(text, sizeof(text) - 1)

struct scene {
    struct relay_world world;
    struct relay_party party;
};

static void begin(struct scene *s, bool must_authenticate)
{
    world_init(&s->world);
    party_init_as(&s->party, &s->world, "", must_authenticate);
}

static void end(struct scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
}

static void send_handshake(struct scene *s, int16_t version, const char *mechanism)
{
    party_send(&s->party, API_SASL_HANDSHAKE, version, json_of("{'Mechanism': '%s'}", mechanism));
}

static void send_token(struct scene *s, int16_t version, struct slice token)
{
    json_t *body = json_object();
    json_object_set_new(body, "AuthBytes", json_hex(token));
    party_send(&s->party, API_SASL_AUTHENTICATE, version, body);
}

static void send_bare_token(struct scene *s, struct slice token)
{
    uint8_t size[4];
    store_u32(size, (uint32_t)token.size);
    party_send_bytes(&s->party, slice_of(size, sizeof size));
    party_send_bytes(&s->party, token);
}

/* What the broker will say to the next token. */
static void broker_says(struct scene *s, int16_t error_code, struct slice token)
{
    json_t *answer = json_of("{'ErrorCode': %d}", error_code);
    json_object_set_new(answer, "AuthBytes", json_hex(token));
    if (!s->world.broker.sasl) {
        s->world.broker.sasl = json_array();
    }
    json_array_append_new(s->world.broker.sasl, answer);
}

static bool is_known_as(const struct scene *s, const char *principal)
{
    return slice_equal_text(relay_principal(s->party.relay), principal);
}

/* Can the client do what only the authenticated may? */
static bool may_go_on(struct scene *s)
{
    size_t before = party_answer_count(&s->party);
    party_send(&s->party, API_FIND_COORDINATOR, 3, json_of("{}"));
    party_run(&s->party);
    return !s->party.error && party_answer_count(&s->party) == before + 1;
}

/* Step by step, as clients do. */
static void authenticate(struct scene *s, int16_t version, const char *mechanism, struct slice token)
{
    send_handshake(s, 1, mechanism);
    party_run(&s->party);
    send_token(s, version, token);
    party_run(&s->party);
    if (strncmp(mechanism, "SCRAM", 5) == 0) {
        send_token(s, version, TOKEN("c=biws,r=nonce-and-more,p=cHJvb2Y="));
        party_run(&s->party);
    }
}

/* Names */

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
    struct scene s;
    begin(&s, true);
    bool scram = strncmp(c->mechanism, "SCRAM", 5) == 0;
    if (scram) {
        broker_says(&s, 0, TOKEN("r=nonce-and-more,s=c2FsdA==,i=4096"));
        broker_says(&s, 0, TOKEN("v=cHJvb2Y="));
    }
    authenticate(&s, version, c->mechanism, c->token);
    bool known = c->principal && is_known_as(&s, c->principal) && may_go_on(&s);
    bool nobody = !c->principal && s.party.error == SIGNET_ERROR_PERMISSION && is_known_as(&s, "");
    if (!known && !nobody) {
        fail_msg("%s, %s: %s (%s)", c->mechanism, c->label, relay_principal(s.party.relay).data,
                 relay_fault(s.party.relay));
    }
    assert_int_equal(s.world.authenticated_count, c->principal ? 1 : 0);
    end(&s);
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
    struct scene s;
    begin(&s, true);
    authenticate(&s, 2, "PLAIN", slice_of(token, fits + 2));
    assert_int_equal(relay_principal(s.party.relay).size, PRINCIPAL_BYTES_MAX);
    end(&s);
    token[1 + fits] = 'a';
    begin(&s, true);
    authenticate(&s, 2, "PLAIN", slice_of(token, fits + 3));
    assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
    end(&s);
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

/* What the broker says */

struct verdict_case {
    const char *label, *mechanism;
    struct slice token, answers[2];
    int16_t codes[2];
    bool accepted;
};

#define SAYS(text)                             \
    {                                          \
        (const uint8_t *)text, sizeof text - 1 \
    }

static const struct verdict_case verdicts[] = {
    { "an error", "PLAIN", SAYS("\0alice\0wrong"), { SAYS("") }, { 58 }, false },
    { "something to go on with", "PLAIN", SAYS("\0alice\0wrong"), { SAYS("more") }, { 0 }, false },
    { "an error at the end",
      "SCRAM-SHA-256",
      SAYS("n,,n=alice,r=abc"),
      { SAYS("r=abcd,s=c2FsdA==,i=4096"), SAYS("") },
      { 0, 58 },
      false },
    { "an error in its own words",
      "SCRAM-SHA-256",
      SAYS("n,,n=alice,r=abc"),
      { SAYS("r=abcd,s=c2FsdA==,i=4096"), SAYS("e=invalid-proof") },
      { 0, 0 },
      false },
    { "its proof",
      "SCRAM-SHA-256",
      SAYS("n,,n=alice,r=abc"),
      { SAYS("r=abcd,s=c2FsdA==,i=4096"), SAYS("v=cHJvb2Y=") },
      { 0, 0 },
      true },
    { "why the bearer is refused, and no error yet",
      "OAUTHBEARER",
      SAYS("n,,\1auth=Bearer e30.eyJzdWIiOiJhbGljZSJ9.c2ln\1\1"),
      { SAYS("{\"status\":\"invalid_token\"}") },
      { 0 },
      false },
    { "nothing more",
      "OAUTHBEARER",
      SAYS("n,,\1auth=Bearer e30.eyJzdWIiOiJhbGljZSJ9.c2ln\1\1"),
      { SAYS("") },
      { 0 },
      true },
    { "yes to what is not known here", "GSSAPI", SAYS("ticket"), { SAYS("") }, { 0 }, false },
};

static void only_the_brokers_yes_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(verdicts); i++) {
        const struct verdict_case *c = &verdicts[i];
        struct scene s;
        begin(&s, true);
        for (size_t k = 0; k < 2 && c->answers[k].data; k++) {
            broker_says(&s, c->codes[k], c->answers[k]);
        }
        authenticate(&s, 2, c->mechanism, c->token);
        bool known = is_known_as(&s, "User:alice");
        if (known != c->accepted || may_go_on(&s) != c->accepted) {
            fail_msg("%s: %s", c->label, relay_fault(s.party.relay));
        }
        assert_int_equal(fake_broker_count(&s.world.broker, API_FIND_COORDINATOR), c->accepted ? 1 : 0);
        end(&s);
    }
}

static void after_a_failure_there_is_another_try(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    broker_says(&s, 58, TOKEN(""));
    authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0wrong"));
    assert_true(is_known_as(&s, ""));
    authenticate(&s, 2, "PLAIN", TOKEN("\0bob\0right"));
    assert_true(is_known_as(&s, "User:bob"));
    assert_true(may_go_on(&s));
    end(&s);
}

static json_t *refuse_mechanism(void *context, const struct fake_request *request)
{
    (void)context;
    return request->api_key == API_SASL_HANDSHAKE ? json_of("{'ErrorCode': 33, 'Mechanisms': ['PLAIN']}") : NULL;
}

static void a_refused_mechanism_is_none(void **state)
{
    (void)state;
    static const int16_t versions[] = { 0, 1 };
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct scene s;
        begin(&s, true);
        s.world.broker.answer = refuse_mechanism;
        send_handshake(&s, versions[i], "PLAIN");
        party_run(&s.party);
        send_token(&s, 2, TOKEN("\0alice\0secret"));
        party_run(&s.party);
        assert_true(is_known_as(&s, ""));
        assert_false(may_go_on(&s));
        end(&s);
    }
}

static void a_token_without_a_handshake_proves_nothing(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    send_token(&s, 2, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    assert_true(is_known_as(&s, ""));
    assert_false(may_go_on(&s));
    end(&s);
}

/* Before that */

static void nothing_else_is_asked_before(void **state)
{
    (void)state;
    const struct api *api;
    for (int16_t key = 0; (api = api_find(key)); key++) {
        struct scene s;
        uint8_t frame[64];
        begin(&s, true);
        struct writer w = writer_over(frame, sizeof frame);
        write_i32(&w, 0);
        write_i16(&w, key);
        write_i16(&w, api->version_max);
        write_i32(&w, 1);
        write_i16(&w, -1);
        if (api_is_flexible(api, api->version_max)) {
            write_uvarint(&w, 0);
        }
        write_bytes(&w, slice_of("\0\0\0\0\0\0\0\0", 8));
        store_u32(frame, (uint32_t)writer_used(&w) - 4);
        party_send_bytes(&s.party, writer_slice(&w));
        s.world.broker.tolerant = true;
        party_run(&s.party);
        bool allowed = key == API_VERSIONS || key == API_SASL_HANDSHAKE || key == API_SASL_AUTHENTICATE;
        if (!allowed && (s.party.error != SIGNET_ERROR_PERMISSION || s.world.broker.seen_count > 0)) {
            fail_msg("%s: %s", api->name, relay_fault(s.party.relay));
        }
        end(&s);
    }
}

static void versions_may_be_asked_before(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    party_send(&s.party, API_VERSIONS, 3, json_of("{'ClientSoftwareName': 'c', 'ClientSoftwareVersion': '1'}"));
    authenticate(&s, 1, "PLAIN", TOKEN("\0alice\0secret"));
    assert_true(may_go_on(&s));
    assert_string_equal(s.world.authenticated, "User:alice");
    end(&s);
}

static void tokens_have_a_limit(void **state)
{
    (void)state;
    static const size_t sizes[] = { SASL_FRAME_BYTES_MAX, SASL_FRAME_BYTES_MAX + 1 };
    uint8_t *bytes = calloc(1, SASL_FRAME_BYTES_MAX + 5);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct scene s;
        begin(&s, true);
        send_handshake(&s, 1, "PLAIN");
        party_run(&s.party);
        struct writer w = writer_over(bytes, 64);
        write_i32(&w, (int32_t)sizes[i]);
        write_i16(&w, API_SASL_AUTHENTICATE);
        write_i16(&w, 0);
        write_i32(&w, 1);
        write_i16(&w, -1);
        write_i32(&w, (int32_t)(sizes[i] - 14));
        party_send_bytes(&s.party, slice_of(bytes, 4 + sizes[i]));
        party_run(&s.party);
        assert_int_equal(s.party.error, i == 0 ? SIGNET_ERROR_PERMISSION : SIGNET_ERROR_LIMIT);
        end(&s);
    }
    free(bytes);
}

/* What was a password is wiped when its memory goes. */
static void passwords_are_in_secret_memory(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    s.party.broker_is_slow = true;
    send_token(&s, 2, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    const struct gather *out = &s.party.relay->out[RELAY_BROKER];
    assert_int_not_equal(out->count, out->first);
    for (size_t i = out->first; i < out->count; i++) {
        assert_true(out->pieces[i].owner->secret);
    }
    end(&s);
}

static void half_a_password_is_in_secret_memory(void **state)
{
    (void)state;
    static const bool bare[] = { false, true };
    for (size_t i = 0; i < COUNT(bare); i++) {
        struct scene s;
        begin(&s, false);
        s.world.broker.bare_tokens = 1;
        send_handshake(&s, bare[i] ? 0 : 1, "PLAIN");
        party_run(&s.party);
        party_send_bytes(&s.party, slice_of("\0\0\0\x40\0", 5));
        party_run(&s.party);
        assert_non_null(s.party.relay->in[RELAY_CLIENT].block);
        assert_true(s.party.relay->in[RELAY_CLIENT].block->secret);
        end(&s);
    }
}

/* Bare tokens */

static void bare_tokens_are_followed(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    s.world.broker.bare_tokens = 1;
    send_handshake(&s, 0, "PLAIN");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    assert_true(is_known_as(&s, "User:alice"));
    assert_int_equal(party_answer_count(&s.party), 2);
    assert_int_equal(party_answer_frame(&s.party, 1).size, 0);
    assert_true(may_go_on(&s));
    end(&s);
}

static void bare_tokens_of_two_rounds_are_followed(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    s.world.broker.bare_tokens = 2;
    broker_says(&s, 0, TOKEN("r=abcd,s=c2FsdA==,i=4096"));
    broker_says(&s, 0, TOKEN("v=cHJvb2Y="));
    send_handshake(&s, 0, "SCRAM-SHA-256");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("n,,n=alice,r=abc"));
    party_run(&s.party);
    assert_true(is_known_as(&s, ""));
    send_bare_token(&s, TOKEN("c=biws,r=abcd,p=cHJvb2Y="));
    party_run(&s.party);
    assert_true(is_known_as(&s, "User:alice"));
    assert_true(may_go_on(&s));
    end(&s);
}

static void a_refused_bearer_is_not_accepted_bare_either(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    s.world.broker.bare_tokens = 2;
    broker_says(&s, 0, TOKEN("{\"status\":\"invalid_token\"}"));
    send_handshake(&s, 0, "OAUTHBEARER");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("n,,\1auth=Bearer e30.eyJzdWIiOiJhbGljZSJ9.c2ln\1\1"));
    party_run(&s.party);
    assert_true(is_known_as(&s, ""));
    send_bare_token(&s, TOKEN("\1")); /* and whatever a broker says to that */
    party_run(&s.party);
    assert_true(is_known_as(&s, ""));
    end(&s);
}

/* A frame that the gateway takes for a token and the broker for a request would pass unseen. */
static void bare_tokens_without_end_are_refused(void **state)
{
    (void)state;
    static const bool must[] = { false, true };
    for (size_t i = 0; i < COUNT(must); i++) {
        struct scene s;
        begin(&s, must[i]);
        send_handshake(&s, 0, "GSSAPI");
        party_run(&s.party);
        assert_int_equal(s.party.error, SIGNET_ERROR_UNSUPPORTED);
        assert_int_equal(s.world.broker.seen_count, 0);
        end(&s);
    }
}

static void a_request_among_bare_tokens_is_refused(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, false);
    struct byte_string batch = world_batch(&s.world, 2, -1, 0);
    const struct produce_item item = { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) };
    s.world.broker.bare_tokens = 2;
    broker_says(&s, 0, TOKEN("r=abcd,s=c2FsdA==,i=4096"));
    send_handshake(&s, 0, "SCRAM-SHA-256");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("n,,n=alice,r=abc"));
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, &item, 1));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
    assert_int_equal(slice_count(byte_string_slice(&s.party.out[RELAY_BROKER]), slice_of_text(WORLD_MARKER)), 0);
    byte_string_free(&batch);
    end(&s);
}

/* Steps */

static void steps_are_taken_one_by_one(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    send_token(&s, 2, TOKEN("\0mallory\0right"));
    send_handshake(&s, 1, "PLAIN");
    send_token(&s, 2, TOKEN("\0alice\0guessed"));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
    assert_false(is_known_as(&s, "User:alice"));
    end(&s);
}

static void a_second_token_names_nobody(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    broker_says(&s, 0, TOKEN("go on"));
    send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    send_token(&s, 2, TOKEN("\0mallory\0right"));
    party_run(&s.party);
    send_token(&s, 2, TOKEN("\0alice\0guessed"));
    party_run(&s.party);
    assert_true(is_known_as(&s, ""));
    assert_false(may_go_on(&s));
    end(&s);
}

/* Once more */

static void who_authenticates_again_is_the_same(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    assert_true(may_go_on(&s));
    authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    assert_true(is_known_as(&s, "User:alice"));
    assert_true(may_go_on(&s));
    authenticate(&s, 2, "PLAIN", TOKEN("\0bob\0secret"));
    assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
    assert_true(is_known_as(&s, "User:alice"));
    end(&s);
}

static void who_fails_to_authenticate_again_is_stopped(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    broker_says(&s, 58, TOKEN(""));
    authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0wrong"));
    assert_false(may_go_on(&s));
    end(&s);
}

/* Requests in flight when it begins are answered in its midst. */
static void answers_come_while_it_is_under_way(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, true);
    authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    s.party.broker_is_away = true;
    party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
    send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    s.party.broker_is_away = false;
    party_run(&s.party);
    send_token(&s, 2, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    assert_true(may_go_on(&s));
    end(&s);
}

/* Where the client is known otherwise */

static void a_name_known_otherwise_stays(void **state)
{
    (void)state;
    struct scene s;
    world_init(&s.world);
    party_init_as(&s.party, &s.world, "User:CN=alice", false);
    authenticate(&s, 2, "PLAIN", TOKEN("\0bob\0secret"));
    assert_true(is_known_as(&s, "User:CN=alice"));
    assert_true(may_go_on(&s));
    end(&s);
}

/* Kerberos passes; when it is over, requests are as large as ever. */
static void what_cannot_be_followed_passes(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, false);
    authenticate(&s, 2, "GSSAPI", TOKEN("ticket"));
    send_token(&s, 2, TOKEN("more"));
    party_run(&s.party);
    assert_true(may_go_on(&s));
    struct byte_string batch = world_batch(&s.world, 50 * 1000, -1, 0);
    assert_true(batch.size > SASL_FRAME_BYTES_MAX);
    const struct produce_item item = { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) };
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, &item, 1));
    party_run(&s.party);
    assert_string_equal(relay_fault(s.party.relay), "no fault");
    assert_int_equal(fake_broker_topic(&s.world.broker, "orders")->partitions[0].next_offset, 50 * 1000);
    byte_string_free(&batch);
    end(&s);
}

static void authenticating_conversation(struct relay_party *party)
{
    json_t *body = json_object();
    party_send(party, API_VERSIONS, 0, json_object());
    party_send(party, API_SASL_HANDSHAKE, 1, json_of("{'Mechanism': 'PLAIN'}"));
    party_run(party);
    json_object_set_new(body, "AuthBytes", json_hex(TOKEN("\0alice\0secret")));
    party_send(party, API_SASL_AUTHENTICATE, 2, body);
    party_run(party);
    assert_true(slice_equal_text(relay_principal(party->relay), "User:alice"));
}

static void bare_conversation(struct relay_party *party)
{
    party->world->broker.bare_tokens = 1;
    party_send(party, API_SASL_HANDSHAKE, 0, json_of("{'Mechanism': 'PLAIN'}"));
    party_run(party);
    party_send_bytes(party, TOKEN("\0\0\0\x0d\0alice\0secret"));
    party_run(party);
    assert_true(slice_equal_text(relay_principal(party->relay), "User:alice"));
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("PLAIN", authenticating_conversation));
    assert_true(conversation_is_the_same_however_cut("PLAIN, bare", bare_conversation));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_learnt),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(bearers_are_known_by_their_subject),
        cmocka_unit_test(only_the_brokers_yes_counts),
        cmocka_unit_test(after_a_failure_there_is_another_try),
        cmocka_unit_test(a_refused_mechanism_is_none),
        cmocka_unit_test(a_token_without_a_handshake_proves_nothing),
        cmocka_unit_test(nothing_else_is_asked_before),
        cmocka_unit_test(versions_may_be_asked_before),
        cmocka_unit_test(tokens_have_a_limit),
        cmocka_unit_test(passwords_are_in_secret_memory),
        cmocka_unit_test(half_a_password_is_in_secret_memory),
        cmocka_unit_test(bare_tokens_are_followed),
        cmocka_unit_test(bare_tokens_of_two_rounds_are_followed),
        cmocka_unit_test(a_refused_bearer_is_not_accepted_bare_either),
        cmocka_unit_test(bare_tokens_without_end_are_refused),
        cmocka_unit_test(a_request_among_bare_tokens_is_refused),
        cmocka_unit_test(steps_are_taken_one_by_one),
        cmocka_unit_test(a_second_token_names_nobody),
        cmocka_unit_test(who_authenticates_again_is_the_same),
        cmocka_unit_test(who_fails_to_authenticate_again_is_stopped),
        cmocka_unit_test(answers_come_while_it_is_under_way),
        cmocka_unit_test(a_name_known_otherwise_stays),
        cmocka_unit_test(what_cannot_be_followed_passes),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
