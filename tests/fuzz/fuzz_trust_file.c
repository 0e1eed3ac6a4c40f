/* SPDX-License-Identifier: Apache-2.0 */
/* A trust file is read or refused with a reason; what is read holds to the rules that its readers build on. */
#include <stdint.h>
#include <stdlib.h>

#include "crypto/random.h"
#include "keys/trust_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool sound(const struct trust *trust)
{
    bool good = trust->cluster_id[0] != '\0';
    for (size_t i = 0; i < trust->writer_count; i++) {
        const struct trusted_writer *writer = &trust->writers[i];
        good = good && writer->name[0] && writer->topic_count > 0 && writer->not_before_ms <= writer->not_after_ms &&
               trust_find_writer(trust, writer->key) == writer;
    }
    for (size_t i = 0; i < trust->cut_over_count; i++) {
        const struct cut_over *cut_over = &trust->cut_overs[i];
        good = good && trust_cut_over(trust, &cut_over->place, slice_of_text(cut_over->topic)) == cut_over->offset &&
               cut_over->offset >= 0;
    }
    for (size_t i = 0; i < trust->exception_count; i++) {
        const struct accepted_exception *exception = &trust->exceptions[i];
        good = good && exception->topic && exception->reason && exception->first_offset <= exception->last_offset &&
               !topic_id_is_zero(&exception->place.topic);
    }
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust trust;
    struct report report = { 0 };
    if (crypto_start()) {
        abort();
    }
    signet_error error = trust_file_parse(slice_of(data, size), "t.yaml", &trust, &report);
    if (error ? report.error_count == 0 : report.error_count > 0 || !sound(&trust)) {
        abort();
    }
    if (!error) {
        trust_free(&trust);
    }
    report_free(&report);
    return 0;
}
