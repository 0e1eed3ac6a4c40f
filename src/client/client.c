/* SPDX-License-Identifier: Apache-2.0 */
#include "client/client.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/wipe.h"
#include "client/client_message.h"
#include "kafka/batch.h"

enum {
    /* Brokers close what is silent for ten minutes (connections.max.idle.ms), and load balancers sooner: then rather a new one. */
    LEADER_IDLE_MS_MAX = 60 * 1000,
    /* PLAIN takes one, SCRAM two. */
    LOGIN_TURNS_MAX = 4,
};

struct client {
    struct client_options options;
    struct slice topic;
    struct channel *leader; /* NULL: not known, or lost */
    int32_t led;            /* the partition that it leads */
    int64_t used_ms;        /* when it last answered */
    int64_t login_until_ms; /* when it wants another one */
    size_t next_server;
    int32_t correlation_id;
    uint8_t *request, *reply;
    size_t request_bytes;
};

signet_error client_new(const struct client_options *options, struct client **ret_client)
{
    assert(options->tls || !options->account || login_account_mechanism(options->account) != LOGIN_PLAIN);
    struct client *c = calloc(1, sizeof *c);
    if (!c) {
        login_account_free(options->account);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    c->options = *options;
    c->options.tls = options->tls ? tls_context_retain(options->tls) : NULL;
    c->topic = slice_of_text(options->topic);
    c->request_bytes = options->record_bytes_max + CLIENT_PRODUCE_EXTRA_BYTES;
    c->request = malloc(c->request_bytes);
    c->reply = malloc(CLIENT_REPLY_BYTES_MAX);
    if (!c->request || !c->reply) {
        client_free(c);
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    *ret_client = c;
    return SIGNET_OK;
}

void client_free(struct client *c)
{
    if (c) {
        channel_close(c->leader);
        tls_context_release(c->options.tls);
        login_account_free(c->options.account);
        free(c->request);
        free(c->reply);
        free(c);
    }
}

/* A response's body, in the client's memory. */
struct body {
    uint8_t *at;
    size_t size;
};

static signet_error unreadable(signet_error error, struct cause *ret_cause)
{
    cause_set(ret_cause, "the broker's answer cannot be read: %s", signet_error_text(error));
    return error;
}

static signet_error receive(struct client *c, struct channel *channel, struct slice request, int64_t deadline_ms,
                            struct body *ret_body, struct cause *ret_cause)
{
    uint8_t size_bytes[4];
    size_t at = 0;
    signet_error error = channel_receive(channel, size_bytes, sizeof size_bytes, deadline_ms, ret_cause);
    if (error) {
        return error;
    }
    size_t size = load_u32(size_bytes);
    if (size > CLIENT_REPLY_BYTES_MAX) {
        return unreadable(SIGNET_ERROR_LIMIT, ret_cause);
    }
    error = channel_receive(channel, c->reply, size, deadline_ms, ret_cause);
    if (error) {
        return error;
    }
    error = client_response_body(request, slice_of(c->reply, size), &at);
    if (error) {
        return unreadable(error, ret_cause);
    }
    *ret_body = (struct body){ c->reply + at, size - at };
    return SIGNET_OK;
}

static signet_error exchange(struct client *c, struct channel *channel, const struct writer *request,
                             int64_t deadline_ms, struct body *ret_body, struct cause *ret_cause)
{
    if (request->error) {
        cause_set(ret_cause, "the request is too large");
        return SIGNET_ERROR_LIMIT;
    }
    signet_error error = channel_send(channel, writer_slice(request), deadline_ms, ret_cause);
    return error ? error : receive(c, channel, writer_slice(request), deadline_ms, ret_body, ret_cause);
}

/* Logging in. */

struct broker {
    struct channel *channel;
    const struct address *address;
    int64_t deadline_ms;
};

static signet_error login_failed(const struct client *c, const struct broker *broker, signet_error error,
                                 const char *why, struct cause *ret_cause)
{
    char name[ADDRESS_TEXT_BYTES];
    address_text(broker->address, name);
    cause_set(ret_cause, "the broker %s: %s (SASL %s)", name, why,
              login_mechanism_text(login_account_mechanism(c->options.account)));
    return error;
}

static signet_error login_refused(const struct client *c, const struct broker *broker, int16_t error_code,
                                  struct cause *ret_cause)
{
    const char *why = error_code == KAFKA_UNSUPPORTED_SASL_MECHANISM   ? "it does not offer this mechanism"
                      : error_code == KAFKA_ILLEGAL_SASL_STATE         ? "this listener of it is without SASL"
                      : error_code == KAFKA_SASL_AUTHENTICATION_FAILED ? "username or password is wrong"
                                                                       : "it refuses to let us log in";
    return login_failed(c, broker, SIGNET_ERROR_REFUSED, why, ret_cause);
}

static signet_error login_broken(const struct client *c, const struct broker *broker, signet_error error,
                                 struct cause *ret_cause)
{
    const char *why = error == SIGNET_ERROR_REFUSED ? "it does not know the password, so it is not who it should be"
                      : error == SIGNET_ERROR_LIMIT ? "it has iterations of SCRAM that are too few or too many"
                      : error == SIGNET_ERROR_UNSUPPORTED
                          ? "the mechanism is not installed; Debian has it in libsasl2-modules"
                          : signet_error_text(error);
    return login_failed(c, broker, error, why, ret_cause);
}

static signet_error name_mechanism(struct client *c, const struct broker *broker, struct cause *ret_cause)
{
    struct writer w = writer_over(c->request, c->request_bytes);
    struct body body = { NULL, 0 };
    int16_t error_code = KAFKA_NONE;
    client_handshake_write(&w, ++c->correlation_id, login_mechanism_text(login_account_mechanism(c->options.account)));
    signet_error error = exchange(c, broker->channel, &w, broker->deadline_ms, &body, ret_cause);
    if (error) {
        return error;
    }
    error = client_handshake_read(body.at, body.size, &error_code);
    if (error) {
        return unreadable(error, ret_cause);
    }
    return error_code == KAFKA_NONE ? SIGNET_OK : login_refused(c, broker, error_code, ret_cause);
}

static signet_error pass_token(struct client *c, const struct broker *broker, struct slice token,
                               struct client_authenticated *ret_answer, struct cause *ret_cause)
{
    struct writer w = writer_over(c->request, c->request_bytes);
    struct body body = { NULL, 0 };
    client_authenticate_write(&w, ++c->correlation_id, token);
    signet_error error = exchange(c, broker->channel, &w, broker->deadline_ms, &body, ret_cause);
    wipe(c->request, writer_used(&w));
    if (error) {
        return error;
    }
    error = client_authenticate_read(body.at, body.size, ret_answer);
    if (error) {
        return unreadable(error, ret_cause);
    }
    return ret_answer->error_code == KAFKA_NONE ? SIGNET_OK
                                                : login_refused(c, broker, ret_answer->error_code, ret_cause);
}

static signet_error converse(struct client *c, const struct broker *broker, struct login *login,
                             struct client_authenticated *answer, struct cause *ret_cause)
{
    for (size_t turn = 0; !login_is_over(login); turn++) {
        struct slice token = { NULL, 0 };
        signet_error error = turn < LOGIN_TURNS_MAX ? login_step(login, answer->token, &token) : SIGNET_ERROR_PROTOCOL;
        if (error) {
            return login_broken(c, broker, error, ret_cause);
        }
        error = token.size > 0 ? pass_token(c, broker, token, answer, ret_cause) : SIGNET_OK;
        if (error) {
            return error;
        }
    }
    return SIGNET_OK;
}

/* Well before the login ends, as what arrives after that is not answered. */
static int64_t until_ms(int64_t lifetime_ms)
{
    if (lifetime_ms <= 0 || lifetime_ms > INT32_MAX) {
        return INT64_MAX;
    }
    return monotonic_clock_ms() + lifetime_ms - lifetime_ms / 4;
}

static signet_error log_in(struct client *c, const struct broker *broker, struct cause *ret_cause)
{
    struct client_authenticated answer = { 0 };
    struct login *login = NULL;
    signet_error error = name_mechanism(c, broker, ret_cause);
    if (error) {
        return error;
    }
    error = login_new(c->options.account, broker->address->host, &login);
    error = error ? login_broken(c, broker, error, ret_cause) : converse(c, broker, login, &answer, ret_cause);
    login_free(login);
    c->login_until_ms = until_ms(answer.lifetime_ms);
    return error;
}

static signet_error connect_to(struct client *c, const struct address *address, int64_t deadline_ms,
                               struct channel **ret_channel, struct cause *ret_cause)
{
    struct broker broker = { NULL, address, deadline_ms };
    signet_error error = channel_open(address, c->options.tls, deadline_ms, &broker.channel, ret_cause);
    c->login_until_ms = INT64_MAX;
    error = !error && c->options.account ? log_in(c, &broker, ret_cause) : error;
    if (error) {
        channel_close(broker.channel);
        return error;
    }
    *ret_channel = broker.channel;
    return SIGNET_OK;
}

/* Who leads. */

static const char *refusal_text(int16_t error_code)
{
    switch (error_code) {
    case KAFKA_UNKNOWN_TOPIC_OR_PARTITION:
        return "there is no such topic; make it, or correct its name";
    case KAFKA_TOPIC_AUTHORIZATION_FAILED:
        return "not allowed; give the gateway's principal Write and Describe on it";
    case KAFKA_MESSAGE_TOO_LARGE:
        return "the record is too large; raise the topic's max.message.bytes to 1048588";
    case KAFKA_NOT_ENOUGH_REPLICAS:
    case KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return "too few replicas are in sync";
    case KAFKA_INVALID_RECORD:
        return "the broker finds the record invalid";
    default:
        return "the broker refuses";
    }
}

static signet_error refused(const struct client *c, int16_t error_code, struct cause *ret_cause)
{
    cause_set(ret_cause, "topic %s: %s (Kafka's error %d)", c->options.topic, refusal_text(error_code), error_code);
    return SIGNET_ERROR_REFUSED;
}

static signet_error choose(struct client *c, struct body body, struct slice key, int32_t *partition,
                           struct address *ret_leader, struct cause *ret_cause)
{
    struct client_topic topic;
    signet_error error = client_metadata_read(body.at, body.size, c->topic, *partition, &topic);
    if (!error && *partition < 0 && topic.partitions > 0) {
        *partition = (int32_t)(crc32c(key) % (uint32_t)topic.partitions);
        error = client_metadata_read(body.at, body.size, c->topic, *partition, &topic);
    }
    if (error) {
        return unreadable(error, ret_cause);
    }
    if (topic.error_code != KAFKA_NONE) {
        return refused(c, topic.error_code, ret_cause);
    }
    if (topic.leader < 0) {
        cause_set(ret_cause, "topic %s: partition %d has no leader", c->options.topic, *partition);
        return SIGNET_ERROR_REFUSED;
    }
    error = client_broker_read(body.at, body.size, topic.leader, ret_leader);
    return error ? unreadable(error, ret_cause) : SIGNET_OK;
}

static signet_error ask_server(struct client *c, const struct address *server, int64_t deadline_ms,
                               struct body *ret_body, struct cause *ret_cause)
{
    struct channel *channel = NULL;
    signet_error error = connect_to(c, server, deadline_ms, &channel, ret_cause);
    if (error) {
        return error;
    }
    struct writer w = writer_over(c->request, c->request_bytes);
    client_metadata_write(&w, ++c->correlation_id, c->topic);
    error = exchange(c, channel, &w, deadline_ms, ret_body, ret_cause);
    channel_close(channel);
    return error;
}

/* One that does not answer has its share of the time, so that the next one has some too. */
static signet_error ask_servers(struct client *c, int64_t deadline_ms, struct body *ret_body, struct cause *ret_cause)
{
    signet_error error = SIGNET_ERROR_SYSTEM;
    for (size_t left = c->options.server_count; left > 0; left--) {
        int64_t now = monotonic_clock_ms();
        const struct address *server = &c->options.servers[c->next_server % c->options.server_count];
        error = ask_server(c, server, now + (deadline_ms - now) / (int64_t)(left + 1), ret_body, ret_cause);
        if (!error) {
            return SIGNET_OK;
        }
        c->next_server++;
    }
    return error;
}

static signet_error find_leader(struct client *c, struct slice key, int32_t *partition, int64_t deadline_ms,
                                struct cause *ret_cause)
{
    struct body body = { NULL, 0 };
    struct address address;
    signet_error error = ask_servers(c, deadline_ms, &body, ret_cause);
    error = error ? error : choose(c, body, key, partition, &address, ret_cause);
    error = error ? error : connect_to(c, &address, deadline_ms, &c->leader, ret_cause);
    c->led = *partition;
    return error;
}

/* Producing. */

static void lose_leader(struct client *c)
{
    channel_close(c->leader);
    c->leader = NULL;
}

static signet_error produce(struct client *c, const struct client_record *record, int64_t deadline_ms,
                            struct cause *ret_cause)
{
    struct writer w = writer_over(c->request, c->request_bytes);
    struct body body = { NULL, 0 };
    int16_t error_code = KAFKA_NONE;
    client_produce_write(&w, ++c->correlation_id, record);
    signet_error error = exchange(c, c->leader, &w, deadline_ms, &body, ret_cause);
    if (error) {
        return error;
    }
    error = client_produce_read(body.at, body.size, record->partition, &error_code);
    if (error) {
        return unreadable(error, ret_cause);
    }
    return error_code == KAFKA_NONE ? SIGNET_OK : refused(c, error_code, ret_cause);
}

static int32_t wait_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - monotonic_clock_ms();
    return left > INT32_MAX ? INT32_MAX : left > 1 ? (int32_t)left : 1;
}

signet_error client_produce(struct client *c, struct slice key, struct slice value, int64_t time_ms, int32_t *partition,
                            int64_t deadline_ms, struct cause *ret_cause)
{
    signet_error error = SIGNET_OK;
    int64_t now_ms = monotonic_clock_ms();
    if (c->led != *partition || now_ms - c->used_ms > LEADER_IDLE_MS_MAX || now_ms > c->login_until_ms) {
        lose_leader(c);
    }
    if (!c->leader) {
        error = find_leader(c, key, partition, deadline_ms, ret_cause);
    }
    if (!error) {
        const struct client_record record = {
            .topic = c->topic,
            .key = key,
            .value = value,
            .partition = *partition,
            .time_ms = time_ms,
            .wait_ms = wait_ms(deadline_ms),
        };
        error = produce(c, &record, deadline_ms, ret_cause);
    }
    if (error) {
        lose_leader(c);
    }
    c->used_ms = monotonic_clock_ms();
    return error;
}
