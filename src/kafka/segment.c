/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/segment.h"

#include "base/limits.h"

enum { OFFSET_DIGITS = 20 };

static bool ends_with(struct slice text, const char *suffix)
{
    size_t size = strlen(suffix);
    return text.size >= size && memcmp(text.data + text.size - size, suffix, size) == 0;
}

/* Digits only, and no more than `max`. */
static bool read_number(struct slice text, int64_t max, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *ret_number = number;
    return text.size > 0;
}

struct suffix_kind {
    const char *suffix;
    enum log_file_kind kind;
};

static const struct suffix_kind suffixes[] = {
    { ".log", LOG_FILE_SEGMENT },     { ".index", LOG_FILE_INDEX },       { ".timeindex", LOG_FILE_INDEX },
    { ".txnindex", LOG_FILE_INDEX },  { ".snapshot", LOG_FILE_SNAPSHOT }, { ".deleted", LOG_FILE_PASSING },
    { ".cleaned", LOG_FILE_PASSING }, { ".swap", LOG_FILE_PASSING },
};

struct log_file_name log_file_name_parse(struct slice name)
{
    struct log_file_name parsed = { LOG_FILE_OTHER, -1 };
    if (slice_equal_text(name, "partition.metadata")) {
        parsed.kind = LOG_FILE_METADATA;
    } else if (slice_equal_text(name, "leader-epoch-checkpoint")) {
        parsed.kind = LOG_FILE_EPOCHS;
    }
    int64_t offset;
    if (name.size <= OFFSET_DIGITS || !read_number(slice_of(name.data, OFFSET_DIGITS), INT64_MAX, &offset)) {
        return parsed;
    }
    struct slice rest = slice_of(name.data + OFFSET_DIGITS, name.size - OFFSET_DIGITS);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        bool passing = suffixes[i].kind == LOG_FILE_PASSING;
        if (passing ? ends_with(rest, suffixes[i].suffix) : slice_equal_text(rest, suffixes[i].suffix)) {
            return (struct log_file_name){ suffixes[i].kind, offset };
        }
    }
    return parsed;
}

static bool is_topic_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-')) {
            return false;
        }
    }
    return name.size > 0 && name.size <= TOPIC_NAME_BYTES_MAX && !slice_equal_text(name, ".") &&
           !slice_equal_text(name, "..");
}

/* "topic-3" */
static bool read_topic_partition(struct slice name, struct log_folder_name *parsed)
{
    size_t dash = name.size;
    while (dash > 0 && name.data[dash - 1] != '-') {
        dash--;
    }
    int64_t partition;
    if (dash == 0 || !read_number(slice_of(name.data + dash, name.size - dash), INT32_MAX, &partition) ||
        !is_topic_name(slice_of(name.data, dash - 1))) {
        return false;
    }
    parsed->topic = slice_of(name.data, dash - 1);
    parsed->partition = (int32_t)partition;
    return true;
}

/* "topic-3.0123456789abcdef0123456789abcdef-delete": the topic and the id may have been cut to fit a file's name. */
static bool read_renamed(struct slice name, const char *suffix, struct log_folder_name *parsed)
{
    if (!ends_with(name, suffix)) {
        return false;
    }
    size_t dot = name.size - strlen(suffix);
    while (dot > 0 && name.data[dot - 1] != '.') {
        dot--;
    }
    return dot > 0 && read_topic_partition(slice_of(name.data, dot - 1), parsed);
}

struct log_folder_name log_folder_name_parse(struct slice name)
{
    struct log_folder_name parsed = { LOG_FOLDER_OTHER, { 0 }, -1 };
    if (read_renamed(name, "-delete", &parsed)) {
        parsed.kind = LOG_FOLDER_DELETED;
    } else if (read_renamed(name, "-future", &parsed)) {
        parsed.kind = LOG_FOLDER_FUTURE;
    } else if (read_renamed(name, "-stray", &parsed)) {
        parsed.kind = LOG_FOLDER_STRAY;
    } else if (slice_equal_text(name, "lost+found") || slice_equal_text(name, "remote-log-index-cache")) {
        parsed.kind = LOG_FOLDER_KNOWN;
    } else if (read_topic_partition(name, &parsed)) {
        parsed.kind = LOG_FOLDER_PARTITION;
    }
    return parsed;
}

/* The next line without its end; false when there is none. */
static bool next_line(struct slice *text, struct slice *ret_line)
{
    if (text->size == 0) {
        return false;
    }
    const uint8_t *end = memchr(text->data, '\n', text->size);
    size_t size = end ? (size_t)(end - text->data) : text->size, taken = size + (end != NULL);
    *ret_line = slice_of(text->data, size > 0 && text->data[size - 1] == '\r' ? size - 1 : size);
    *text = slice_of(text->data + taken, text->size - taken);
    return true;
}

