/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger_publisher.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"
#include "crypto/random.h"
#include "crypto/secret_memory.h"
#include "gateway/ledger_courier.h"
#include "gateway/ledger_folder.h"
#include "gateway/log.h"
#include "seal/ledger_record.h"

enum {
    /* Waiting leaves that are worth a record of their own before its time. */
    MANY_BYTES = LEDGER_RECORD_BYTES_MAX / 2,
    RETRY_MS = 1000,
    TELL_AGAIN_MS = 10 * 1000,
    /* So long a process that ends tries to publish what it has. */
    CLOSING_MS = 5 * 1000,
    /* And so long a broker has for one record, each time. */
    BRINGING_MS = 5 * 1000,
};

/* In whose name the log is kept; secret memory. */
struct ledger_identity {
    struct signing_key key;
    uint8_t writer[WRITER_KEY_BYTES];
    char cluster_id[CLUSTER_ID_BYTES_MAX + 1];
};

struct ledger_publisher {
    const struct config_ledger *config;
    struct ledger_entries *entries;
    struct ledger_folder *folder;   /* NULL: only a topic */
    struct ledger_courier *courier; /* NULL: only a folder */
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t change;
    bool are_many, stopping;
    struct ledger_identity *next;
    struct ledger_publisher_state state;

    /* The thread's own. */
    struct ledger_identity *identity;
    uint8_t instance[LEDGER_INSTANCE_BYTES];
    struct ledger_log log;
    struct ledger_taken taken;
    uint8_t *memory; /* of the record that is made or published */
    bool in_folder;  /* it is there already, and waits for the topic */
    int64_t closing_deadline_ms, told_ms;
};

static struct ledger_identity *identity_of(const struct material *material)
{
    struct ledger_identity *identity = secret_memory_new(sizeof *identity);
    if (identity) {
        identity->key = *material->signing_key;
        memcpy(identity->writer, material->writer.bytes, sizeof identity->writer);
        memcpy(identity->cluster_id, material->trust.cluster_id, strlen(material->trust.cluster_id) + 1);
    }
    return identity;
}

static bool is_same(const struct ledger_identity *a, const struct ledger_identity *b)
{
    return memcmp(a->writer, b->writer, sizeof a->writer) == 0 && strcmp(a->cluster_id, b->cluster_id) == 0;
}

/* Telling. */

static void tell_log(const struct ledger_publisher *p, const char *event)
{
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("origin", slice_of(p->log.origin, p->log.origin_size)),
        LOG_TEXT_FIELD("directory", slice_of_text(p->folder ? p->config->directory : "")),
        LOG_TEXT_FIELD("topic", slice_of_text(p->courier ? p->config->topic.name : "")),
        LOG_NUMBER_FIELD("leaves", (int64_t)p->log.frontier.size),
        { 0 },
    };
    log_event(LOG_INFO, event, fields);
}

static void tell_failure(struct ledger_publisher *p, const char *why)
{
    struct ledger_entries_state waiting;
    int64_t now_ms = monotonic_clock_ms();
    if (p->told_ms != 0 && now_ms - p->told_ms < TELL_AGAIN_MS) {
        return;
    }
    p->told_ms = now_ms;
    ledger_entries_look(p->entries, &waiting);
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("why", slice_of_text(why)),
        LOG_NUMBER_FIELD("waiting-bytes", (int64_t)waiting.bytes),
        LOG_NUMBER_FIELD("buffer-bytes", (int64_t)p->config->buffer_bytes),
        LOG_TEXT_FIELD("hint", slice_of_text(p->config->when_full == LEDGER_FULL_REFUSE
                                                 ? "once the buffer is full, producers are refused"
                                                 : "once the buffer is full, batches are not entered")),
        { 0 },
    };
    log_event(LOG_ERROR, "ledger-not-written", fields);
}

