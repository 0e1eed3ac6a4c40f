/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/message.h"

#include "kafka/message_rows.h"

static const struct {
    const struct message *messages;
    size_t count;
} groups[] = {
    { messages_data, MESSAGES_DATA },
    { messages_cluster, MESSAGES_CLUSTER },
    { messages_session, MESSAGES_SESSION },
};

const struct message *message_at(size_t index)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (index < groups[i].count) {
            return &groups[i].messages[index];
        }
        index -= groups[i].count;
    }
    return NULL;
}

const struct message *message_find(int16_t api_key, enum message_direction direction)
{
    const struct message *message;
    for (size_t i = 0; (message = message_at(i)); i++) {
        if (message->api_key == api_key && message->direction == direction) {
            return message;
        }
    }
    return NULL;
}

bool field_in_version(const struct field *field, int16_t version)
{
    return version >= field->since && (field->before == 0 || version < field->before);
}

bool field_null_in_version(const struct field *field, int16_t version)
{
    return field->nullable && version >= field->null_since;
}

size_t field_width(enum field_type type)
{
    static const uint8_t widths[] = {
        [FIELD_BOOL] = 1,  [FIELD_INT8] = 1,  [FIELD_INT16] = 2, [FIELD_UINT16] = 2,
        [FIELD_INT32] = 4, [FIELD_INT64] = 8, [FIELD_UUID] = 16, [FIELD_ARRAY] = 0,
    };
    return widths[type];
}
