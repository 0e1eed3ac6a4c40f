/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a batch has its verdict: the rules of spec/sealed-batch.md, section 8.1,
 * in their order, with what each compared.  Nothing is judged here: which rule
 * made the verdict is what the judge says.  What others chose is escaped.
 */
#ifndef SIGNET_CLI_WHY_JSON_H
#define SIGNET_CLI_WHY_JSON_H

#include "seal/judge.h"

struct json_t;

/* A new object, of a batch that has its verdict, before the run's judge_end; NULL when memory is out. */
struct json_t *why_json(const struct judge_run *run, const struct judged *batch);

#endif