static void note_published(struct ledger_publisher *p)
{
    pthread_mutex_lock(&p->lock);
    bool failed = p->state.failing;
    p->state.failing = false;
    p->state.records++;
    p->state.leaves += p->log.leaf_count;
    p->state.published_ms = wall_clock_ms();
    pthread_mutex_unlock(&p->lock);
    p->told_ms = 0;
    if (failed) {
        tell_log(p, "ledger-written-again");
    }
}

static void note_failure(struct ledger_publisher *p, const char *why)
{
    pthread_mutex_lock(&p->lock);
    p->state.failing = true;
    p->state.failures++;
    pthread_mutex_unlock(&p->lock);
    tell_failure(p, why);
}

/* Waiting, with the lock held; by a clock that is never set. */
static void wait_until(struct ledger_publisher *p, int64_t steady)
{
    const struct timespec until = { steady / 1000, steady % 1000 * 1000 * 1000 };
    (void)pthread_cond_timedwait(&p->change, &p->lock, &until);
}

/* False once a process that ends has tried for long enough. */
static bool may_retry(struct ledger_publisher *p)
{
    int64_t until = monotonic_clock_ms() + RETRY_MS;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping && monotonic_clock_ms() < until) {
        wait_until(p, until);
    }
    if (p->stopping && p->closing_deadline_ms == 0) {
        p->closing_deadline_ms = monotonic_clock_ms() + CLOSING_MS; /* and at once, for the first time */
    } else {
        while (p->stopping && monotonic_clock_ms() < until && monotonic_clock_ms() < p->closing_deadline_ms) {
            wait_until(p, until);
        }
    }
    bool more = !p->stopping || monotonic_clock_ms() < p->closing_deadline_ms;
    pthread_mutex_unlock(&p->lock);
    return more;
}

static int64_t bringing_deadline(const struct ledger_publisher *p)
{
    int64_t deadline = monotonic_clock_ms() + BRINGING_MS;
    return p->closing_deadline_ms != 0 && p->closing_deadline_ms < deadline ? p->closing_deadline_ms : deadline;
}

/* One attempt: the folder first, and once; then the topic. */
static signet_error put(struct ledger_publisher *p, struct slice record, struct cause *ret_cause)
{
    signet_error error = SIGNET_OK;
    if (p->folder && !p->in_folder) {
        error = ledger_folder_append(p->folder, p->log.number - 1, record, ret_cause);
        p->in_folder = !error;
    }
    if (!error && p->courier) {
        struct slice origin = slice_of(p->log.origin, p->log.origin_size);
        error = ledger_courier_bring(p->courier, origin, record, bringing_deadline(p), ret_cause);
    }
    p->in_folder = p->in_folder && error;
    return error;
}

/* What is put from now on is of the log whose first record was just made. */
static void begin_places(struct ledger_publisher *p)
{
    if (p->folder) {
        ledger_folder_begin(p->folder, p->instance);
    }
    if (p->courier) {
        ledger_courier_begin(p->courier);
    }
}

/* SYSTEM when it was given up; the log then ends before this record. */
static signet_error publish(struct ledger_publisher *p, struct slice record)
{
    struct cause cause = { "" };
    while (put(p, record, &cause)) {
        note_failure(p, cause.text);
        if (!may_retry(p)) {
            return SIGNET_ERROR_SYSTEM;
        }
    }
    note_published(p);
    return SIGNET_OK;
}

/* Records. */

static struct ledger_leaf last_leaf(enum ledger_kind kind, const uint64_t lost[LEDGER_LOSS_COUNT])
{
    struct ledger_leaf leaf = { .kind = kind, .interval = { .time_ms = wall_clock_ms() } };
    memcpy(leaf.interval.lost, lost, sizeof leaf.interval.lost);
    return leaf;
}

/* As many of the leaves as one record takes. */
static signet_error add_taken(struct ledger_publisher *p)
{
    struct slice bytes;
    while (ledger_taken_next(&p->taken, &bytes)) {
        struct ledger_leaf leaf;
        signet_error error = ledger_leaf_read(bytes, &leaf);
        error = error ? error : ledger_log_add(&p->log, &leaf);
        if (error) {
            return error == SIGNET_ERROR_NO_SPACE ? SIGNET_OK : error;
        }
        ledger_taken_drop(&p->taken);
    }
    return SIGNET_OK;
}

