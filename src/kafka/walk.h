/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walker for all messages.  It reads a body by its table, checks every
 * length and count against what is left before it follows it, and calls a hook
 * at the marked fields.  What the hook leaves alone goes to the output as a
 * piece of the very memory it was read from, in one run: a message that nobody
 * edits comes out as one piece.
 *
 * The hook edits in two ways.  Fixed-width fields are patched where they stand
 * (`visit->at`), at once or later: the memory is the output's as long as the
 * element is not dropped.  Everything that changes a size is an answer, and the
 * walker puts lengths, counts and the sizes of tagged fields around it right.
 *
 * The rule to keep: a body is accepted only if it is exactly one message.
 * Kafka's own reader takes any negative length for null and ignores the size
 * of a tagged field it knows; here both are refused, so that nobody can make
 * the gateway and a broker see different messages in the same bytes.
 */
#ifndef SIGNET_KAFKA_WALK_H
#define SIGNET_KAFKA_WALK_H

#include "base/cursor.h"
#include "base/gather.h"
#include "kafka/message.h"

enum walk_event {
    VISIT_FIELD,         /* a marked field, or each element of a marked array of anything but structs */
    VISIT_ARRAY_BEGIN,   /* marked array of structs: `count` elements follow */
    VISIT_ELEMENT_BEGIN, /* one of them */
    VISIT_ELEMENT_END,
    VISIT_ARRAY_END, /* `count` elements have been kept */
};

/*
 * REPLACE and NULL are for fields of variable size and for the end of an array,
 * whose elements are then all replaced: by `replacement` with `count` of them.
 */
enum walk_answer {
    WALK_KEEP,
    WALK_REPLACE, /* by `replacement`; lengths are the walker's business */
    WALK_NULL,    /* becomes null, which the version must allow */
    WALK_DROP,    /* ELEMENT_END: the element vanishes and the array's count with it */
    WALK_FAIL,    /* stop with `error` */
};

struct walk_visit {
    enum walk_event event;
    enum mark mark;
    const struct field *field;
    uint8_t *at; /* FIELD: the content, without its length.  Else where the array's or element's bytes begin */
    size_t size; /* FIELD: of the content.  ELEMENT_END and ARRAY_END: of the bytes read since `at` */
    bool null;   /* FIELD, ARRAY_BEGIN and ARRAY_END: nothing is there */
    uint32_t count;
    struct gather *replacement; /* empty, to be filled before WALK_REPLACE is answered; NULL when there is no output */
    signet_error error;         /* to be set before WALK_FAIL is answered */
};

struct walk_hook {
    enum walk_answer (*visit)(void *context, struct walk_visit *visit); /* NULL: check only */
    void *context;
};

/*
 * Walks `body`, which lies in `owner`, and appends the result to `ret_out`;
 * with NULL it is only read (and patched), the answers REPLACE, NULL and DROP
 * are then bugs.  UNSUPPORTED when the table does not cover the version;
 * TRUNCATED, TRAILING, MALFORMED; or what the hook set.  On failure `ret_out` is
 * as it was, but patches made until then stay in the body.  `ret_out` must not
 * have been consumed from, and its error is looked at as well.
 */
signet_error walk_message(const struct message *message, int16_t version, struct block *owner, uint8_t *body,
                          size_t size, struct walk_hook hook, struct gather *ret_out);

/*
 * The same over the beginning of a body of which no more has come yet, read
 * only: fields that are complete are visited, and then what is there of a
 * marked field of records.
 */
void walk_beginning(const struct message *message, int16_t version, uint8_t *body, size_t size, struct walk_hook hook);

static inline int16_t visit_i16(const struct walk_visit *visit)
{
    return (int16_t)load_u16(visit->at);
}

static inline int32_t visit_i32(const struct walk_visit *visit)
{
    return (int32_t)load_u32(visit->at);
}

static inline int64_t visit_i64(const struct walk_visit *visit)
{
    return (int64_t)load_u64(visit->at);
}

/* The content of a field; empty when it is null. */
static inline struct slice visit_slice(const struct walk_visit *visit)
{
    return slice_of(visit->at, visit->size);
}

#endif
