/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/socket_folders.h"

#include <sys/stat.h>

#include "keys/yaml_value.h"

static bool others_may_write(const char *socket, struct slice *ret_folder)
{
    struct stat status;
    char folder[ADDRESS_HOST_BYTES_MAX + 1];
    size_t size = (size_t)(strrchr(socket, '/') - socket) + 1;
    memcpy(folder, socket, size);
    folder[size] = '\0';
    *ret_folder = slice_of(socket, size);
    return stat(folder, &status) == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

void socket_folders_check(const struct config *config, struct report *report)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct address *address = &config->listeners[i].address;
        struct slice folder;
        if (address->kind == ADDRESS_UNIX && others_may_write(address->host, &folder)) {
            report_add(report, SEVERITY_WARNING, config_place(config, key_path_of("listeners[%zu].address", i).text),
                       "use a folder that only the gateway's user may write to",
                       "whoever may write to %.*s can take the place of this socket, and clients would not notice",
                       (int)folder.size, (const char *)folder.data);
        }
    }
}
