/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/witness.h"

#include <errno.h>

static const struct {
    const char *word;
    unsigned status;
    const char *text;
} answers[] = {
#define X(name, word, status, text) { word, status, text },
    WITNESS_ANSWERS(X)
#undef X
};

const char *witness_answer_word(enum witness_answer answer)
{
    return answers[answer].word;
}

unsigned witness_answer_status(enum witness_answer answer)
{
    return answers[answer].status;
}

const char *witness_answer_text(enum witness_answer answer)
{
    return answers[answer].text;
}

static bool knows(const struct witness_config *config, const struct ledger_origin *origin, int64_t now_ms)
{
    for (size_t i = 0; i < config->trust_count; i++) {
        const struct trust *trust = &config->trusts[i];
        const struct trusted_writer *writer = trust_find_writer(trust, origin->writer);
        if (writer && !writer->revoked && trusted_writer_valid_at(writer, now_ms) &&
            ledger_origin_is_of(origin, slice_of_text(trust->cluster_id))) {
            return true;
        }
    }
    return false;
}

static enum witness_answer check_growth(const struct tree_head *known, const struct submission *s)
{
    struct tree_head head = { .size = s->note.checkpoint.size };
    memcpy(head.root, s->note.checkpoint.root, sizeof head.root);
    if (known->size == head.size && memcmp(known->root, head.root, sizeof head.root) != 0) {
        return WITNESS_FORK; /* whatever old size is claimed beside it */
    }
    if (s->old_size != known->size) {
        return WITNESS_OTHER_SIZE;
    }
    return consistency_verify(known, &head, &s->proof) ? WITNESS_COSIGNED : WITNESS_UNPROVEN;
}

/* The checkpoint as its log signed it, without what others did. */
static void write_own(struct writer *w, const struct checkpoint_note *note, const uint8_t writer[SIGN_PUBLIC_BYTES])
{
    uint8_t id[CHECKPOINT_KEY_ID_BYTES];
    struct checkpoint_signature line;
    struct reader r = reader_over(note->signatures);
    checkpoint_key_id(note->checkpoint.origin, writer, id);
    write_bytes(w, note->body);
    write_u8(w, '\n');
    for (const uint8_t *start = r.at; checkpoint_next_signature(&r, &line); start = r.at) {
        if (slice_equal(line.name, note->checkpoint.origin) && memcmp(line.bytes, id, sizeof id) == 0) {
            write_bytes(w, slice_of(start, (size_t)(r.at - start)));
            return;
        }
    }
}

static enum witness_answer cosign(const struct witness_config *config, struct witness_log *log,
                                  const struct checkpoint_note *note, int64_t now_ms, struct witness_reply *reply)
{
    uint8_t memory[CHECKPOINT_BYTES_MAX + COSIGNATURE_LINE_BYTES_MAX];
    struct writer line = writer_over(reply->cosignature, COSIGNATURE_LINE_BYTES_MAX);
    struct writer w = writer_over(memory, sizeof memory);
    write_own(&w, note, log->parts->writer);
    signet_error error = cosignature_write(&line, note->body, now_ms / 1000, &config->key, config->secret);
    write_bytes(&w, writer_slice(&line));
    error = error ? error : w.error;
    error = error ? error : witness_log_replace(log, writer_slice(&w));
    reply->system_error = error == SIGNET_ERROR_SYSTEM ? errno : 0;
    *line.at = '\0';
    return !error ? WITNESS_COSIGNED : error == SIGNET_ERROR_LIMIT ? WITNESS_FULL : WITNESS_NOT_STORED;
}

static enum witness_answer judge_log(struct witness *w, const struct submission *s, const struct ledger_origin *origin,
                                     int64_t now_ms, struct witness_reply *reply)
{
    struct witness_log log;
    signet_error error = witness_log_begin(w->store, reply->origin, origin, &log);
    if (error) {
        reply->system_error = error == SIGNET_ERROR_SYSTEM ? errno : 0;
        return WITNESS_DAMAGED;
    }
    reply->known = log.head.size;
    enum witness_answer answer = check_growth(&log.head, s);
    if (answer == WITNESS_FORK) {
        uint8_t memory[CHECKPOINT_BYTES_MAX];
        struct writer note = writer_over(memory, sizeof memory);
        write_own(&note, &s->note, origin->writer);
        witness_log_keep_fork(&log, writer_slice(&note));
    }
    if (answer == WITNESS_COSIGNED) {
        answer = cosign(w->config, &log, &s->note, now_ms, reply);
    }
    witness_log_end(&log);
    return answer;
}

/* In the order of C2SP tlog-witness. */
static enum witness_answer judge(struct witness *w, struct slice body, int64_t now_ms, struct witness_reply *reply)
{
    struct submission s;
    struct ledger_origin origin;
    if (submission_read(body, &s)) {
        return WITNESS_MALFORMED;
    }
    reply->origin = s.note.checkpoint.origin;
    reply->size = s.note.checkpoint.size;
    if (ledger_origin_read(reply->origin, &origin) || !knows(w->config, &origin, now_ms)) {
        return WITNESS_UNKNOWN_LOG;
    }
    if (checkpoint_verify(&s.note, origin.writer)) {
        return WITNESS_UNSIGNED;
    }
    return s.old_size > reply->size ? WITNESS_SHRUNK : judge_log(w, &s, &origin, now_ms, reply);
}

void witness_judge(struct witness *w, struct slice body, int64_t now_ms, struct witness_reply *ret_reply)
{
    *ret_reply = (struct witness_reply){ .size = 0 };
    ret_reply->answer = judge(w, body, now_ms, ret_reply);
    atomic_fetch_add(&w->answers[ret_reply->answer], 1);
}
