/* SPDX-License-Identifier: Apache-2.0 */
/* What clients are told of the cluster: where its nodes are, which cluster it is, which versions there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kafka/header.h"
#include "relay_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct scene {
    struct relay_world world;
    struct relay_party party;
};

static void begin(struct scene *s)
{
    world_init(&s->world);
    party_init(&s->party, &s->world);
}

static void end(struct scene *s)
{
    party_free(&s->party);
    world_free(&s->world);
}

/* Every answer that has addresses in it. */
struct address_case {
    int16_t api_key, since, last;
    const char *body;
    const char *endpoints; /* where the usual answer gets two more */
    size_t addresses;      /* of nodes that exist */
};

static const struct address_case address_cases[] = {
    { API_METADATA, 0, 13, "{'Topics': [{'Name': 'plain'}]}", NULL, 2 },
    { API_FIND_COORDINATOR, 0, 3, "{'Key': 'g'}", NULL, 1 },
    { API_FIND_COORDINATOR, 4, 6, "{'CoordinatorKeys': ['g', 'h']}", NULL, 1 },
    { API_DESCRIBE_CLUSTER, 0, 2, "{}", NULL, 2 },
    { API_PRODUCE, 10, 13, "{'Acks': 1, 'TopicData': []}", "NodeEndpoints", 2 },
    { API_FETCH, 16, 18, "{'SessionEpoch': -1, 'Topics': [], 'ForgottenTopicsData': []}", "NodeEndpoints", 2 },
    { API_SHARE_FETCH, 1, 2, "{'Topics': []}", "NodeEndpoints", 2 },
    { API_SHARE_ACKNOWLEDGE, 1, 2, "{'Topics': []}", "NodeEndpoints", 2 },
};

static void add_endpoints(void *context, const struct fake_request *request, json_t *response)
{
    const struct address_case *c = context;
    if (request->api_key == c->api_key && c->endpoints) {
        json_set(response, c->endpoints,
                 json_of("[{'NodeId': 2, 'Host': '" FAKE_HOST "', 'Port': 9093, 'Rack': 'r'},"
                         " {'NodeId': 70000, 'Host': '" FAKE_HOST "', 'Port': 9092, 'Rack': null}]"));
    }
}

/* Objects with a host in them, wherever they stand: told where the node is here, or of no node. */
static size_t check_addresses(json_t *json, const char *host)
{
    size_t count = 0;
    json_t *value, *told = json_object_get(json, "Host");
    const char *key;
    size_t i;
    if (json_is_array(json)) {
        json_array_foreach(json, i, value)
        {
            count += check_addresses(value, host);
        }
    } else if (json_is_object(json)) {
        json_object_foreach(json, key, value)
        {
            count += check_addresses(value, host);
        }
    }
    if (told && json_string_length(told) > 0) {
        json_t *id = json_object_get(json, "NodeId") ? json_object_get(json, "NodeId") : json_at(json, "BrokerId");
        assert_string_equal(json_string_value(told), host);
        assert_int_equal(json_number_at(json, "Port"), WORLD_PORT + json_integer_value(id));
        count++;
    } else if (told) {
        assert_int_equal(json_number_at(json, "NodeId"), -1);
        assert_int_equal(json_number_at(json, "Port"), -1);
    }
    return count;
}

static size_t ask(struct scene *s, const struct address_case *c, int16_t version)
{
    s->world.broker.edit = add_endpoints;
    s->world.broker.context = (void *)(uintptr_t)c;
    size_t index = party_send(&s->party, c->api_key, version, json_of("%s", c->body));
    party_run(&s->party);
    return index;
}

static bool host_leaks(const struct scene *s)
{
    return slice_count(byte_string_slice(&s->party.out[RELAY_CLIENT]), slice_of_text(FAKE_HOST)) > 0;
}

static void nodes_are_here_in_every_answer(void **state)
{
    (void)state;
    static char longest[256];
    memset(longest, 'h', 255);
    const char *const hosts[] = { WORLD_HOST, "h", longest };
    for (size_t i = 0; i < COUNT(address_cases); i++) {
        const struct address_case *c = &address_cases[i];
        for (int16_t version = c->since; version <= c->last; version++) {
            for (size_t h = 0; h < COUNT(hosts); h++) {
                struct scene s;
                begin(&s);
                s.world.host = hosts[h];
                json_t *answer = party_answer(&s.party, ask(&s, c, version));
                assert_int_equal(check_addresses(answer, hosts[h]), c->addresses);
                assert_false(host_leaks(&s));
                json_decref(answer);
                end(&s);
            }
        }
    }
}

