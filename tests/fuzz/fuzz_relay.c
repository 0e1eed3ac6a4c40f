/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes are steps of a conversation: requests good and bad, answers right
 * and wrong, a log that is tampered with, how the bytes are cut, who is slow.
 * All topics are sealed.  Nothing that was produced can be read on the broker's
 * side, nothing forged reaches the client, every batch that does is one that
 * was produced, and at the end all memory has been given back.
 *
 * Steps that send raw bytes send whole frames, so that good requests and
 * answers behind them remain what they are; the last step may send anything.
 */
#include <stdlib.h>

#include "relay_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    STEPS_MAX = 64,
    RAW_BYTES_MAX = 512,
    BATCHES = 4,
};

#define FORGED "forged number"

enum step {
    STEP_PRODUCE,
    STEP_FETCH,
    STEP_SHARE_FETCH,
    STEP_ASK,          /* about the cluster */
    STEP_AUTHENTICATE, /* a handshake or a token */
    STEP_RAW_REQUEST,
    STEP_RAW_ANSWER,
    STEP_FLIP_ANSWER, /* one bit of the next right answer */
    STEP_CUT_ANSWER,
    STEP_TAMPER, /* one bit of the log, its CRC right again */
    STEP_FORGE,  /* a batch in clear */
    STEP_TIME,
    STEP_CUTS,
    STEP_SLOW,
    STEP_RUN,
    STEP_RECONNECT,
    STEP_RAW_END, /* anything from either side, and nothing good any more */
    STEP_READ_ON, /* as a consumer of a backlog does, which is read ahead for */
    STEP_GIVE_WAY,
    STEP_COUNT,
};

struct play {
    struct relay_world world;
    struct relay_party party;
    struct reader r;
    struct byte_string batches[BATCHES], forged;
    bool raw;   /* raw frames were sent: which answer is to which request is not known */
    bool ended; /* the broker sent what is no frame */
    bool must_authenticate;
    struct consumer {
        int16_t version;
        int32_t topic, partition, epoch;
        int64_t offset;
        bool in_session;
    } consumer;
};

static const char *const topics[] = { "orders", "orders-eu", "plain", "orders-none" };

static struct slice raw_bytes(struct play *p)
{
    struct slice bytes = read_bytes(&p->r, reader_left(&p->r) > RAW_BYTES_MAX ? RAW_BYTES_MAX : reader_left(&p->r) / 2);
    bool telling = slice_count(bytes, slice_of_text("record")) > 0 || slice_count(bytes, slice_of_text("forged")) > 0;
    return telling ? slice_of(NULL, 0) : bytes;
}

static int16_t version_of(uint8_t choice, int16_t first, int16_t last)
{
    return (int16_t)(first + choice % (last - first + 1));
}

static void produce(struct play *p)
{
    uint8_t choice = read_u8(&p->r), place = read_u8(&p->r), what = read_u8(&p->r);
    const struct produce_item items[] = {
        { topics[place % 4], place / 4 % FAKE_PARTITIONS, ITEM_BATCH, byte_string_slice(&p->batches[what % BATCHES]) },
        { topics[place / 16 % 4], place / 64, what & 0x40 ? ITEM_EMPTY : ITEM_BATCH,
          byte_string_slice(&p->batches[what / 4 % BATCHES]) },
    };
    json_t *body = produce_body(&p->world, (int16_t)(what / 16 % 3 - 1), items, what & 0x80 ? 2 : 1);
    party_send(&p->party, API_PRODUCE, version_of(choice, 3, 13), body);
}

static void fetch(struct play *p, bool share)
{
    uint8_t choice = read_u8(&p->r), place = read_u8(&p->r), what = read_u8(&p->r);
    const struct fetch_item item = { topics[place % 4], place / 4 % FAKE_PARTITIONS, what & 15 };
    if (share) {
        party_send(&p->party, API_SHARE_FETCH, version_of(choice, 1, 2), share_fetch_body(&p->world, &item, 1));
        return;
    }
    json_t *body = fetch_body(&p->world, &item, what & 0x80 ? 0 : 1);
    json_set(body, "SessionEpoch", json_integer(what / 16 % 4 - 1));
    json_set(body, "SessionId", json_integer(what & 0x40 ? FAKE_FIRST_SESSION : 0));
    json_set(body, "IsolationLevel", json_integer(place / 16 % 2));
    party_send(&p->party, API_FETCH, version_of(choice, 4, 18), body);
}