/* `kind` ends the last of the records that it takes. */
static signet_error publish_waiting(struct ledger_publisher *p, enum ledger_kind kind)
{
    signet_error error = SIGNET_OK;
    ledger_entries_take(p->entries, kind == LEDGER_CLOSING, &p->taken);
    do {
        struct slice record;
        error = ledger_log_begin(&p->log, p->memory, LEDGER_RECORD_BYTES_MAX);
        error = error ? error : add_taken(p);
        struct ledger_leaf last = last_leaf(p->taken.chunks ? LEDGER_INTERVAL : kind, p->taken.lost);
        error = error ? error : ledger_log_end(&p->log, &last, &record);
        memset(p->taken.lost, 0, sizeof p->taken.lost);
        error = error ? error : publish(p, record);
        ledger_taken_release(p->entries, &p->taken);
    } while (!error && p->taken.chunks);
    return error;
}

/* A log's first record: it opens it, and retires those of dead processes that nobody else ends. */
struct beginning {
    struct ledger_found dead[LEDGER_RETIRED_MAX];
    size_t dead_count;
    struct ledger_found previous;
    bool has_previous;
};

static struct ledger_leaf opening_leaf(const struct ledger_publisher *p, const struct beginning *b)
{
    struct ledger_leaf leaf = {
        .kind = LEDGER_OPENING,
        .opening = { .time_ms = wall_clock_ms(),
                     .interval_ms = (uint32_t)p->config->interval_ms,
                     .cluster_id = slice_of_text(p->identity->cluster_id),
                     .has_previous = b->has_previous },
    };
    if (b->has_previous) {
        memcpy(leaf.opening.previous_writer, b->previous.writer, sizeof leaf.opening.previous_writer);
        memcpy(leaf.opening.previous_instance, b->previous.instance, sizeof leaf.opening.previous_instance);
        memcpy(leaf.opening.previous_root, b->previous.root, sizeof leaf.opening.previous_root);
        leaf.opening.previous_size = b->previous.size;
    }
    return leaf;
}

static bool is_to_retire(const struct ledger_publisher *p, const struct ledger_found *found)
{
    return !found->closed && memcmp(found->writer, p->identity->writer, sizeof found->writer) == 0;
}

static struct ledger_leaf retirement_leaf(const struct ledger_found *found)
{
    struct ledger_leaf leaf = {
        .kind = LEDGER_RETIREMENT,
        .retirement = { .time_ms = wall_clock_ms(),
                        .size = found->size,
                        .reason = slice_of_text("its process has ended without closing it") },
    };
    memcpy(leaf.retirement.instance, found->instance, sizeof leaf.retirement.instance);
    memcpy(leaf.retirement.root, found->root, sizeof leaf.retirement.root);
    return leaf;
}

static signet_error make_first(struct ledger_publisher *p, const struct beginning *b, struct slice *ret_record)
{
    static const uint64_t nothing[LEDGER_LOSS_COUNT];
    struct ledger_leaf leaf = opening_leaf(p, b);
    random_fill(p->instance, sizeof p->instance);
    signet_error error =
        ledger_log_init(&p->log, slice_of_text(p->identity->cluster_id), p->instance, &p->identity->key);
    error = error ? error : ledger_log_begin(&p->log, p->memory, LEDGER_RECORD_BYTES_MAX);
    error = error ? error : ledger_log_add(&p->log, &leaf);
    for (size_t i = 0; !error && i < b->dead_count; i++) {
        leaf = retirement_leaf(&b->dead[i]);
        error = is_to_retire(p, &b->dead[i]) ? ledger_log_add(&p->log, &leaf) : SIGNET_OK;
    }
    leaf = last_leaf(LEDGER_INTERVAL, nothing);
    return error ? error : ledger_log_end(&p->log, &leaf, ret_record);
}