static void a_node_without_an_address_ends_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(address_cases); i++) {
        const struct address_case *c = &address_cases[i];
        for (int16_t version = c->since; version <= c->last; version++) {
            struct scene s;
            begin(&s);
            s.world.unmapped_node = 2;
            ask(&s, c, version);
            assert_int_equal(s.party.error, SIGNET_ERROR_LIMIT);
            assert_int_equal(s.party.out[RELAY_CLIENT].size, 0);
            end(&s);
        }
    }
}

static void give_hosts_to_nobody(json_t *json)
{
    json_t *value;
    const char *key;
    size_t i;
    json_array_foreach(json, i, value)
    {
        give_hosts_to_nobody(value);
    }
    json_object_foreach(json, key, value)
    {
        give_hosts_to_nobody(value);
    }
    if (json_object_get(json, "Host")) {
        json_object_set_new(json, json_object_get(json, "BrokerId") ? "BrokerId" : "NodeId", json_integer(-1));
        json_object_set_new(json, "Host", json_string(FAKE_HOST));
    }
}

static void lie_of_nobody(void *context, const struct fake_request *request, json_t *response)
{
    add_endpoints(context, request, response);
    give_hosts_to_nobody(response);
}

/* Clients would go there. */
static void an_address_of_no_node_ends_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(address_cases); i++) {
        const struct address_case *c = &address_cases[i];
        for (int16_t version = c->since; version <= c->last; version++) {
            struct scene s;
            begin(&s);
            s.world.broker.edit = lie_of_nobody;
            s.world.broker.context = (void *)(uintptr_t)c;
            party_send(&s.party, c->api_key, version, json_of("%s", c->body));
            party_run(&s.party);
            assert_int_equal(s.party.error, SIGNET_ERROR_PROTOCOL);
            assert_false(host_leaks(&s));
            end(&s);
        }
    }
}

static json_t *no_coordinator(void *context, const struct fake_request *request)
{
    (void)context;
    (void)request;
    return json_of("{'ErrorCode': 15, 'NodeId': -1, 'Host': '', 'Port': -1, 'Coordinators':"
                   " [{'Key': 'g', 'NodeId': -1, 'Host': '', 'Port': -1, 'ErrorCode': 15}]}");
}

static void a_coordinator_that_is_not_there_stays_so(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 6; version++) {
        struct scene s;
        begin(&s);
        s.world.broker.answer = no_coordinator;
        size_t index = party_send(&s.party, API_FIND_COORDINATOR, version, json_of("{}"));
        party_run(&s.party);
        json_t *answer = party_answer(&s.party, index);
        assert_int_equal(check_addresses(answer, ""), 0);
        json_decref(answer);
        end(&s);
    }
}

/* The cluster */

struct cluster_case {
    int16_t api_key, since, last;
};

static const struct cluster_case cluster_cases[] = { { API_METADATA, 2, 13 }, { API_DESCRIBE_CLUSTER, 0, 2 } };

static void rename_cluster(void *context, const struct fake_request *request, json_t *response)
{
    (void)request;
    json_set(response, "ClusterId", json_string(context));
}

static void another_cluster_ends_the_conversation(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cluster_cases); i++) {
        for (int16_t version = cluster_cases[i].since; version <= cluster_cases[i].last; version++) {
            struct scene s;
            char other[] = "another-cluster";
            begin(&s);
            s.world.broker.edit = rename_cluster;
            s.world.broker.context = other;
            party_send(&s.party, cluster_cases[i].api_key, version, json_of("{}"));
            party_run(&s.party);
            assert_int_equal(s.party.error, SIGNET_ERROR_PERMISSION);
            assert_int_equal(s.party.out[RELAY_CLIENT].size, 0);
            end(&s);
        }
    }
}

/* Versions */

static json_t *range_of(json_t *answer, int16_t key)
{
    json_t *keys = json_at(answer, "ApiKeys");
    for (size_t i = 0; i < json_array_size(keys); i++) {
        if (json_number_at(json_array_get(keys, i), "ApiKey") == key) {
            return json_array_get(keys, i);
        }
    }
    return NULL;
}

static void versions_are_those_of_both(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 5; version++) {
        struct scene s;
        begin(&s);
        world_seal_everything(&s.world);
        size_t index = party_send(&s.party, API_VERSIONS, version, json_object());
        party_run(&s.party);
        json_t *answer = party_answer(&s.party, index);
        const struct api *api;
        for (int16_t key = 0; (api = api_find(key)); key++) {
            json_t *range = range_of(answer, key);
            assert_int_equal(range != NULL, api->class != API_DENY);
            assert_true(!range || json_number_at(range, "MaxVersion") == api->version_max);
            assert_true(!range || json_number_at(range, "MinVersion") == api->version_min);
        }
        assert_null(range_of(answer, 999));
        json_decref(answer);
        end(&s);
    }
}

