/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/log.h"
#include "gateway/page.h"

/* Counters that are no more than a number. */
struct plain_metric {
    const char *name;
    const char *help;
    size_t at; /* in struct worker */
};

static const struct plain_metric plain_metrics[] = {
    { "signet_requests_total", "Requests of clients", offsetof(struct worker, relay.counters.requests) },
    { "signet_topic_lookups_total", "Own look-ups of topic ids", offsetof(struct worker, relay.counters.look_ups) },
    { "signet_batches_sealed_total", "Batches sealed", offsetof(struct worker, relay.counters.batches_sealed) },
    { "signet_bytes_sealed_total", "Bytes of records sealed", offsetof(struct worker, relay.counters.bytes_sealed) },
    { "signet_batches_resent_total", "Batches sent again as the same bytes",
      offsetof(struct worker, relay.counters.batches_resent) },
    { "signet_batches_opened_total", "Batches verified and delivered",
      offsetof(struct worker, relay.counters.batches_opened) },
    { "signet_bytes_opened_total", "Bytes of records delivered", offsetof(struct worker, relay.counters.bytes_opened) },
    { "signet_read_ahead_total", "Answers read ahead for consumers",
      offsetof(struct worker, relay.counters.read_ahead) },
    { "signet_read_ahead_dropped_total", "Answers read ahead and not asked for",
      offsetof(struct worker, relay.counters.read_ahead_dropped) },
    { "signet_produce_refused_total", "Batches refused to producers",
      offsetof(struct worker, relay.counters.produce_refused) },
    { "signet_conversations_failed_total", "Conversations that ended in a fault",
      offsetof(struct worker, relay.counters.faults) },
    { "signet_client_failures_total", "Connections of clients that failed or were refused",
      offsetof(struct worker, client_failures) },
    { "signet_broker_failures_total", "Connections to brokers that failed", offsetof(struct worker, broker_failures) },
};

static unsigned long long sum(const struct metrics_source *source, size_t at)
{
    unsigned long long total = 0;
    for (uint32_t i = 0; i < source->worker_count; i++) {
        const char *worker = (const char *)&source->workers[i];
        total += counter_read((const counter *)(const void *)(worker + at));
    }
    return total;
}

static unsigned long long sum_of_verdict(const struct metrics_source *source, size_t verdict)
{
    return sum(source, offsetof(struct worker, relay.counters.findings) + verdict * sizeof(counter));
}

static unsigned long long memory_used(const struct metrics_source *source)
{
    unsigned long long total = 0;
    for (uint32_t i = 0; i < source->worker_count; i++) {
        total += atomic_load(&source->workers[i].memory_bytes);
    }
    return total;
}

static void put_number(FILE *out, const char *type, const char *name, const char *help, unsigned long long value)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, value);
}

static const char *const loss_words[LEDGER_LOSS_COUNT] = {
    [LEDGER_LOSS_ACKS_ZERO] = "acks-zero",
    [LEDGER_LOSS_NO_OFFSET] = "no-offset",
    [LEDGER_LOSS_UNKNOWN_OUTCOME] = "unknown-outcome",
    [LEDGER_LOSS_NO_ROOM] = "no-room",
};