/* Only once the record is on disk that says so. */
static void mark_over(struct ledger_publisher *p, const struct beginning *b)
{
    for (size_t i = 0; p->folder && i < b->dead_count; i++) {
        if (b->dead[i].closed || is_to_retire(p, &b->dead[i])) {
            ledger_folder_mark_over(p->folder, b->dead[i].instance);
        }
    }
}

static signet_error find_others(struct ledger_publisher *p, struct beginning *b, struct cause *ret_cause)
{
    return p->folder ? ledger_folder_find(p->folder, b->dead, LEDGER_RETIRED_MAX, &b->dead_count, &b->previous,
                                          &b->has_previous, ret_cause)
                     : SIGNET_OK;
}

/* At the start, when nothing is lost by giving up. */
static signet_error begin_log(struct ledger_publisher *p, struct cause *ret_cause)
{
    struct beginning *b = calloc(1, sizeof *b);
    struct slice record;
    signet_error error = b ? find_others(p, b, ret_cause) : SIGNET_ERROR_OUT_OF_MEMORY;
    error = error ? error : make_first(p, b, &record);
    if (!error) {
        begin_places(p);
        error = put(p, record, ret_cause);
    }
    if (!error) {
        note_published(p);
        mark_over(p, b);
        tell_log(p, "ledger-begun");
    }
    free(b);
    return error;
}

/* A log of this very process has just been closed. */
static signet_error begin_next_log(struct ledger_publisher *p, const struct ledger_found *previous)
{
    struct beginning *b = calloc(1, sizeof *b);
    struct slice record;
    if (!b) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    b->previous = *previous;
    b->has_previous = true;
    signet_error error = make_first(p, b, &record);
    if (!error) {
        begin_places(p);
        error = publish(p, record);
    }
    if (!error) {
        tell_log(p, "ledger-begun");
    }
    free(b);
    return error;
}

static signet_error close_log(struct ledger_publisher *p, struct ledger_found *ret_closed)
{
    signet_error error = publish_waiting(p, LEDGER_CLOSING);
    if (error) {
        return error;
    }
    *ret_closed = (struct ledger_found){ .size = p->log.frontier.size, .time_ms = wall_clock_ms(), .closed = true };
    memcpy(ret_closed->writer, p->identity->writer, sizeof ret_closed->writer);
    memcpy(ret_closed->instance, p->instance, sizeof ret_closed->instance);
    merkle_root(&p->log.frontier, ret_closed->root);
    if (p->folder) {
        ledger_folder_mark_over(p->folder, p->instance);
    }
    tell_log(p, "ledger-closed");
    return SIGNET_OK;
}

static signet_error follow_reload(struct ledger_publisher *p, struct ledger_identity *next)
{
    struct ledger_found closed;
    bool same = is_same(p->identity, next);
    signet_error error = same ? SIGNET_OK : close_log(p, &closed);
    if (error) {
        secret_memory_free(next);
        return error;
    }
    struct ledger_identity *before = p->identity;
    p->identity = next;
    p->log.key = &next->key;
    secret_memory_free(before);
    return same ? SIGNET_OK : begin_next_log(p, &closed);
}

/* What the thread does next. */
struct turn {
    bool stop;
    struct ledger_identity *next;
};

static struct turn await_turn(struct ledger_publisher *p, int64_t due_ms)
{
    pthread_mutex_lock(&p->lock);
    while (!p->are_many && !p->stopping && !p->next && monotonic_clock_ms() < due_ms) {
        wait_until(p, due_ms);
    }
    struct turn turn = { p->stopping, p->next };
    p->are_many = false;
    p->next = NULL;
    pthread_mutex_unlock(&p->lock);
    return turn;
}

