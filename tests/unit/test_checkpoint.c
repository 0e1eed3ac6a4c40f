/* SPDX-License-Identifier: Apache-2.0 */
/* Trees and checkpoints against what is published, and against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "crypto/encoding.h"
#include "seal/checkpoint.h"
#include "seal/merkle.h"

/* The leaves and roots of Certificate Transparency's reference implementation. */
static const struct {
    const char *leaf, *root; /* the root with this leaf as the last */
} published[] = {
    { "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
    { "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
    { "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
    { "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
    { "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
    { "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
    { "5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
    { "606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static void check_root(const struct merkle_frontier *f, const char *expected)
{
    uint8_t root[SHA256_BYTES];
    char text[2 * SHA256_BYTES + 1];
    merkle_root(f, root);
    hex_encode(slice_of(root, sizeof root), text);
    assert_string_equal(text, expected);
}

static void test_published_tree(void **state)
{
    (void)state;
    struct merkle_frontier f = { 0 };
    check_root(&f, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        uint8_t leaf[16], hash[SHA256_BYTES], bytes[MERKLE_FRONTIER_BYTES_MAX];
        size_t size = strlen(published[i].leaf) / 2;
        assert_int_equal(hex_decode(slice_of_text(published[i].leaf), leaf, size), SIGNET_OK);
        merkle_leaf_hash(slice_of(leaf, size), hash);
        assert_int_equal(merkle_append(&f, hash), SIGNET_OK);
        check_root(&f, published[i].root);

        struct writer w = writer_over(bytes, sizeof bytes);
        merkle_frontier_write(&w, &f);
        assert_int_equal(writer_used(&w), merkle_frontier_bytes(f.size));
        struct merkle_frontier again = { 0 };
        struct reader r = reader_over(writer_slice(&w));
        assert_int_equal(merkle_frontier_read(&r, f.size, &again), SIGNET_OK);
        assert_int_equal(reader_left(&r), 0);
        check_root(&again, published[i].root);
        r = reader_over(slice_of(bytes, writer_used(&w) - 1));
        assert_int_equal(merkle_frontier_read(&r, f.size, &again), SIGNET_ERROR_TRUNCATED);
    }
}

static void test_full_tree(void **state)
{
    (void)state;
    static struct merkle_frontier f;
    uint8_t bytes[MERKLE_FRONTIER_BYTES_MAX] = { 0 }, before[SHA256_BYTES], after[SHA256_BYTES];
    struct reader r = reader_over(slice_of(bytes, sizeof bytes));
    assert_int_equal(merkle_frontier_read(&r, MERKLE_SIZE_MAX + 1, &f), SIGNET_ERROR_LIMIT);
    assert_int_equal(merkle_frontier_read(&r, MERKLE_SIZE_MAX, &f), SIGNET_OK);
    merkle_root(&f, before);
    assert_int_equal(merkle_append(&f, bytes), SIGNET_ERROR_LIMIT);
    merkle_root(&f, after);
    assert_memory_equal(before, after, sizeof before);
}

/* The key in the documentation of Go's golang.org/x/mod/sumdb/note. */
static void test_published_key_id(void **state)
{
    (void)state;
    uint8_t key[1 + SIGN_PUBLIC_BYTES], id[CHECKPOINT_KEY_ID_BYTES];
    const uint8_t expected[] = { 0xc7, 0x4f, 0x20, 0xa3 };
    size_t size;
    assert_int_equal(base64_decode(slice_of_text("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), BASE64_STANDARD, key,
                                   sizeof key, &size),
                     SIGNET_OK);
    checkpoint_key_id(slice_of_text("PeterNeumann"), key + 1, id);
    assert_memory_equal(id, expected, sizeof id);
}

static const char example[] = "example.com/behind-the-sofa\n"
                              "20852163\n"
                              "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
                              "\n"
                              "\xe2\x80\x94 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/"
                              "5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
                              "\xe2\x80\x94 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/"
                              "zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

/* The example of C2SP's tlog-cosignature, whose keys are not published. */
static void test_published_checkpoint(void **state)
{
    (void)state;
    struct checkpoint_note note;
    const uint8_t key[SIGN_PUBLIC_BYTES] = { 1 };
    assert_int_equal(checkpoint_read(slice_of_text(example), &note), SIGNET_OK);
    assert_true(slice_equal_text(note.checkpoint.origin, "example.com/behind-the-sofa"));
    assert_int_equal(note.checkpoint.size, 20852163);
    assert_int_equal(note.checkpoint.root[0], 0x0a);
    assert_int_equal(note.signature_count, 2);
    assert_int_equal(note.body.size, 28 + 9 + 45);
    assert_int_equal(checkpoint_verify(&note, key), SIGNET_ERROR_REFUSED);
    const size_t behind_first = (size_t)(strstr(example, "\xe2\x80\x94 witness") - example);
    for (size_t size = 0; size < sizeof example - 1; size++) {
        assert_int_equal(checkpoint_read(slice_of(example, size), &note),
                         size == behind_first ? SIGNET_OK : SIGNET_ERROR_MALFORMED);
    }
}

static struct signing_key key_of(uint8_t byte)
{
    struct signing_key key;
    const uint8_t seed[SIGN_SEED_BYTES] = { byte };
    signing_key_from_seed(&key, seed);
    return key;
}

static void test_signatures(void **state)
{
    (void)state;
    struct signing_key own = key_of(1), other = key_of(2);
    uint8_t own_public[SIGN_PUBLIC_BYTES], other_public[SIGN_PUBLIC_BYTES], text[4 * CHECKPOINT_BYTES_MAX];
    struct checkpoint c = { .origin = slice_of_text("example.com/log"), .size = 7 };
    struct checkpoint_note note;
    signing_key_public(&own, own_public);
    signing_key_public(&other, other_public);
    struct writer w = writer_over(text, sizeof text);
    assert_int_equal(checkpoint_write(&w, &c, &own), SIGNET_OK);
    assert_int_equal(checkpoint_read(writer_slice(&w), &note), SIGNET_OK);
    assert_int_equal(checkpoint_verify(&note, own_public), SIGNET_OK);
    assert_int_equal(checkpoint_verify(&note, other_public), SIGNET_ERROR_REFUSED);
    assert_true(checkpoint_is_own(&note, own_public));
    assert_false(checkpoint_is_own(&note, other_public));

    /* A second line of the same key that is wrong spoils the first; one of an unknown key does not. */
    write_bytes(&w, note.signatures);
    assert_int_equal(checkpoint_read(writer_slice(&w), &note), SIGNET_OK);
    assert_int_equal(checkpoint_verify(&note, own_public), SIGNET_OK);
    assert_false(checkpoint_is_own(&note, own_public));
    w.at[-10] = w.at[-10] == 'A' ? 'B' : 'A';
    assert_int_equal(checkpoint_verify(&note, own_public), SIGNET_ERROR_REFUSED);
}

static void test_limits(void **state)
{
    (void)state;
    static const char line[] = "\xe2\x80\x94 w AAAAAAA=\n";
    struct signing_key key = key_of(1);
    uint8_t text[CHECKPOINT_BYTES_MAX + CHECKPOINT_COSIGNATURES_MAX * sizeof line];
    struct checkpoint c = { .origin = slice_of_text("o"), .size = MERKLE_SIZE_MAX };
    struct checkpoint_note note;
    struct writer w = writer_over(text, sizeof text);
    assert_int_equal(checkpoint_write(&w, &c, &key), SIGNET_OK);
    for (int i = 0; i < CHECKPOINT_COSIGNATURES_MAX; i++) {
        write_bytes(&w, slice_of_text(line));
    }
    assert_int_equal(checkpoint_read(writer_slice(&w), &note), SIGNET_OK);
    assert_int_equal(note.signature_count, 1 + CHECKPOINT_COSIGNATURES_MAX);
    write_bytes(&w, slice_of_text(line));
    assert_int_equal(w.error, SIGNET_OK);
    assert_int_equal(checkpoint_read(writer_slice(&w), &note), SIGNET_ERROR_LIMIT);

    char longest[CHECKPOINT_ORIGIN_BYTES_MAX + 1];
    memset(longest, 'o', sizeof longest);
    c.origin = slice_of(longest, CHECKPOINT_ORIGIN_BYTES_MAX);
    w = writer_over(text, CHECKPOINT_BYTES_MAX);
    assert_int_equal(checkpoint_write(&w, &c, &key), SIGNET_OK);
    assert_int_equal(checkpoint_read(writer_slice(&w), &note), SIGNET_OK);
    w = writer_over(text, 100);
    assert_int_equal(checkpoint_write(&w, &c, &key), SIGNET_ERROR_NO_SPACE);

    static const char *const bad[] = { "", "a b", "a+b", "a\nb", "a\x7f", "\xc3\xa9" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        c.origin = slice_of_text(bad[i]);
        w = writer_over(text, sizeof text);
        assert_int_equal(checkpoint_write(&w, &c, &key), SIGNET_ERROR_MALFORMED);
    }
    c = (struct checkpoint){ .origin = slice_of_text("o"), .size = 0 };
    assert_int_equal(checkpoint_write(&w, &c, &key), SIGNET_ERROR_MALFORMED);
}

static void test_malformed_text(void **state)
{
    (void)state;
    static const char rest[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 o AAAAAAA=\n";
    static const struct {
        const char *size;
        signet_error error;
    } sizes[] = {
        { "1", SIGNET_OK },
        { "9223372036854775807", SIGNET_OK },
        { "9223372036854775808", SIGNET_ERROR_MALFORMED },
        { "18446744073709551617", SIGNET_ERROR_MALFORMED },
        { "0", SIGNET_ERROR_MALFORMED },
        { "01", SIGNET_ERROR_MALFORMED },
        { "", SIGNET_ERROR_MALFORMED },
        { "+1", SIGNET_ERROR_MALFORMED },
        { "1 ", SIGNET_ERROR_MALFORMED },
        { "0x1", SIGNET_ERROR_MALFORMED },
    };
    static const struct {
        const char *label, *text;
    } cases[] = {
        { "an extension line", "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nx\n\n\xe2\x80\x94 o AAAAAAA=\n" },
        { "a root too short", "o\n1\nAAAA\n\n\xe2\x80\x94 o AAAAAAA=\n" },
        { "unused bits of the root",
          "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n\xe2\x80\x94 o AAAAAAA=\n" },
        { "no signature", "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n" },
        { "a signature of no bytes",
          "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94 o AAAAAA==\n" },
        { "a signature of nobody", "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\xe2\x80\x94  AAAAAAA=\n" },
        { "two empty lines", "o\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\n\xe2\x80\x94 o AAAAAAA=\n" },
    };
    struct checkpoint_note note;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char text[256];
        snprintf(text, sizeof text, "o\n%s\n%s", sizes[i].size, rest);
        assert_int_equal(checkpoint_read(slice_of_text(text), &note), sizes[i].error);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].label);
        assert_int_equal(checkpoint_read(slice_of_text(cases[i].text), &note), SIGNET_ERROR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_tree),   cmocka_unit_test(test_full_tree),
        cmocka_unit_test(test_published_key_id), cmocka_unit_test(test_published_checkpoint),
        cmocka_unit_test(test_signatures),       cmocka_unit_test(test_limits),
        cmocka_unit_test(test_malformed_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
