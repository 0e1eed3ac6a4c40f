/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/scalar.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "crypto/encoding.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at the start of `text`; false when there are none, or a leading zero, or too many. */
static bool take_digits(const char **text, uint64_t *ret_value)
{
    const char *at = *text;
    uint64_t value = 0;
    if (!is_digit(*at) || (*at == '0' && is_digit(at[1]))) {
        return false;
    }
    for (; is_digit(*at); at++) {
        if (value > (UINT64_MAX - 9) / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(*at - '0');
    }
    *text = at;
    *ret_value = value;
    return true;
}

bool scalar_integer(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
    bool negative = *text == '-';
    const char *at = text + negative;
    uint64_t digits = 0;
    if (!take_digits(&at, &digits) || *at || digits > INT64_MAX) {
        return false;
    }
    int64_t value = negative ? -(int64_t)digits : (int64_t)digits;
    if (value < min || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

struct unit {
    const char *word;
    int64_t factor;
};

static bool take_quantity(const char *text, const struct unit *units, size_t unit_count, int64_t *ret_value)
{
    uint64_t digits = 0;
    if (!take_digits(&text, &digits)) {
        return false;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (strcmp(text, units[i].word) == 0) {
            bool fits = digits <= (uint64_t)(INT64_MAX / units[i].factor);
            *ret_value = fits ? (int64_t)digits * units[i].factor : *ret_value;
            return fits;
        }
    }
    return false;
}

static void give_quantity(int64_t value, const struct unit *units, size_t unit_count, char *ret_text)
{
    const struct unit *unit = &units[0];
    for (size_t i = 1; i < unit_count && value != 0 && value % units[i].factor == 0; i++) {
        unit = &units[i];
    }
    snprintf(ret_text, SCALAR_TEXT_BYTES, "%lld%s", (long long)(value / unit->factor), unit->word);
}

/* Each a multiple of the one before it. */
static const struct unit size_units[] = {
    { "", 1 },
    { "KiB", INT64_C(1) << 10 },
    { "MiB", INT64_C(1) << 20 },
    { "GiB", INT64_C(1) << 30 },
    { "TiB", INT64_C(1) << 40 },
};
static const struct unit duration_units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 60 * 60 * 1000 }, { "d", 24 * 60 * 60 * 1000 },
};

#define UNITS(table) table, sizeof(table) / sizeof *(table)

bool scalar_size(const char *text, int64_t *ret_bytes)
{
    return take_quantity(text, UNITS(size_units), ret_bytes);
}

bool scalar_duration(const char *text, int64_t *ret_ms)
{
    return take_quantity(text, UNITS(duration_units), ret_ms);
}

void scalar_size_text(int64_t bytes, char ret_text[SCALAR_TEXT_BYTES])
{
    give_quantity(bytes, UNITS(size_units), ret_text);
}

void scalar_duration_text(int64_t ms, char ret_text[SCALAR_TEXT_BYTES])
{
    give_quantity(ms, UNITS(duration_units), ret_text);
}

bool scalar_time(const char *text, int64_t *ret_unix_ms)
{
    struct tm parts = { 0 }, again = { 0 };
    char canonical[32];
    if (strlen(text) != strlen("2026-01-01T00:00:00Z")) {
        return false;
    }
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
               &parts.tm_min, &parts.tm_sec) != 6) {
        return false;
    }
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    time_t seconds = timegm(&parts);
    /* Written again it must be the same text: that refuses February 30th and every other spelling. */
    if (!gmtime_r(&seconds, &again) || !strftime(canonical, sizeof canonical, "%Y-%m-%dT%H:%M:%SZ", &again)) {
        return false;
    }
    if (strcmp(text, canonical) != 0) {
        return false;
    }
    *ret_unix_ms = (int64_t)seconds * 1000;
    return true;
}

static bool only_characters(const char *text, const char *allowed)
{
    size_t size = strlen(text);
    return size >= 1 && size <= TOPIC_NAME_BYTES_MAX && strspn(text, allowed) == size;
}

/* What names of topics are made of; base64url is a part of it. */
#define TOPIC_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

bool scalar_topic_id(const char *text, struct topic_id *ret_id)
{
    struct topic_id id;
    size_t size = 0;
    if (!only_characters(text, TOPIC_CHARACTERS) ||
        base64_decode(slice_of_text(text), BASE64_URL_UNPADDED, id.bytes, sizeof id.bytes, &size) ||
        size != sizeof id.bytes) {
        return false;
    }
    *ret_id = id;
    return true;
}

bool topic_name_valid(const char *name)
{
    bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    return !dots && only_characters(name, TOPIC_CHARACTERS);
}

bool topic_pattern_valid(const char *pattern)
{
    return only_characters(pattern, TOPIC_CHARACTERS "*?");
}
