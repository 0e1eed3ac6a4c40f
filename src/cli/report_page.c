/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_page.h"

#include <inttypes.h>

#include "base/utc.h"
#include "cli/html.h"
#include "cli/page_map.h"
#include "cli/page_style.h"
#include "crypto/encoding.h"
#include "crypto/library_version.h"
#include "gateway/config.h"
#include "verify/totals.h"

struct page {
    FILE *out;
    const struct verify_question *question;
    const struct knowledge *known;
    const struct verify_answers *found;
};

/* No style but our own is obeyed, and nothing at all is fetched. */
static void put_head(const struct page *p)
{
    uint8_t digest[SHA256_BYTES];
    char text[2 * SHA256_BYTES];
    sha256(slice_of_text(page_style), digest);
    base64_encode(slice_of(digest, sizeof digest), BASE64_STANDARD, text);
    fprintf(p->out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; "
            "img-src data:; base-uri 'none'; form-action 'none'\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"referrer\" content=\"no-referrer\">\n<link rel=\"icon\" href=\"data:,\">\n"
            "<title>Verification report</title>\n<style>%s</style>\n</head>\n<body>\n",
            text, page_style);
}

static void put_verdict(const struct page *p)
{
    static const char *const styles[] = {
        [EXIT_GOOD] = "good", [EXIT_FINDING] = "bad", [EXIT_USAGE] = "unknown", [EXIT_NO_ANSWER] = "unknown"
    };
    char sentence[SHOWN_BYTES];
    verify_answers_sentence(p->found, sentence);
    fprintf(p->out, "<header><h1>Verification report</h1>\n<p class=\"verdict %s\">",
            styles[verify_answers_code(p->found)]);
    html_text(p->out, sentence);
    fputs("</p></header>\n<main>\n", p->out);
}

static void put_paths(const struct page *p, const char *term, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(p->out, "<dt>%s</dt><dd>", i == 0 ? term : "");
        html_raw_text(p->out, paths[i]);
        fputs("</dd>\n", p->out);
    }
}

static void put_file(const struct page *p, const char *term, const char *path, const uint8_t digest[SHA256_BYTES])
{
    char hex[2 * SHA256_BYTES + 1];
    hex_encode(slice_of(digest, SHA256_BYTES), hex);
    put_paths(p, term, &path, 1);
    html_field_of(p->out, "its SHA-256", "%s", hex);
}

static void put_options(const struct page *p)
{
    const struct verify_question *q = p->question;
    for (size_t i = 0; i < q->known.pattern_count; i++) {
        fprintf(p->out, "<dt>%s</dt><dd>", q->known.patterns[i].seal ? "append time" : "left in clear");
        html_raw_text(p->out, q->known.patterns[i].pattern);
        fputs("</dd>\n", p->out);
    }
    if (q->ledger_count > 0) {
        html_field_of(p->out, "stale after", "%" PRIu32 " intervals", q->stale_intervals);
    }
    if (q->retention_ms > 0) {
        html_field_of(p->out, "kept at least", "%" PRId64 " ms", q->retention_ms);
    }
    if (q->retention_bytes > 0) {
        html_field_of(p->out, "kept at least", "%" PRId64 " bytes", q->retention_bytes);
    }
}

static void put_question(const struct page *p)
{
    const struct verify_question *q = p->question;
    char began[UTC_TEXT_BYTES], ended[UTC_TEXT_BYTES];
    fputs("<section><h2>What was asked</h2>\n<dl>\n", p->out);
    put_paths(p, "what is stored", (const char *const *)q->paths, q->path_count);
    put_paths(p, "ledgers", q->ledgers, q->ledger_count);
    put_file(p, "trust file", p->known->trust_file, p->known->trust.digest);
    if (p->known->config) {
        put_file(p, "configuration", q->known.config, p->known->config->digest);
    }
    put_options(p);
    fputs("<dt>cluster</dt><dd>", p->out);
    html_raw_text(p->out, p->known->trust.cluster_id);
    fputs("</dd>\n", p->out);
    html_field_of(p->out, "when", "%s to %s", utc_text(p->found->began_ms, began), utc_text(p->found->ended_ms, ended));
    html_field_of(p->out, "by", "signet %s, with OpenSSL %s and libsodium %s", SIGNET_VERSION, openssl_version_text(),
                  sodium_version_text());
    html_field_of(p->out, "exit code", "%d", (int)verify_answers_code(p->found));
    fputs("</dl></section>\n", p->out);
}

static void put_disks(const struct page *p)
{
    struct totals t = totals_of(&p->found->disks);
    const struct verify_result *disks = &p->found->disks;
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES], name[SHOWN_BYTES];
    html_field_of(p->out, "partitions", "%" PRIu64 " verified", t.sealed);
    html_field_of(p->out, "not looked into",
                  "%" PRIu64 " left in clear by policy, %" PRIu64 " of the brokers' own, %" PRIu64 " put aside",
                  t.clear, t.internal, disks->aside);
    html_field_of(p->out, "batches", "%" PRIu64 " in %" PRIu64 " segments, %" PRIu64 " records", t.batches, t.segments,
                  t.records);
    html_field_of(
        p->out, "verdicts",
        "%" PRIu64 " authentic, %" PRIu64 " clear, %" PRIu64 " control, %" PRIu64 " accepted, %" PRIu64 " bad",
        t.verdicts[VERDICT_AUTHENTIC], t.verdicts[VERDICT_CLEAR], t.verdicts[VERDICT_CONTROL], t.accepted, t.bad);
    if (t.verdicts[VERDICT_AUTHENTIC] > 0) {
        html_field_of(p->out, "sealed", "%s to %s", utc_text(t.first_seal_ms, from), utc_text(t.last_seal_ms, to));
    }
    for (size_t i = 0; i < p->known->trust.writer_count && disks->writer_batches; i++) {
        if (disks->writer_batches[i] > 0) {
            html_field_of(p->out, "writer", "%s: %" PRIu64 " batches",
                          shown_text(p->known->trust.writers[i].name, name), disks->writer_batches[i]);
        }
    }
}

