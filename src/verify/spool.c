/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/spool.h"

#include <sys/mman.h>

signet_error spool_add(struct spool *s, const void *item, size_t item_bytes)
{
    s->file = s->file ? s->file : tmpfile();
    if (!s->file || fwrite(item, item_bytes, 1, s->file) != 1) {
        return SIGNET_ERROR_SYSTEM;
    }
    s->count++;
    return SIGNET_OK;
}

signet_error spool_map(struct spool *s, size_t item_bytes)
{
    if (s->count == 0) {
        return SIGNET_OK;
    }
    size_t size = s->count * item_bytes;
    void *items =
        fflush(s->file) == 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(s->file), 0) : MAP_FAILED;
    if (items == MAP_FAILED) {
        return SIGNET_ERROR_SYSTEM;
    }
    s->items = items;
    s->mapped_bytes = size;
    return SIGNET_OK;
}

void spool_free(struct spool *s)
{
    if (s->items) {
        munmap(s->items, s->mapped_bytes);
    }
    if (s->file) {
        fclose(s->file);
    }
    *s = (struct spool){ 0 };
}
