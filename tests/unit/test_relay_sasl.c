/* SPDX-License-Identifier: Apache-2.0 */
/* SASL as it passes by: when a name is believed, and what nobody may do before.  Which name: test_relay_names.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "relay/conversation.h"
#include "sasl_scene.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void send_bare_token(struct sasl_scene *s, struct slice token)
{
    uint8_t size[4];
    store_u32(size, (uint32_t)token.size);
    party_send_bytes(&s->party, slice_of(size, sizeof size));
    party_send_bytes(&s->party, token);
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
        struct sasl_scene s;
        sasl_scene_begin(&s, true);
        for (size_t k = 0; k < 2 && c->answers[k].data; k++) {
            sasl_scene_broker_says(&s, c->codes[k], c->answers[k]);
        }
        sasl_scene_authenticate(&s, 2, c->mechanism, c->token);
        bool known = sasl_scene_is_known_as(&s, "User:alice");
        if (known != c->accepted || sasl_scene_may_go_on(&s) != c->accepted) {
            fail_msg("%s: %s", c->label, relay_fault(s.party.relay));
        }
        assert_int_equal(fake_broker_count(&s.world.broker, API_FIND_COORDINATOR), c->accepted ? 1 : 0);
        sasl_scene_end(&s);
    }
}

static void after_a_failure_there_is_another_try(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_broker_says(&s, 58, TOKEN(""));
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0wrong"));
    assert_true(sasl_scene_is_known_as(&s, ""));
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0bob\0right"));
    assert_true(sasl_scene_is_known_as(&s, "User:bob"));
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
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
        struct sasl_scene s;
        sasl_scene_begin(&s, true);
        s.world.broker.answer = refuse_mechanism;
        sasl_scene_send_handshake(&s, versions[i], "PLAIN");
        party_run(&s.party);
        sasl_scene_send_token(&s, 2, TOKEN("\0alice\0secret"));
        party_run(&s.party);
        assert_true(sasl_scene_is_known_as(&s, ""));
        assert_false(sasl_scene_may_go_on(&s));
        sasl_scene_end(&s);
    }
}

static void a_token_without_a_handshake_proves_nothing(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_send_token(&s, 2, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, ""));
    assert_false(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

/* Before that */

static void nothing_else_is_asked_before(void **state)
{
    (void)state;
    const struct api *api;
    for (int16_t key = 0; (api = api_find(key)); key++) {
        struct sasl_scene s;
        uint8_t frame[64];
        sasl_scene_begin(&s, true);
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
        sasl_scene_end(&s);
    }
}

static void versions_may_be_asked_before(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    party_send(&s.party, API_VERSIONS, 3, json_of("{'ClientSoftwareName': 'c', 'ClientSoftwareVersion': '1'}"));
    sasl_scene_authenticate(&s, 1, "PLAIN", TOKEN("\0alice\0secret"));
    assert_true(sasl_scene_may_go_on(&s));
    assert_string_equal(s.world.authenticated, "User:alice");
    sasl_scene_end(&s);
}

static void tokens_have_a_limit(void **state)
{
    (void)state;
    static const size_t sizes[] = { SASL_FRAME_BYTES_MAX, SASL_FRAME_BYTES_MAX + 1 };
    uint8_t *bytes = calloc(1, SASL_FRAME_BYTES_MAX + 5);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct sasl_scene s;
        sasl_scene_begin(&s, true);
        sasl_scene_send_handshake(&s, 1, "PLAIN");
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
        sasl_scene_end(&s);
    }
    free(bytes);
}

/* What was a password is wiped when its memory goes. */
static void passwords_are_in_secret_memory(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    s.party.broker_is_slow = true;
    sasl_scene_send_token(&s, 2, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    const struct gather *out = &s.party.relay->out[RELAY_BROKER];
    assert_int_not_equal(out->count, out->first);
    for (size_t i = out->first; i < out->count; i++) {
        assert_true(out->pieces[i].owner->secret);
    }
    sasl_scene_end(&s);
}

static void half_a_password_is_in_secret_memory(void **state)
{
    (void)state;
    static const bool bare[] = { false, true };
    for (size_t i = 0; i < COUNT(bare); i++) {
        struct sasl_scene s;
        sasl_scene_begin(&s, false);
        s.world.broker.bare_tokens = 1;
        sasl_scene_send_handshake(&s, bare[i] ? 0 : 1, "PLAIN");
        party_run(&s.party);
        party_send_bytes(&s.party, slice_of("\0\0\0\x40\0", 5));
        party_run(&s.party);
        assert_non_null(s.party.relay->in[RELAY_CLIENT].block);
        assert_true(s.party.relay->in[RELAY_CLIENT].block->secret);
        sasl_scene_end(&s);
    }
}

/* Bare tokens */

static void bare_tokens_are_followed(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    s.world.broker.bare_tokens = 1;
    sasl_scene_send_handshake(&s, 0, "PLAIN");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, "User:alice"));
    assert_int_equal(party_answer_count(&s.party), 2);
    assert_int_equal(party_answer_frame(&s.party, 1).size, 0);
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

static void bare_tokens_of_two_rounds_are_followed(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    s.world.broker.bare_tokens = 2;
    sasl_scene_broker_says(&s, 0, TOKEN("r=abcd,s=c2FsdA==,i=4096"));
    sasl_scene_broker_says(&s, 0, TOKEN("v=cHJvb2Y="));
    sasl_scene_send_handshake(&s, 0, "SCRAM-SHA-256");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("n,,n=alice,r=abc"));
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, ""));
    send_bare_token(&s, TOKEN("c=biws,r=abcd,p=cHJvb2Y="));
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, "User:alice"));
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

