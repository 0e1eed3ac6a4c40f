/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/limits.h"

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void finding_free(struct finding *finding)
{
    free(finding->file);
    free(finding->key_path);
    free(finding->text);
    free(finding->hint);
}

static bool has_room(struct report *report)
{
    struct finding *findings = array_with_room(report->findings, report->count, &report->capacity, sizeof *findings, 8);
    if (!findings) {
        return false;
    }
    report->findings = findings;
    return true;
}

void report_add(struct report *report, enum severity severity, struct finding_place place, const char *hint,
                const char *format, ...)
{
    report->error_count += severity == SEVERITY_ERROR;
    if (report->count >= FINDINGS_MAX) {
        return;
    }
    struct finding finding = { .severity = severity, .file = copy(place.file), .line = place.line };
    finding.key_path = copy(place.key_path);
    finding.hint = copy(hint);
    va_list values;
    va_start(values, format);
    int size = vasprintf(&finding.text, format, values);
    va_end(values);
    if (size < 0) {
        finding.text = NULL;
    }
    bool copied =
        finding.text && !finding.file == !place.file && !finding.key_path == !place.key_path && !finding.hint == !hint;
    if (!copied || !has_room(report)) {
        finding_free(&finding);
        report->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return;
    }
    report->findings[report->count++] = finding;
}

void report_free(struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        finding_free(&report->findings[i]);
    }
    free(report->findings);
    *report = (struct report){ 0 };
}

signet_error report_since(const struct report *report, size_t errors_before)
{
    if (report->error_count > errors_before) {
        return SIGNET_ERROR_MALFORMED;
    }
    return report->error;
}

const char *severity_word(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : "warning";
}
