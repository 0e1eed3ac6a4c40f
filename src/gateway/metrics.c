/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/metrics.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/log.h"

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

static const char page_head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">"
    "<title>Signet gateway</title><style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:46rem;"
    "padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;"
    "border-bottom:1px solid #ddd}td:last-child{text-align:right;font-variant-numeric:tabular-nums}"
    ".bad{color:#b00020;font-weight:600}.good{color:#1b6e3c;font-weight:600}</style></head><body>"
    "<h1>Signet gateway</h1>";

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
    fputs(page_head, out);
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
