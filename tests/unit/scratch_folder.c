/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scratch_folder_setup(void **state)
{
    char *folder = strdup("/tmp/signet-test-XXXXXX");
    *state = folder && mkdtemp(folder) ? folder : NULL;
    return *state ? 0 : -1;
}

static int each_file(const char *folder, int remove_it)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_type == DT_REG) {
            count++;
            if (remove_it) {
                unlink(scratch_path(folder, entry->d_name));
            }
        }
    }
    closedir(entries);
    return count;
}

int scratch_folder_teardown(void **state)
{
    each_file(*state, 1);
    int failed = rmdir(*state);
    free(*state);
    return failed;
}

const char *scratch_path(const char *folder, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *scratch_write(const char *folder, const char *name, mode_t mode, const char *text)
{
    const char *path = scratch_path(folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) == EOF || fclose(file) != 0 || chmod(path, mode) != 0) {
        abort();
    }
    return path;
}

int scratch_count(const char *folder)
{
    return each_file(folder, 0);
}