static void begin_reading(struct play *p, uint8_t how)
{
    uint8_t choice = read_u8(&p->r), place = read_u8(&p->r);
    p->consumer = (struct consumer){
        .version = version_of(choice, 4, 18),
        .topic = place % 3,
        .partition = place / 4 % FAKE_PARTITIONS,
        .offset = place / 16,
        .in_session = how & 0x40,
    };
}

/* Behind the batch that the consumer got, or will get. */
static int64_t next_offset(struct play *p)
{
    const struct consumer *c = &p->consumer;
    const struct fake_partition *partition =
        &fake_broker_topic(&p->world.broker, topics[c->topic])->partitions[c->partition];
    struct batch batch;
    bool there = batch_read(fake_partition_from(partition, c->offset), &batch) == SIGNET_OK;
    return there ? batch_last_offset(&batch.header) + 1 : c->offset;
}

static void read_batch(struct play *p)
{
    struct consumer *c = &p->consumer;
    const struct fetch_item item = { topics[c->topic], c->partition, c->offset };
    json_t *body = fetch_body(&p->world, &item, 1);
    json_set(body, "Topics/0/Partitions/0/PartitionMaxBytes", json_integer(1));
    json_set(body, "SessionEpoch", json_integer(c->in_session ? c->epoch : -1));
    json_set(body, "SessionId", json_integer(c->in_session && c->epoch > 0 ? p->world.broker.session_id : 0));
    party_send(&p->party, API_FETCH, c->version, body);
    c->epoch++;
    c->offset = next_offset(p);
}

static void read_on(struct play *p)
{
    uint8_t how = read_u8(&p->r);
    if (how & 0x80 || p->consumer.version == 0) {
        begin_reading(p, how);
    }
    for (int i = 0; i <= (how & 15); i++) {
        read_batch(p);
        if (!(how & 0x20)) {
            party_run(&p->party);
        }
    }
}

static void give_way(struct play *p)
{
    uint8_t how = read_u8(&p->r);
    p->world.worker.rules += how & 1;
    p->world.worker.restrained = how & 2;
    if (how & 4) {
        relay_give_way(p->party.relay);
    }
    if (how & 8) {
        relay_sweep(p->party.relay, p->world.now_ms + how / 16 * 1000);
    }
}

static void ask(struct play *p)
{
    uint8_t choice = read_u8(&p->r), version = read_u8(&p->r);
    switch (choice % 4) {
    case 0:
        party_send(&p->party, API_METADATA, version_of(version, 0, 13),
                   json_of("{'Topics': [{'Name': '%s'}]}", topics[choice / 4 % 4]));
        break;
    case 1:
        party_send(&p->party, API_FIND_COORDINATOR, version_of(version, 0, 6), json_of("{'CoordinatorKeys': ['g']}"));
        break;
    case 2:
        party_send(&p->party, API_DESCRIBE_CLUSTER, version_of(version, 0, 2), json_of("{}"));
        break;
    default:
        party_send(&p->party, API_VERSIONS, version_of(version, 0, 8), json_of("{}"));
        break;
    }
}

static void authenticate(struct play *p)
{
    static const char *const mechanisms[] = { "PLAIN", "SCRAM-SHA-256", "OAUTHBEARER", "GSSAPI" };
    uint8_t choice = read_u8(&p->r);
    if (choice & 1) {
        party_send(&p->party, API_SASL_HANDSHAKE, 1, json_of("{'Mechanism': '%s'}", mechanisms[choice / 2 % 4]));
        return;
    }
    json_t *body = json_object();
    json_object_set_new(body, "AuthBytes", json_hex(choice & 2 ? slice_of("\0alice\0pw", 9) : raw_bytes(p)));
    party_send(&p->party, API_SASL_AUTHENTICATE, version_of(choice / 4, 0, 2), body);
}

/* A frame of that header and whatever follows. */
static void raw_frame(struct byte_string *out, struct slice header, struct slice rest)
{
    store_u32(byte_string_room(out, 4), (uint32_t)(header.size + rest.size));
    byte_string_add(out, header);
    byte_string_add(out, rest);
}

/* Bare tokens are left out: what follows them is a token to both sides, whatever it looks like. */
static void raw_request(struct play *p)
{
    uint8_t header[8] = { 0, read_u8(&p->r), 0, read_u8(&p->r), 0, 0, 0, 99 };
    header[3] = header[1] == API_SASL_HANDSHAKE ? 1 : header[3];
    raw_frame(&p->party.in[RELAY_CLIENT], slice_of(header, sizeof header), raw_bytes(p));
    p->raw = true;
}

