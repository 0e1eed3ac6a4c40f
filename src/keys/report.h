/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with what an operator wrote: a list of findings, each with
 * its place and with what to do.  Loading goes on after a finding wherever it
 * can, so that one run shows all of them.
 */
#ifndef SIGNET_KEYS_REPORT_H
#define SIGNET_KEYS_REPORT_H

#include <stddef.h>

#include "base/error.h"

enum severity {
    SEVERITY_ERROR,   /* refused */
    SEVERITY_WARNING, /* works, but hardly as meant */
};

struct finding {
    enum severity severity;
    char *file;     /* NULL when it is about none */
    unsigned line;  /* from 1; 0 when not known */
    char *key_path; /* "listeners[0].tls.client-ca"; NULL when it is about no key */
    char *text;
    char *hint; /* what to do; NULL when there is nothing to say */
};

/* Zero is an empty one. */
struct report {
    struct finding *findings;
    size_t count, capacity;
    size_t error_count;
    signet_error error; /* OUT_OF_MEMORY sticks */
};

/* Where a finding is; every member may be empty. */
struct finding_place {
    const char *file;
    unsigned line;
    const char *key_path;
};

/* Copies all it is given.  `hint` may be NULL. */
void report_add(struct report *report, enum severity severity, struct finding_place place, const char *hint,
                const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Frees what it owns and leaves it empty. */
void report_free(struct report *report);

/* MALFORMED when errors were added since there were `errors_before`, OUT_OF_MEMORY when a finding was lost, else OK. */
signet_error report_since(const struct report *report, size_t errors_before);
/* "error" */
const char *severity_word(enum severity severity);

#endif
