/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>

#include <cyaml/cyaml.h>
#include <jansson.h>
#include <lz4.h>
#include <sasl/sasl.h>
#include <uv.h>
#include <yaml.h>
#include <zlib.h>
#include <zstd.h>

#include "cli/command.h"
#include "crypto/avx512.h"
#include "crypto/library_version.h"

struct part {
    const char *name;
    const char *version;
};

enum { PARTS_MAX = 16 };

/* What runs, not what it was built with: that is what a report of a fault needs. */
static size_t list_parts(struct part parts[PARTS_MAX])
{
    const char *sasl_version = "";
    sasl_version_info(NULL, &sasl_version, NULL, NULL, NULL, NULL);
    const struct part all[] = {
        { "signet", SIGNET_VERSION },           { "openssl", openssl_version_text() },
        { "libsodium", sodium_version_text() }, { "libsasl2", sasl_version },
        { "libuv", uv_version_string() },       { "zstd", ZSTD_versionString() },
        { "lz4", LZ4_versionString() },         { "zlib", zlibVersion() },
        { "libcyaml", cyaml_version_str },      { "libyaml", yaml_get_version_string() },
        { "jansson", jansson_version_str() },   { "libipsec-mb", avx512_version_text() },
    };
    _Static_assert(sizeof all / sizeof *all <= PARTS_MAX, "room for all");
    memcpy(parts, all, sizeof all);
    return sizeof all / sizeof *all;
}

static enum exit_code print_as_json(const struct part *parts, size_t count)
{
    json_t *versions = json_object();
    for (size_t i = 0; i < count; i++) {
        json_object_set_new(versions, parts[i].name, json_string(parts[i].version));
    }
    return print_json(versions, EXIT_GOOD);
}

enum exit_code command_version(const struct command *self, int argc, char **argv)
{
    static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
        if (option != 'j') {
            return option_error(self, option, argv);
        }
        json = true;
    }
    if (optind < argc) {
        return usage_error(self, "version takes no arguments");
    }
    struct part parts[PARTS_MAX];
    size_t count = list_parts(parts);
    if (json) {
        return print_as_json(parts, count);
    }
    for (size_t i = 0; i < count; i++) {
        printf("%-11s %s\n", parts[i].name, parts[i].version);
    }
    return EXIT_GOOD;
}
