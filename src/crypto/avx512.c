/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/avx512.h"

#ifdef SIGNET_IPSEC_MB

#define NO_COMPAT_IMB_API_053 /* names without a prefix that clash with OpenSSL's */
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

/* One manager is everybody's, for GCM, which keeps nothing in it.  Hashing does: each thread has one of its own. */
static struct {
    pthread_once_t once;
    pthread_key_t own;
    IMB_MGR *shared;
    atomic_bool refused;
} library = { .once = PTHREAD_ONCE_INIT };

static IMB_MGR *new_manager(void)
{
    IMB_ARCH arch = IMB_ARCH_NONE;
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (manager) {
        init_mb_mgr_auto(manager, &arch);
    }
    const uint64_t wanted = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
    if (manager &&
        (arch != IMB_ARCH_AVX512 || (manager->features & wanted) != wanted || imb_get_errno(manager) ||
         ((manager->features & IMB_FEATURE_SELF_TEST) && !(manager->features & IMB_FEATURE_SELF_TEST_PASS)))) {
        free_mb_mgr(manager);
        return NULL;
    }
    return manager;
}

static void free_own(void *manager)
{
    if (manager) {
        free_mb_mgr(manager);
    }
}

/* Jobs come back in the order in which they were given. */
static size_t count_done(IMB_JOB *job)
{
    return job && job->status == IMB_STATUS_COMPLETED;
}

/* Without the library's check of jobs, which takes none above 64 KiB; start has tried what is longer. */
static bool hash(IMB_MGR *manager, const struct slice *messages, size_t count, uint8_t *const *ret_digests)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
        *job = (IMB_JOB){
            .src = messages[i].data,
            .msg_len_to_hash_in_bytes = messages[i].size,
            .hash_alg = IMB_AUTH_SHA_256,
            .auth_tag_output = ret_digests[i],
            .auth_tag_output_len_in_bytes = SHA256_BYTES,
            .cipher_mode = IMB_CIPHER_NULL,
            .cipher_direction = IMB_DIR_ENCRYPT,
            .chain_order = IMB_ORDER_HASH_CIPHER,
        };
        done += count_done(IMB_SUBMIT_JOB_NOCHECK(manager));
    }
    for (IMB_JOB *job; (job = IMB_FLUSH_JOB(manager));) {
        done += count_done(job);
    }
    return done == count;
}

/* A message of the longest kind beside a short one, as OpenSSL hashes them. */
static bool hashes_well(IMB_MGR *manager)
{
    uint8_t digests[2][SHA256_BYTES], expected[2][SHA256_BYTES], *const at[] = { digests[0], digests[1] };
    uint8_t *bytes = malloc(AVX512_SHA256_BYTES_MAX);
    if (!bytes) {
        return false;
    }
    memset(bytes, 0x5a, AVX512_SHA256_BYTES_MAX);
    const struct slice messages[] = { slice_of(bytes, AVX512_SHA256_BYTES_MAX), slice_of(bytes, 1) };
    sha256(messages[0], expected[0]);
    sha256(messages[1], expected[1]);
    bool well = hash(manager, messages, 2, at) && memcmp(digests, expected, sizeof digests) == 0;
    free(bytes);
    return well;
}

static void start(void)
{
    if (pthread_key_create(&library.own, free_own) == 0) {
        IMB_MGR *manager = new_manager();
        if (manager && hashes_well(manager)) {
            library.shared = manager;
        } else {
            free_own(manager);
        }
    }
}

bool avx512_usable(void)
{
    pthread_once(&library.once, start);
    return library.shared && !atomic_load_explicit(&library.refused, memory_order_relaxed);
}

const char *avx512_version_text(void)
{
    return avx512_usable() ? imb_get_version_str() : "unused";
}

void avx512_allow(bool allowed)
{
    atomic_store(&library.refused, !allowed);
}

void avx512_gcm_encrypt(const struct avx512_gcm *gcm, uint8_t *text, size_t size)
{
    struct gcm_key_data key;
    struct gcm_context_data context;
    IMB_AES256_GCM_PRE(library.shared, gcm->key, &key);
    IMB_AES256_GCM_ENC(library.shared, &key, &context, text, text, size, gcm->nonce, gcm->associated.data,
                       gcm->associated.size, gcm->tag, 16);
    wipe(&key, sizeof key);
    wipe(&context, sizeof context);
}

void avx512_gcm_decrypt(const struct avx512_gcm *gcm, uint8_t *text, size_t size)
{
    struct gcm_key_data key;
    struct gcm_context_data context;
    IMB_AES256_GCM_PRE(library.shared, gcm->key, &key);
    IMB_AES256_GCM_DEC(library.shared, &key, &context, text, text, size, gcm->nonce, gcm->associated.data,
                       gcm->associated.size, gcm->tag, 16);
    wipe(&key, sizeof key);
    wipe(&context, sizeof context);
}

static IMB_MGR *own_manager(void)
{
    IMB_MGR *manager = pthread_getspecific(library.own);
    if (!manager) {
        manager = new_manager();
        if (manager && pthread_setspecific(library.own, manager) != 0) {
            free_mb_mgr(manager);
            return NULL;
        }
    }
    return manager;
}

bool avx512_sha256(const struct slice *messages, size_t count, uint8_t *const *ret_digests)
{
    IMB_MGR *manager = avx512_usable() ? own_manager() : NULL;
    return manager && hash(manager, messages, count, ret_digests);
}

#else

bool avx512_usable(void)
{
    return false;
}

const char *avx512_version_text(void)
{
    return "unused";
}

void avx512_allow(bool allowed)
{
    (void)allowed;
}

void avx512_gcm_encrypt(const struct avx512_gcm *gcm, uint8_t *text, size_t size)
{
    (void)gcm, (void)text, (void)size;
}

void avx512_gcm_decrypt(const struct avx512_gcm *gcm, uint8_t *text, size_t size)
{
    (void)gcm, (void)text, (void)size;
}

bool avx512_sha256(const struct slice *messages, size_t count, uint8_t *const *ret_digests)
{
    (void)messages, (void)count, (void)ret_digests;
    return false;
}

#endif
