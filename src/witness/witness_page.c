/* SPDX-License-Identifier: Apache-2.0 */
#include "witness/witness_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/page.h"

char *witness_as_prometheus(const struct witness *w)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fprintf(out,
            "# HELP signet_witness_logs Logs that are remembered\n# TYPE signet_witness_logs gauge\n"
            "signet_witness_logs %u\n",
            witness_store_count(w->store));
    fputs("# HELP signet_witness_answers_total Answers to checkpoints\n# TYPE signet_witness_answers_total counter\n",
          out);
    for (size_t i = 0; i < WITNESS_ANSWER_COUNT; i++) {
        fprintf(out, "signet_witness_answers_total{answer=\"%s\"} %llu\n", witness_answer_word((enum witness_answer)i),
                atomic_load(&w->answers[i]));
    }
    return fclose(out) == 0 ? text : (free(text), NULL);
}

char *witness_as_page(const struct witness *w)
{
    char *text = NULL;
    size_t size = 0;
    unsigned long long forks = atomic_load(&w->answers[WITNESS_FORK]);
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        return NULL;
    }
    fputs(PAGE_HEAD("witness"), out);
    fprintf(out, "<p class=\"%s\">%llu forks refused</p><table>", forks ? "bad" : "good", forks);
    fprintf(out, "<tr><td>Witness</td><td>%s</td></tr><tr><td>Logs</td><td>%u</td></tr>", w->config->key.name,
            witness_store_count(w->store));
    for (size_t i = 0; i < WITNESS_ANSWER_COUNT; i++) {
        fprintf(out, "<tr><td>%s</td><td>%llu</td></tr>", witness_answer_word((enum witness_answer)i),
                atomic_load(&w->answers[i]));
    }
    fputs("</table><p><a href=\"/metrics\">metrics</a> · <a href=\"/healthz\">health</a></p></body></html>\n", out);
    return fclose(out) == 0 ? text : (free(text), NULL);
}
