/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/inspect_keys.h"

#include <errno.h>
#include <string.h>

#include "cli/prompt.h"
#include "cli/report_print.h"
#include "keys/trust_file.h"

static bool load_key(const char *file, struct secret_key **ret_key)
{
    struct file_text passphrase = { 0 };
    struct key_problem problem = { 0 };
    signet_error error = key_file_read_secret(file, file_text_slice(&passphrase), ret_key, &problem);
    if (error == SIGNET_ERROR_PASSPHRASE && !prompt_passphrase("Passphrase", &passphrase)) {
        error = key_file_read_secret(file, file_text_slice(&passphrase), ret_key, &problem);
    }
    int saved = errno;
    file_text_free(&passphrase);
    if (error) {
        complain(problem.hint, "%s: %s", file, error == SIGNET_ERROR_SYSTEM ? strerror(saved) : problem.text);
    } else if ((*ret_key)->public_half.role != KEY_RECIPIENT) {
        complain(NULL, "%s: this is the key of a writer; that of a recipient is needed", file);
        error = SIGNET_ERROR_NO_KEY;
    }
    return !error;
}

static bool load_trust(struct inspect_keys *keys)
{
    struct report report = { 0 };
    signet_error error = trust_file_read(keys->trust_file, &keys->trust, &report);
    report_print(stderr, &report);
    report_free(&report);
    if (error && error != SIGNET_ERROR_MALFORMED) {
        complain(NULL, "%s: %s", keys->trust_file, signet_error_text(error));
    }
    return !error;
}

enum exit_code inspect_keys_load(struct inspect_keys *keys)
{
    struct recipient_key pairs[RECIPIENTS_MAX];
    if (keys->count == 0) {
        return EXIT_GOOD;
    }
    if (!load_trust(keys)) {
        return EXIT_NO_ANSWER;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (!load_key(keys->files[i], &keys->secrets[i])) {
            return EXIT_NO_ANSWER;
        }
        memcpy(pairs[i].public_key, keys->secrets[i]->public_half.bytes, BOX_PUBLIC_BYTES);
        pairs[i].secret = keys->secrets[i]->bytes;
    }
    keys->cache = unwrap_cache_new(pairs, keys->count);
    if (!keys->cache) {
        complain(NULL, "out of memory");
    }
    return keys->cache ? EXIT_GOOD : EXIT_NO_ANSWER;
}

void inspect_keys_free(struct inspect_keys *keys)
{
    unwrap_cache_free(keys->cache);
    for (size_t i = 0; i < keys->count; i++) {
        secret_key_free(keys->secrets[i]);
    }
    trust_free(&keys->trust);
}

static bool is_trusted(const struct trust *trust, const struct envelope_header *h, int64_t last_offset)
{
    const struct trusted_writer *writer = trust_find_writer(trust, h->writer);
    return writer && slice_equal_text(h->cluster_id, trust->cluster_id) &&
           trusted_writer_may_write(writer, h->topic_name) && trusted_writer_valid_at(writer, h->seal_time_ms) &&
           trusted_writer_believed_at(writer, &h->place, h->topic_name, last_offset);
}

struct aead_key *inspect_keys_find(struct inspect_keys *keys, const struct envelope *envelope, int64_t last_offset,
                                   const char **ret_why)
{
    uint8_t id[SEAL_ID_BYTES];
    struct aead_key *key = NULL;
    envelope_seal_id(envelope->header_bytes, envelope->ciphertext, envelope->tag, id);
    if (!keys->cache) {
        *ret_why = "sealed: give --keys and --trust to open it";
    } else if (!envelope_verify(envelope->header.writer, id, envelope->signature)) {
        *ret_why = "its signature is wrong";
    } else if (!is_trusted(&keys->trust, &envelope->header, last_offset)) {
        *ret_why = "its writer is not trusted for this cluster, topic, time or offset";
    } else {
        key = unwrap_cache_find(keys->cache, envelope);
        *ret_why = key ? NULL : "its data key is not wrapped for any key at hand";
    }
    return key;
}
