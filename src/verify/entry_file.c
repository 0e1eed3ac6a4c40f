/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/entry_file.h"

#include "verify/disk.h"

void entry_file_begin(struct entry_file *e, int file, uint64_t at, size_t entry_bytes)
{
    e->file = file;
    e->entry_bytes = entry_bytes;
    e->at = at;
    e->held = e->taken = 0;
    e->error = SIGNET_OK;
}

bool entry_file_next(struct entry_file *e, struct slice *ret_entry)
{
    if (e->held - e->taken < e->entry_bytes) {
        e->taken = e->held = 0;
        e->error = disk_read(e->file, e->at, e->window, sizeof e->window, &e->held);
    }
    if (e->error || e->held - e->taken < e->entry_bytes) {
        e->held = e->taken;
        return false;
    }
    *ret_entry = slice_of(e->window + e->taken, e->entry_bytes);
    e->taken += e->entry_bytes;
    e->at += e->entry_bytes;
    return true;
}