static void a_refused_bearer_is_not_accepted_bare_either(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    s.world.broker.bare_tokens = 2;
    sasl_scene_broker_says(&s, 0, TOKEN("{\"status\":\"invalid_token\"}"));
    sasl_scene_send_handshake(&s, 0, "OAUTHBEARER");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("n,,\1auth=Bearer e30.eyJzdWIiOiJhbGljZSJ9.c2ln\1\1"));
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, ""));
    send_bare_token(&s, TOKEN("\1")); /* and whatever a broker says to that */
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, ""));
    sasl_scene_end(&s);
}

/* A frame that the gateway takes for a token and the broker for a request would pass unseen. */
static void bare_tokens_without_end_are_refused(void **state)
{
    (void)state;
    static const bool must[] = { false, true };
    for (size_t i = 0; i < COUNT(must); i++) {
        struct sasl_scene s;
        sasl_scene_begin(&s, must[i]);
        sasl_scene_send_handshake(&s, 0, "GSSAPI");
        party_run(&s.party);
        assert_int_equal(s.party.error, SIGNET_ERROR_UNSUPPORTED);
        assert_int_equal(s.world.broker.seen_count, 0);
        sasl_scene_end(&s);
    }
}

static void a_request_among_bare_tokens_is_refused(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, false);
    struct byte_string batch = world_batch(&s.world, 2, -1, 0);
    const struct produce_item item = { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) };
    s.world.broker.bare_tokens = 2;
    sasl_scene_broker_says(&s, 0, TOKEN("r=abcd,s=c2FsdA==,i=4096"));
    sasl_scene_send_handshake(&s, 0, "SCRAM-SHA-256");
    party_run(&s.party);
    send_bare_token(&s, TOKEN("n,,n=alice,r=abc"));
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, &item, 1));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
    assert_int_equal(slice_count(byte_string_slice(&s.party.out[RELAY_BROKER]), slice_of_text(WORLD_MARKER)), 0);
    byte_string_free(&batch);
    sasl_scene_end(&s);
}

/* Steps */

static void steps_are_taken_one_by_one(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    sasl_scene_send_token(&s, 2, TOKEN("\0mallory\0right"));
    sasl_scene_send_handshake(&s, 1, "PLAIN");
    sasl_scene_send_token(&s, 2, TOKEN("\0alice\0guessed"));
    party_run(&s.party);
    assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
    assert_false(sasl_scene_is_known_as(&s, "User:alice"));
    sasl_scene_end(&s);
}

static void a_second_token_names_nobody(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_broker_says(&s, 0, TOKEN("go on"));
    sasl_scene_send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    sasl_scene_send_token(&s, 2, TOKEN("\0mallory\0right"));
    party_run(&s.party);
    sasl_scene_send_token(&s, 2, TOKEN("\0alice\0guessed"));
    party_run(&s.party);
    assert_true(sasl_scene_is_known_as(&s, ""));
    assert_false(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

/* Once more */

static void who_authenticates_again_is_the_same(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    assert_true(sasl_scene_is_known_as(&s, "User:alice"));
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0bob\0secret"));
    assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
    assert_true(sasl_scene_is_known_as(&s, "User:alice"));
    sasl_scene_end(&s);
}

static void who_fails_to_authenticate_again_is_stopped(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    sasl_scene_broker_says(&s, 58, TOKEN(""));
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0wrong"));
    assert_false(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

/* Requests in flight when it begins are answered in its midst. */
static void answers_come_while_it_is_under_way(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, true);
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0alice\0secret"));
    s.party.broker_is_away = true;
    party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
    sasl_scene_send_handshake(&s, 1, "PLAIN");
    party_run(&s.party);
    s.party.broker_is_away = false;
    party_run(&s.party);
    sasl_scene_send_token(&s, 2, TOKEN("\0alice\0secret"));
    party_run(&s.party);
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

/* Where the client is known otherwise */

static void a_name_known_otherwise_stays(void **state)
{
    (void)state;
    struct sasl_scene s;
    world_init(&s.world);
    party_init_as(&s.party, &s.world, "User:CN=alice", false);
    sasl_scene_authenticate(&s, 2, "PLAIN", TOKEN("\0bob\0secret"));
    assert_true(sasl_scene_is_known_as(&s, "User:CN=alice"));
    assert_true(sasl_scene_may_go_on(&s));
    sasl_scene_end(&s);
}

/* Kerberos passes; when it is over, requests are as large as ever. */
static void what_cannot_be_followed_passes(void **state)
{
    (void)state;
    struct sasl_scene s;
    sasl_scene_begin(&s, false);
    sasl_scene_authenticate(&s, 2, "GSSAPI", TOKEN("ticket"));
    sasl_scene_send_token(&s, 2, TOKEN("more"));
    party_run(&s.party);
    assert_true(sasl_scene_may_go_on(&s));
    struct byte_string batch = world_batch(&s.world, 50 * 1000, -1, 0);
    assert_true(batch.size > SASL_FRAME_BYTES_MAX);
    const struct produce_item item = { "orders", 0, ITEM_BATCH, byte_string_slice(&batch) };
    party_send(&s.party, API_PRODUCE, 9, produce_body(&s.world, -1, &item, 1));
    party_run(&s.party);
    assert_string_equal(relay_fault(s.party.relay), "no fault");
    assert_int_equal(fake_broker_topic(&s.world.broker, "orders")->partitions[0].next_offset, 50 * 1000);
    byte_string_free(&batch);
    sasl_scene_end(&s);
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
