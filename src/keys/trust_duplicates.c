/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/trust_duplicates.h"

#include <stdlib.h>

_Static_assert(sizeof(struct place) == TOPIC_ID_BYTES + sizeof(int32_t), "compared as bytes, so without padding");

struct row {
    struct slice value;
    size_t index;
};

/* A column of a list: where its values are and what a key path to one looks like. */
struct column {
    const char *prefix; /* "writers" */
    const char *key;    /* ".name" */
    const char *text;   /* what is wrong with a value that stands there twice */
};

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = memcmp(x->value.data, y->value.data, x->value.size);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* What did not parse was left zero and has been complained about; a place may still have its partition. */
static bool is_blank(struct slice value)
{
    static const uint8_t zero[TOPIC_ID_BYTES];
    return memcmp(value.data, zero, sizeof zero) == 0;
}

/* Values lie `stride` bytes apart and have one size, of at least TOPIC_ID_BYTES. */
static void check_column(const struct yaml_file *file, const struct column *column, const void *first, size_t size,
                         size_t stride, size_t count)
{
    struct row *rows = calloc(count ? count : 1, sizeof *rows);
    if (!rows) {
        file->report->error = SIGNET_ERROR_OUT_OF_MEMORY;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct row){ slice_of((const uint8_t *)first + i * stride, size), i };
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    for (size_t i = 1; i < count; i++) {
        if (!slice_equal(rows[i - 1].value, rows[i].value) || is_blank(rows[i].value)) {
            continue;
        }
        struct key_path path = key_path_of("%s[%zu]%s", column->prefix, rows[i].index, column->key);
        struct key_path other = key_path_of("%s[%zu]%s", column->prefix, rows[i - 1].index, column->key);
        yaml_file_complain(file, SEVERITY_ERROR, path, NULL, "%s (also on line %u)", column->text,
                           yaml_outline_line(&file->outline, other.text));
    }
    free(rows);
}

void trust_check_writers(const struct yaml_file *file, const struct trust *trust)
{
    static const struct column names = { "writers", ".name", "two writers have this name" };
    static const struct column keys = { "writers", ".public-key", "two writers have this key" };
    const struct trusted_writer *first = trust->writers;
    if (trust->writer_count > 0) {
        check_column(file, &names, first->name, sizeof first->name, sizeof *first, trust->writer_count);
        check_column(file, &keys, first->key, sizeof first->key, sizeof *first, trust->writer_count);
    }
}

void trust_check_last_good(const struct yaml_file *file, struct key_path prefix, const struct trusted_writer *writer)
{
    struct key_path list = key_path_of("%s.last-good", prefix.text);
    struct column places = { list.text, "", "two last good offsets for one partition" };
    if (writer->last_good_count > 0) {
        check_column(file, &places, &writer->last_good->place, sizeof(struct place), sizeof *writer->last_good,
                     writer->last_good_count);
    }
}

void trust_check_cut_overs(const struct yaml_file *file, const struct trust *trust)
{
    static const struct column places = { "cut-overs", "", "two cut-overs for one partition" };
    if (trust->cut_over_count > 0) {
        check_column(file, &places, &trust->cut_overs->place, sizeof(struct place), sizeof *trust->cut_overs,
                     trust->cut_over_count);
    }
}
