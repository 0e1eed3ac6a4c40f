/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/folder_id.h"

#include <errno.h>
#include <string.h>

#include "crypto/encoding.h"
#include "kafka/segment.h"
#include "verify/disk.h"

bool folder_id_read(int folder, struct flaws *flaws, struct topic_id *ret_topic)
{
    struct small_file file;
    struct slice text;
    size_t size = 0;
    signet_error error = disk_read_small(folder, "partition.metadata", &file);
    const char *why = error == SIGNET_ERROR_SYSTEM ? strerror(errno) : NULL;
    error = error ? error : partition_metadata_read(slice_of(file.bytes, file.size), &text);
    error = error ? error : base64_decode(text, BASE64_URL_UNPADDED, ret_topic->bytes, TOPIC_ID_BYTES, &size);
    if (error || size != TOPIC_ID_BYTES || topic_id_is_zero(ret_topic)) {
        flaws_say(flaws, FLAW_UNKNOWN, -1, "partition.metadata, which has the topic's id: %s",
                  why     ? why
                  : error ? signet_error_text(error)
                          : "it has no topic id");
        return false;
    }
    return true;
}

struct names_of_id {
    const char *topic;
    const struct topic_id *id;
    bool named, agrees;
};

static void compare(struct names_of_id *found, const char *topic, const struct topic_id *id)
{
    if (strcmp(topic, found->topic) == 0) {
        found->named = true;
        found->agrees = found->agrees || topic_id_equal(id, found->id);
    }
}

bool folder_id_contradicts(const struct trust *trust, const struct policy *policy, const char *topic,
                           const struct topic_id *id)
{
    struct names_of_id found = { .topic = topic, .id = id };
    for (size_t i = 0; i < policy->known_count; i++) {
        compare(&found, policy->known[i].name, &policy->known[i].id);
    }
    for (size_t i = 0; i < trust->cut_over_count; i++) {
        compare(&found, trust->cut_overs[i].topic, &trust->cut_overs[i].place.topic);
    }
    for (size_t i = 0; i < trust->exception_count; i++) {
        compare(&found, trust->exceptions[i].topic, &trust->exceptions[i].place.topic);
    }
    return found.named && !found.agrees;
}