static void raw_answer(struct play *p)
{
    uint8_t header[4] = { 0, 0, 0, read_u8(&p->r) };
    raw_frame(&p->party.in[RELAY_BROKER], slice_of(header, sizeof header), raw_bytes(p));
    p->raw = true;
}

static void spoil_answer(struct play *p, bool cut)
{
    uint16_t where = read_u16(&p->r);
    struct byte_string *out = &p->party.in[RELAY_BROKER];
    party_run(&p->party);
    p->party.broker_is_away = true;
    party_run(&p->party);
    p->party.broker_is_away = false;
    size_t start = out->size;
    if (!fake_broker_take(&p->world.broker, &p->party.out[RELAY_BROKER], &p->party.taken, out) ||
        out->size < start + 5) {
        return;
    }
    size_t at = start + 4 + where % (out->size - start - 4);
    if (cut) {
        out->size = at;
        store_u32(out->data + start, (uint32_t)(at - start - 4));
    } else {
        out->data[at] ^= (uint8_t)(1 << where / 8192);
    }
}

static struct fake_partition *any_partition(struct play *p, uint8_t choice)
{
    return &fake_broker_topic(&p->world.broker, topics[choice % 3])->partitions[choice / 4 % FAKE_PARTITIONS];
}

static void tamper(struct play *p)
{
    struct fake_partition *partition = any_partition(p, read_u8(&p->r));
    uint16_t where = read_u16(&p->r);
    struct slice last = fake_partition_from(partition, partition->next_offset - 1);
    if (last.size > BATCH_HEADER_BYTES) {
        uint8_t *start = partition->log.data + partition->log.size - last.size;
        start[BATCH_CRC_START + where % (last.size - BATCH_CRC_START)] ^= (uint8_t)(1 << where / 8192);
        fixture_fix_crc(start, last.size);
    }
}

static void set_cuts(struct play *p)
{
    uint8_t reads = read_u8(&p->r), writes = read_u8(&p->r);
    p->party.cuts = (struct cuts){
        .read_max = { reads % 16u, reads / 16u },
        .write_max = { writes % 16u, writes / 16u },
    };
}

static void set_slow(struct play *p)
{
    uint8_t choice = read_u8(&p->r);
    p->party.client_is_slow = choice & 1;
    p->party.broker_is_slow = choice & 2;
    p->party.broker_is_away = choice & 4;
    p->world.broker.sessions = choice & 8;
    any_partition(p, choice / 16)->produce_error = choice & 128 ? 7 : 0;
}

/* Checks */

static bool was_produced(const struct play *p, struct slice batch)
{
    for (int i = 0; i < BATCHES; i++) {
        const struct byte_string *known = &p->batches[i];
        bool same = batch.size == known->size && memcmp(batch.data + 8, known->data + 8, 4) == 0 &&
                    memcmp(batch.data + 16, known->data + 16, known->size - 16) == 0;
        if (same) {
            return true;
        }
    }
    return false;
}

static void check_records(const struct play *p, json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;
    json_array_foreach(json, i, value)
    {
        check_records(p, value);
    }
    json_object_foreach(json, key, value)
    {
        check_records(p, value);
    }
    struct byte_string bytes = json_bytes(json_object_get(json, "Records"));
    struct slice records = byte_string_slice(&bytes);
    for (struct batch batch; batch_read(records, &batch) == SIGNET_OK;) {
        require(was_produced(p, batch.bytes), "a batch that nobody produced was delivered");
        records = slice_of(records.data + batch.bytes.size, records.size - batch.bytes.size);
    }
    byte_string_free(&bytes);
}

static void check_answers(const struct play *p)
{
    size_t count = party_answer_count(&p->party);
    for (size_t i = 0; !p->raw && i < count; i++) {
        if (p->party.sent[i].api_key == API_FETCH || p->party.sent[i].api_key == API_SHARE_FETCH) {
            json_t *answer = party_answer(&p->party, i);
            check_records(p, answer);
            json_decref(answer);
        }
    }
}

static void check(const struct play *p)
{
    struct slice to_broker = byte_string_slice(&p->party.out[RELAY_BROKER]);
    struct slice to_client = byte_string_slice(&p->party.out[RELAY_CLIENT]);
    require(slice_count(to_broker, slice_of_text(WORLD_MARKER)) == 0, "the broker can read what was produced");
    require(slice_count(to_client, slice_of_text(FORGED)) == 0, "the client got what was forged");
    require(slice_count(to_client, slice_of_text(FAKE_HOST)) == 0, "the client got a broker's address");
    check_answers(p);
}

