/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/named_logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cursor.h"

signet_error named_logs_add(struct named_logs *l, const struct named_log *named)
{
    if (l->count == LEDGER_LOGS_MAX) {
        return SIGNET_ERROR_LIMIT;
    }
    struct named_log *items = array_with_room(l->items, l->count, &l->capacity, sizeof *items, 16);
    if (!items) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    l->items = items;
    items[l->count++] = *named;
    return SIGNET_OK;
}

static int same_log(const void *a, const void *b)
{
    const struct named_log *x = a, *y = b;
    int order = memcmp(x->writer, y->writer, sizeof x->writer);
    return order ? order : memcmp(x->instance, y->instance, sizeof x->instance);
}

static int by_log(const void *a, const void *b)
{
    const struct named_log *x = a, *y = b;
    int order = same_log(x, y);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

void named_logs_sort(struct named_logs *l)
{
    if (l->count > 0) {
        qsort(l->items, l->count, sizeof *l->items, by_log);
    }
}

/* How many in a row name the log that the `at`-th names. */
static size_t count_alike(const struct named_logs *l, size_t at)
{
    size_t end = at;
    while (end < l->count && same_log(&l->items[end], &l->items[at]) == 0) {
        end++;
    }
    return end - at;
}

const struct named_log *named_logs_find(const struct named_logs *l, const uint8_t writer[WRITER_KEY_BYTES],
                                        const uint8_t instance[LEDGER_INSTANCE_BYTES], size_t *ret_count)
{
    struct named_log wanted;
    memcpy(wanted.writer, writer, sizeof wanted.writer);
    memcpy(wanted.instance, instance, sizeof wanted.instance);
    size_t at = array_count_before(l->items, l->count, sizeof wanted, &wanted, same_log);
    bool found = at < l->count && same_log(&l->items[at], &wanted) == 0;
    *ret_count = found ? count_alike(l, at) : 0;
    return found ? &l->items[at] : NULL;
}

void named_logs_mark_given(struct named_logs *l, const uint8_t writer[WRITER_KEY_BYTES],
                           const uint8_t instance[LEDGER_INSTANCE_BYTES])
{
    size_t count;
    const struct named_log *first = named_logs_find(l, writer, instance, &count);
    for (size_t i = 0; i < count; i++) {
        l->items[first - l->items + (ptrdiff_t)i].given = true;
    }
}

bool ledger_is_kept(const struct ledger_logs_policy *policy, int64_t time_ms)
{
    return policy->retention_ms == 0 || time_ms >= policy->now_ms - policy->retention_ms;
}

static void tell_absent(const struct named_log *named, const struct ledger_logs_policy *policy,
                        struct ledger_findings *findings)
{
    struct ledger_finding f = {
        .word = ledger_is_kept(policy, named->time_ms) ? LEDGER_WORD_GAP : LEDGER_WORD_HEAD_EXPIRED,
        .count = 1,
        .time_ms = named->time_ms,
    };
    struct writer w = writer_over((uint8_t *)f.origin, sizeof f.origin - 1);
    if (ledger_origin_write(&w, policy->cluster_id, named->writer, named->instance)) {
        f.origin[0] = 0; /* the trust file's cluster id is none, which no origin can be of */
    }
    snprintf(f.text, sizeof f.text, "no record of it was given; another log names it, with %" PRIu64 " leaves",
             named->size);
    ledger_findings_add(findings, &f);
}

void named_logs_tell_absent(const struct named_logs *l, const struct ledger_logs_policy *policy,
                            struct ledger_findings *findings)
{
    for (size_t i = 0, count; i < l->count; i += count) {
        count = count_alike(l, i);
        if (!l->items[i].given) {
            tell_absent(&l->items[i + count - 1], policy, findings);
        }
    }
}

void named_logs_free(struct named_logs *l)
{
    free(l->items);
    *l = (struct named_logs){ 0 };
}