static void put_ledgers(const struct page *p)
{
    const struct ledger_source *l = &p->found->ledgers;
    char from[UTC_TEXT_BYTES], to[UTC_TEXT_BYTES];
    html_field_of(p->out, "ledgers", "%zu logs, %" PRIu64 " authentic records, %" PRIu64 " batches entered",
                  l->logs.count, l->logs.lines.count, l->logs.batches);
    if (l->logs.lines.count > 0) {
        html_field_of(p->out, "recorded", "%s to %s", utc_text(l->logs.first_ms, from), utc_text(l->logs.last_ms, to));
    }
}

static void put_holding(const struct page *p)
{
    const struct holding *h = &p->found->holding;
    for (int word = 0; word < HOLDING_WORD_COUNT; word++) {
        if (h->words[word] > 0) {
            const struct flaw_word *text = holding_word_of((enum holding_word)word);
            html_field_of(p->out, text->text, "%" PRIu64 " batches: %s", h->words[word], text->meaning);
        }
    }
    if (h->elsewhere > 0) {
        html_field_of(p->out, "elsewhere", "%" PRIu64 " entries are of partitions that were not given", h->elsewhere);
    }
}

static void put_counts(const struct page *p)
{
    fputs("<section><h2>What was found</h2>\n<dl>\n", p->out);
    if (p->found->has_disks) {
        put_disks(p);
    }
    if (p->found->has_ledgers) {
        put_ledgers(p);
    }
    if (p->found->has_disks && p->found->has_ledgers) {
        put_holding(p);
    }
    fputs("</dl></section>\n", p->out);
}

static void put_finding(void *context, const struct told *t)
{
    static const char *const styles[] = { "bad", "unknown", "accepted", "note" };
    FILE *out = context;
    fprintf(out, "<article class=\"%s\"><h3>%s", styles[t->kind], t->word);
    fprintf(out, "%s", t->place[0] || t->range[0] ? ": " : "");
    html_text(out, t->place);
    fprintf(out, "%s%s</h3>\n<dl>\n", t->place[0] && t->range[0] ? " " : "", t->range);
    if (t->survey) {
        fputs("<dt>topic</dt><dd>", out);
        html_raw_text(out, t->survey->topic);
        fprintf(out, "</dd>\n<dt>partition</dt><dd>%d</dd>\n", (int)t->survey->partition);
    }
    html_field(out, "where", t->range);
    html_field(out, "writer", t->writer);
    html_field(out, "time", t->time);
    html_field(out, "what it means", t->meaning);
    html_field(out, t->meaning ? "besides" : "what it means", t->text);
    for (size_t i = 0; i < sizeof t->details / sizeof *t->details; i++) {
        html_field(out, "besides", t->details[i]);
    }
    html_field(out, "accepted", t->kind == FLAW_ACCEPTED ? "by the trust file" : NULL);
    html_field(out, "what to do", t->hint ? t->hint : t->kind == FLAW_NOTE ? "nothing" : NULL);
    fputs("</dl></article>\n", out);
}

static void put_findings(const struct page *p)
{
    uint64_t left_out = verify_answers_left_out(p->found), all = left_out;
    fputs("<section><h2>Findings</h2>\n", p->out);
    for (int kind = FLAW_BAD; kind <= FLAW_NOTE; kind++) {
        all += verify_answers_count(p->found, (enum flaw_kind)kind);
        verify_answers_each(p->found, (enum flaw_kind)kind, put_finding, p->out);
    }
    if (left_out > 0) {
        fprintf(p->out, "<p>%" PRIu64 " more findings are not shown.</p>\n", left_out);
    }
    fputs(all == 0 ? "<p>None.</p>\n</section>\n" : "</section>\n", p->out);
}

static void put_limits(const struct page *p)
{
    fputs("<section><h2>What this does not say</h2>\n<ul>\n"
          "<li>Nothing is said of partitions that were not given, of those that were not looked into, and of whole "
          "partitions "
          "that are gone.</li>\n",
          p->out);
    if (!p->found->has_ledgers) {
        fputs("<li>What was cut off at the end of a log shows only against a ledger; none was given.</li>\n", p->out);
    }
    fputs("<li>It is about the moment at which it was made, and about this copy of the data.</li>\n"
          "<li>This page is not signed: whoever had it in hand could change it.</li>\n</ul></section>\n",
          p->out);
}

void page_write(FILE *out, const struct verify_question *question, const struct knowledge *knowledge,
                const struct verify_answers *answers)
{
    const struct page p = { out, question, knowledge, answers };
    put_head(&p);
    put_verdict(&p);
    put_question(&p);
    put_counts(&p);
    if (answers->has_disks) {
        fputs("<section><h2>Partitions</h2>\n", out);
        page_map_legend(out);
        page_map_partitions(out, &answers->disks);
        fputs("</section>\n", out);
    }
    put_findings(&p);
    put_limits(&p);
    fputs("</main>\n</body>\n</html>\n", out);
}