static signet_error keep_log(struct ledger_publisher *p)
{
    struct ledger_found closed;
    signet_error error = SIGNET_OK;
    for (;;) {
        struct turn turn = await_turn(p, monotonic_clock_ms() + p->config->interval_ms);
        if (turn.next) {
            error = follow_reload(p, turn.next);
        }
        if (!error && turn.stop) {
            return close_log(p, &closed);
        }
        error = error ? error : publish_waiting(p, LEDGER_INTERVAL);
        if (error) {
            return error;
        }
    }
}

static void *run(void *context)
{
    struct ledger_publisher *p = context;
    signet_error error = keep_log(p);
    if (error) {
        const struct log_field fields[] = {
            LOG_TEXT_FIELD("why", slice_of_text(signet_error_text(error))),
            LOG_TEXT_FIELD("hint", slice_of_text("the next process with this writer's key retires this log")),
            { 0 },
        };
        log_event(LOG_ERROR, "ledger-left-open", fields);
        pthread_mutex_lock(&p->lock);
        p->state.failing = true;
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

static void wake_for_many(void *context)
{
    struct ledger_publisher *p = context;
    pthread_mutex_lock(&p->lock);
    p->are_many = true;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
}

static void init_lock(struct ledger_publisher *p)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->change, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void free_publisher(struct ledger_publisher *p)
{
    ledger_taken_free(&p->taken);
    ledger_entries_free(p->entries);
    ledger_folder_close(p->folder);
    ledger_courier_free(p->courier);
    secret_memory_free(p->identity);
    secret_memory_free(p->next);
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
    free(p->memory);
    free(p);
}

static signet_error open_places(struct ledger_publisher *p, struct cause *ret_cause)
{
    signet_error error =
        p->config->directory ? ledger_folder_open(p->config->directory, &p->folder, ret_cause) : SIGNET_OK;
    return !error && p->config->topic.name ? ledger_courier_new(&p->config->topic, &p->courier, ret_cause) : error;
}

signet_error ledger_publisher_start(const struct config_ledger *config, const struct material *material,
                                    struct ledger_publisher **ret_publisher, struct cause *ret_cause)
{
    struct ledger_publisher *p = calloc(1, sizeof *p);
    if (!p) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    const struct ledger_entries_options options = {
        .bytes_max = config->buffer_bytes,
        .refuse = config->when_full == LEDGER_FULL_REFUSE,
        .many = MANY_BYTES < config->buffer_bytes / 4 ? MANY_BYTES : config->buffer_bytes / 4,
        .are_many = wake_for_many,
        .context = p,
    };
    p->config = config;
    init_lock(p);
    p->entries = ledger_entries_new(&options);
    p->identity = identity_of(material);
    p->memory = malloc(LEDGER_RECORD_BYTES_MAX);
    signet_error error = p->entries && p->identity && p->memory ? SIGNET_OK : SIGNET_ERROR_OUT_OF_MEMORY;
    error = error ? error : open_places(p, ret_cause);
    error = error ? error : begin_log(p, ret_cause);
    if (!error && !thread_start(&p->thread, run, p)) {
        error = SIGNET_ERROR_SYSTEM;
    }
    if (error) {
        free_publisher(p);
        return error;
    }
    *ret_publisher = p;
    return SIGNET_OK;
}

struct ledger_entries *ledger_publisher_entries(struct ledger_publisher *p)
{
    return p->entries;
}

bool ledger_publisher_reload(struct ledger_publisher *p, const struct material *material)
{
    struct ledger_identity *next = identity_of(material), *before;
    if (!next) {
        return false;
    }
    pthread_mutex_lock(&p->lock);
    before = p->next; /* one that was not even begun with */
    p->next = next;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
    secret_memory_free(before);
    return true;
}

void ledger_publisher_stop(struct ledger_publisher *p)
{
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_signal(&p->change);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    free_publisher(p);
}

void ledger_publisher_look(struct ledger_publisher *p, struct ledger_publisher_state *ret_state)
{
    pthread_mutex_lock(&p->lock);
    *ret_state = p->state;
    pthread_mutex_unlock(&p->lock);
}
