/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted as a key is written again as the same line, and reads as the same key. */
#include <stdint.h>
#include <stdlib.h>

#include "keys/key_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct key_text key = { 0 }, again = { 0 };
    struct key_problem problem = { 0 };
    char line[KEY_LINE_BYTES_MAX];
    signet_error error = key_text_parse(slice_of(data, size), &key, &problem);
    if (error) {
        return problem.text ? 0 : (abort(), 0);
    }
    key_text_format(&key, line);
    size_t line_size = strlen(line) - (data[size - 1] != '\n');
    if (line_size > size || memcmp(data + size - line_size, line, line_size) != 0) {
        abort();
    }
    if (key_text_parse(slice_of_text(line), &again, NULL) || memcmp(&key, &again, sizeof key) != 0) {
        abort();
    }
    return 0;
}