static void put_ledger(FILE *out, struct ledger_publisher *ledger)
{
    struct ledger_publisher_state published;
    struct ledger_entries_state waiting;
    ledger_publisher_look(ledger, &published);
    ledger_entries_look(ledger_publisher_entries(ledger), &waiting);
    put_number(out, "counter", "signet_ledger_records_total", "Records of the ledger published", published.records);
    put_number(out, "counter", "signet_ledger_leaves_total", "Leaves of the ledger published", published.leaves);
    put_number(out, "counter", "signet_ledger_entered_total", "Acknowledgements entered", waiting.entered);
    put_number(out, "counter", "signet_ledger_failures_total", "Attempts to publish that failed", published.failures);
    put_number(out, "gauge", "signet_ledger_failing", "1 while the ledger cannot be published", published.failing);
    put_number(out, "gauge", "signet_ledger_published_seconds", "Unix time of the last record",
               (unsigned long long)published.published_ms / 1000);
    put_number(out, "gauge", "signet_ledger_waiting_bytes", "Leaves that are not published yet, and room reserved",
               waiting.bytes);
    put_number(out, "gauge", "signet_ledger_full", "1 while there is no room for another batch", waiting.full);
    fputs("# HELP signet_ledger_lost_total What could not be entered\n# TYPE signet_ledger_lost_total counter\n", out);
    for (size_t i = 0; i < LEDGER_LOSS_COUNT; i++) {
        fprintf(out, "signet_ledger_lost_total{reason=\"%s\"} %llu\n", loss_words[i],
                (unsigned long long)waiting.lost[i]);
    }
}

char *metrics_as_prometheus(const struct metrics_source *source)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    put_number(out, "gauge", "signet_connections", "Connections of clients", atomic_load(&source->plant->connections));
    put_number(out, "gauge", "signet_frame_memory_bytes", "Memory held for frames", memory_used(source));
    put_number(out, "gauge", "signet_workers", "Worker threads", source->worker_count);
    for (size_t i = 0; i < sizeof plain_metrics / sizeof *plain_metrics; i++) {
        const struct plain_metric *m = &plain_metrics[i];
        put_number(out, "counter", m->name, m->help, sum(source, m->at));
    }
    put_number(out, "counter", "signet_log_lines_lost_total", "Lines of the log that standard error did not take",
               log_lines_lost());
    if (source->plant->ledger) {
        put_ledger(out, source->plant->ledger);
    }
    fputs(
        "# HELP signet_batches_refused_total Batches with a bad verdict\n# TYPE signet_batches_refused_total counter\n",
        out);
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        if (!verdict_is_good((enum verdict)v)) {
            fprintf(out, "signet_batches_refused_total{verdict=\"%s\"} %llu\n", verdict_word((enum verdict)v),
                    sum_of_verdict(source, v));
        }
    }
    return fclose(out) == 0 ? text : (free(text), NULL);
}

static void put_verdicts(FILE *out, const struct metrics_source *source)
{
    unsigned long long total = 0;
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        total += verdict_is_good((enum verdict)v) ? 0 : sum_of_verdict(source, v);
    }
    fprintf(out, "<p class=\"%s\">%llu batches refused</p><table>", total ? "bad" : "good", total);
    for (size_t v = 0; v < VERDICT_COUNT; v++) {
        unsigned long long count = sum_of_verdict(source, v);
        if (!verdict_is_good((enum verdict)v) && count > 0) {
            fprintf(out, "<tr><th>%s</th><td>%s</td><td class=\"bad\">%llu</td></tr>", verdict_word((enum verdict)v),
                    verdict_meaning((enum verdict)v), count);
        }
    }
    fputs("</table>", out);
}

char *metrics_as_page(const struct metrics_source *source)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fputs(PAGE_HEAD("gateway"), out);
    put_verdicts(out, source);
    fprintf(out, "<h2>Traffic</h2><table><tr><td>Connections of clients</td><td>%u</td></tr>",
            atomic_load(&source->plant->connections));
    fprintf(out, "<tr><td>Memory held for frames</td><td>%llu</td></tr>", memory_used(source));
    for (size_t i = 0; i < sizeof plain_metrics / sizeof *plain_metrics; i++) {
        fprintf(out, "<tr><td>%s</td><td>%llu</td></tr>", plain_metrics[i].help, sum(source, plain_metrics[i].at));
    }
    fprintf(out, "<tr><td>Lines of the log lost</td><td>%llu</td></tr>", log_lines_lost());
    fputs("</table><p><a href=\"/metrics\">metrics</a> · <a href=\"/healthz\">health</a></p></body></html>\n", out);
    return fclose(out) == 0 ? text : (free(text), NULL);
}
