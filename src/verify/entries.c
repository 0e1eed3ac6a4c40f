/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/entries.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int place_compare(const struct place *a, const struct place *b)
{
    int order = topic_id_compare(&a->topic, &b->topic);
    return order ? order : compare(a->partition, b->partition);
}

/* Batches first; whoever entered a deletion is part of it.  Equal: they are one. */
static int by_what(const struct ledger_entry *x, const struct ledger_entry *y)
{
    int order = place_compare(&x->place, &y->place);
    order = order ? order : compare(x->kind, y->kind);
    order = order ? order : compare(x->first, y->first);
    order = order ? order : compare(x->last, y->last);
    order = order ? order : memcmp(x->seal_id, y->seal_id, sizeof x->seal_id);
    return order || x->kind == LEDGER_BATCH ? order : memcmp(x->writer->key, y->writer->key, WRITER_KEY_BYTES);
}

/* Of those that are one, the one of most weight is first. */
static int by_place(const void *a, const void *b)
{
    const struct ledger_entry *x = a, *y = b;
    int order = by_what(x, y);
    order = order ? order : compare(x->log == LEDGER_ENTRY_NO_LOG, y->log == LEDGER_ENTRY_NO_LOG);
    return order ? order : compare(!x->acknowledged_by_all, !y->acknowledged_by_all);
}

/* Of a forked log only what was said before. */
static bool is_believed(const struct ledger_logs *logs, uint32_t log, uint64_t record)
{
    return log == LEDGER_ENTRY_NO_LOG || record < logs->logs[log].forked_from;
}

static size_t drop_unbelieved(const struct ledger_logs *logs, struct ledger_entry *entries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_believed(logs, entries[i].log, entries[i].record)) {
            entries[kept++] = entries[i];
        }
    }
    return kept;
}

static size_t drop_alike(struct ledger_entry *entries, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || by_what(&entries[kept - 1], &entries[i]) != 0) {
            entries[kept++] = entries[i];
        }
    }
    return kept;
}

static int by_topic(const void *a, const void *b)
{
    const struct seen_name *x = a, *y = b;
    return topic_id_compare(&x->topic, &y->topic);
}

signet_error entries_open(struct ledger_logs *logs, struct entries *ret_entries)
{
    signet_error error = spool_map(&logs->entries, sizeof(struct ledger_entry));
    error = error ? error : spool_map(&logs->names, sizeof(struct seen_name));
    if (error) {
        return error;
    }
    struct ledger_entry *items = logs->entries.items;
    size_t count = drop_unbelieved(logs, items, logs->entries.count);
    if (count > 0) {
        qsort(items, count, sizeof *items, by_place);
    }
    if (logs->names.count > 0) {
        qsort(logs->names.items, logs->names.count, sizeof(struct seen_name), by_topic);
    }
    *ret_entries = (struct entries){
        .logs = logs,
        .items = items,
        .count = drop_alike(items, count),
        .names = logs->names.items,
        .name_count = logs->names.count,
    };
    return SIGNET_OK;
}

static int entry_to_place(const void *item, const void *wanted)
{
    const struct ledger_entry *entry = item;
    return place_compare(&entry->place, wanted);
}

size_t entries_find(const struct entries *e, const struct place *place)
{
    return array_count_before(e->items, e->count, sizeof *e->items, place, entry_to_place);
}

static int name_to_topic(const void *item, const void *wanted)
{
    const struct seen_name *name = item;
    return topic_id_compare(&name->topic, wanted);
}

static bool may_write(const struct entries *e, const struct trusted_writer *writer, const struct topic_id *topic)
{
    bool named = false;
    size_t from = array_count_before(e->names, e->name_count, sizeof *e->names, topic, name_to_topic);
    for (size_t i = from; i < e->name_count && topic_id_equal(&e->names[i].topic, topic); i++) {
        const struct seen_name *name = &e->names[i];
        if (!is_believed(e->logs, name->log, name->record)) {
            continue;
        }
        if (!trusted_writer_may_write(writer, slice_of_text(name->name))) {
            return false;
        }
        named = true;
    }
    return named;
}

bool entries_topic_deleted(const struct entries *e, const struct topic_id *topic)
{
    const struct place whole = { .topic = *topic, .partition = -1 };
    for (size_t i = entries_find(e, &whole); i < e->count && place_compare(&e->items[i].place, &whole) == 0; i++) {
        if (may_write(e, e->items[i].writer, topic)) {
            return true;
        }
    }
    return false;
}