static void settle(struct play *p)
{
    p->party.client_is_slow = p->party.broker_is_slow = false;
    p->party.broker_is_away = p->ended;
    party_run(&p->party);
    check(p);
}

static void reconnect(struct play *p)
{
    settle(p);
    party_free(&p->party);
    party_init_as(&p->party, &p->world, p->must_authenticate ? "" : "User:alice", p->must_authenticate);
    p->raw = false;
}

static void raw_end(struct play *p)
{
    uint8_t side = read_u8(&p->r) & 1;
    p->raw = true;
    byte_string_add(&p->party.in[side], raw_bytes(p));
    p->r.at = p->r.end;
    p->ended = side == RELAY_BROKER; /* nothing good is to be taken for a part of it */
}

static void perform(struct play *p)
{
    switch (read_u8(&p->r) % STEP_COUNT) {
    case STEP_PRODUCE:
        produce(p);
        break;
    case STEP_FETCH:
        fetch(p, false);
        break;
    case STEP_SHARE_FETCH:
        fetch(p, true);
        break;
    case STEP_ASK:
        ask(p);
        break;
    case STEP_AUTHENTICATE:
        authenticate(p);
        break;
    case STEP_RAW_REQUEST:
        raw_request(p);
        break;
    case STEP_RAW_ANSWER:
        raw_answer(p);
        break;
    case STEP_FLIP_ANSWER:
        spoil_answer(p, false);
        break;
    case STEP_CUT_ANSWER:
        spoil_answer(p, true);
        break;
    case STEP_TAMPER:
        tamper(p);
        break;
    case STEP_FORGE:
        fake_partition_append(any_partition(p, read_u8(&p->r)), byte_string_slice(&p->forged));
        break;
    case STEP_TIME:
        p->world.now_ms += (int8_t)read_u8(&p->r) * 100;
        break;
    case STEP_CUTS:
        set_cuts(p);
        break;
    case STEP_SLOW:
        set_slow(p);
        break;
    case STEP_RUN:
        party_run(&p->party);
        break;
    case STEP_RECONNECT:
        reconnect(p);
        break;
    case STEP_READ_ON:
        read_on(p);
        break;
    case STEP_GIVE_WAY:
        give_way(p);
        break;
    default:
        raw_end(p);
        break;
    }
}

static void make_batches(struct play *p)
{
    static const struct {
        int32_t count;
        int64_t producer_id;
    } kinds[BATCHES] = { { 1, -1 }, { 3, 7000 }, { 100, -1 }, { 2, 7001 } };
    for (int i = 0; i < BATCHES; i++) {
        p->batches[i] = world_batch(&p->world, kinds[i].count, kinds[i].producer_id, 0);
    }
    p->forged = world_batch(&p->world, 2, -1, 0);
    for (uint8_t *at = p->forged.data;
         (at = memmem(at, p->forged.size - (size_t)(at - p->forged.data), WORLD_MARKER, strlen(WORLD_MARKER)));) {
        memcpy(at, FORGED, strlen(FORGED));
    }
    fixture_fix_crc(p->forged.data, p->forged.size);
}

static void begin(struct play *p, const uint8_t *data, size_t size)
{
    *p = (struct play){ .r = reader_over(slice_of(data, size)) };
    uint8_t choice = read_u8(&p->r);
    world_init(&p->world);
    for (int i = 0; i < WORLD_POLICIES; i++) {
        p->world.policies[i].seal = p->world.policies[i].open = true;
    }
    p->world.broker.tolerant = true;
    p->world.worker.principal_in_envelope = choice & 2;
    p->world.worker.budget.limit_bytes = choice & 4 ? 1 << 20 : 64 << 20;
    p->must_authenticate = choice & 1;
    party_init_as(&p->party, &p->world, p->must_authenticate ? "" : "User:alice", p->must_authenticate);
    make_batches(p);
}

static void end(struct play *p)
{
    for (int i = 0; i < BATCHES; i++) {
        byte_string_free(&p->batches[i]);
    }
    byte_string_free(&p->forged);
    party_free(&p->party);
    world_free(&p->world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct play p;
    begin(&p, data, size);
    for (int i = 0; i < STEPS_MAX && reader_left(&p.r) > 0; i++) {
        perform(&p);
    }
    settle(&p);
    end(&p);
    return 0;
}
