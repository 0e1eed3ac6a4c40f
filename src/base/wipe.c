/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"

#include <string.h>

void wipe(void *memory, size_t size)
{
    if (size) {
        explicit_bzero(memory, size);
    }
}