static void unknown_versions_of_it_are_answered_in_order(void **state)
{
    (void)state;
    static const int16_t versions[] = { 6, 99, INT16_MAX, -1 };
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct scene s;
        begin(&s);
        party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        size_t index = party_send(&s.party, API_VERSIONS, versions[i], json_object());
        size_t again = party_send(&s.party, API_VERSIONS, versions[i], json_object());
        size_t last = party_send(&s.party, API_FIND_COORDINATOR, 3, json_of("{}"));
        s.party.broker_is_away = true;
        party_run(&s.party);
        assert_int_equal(party_answer_count(&s.party), 0);
        s.party.broker_is_away = false;
        party_run(&s.party);
        for (; index <= again; index++) {
            json_t *answer = party_answer(&s.party, index);
            assert_int_equal(json_number_at(answer, "ErrorCode"), 35);
            assert_int_equal(json_number_at(range_of(answer, API_VERSIONS), "MaxVersion"), 5);
            json_decref(answer);
        }
        json_decref(party_answer(&s.party, last));
        assert_int_equal(fake_broker_count(&s.world.broker, API_VERSIONS), 0);
        end(&s);
    }
}

static json_t *refuse_version(void *context, const struct fake_request *request)
{
    (void)context;
    return request->api_key == API_VERSIONS
               ? json_of("{'ErrorCode': 35, 'ApiKeys': [{'ApiKey': 18, 'MinVersion': 0, 'MaxVersion': 4}]}")
               : NULL;
}

static void an_older_brokers_refusal_passes(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    s.world.broker.answer = refuse_version;
    size_t index = party_send(&s.party, API_VERSIONS, 5, json_object());
    party_run(&s.party);
    json_t *answer = party_answer(&s.party, index);
    assert_int_equal(json_number_at(answer, "ErrorCode"), 35);
    assert_int_equal(json_number_at(range_of(answer, API_VERSIONS), "MaxVersion"), 4);
    json_decref(answer);
    end(&s);
}

/* What is not read passes as it is, both ways. */
static void other_requests_pass_untouched(void **state)
{
    (void)state;
    const struct api *api;
    for (int16_t key = 0; (api = api_find(key)); key++) {
        if (api->class != API_PASS) {
            continue;
        }
        uint8_t frame[64];
        struct scene s;
        begin(&s);
        struct writer w = writer_over(frame, sizeof frame);
        const struct request_header header = {
            .api_key = key,
            .api_version = api->version_max,
            .correlation_id = 7,
            .client_id = slice_of_text("c"),
        };
        write_i32(&w, 0);
        request_header_write(&w, &header);
        write_bytes(&w, slice_of_text("whatever"));
        store_u32(frame, (uint32_t)writer_used(&w) - 4);
        party_send_bytes(&s.party, writer_slice(&w));
        party_run(&s.party);
        assert_true(slice_equal(byte_string_slice(&s.party.out[RELAY_BROKER]), writer_slice(&w)));
        assert_true(
            slice_equal(byte_string_slice(&s.party.out[RELAY_CLIENT]), byte_string_slice(&s.party.in[RELAY_BROKER])));
        assert_int_equal(party_answer_count(&s.party), 1);
        end(&s);
    }
}

static void converse(struct relay_party *party)
{
    party_send(party, API_METADATA, 12, json_of("{'Topics': [{'Name': 'orders'}]}"));
    party_send(party, API_FIND_COORDINATOR, 4, json_of("{'CoordinatorKeys': ['g']}"));
    party_send(party, API_VERSIONS, 77, json_object());
    party_send(party, API_DESCRIBE_CLUSTER, 2, json_of("{}"));
    party_run(party);
    assert_int_equal(party_answer_count(party), 4);
}

static void cuts_do_not_matter(void **state)
{
    (void)state;
    assert_true(conversation_is_the_same_however_cut("addresses", converse));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_here_in_every_answer),
        cmocka_unit_test(a_node_without_an_address_ends_the_conversation),
        cmocka_unit_test(an_address_of_no_node_ends_the_conversation),
        cmocka_unit_test(a_coordinator_that_is_not_there_stays_so),
        cmocka_unit_test(another_cluster_ends_the_conversation),
        cmocka_unit_test(versions_are_those_of_both),
        cmocka_unit_test(unknown_versions_of_it_are_answered_in_order),
        cmocka_unit_test(an_older_brokers_refusal_passes),
        cmocka_unit_test(other_requests_pass_untouched),
        cmocka_unit_test(cuts_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
