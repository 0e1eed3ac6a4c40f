/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values operators write, as text to numbers: strict, so that a slip is an
 * error and not another number.  Each returns false and leaves its result
 * alone when the text is not exactly one.
 */
#ifndef SIGNET_KEYS_SCALAR_H
#define SIGNET_KEYS_SCALAR_H

#include "base/slice.h"
#include "kafka/topic.h"

/* Decimal, without a plus sign or leading zeros. */
bool scalar_integer(const char *text, int64_t min, int64_t max, int64_t *ret_value);
/* Bytes: "4096", "64KiB", "256MiB", "100GiB", "1TiB". */
bool scalar_size(const char *text, int64_t *ret_bytes);
/* "500ms", "30s", "10m", "1h", "7d"; a number alone is refused, as nobody can tell its unit. */
bool scalar_duration(const char *text, int64_t *ret_ms);
/* The other way round, in the largest unit that leaves no rest: for messages. */
enum { SCALAR_TEXT_BYTES = 32 };
void scalar_size_text(int64_t bytes, char ret_text[SCALAR_TEXT_BYTES]);
void scalar_duration_text(int64_t ms, char ret_text[SCALAR_TEXT_BYTES]);

/* RFC 3339 in UTC, whole seconds: "2026-01-01T00:00:00Z". */
bool scalar_time(const char *text, int64_t *ret_unix_ms);
/* 22 characters of base64url, as Kafka's tools print them; also the zero id. */
bool scalar_topic_id(const char *text, struct topic_id *ret_id);

/* A topic's name by Kafka's rules (Topic.java). */
bool topic_name_valid(const char *name);
/* The same with `*` and `?` allowed. */
bool topic_pattern_valid(const char *pattern);

#endif