static struct slice behind(struct slice line, const char *prefix)
{
    size_t size = strlen(prefix);
    return slice_of(line.data + size, line.size - size);
}

signet_error partition_metadata_read(struct slice text, struct slice *ret_topic_id)
{
    struct slice line, version = { 0 }, id = { 0 };
    while (next_line(&text, &line)) {
        if (slice_starts_with(line, "version: ")) {
            version = behind(line, "version: ");
        } else if (slice_starts_with(line, "topic_id: ")) {
            id = behind(line, "topic_id: ");
        }
    }
    if (version.size == 0 || id.size == 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (!slice_equal_text(version, "0")) {
        return SIGNET_ERROR_UNSUPPORTED;
    }
    *ret_topic_id = id;
    return SIGNET_OK;
}

signet_error meta_properties_read(struct slice text, struct slice *ret_cluster_id)
{
    struct slice line, found = { 0 };
    while (next_line(&text, &line)) {
        if (slice_starts_with(line, "cluster.id=")) {
            found = behind(line, "cluster.id=");
        }
    }
    if (found.size == 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_cluster_id = found;
    return SIGNET_OK;
}

size_t segment_batch_content_max(const struct batch_header *header, size_t batch_bytes)
{
    size_t records = header->record_count > 0 ? (size_t)header->record_count : 0;
    return batch_bytes + records * SEALED_STUB_BYTES_MAX + SEALED_SLACK_BYTES;
}

/* What stands at the front of `rest`, which is no whole batch. */
static void frame_rest(struct slice rest, uint64_t left_bytes, signet_error error, struct segment_frame *frame)
{
    bool all = rest.size >= left_bytes;
    frame->next_bytes = BATCH_HEADER_BYTES;
    frame->next_offset = rest.size >= 8 ? (int64_t)load_u64(rest.data) : -1;
    if (left_bytes == 0) {
        frame->rest = SEGMENT_END;
    } else if (error != SIGNET_ERROR_TRUNCATED) {
        frame->rest = slice_is_zero(rest) ? SEGMENT_ZEROS : SEGMENT_BROKEN;
    } else if (rest.size <= BATCH_MAGIC_AT) {
        frame->rest = !all ? SEGMENT_MORE : slice_is_zero(rest) ? SEGMENT_ZEROS : SEGMENT_TORN;
    } else {
        uint64_t size = (uint64_t)load_u32(rest.data + 8) + BATCH_LENGTH_END;
        frame->next_bytes = (size_t)size;
        frame->rest = size > left_bytes ? SEGMENT_TORN : SEGMENT_MORE;
    }
}

void segment_frame(struct slice window, uint64_t left_bytes, const struct segment_portion *portion,
                   struct segment_frame *ret_frame)
{
    struct segment_frame frame = { 0 };
    struct batch batch;
    for (;;) {
        struct slice rest = slice_of(window.data + frame.whole_bytes, window.size - frame.whole_bytes);
        signet_error error = batch_read(rest, &batch);
        if (error) {
            frame_rest(rest, left_bytes - frame.whole_bytes, error, &frame);
            break;
        }
        bool large = segment_batch_content_max(&batch.header, batch.bytes.size) > portion->content_bytes_max;
        if (frame.batches > 0 && (large || frame.batches == portion->batches_max)) {
            frame.rest = SEGMENT_MORE;
            frame.next_bytes = batch.bytes.size;
            frame.next_offset = batch.header.base_offset;
            break;
        }
        frame.whole_bytes += batch.bytes.size;
        frame.batches++;
        if (large) {
            frame.rest = SEGMENT_MORE;
            frame.next_bytes = BATCH_HEADER_BYTES;
            frame.next_offset = -1;
            break;
        }
    }
    *ret_frame = frame;
}

static bool makes_sense(const struct batch_header *h, int64_t low, int64_t high)
{
    return h->base_offset >= low && h->base_offset <= high && h->last_offset_delta >= 0 &&
           h->last_offset_delta <= high - h->base_offset && h->record_count >= 0;
}

bool segment_find(struct slice window, size_t from, int64_t low, int64_t high, size_t *crc_bytes, size_t *ret_at)
{
    for (size_t at = from; at + BATCH_HEADER_BYTES <= window.size; at++) {
        struct batch batch;
        if (window.data[at + BATCH_MAGIC_AT] != 2 ||
            batch_read(slice_of(window.data + at, window.size - at), &batch) != SIGNET_OK ||
            !makes_sense(&batch.header, low, high) || batch.bytes.size > *crc_bytes) {
            continue;
        }
        *crc_bytes -= batch.bytes.size;
        if (batch_crc_matches(&batch)) {
            *ret_at = at;
            return true;
        }
    }
    return false;
}
