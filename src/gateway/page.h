/* SPDX-License-Identifier: Apache-2.0 */
/* How pages for people look: one that renews itself, begun for the part of Signet that shows it. */
#ifndef SIGNET_GATEWAY_PAGE_H
#define SIGNET_GATEWAY_PAGE_H

#define PAGE_HEAD(part)                                                                                              \
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"2\">"     \
    "<title>Signet " part "</title><style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:46rem;" \
    "padding:0 1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;"            \
    "border-bottom:1px solid #ddd}td:last-child{text-align:right;font-variant-numeric:tabular-nums}"                 \
    ".bad{color:#b00020;font-weight:600}.good{color:#1b6e3c;font-weight:600}</style></head><body><h1>Signet " part   \
    "</h1>"

#endif
