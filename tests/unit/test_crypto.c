/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto layer against what was published, and against keys and signatures that only look right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>

#include "crypto/aead.h"
#include "crypto/avx512.h"
#include "crypto/hash.h"
#include "crypto/point.h"
#include "crypto/random.h"
#include "crypto/sealed_box.h"
#include "crypto/sign.h"

enum { HEX_BYTES_MAX = 1024 };

/* The bytes of a hex text; `size` of them when it is not zero. */
static struct slice unhex(const char *text, uint8_t ret[HEX_BYTES_MAX], size_t size)
{
    size_t got = 0;
    assert_int_equal(sodium_hex2bin(ret, HEX_BYTES_MAX, text, strlen(text), NULL, &got, NULL), 0);
    assert_true(size == 0 || got == size);
    return slice_of(ret, got);
}

/* XAES-256-GCM (C2SP, XAES-256-GCM.md, "Test Vectors"). */

struct xaes_case {
    uint8_t key_byte;
    const char *associated, *sealed;
};

static const struct xaes_case xaes_cases[] = {
    { 0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271" },
    { 0x03, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d" },
};

static void xaes_gives_what_is_published(void **state)
{
    (void)state;
    static const uint8_t nonce[] = "ABCDEFGHIJKLMNOPQRSTUVWX";
    for (size_t i = 0; i < sizeof xaes_cases / sizeof *xaes_cases; i++) {
        uint8_t bytes[AEAD_KEY_BYTES], sealed[HEX_BYTES_MAX], text[] = "XAES-256-GCM", tag[AEAD_TAG_BYTES];
        const size_t size = sizeof text - 1;
        memset(bytes, xaes_cases[i].key_byte, sizeof bytes);
        struct aead_key *key = aead_key_new(bytes);
        struct slice associated = slice_of_text(xaes_cases[i].associated);
        unhex(xaes_cases[i].sealed, sealed, size + AEAD_TAG_BYTES);
        assert_int_equal(aead_seal(key, nonce, associated, text, size, tag), SIGNET_OK);
        assert_memory_equal(text, sealed, size);
        assert_memory_equal(tag, sealed + size, AEAD_TAG_BYTES);
        assert_int_equal(aead_open(key, nonce, associated, text, size, tag), SIGNET_OK);
        assert_memory_equal(text, "XAES-256-GCM", size);
        aead_key_free(key);
    }
}

/* The randomised test: its input is one SHAKE-128 stream, all of its ciphertexts go into another. */
static void xaes_gives_what_is_published_ten_thousand_times(void **state)
{
    (void)state;
    enum { ROUNDS = 10000, ROUND_BYTES_MAX = AEAD_KEY_BYTES + AEAD_NONCE_BYTES + 2 * 256 };
    uint8_t *stream = malloc((size_t)ROUNDS * ROUND_BYTES_MAX), *at = stream;
    EVP_MD_CTX *source = EVP_MD_CTX_new(), *sink = EVP_MD_CTX_new();
    assert_true(EVP_DigestInit_ex(source, EVP_shake128(), NULL) && EVP_DigestInit_ex(sink, EVP_shake128(), NULL));
    assert_true(EVP_DigestFinalXOF(source, stream, (size_t)ROUNDS * ROUND_BYTES_MAX));
    for (int i = 0; i < ROUNDS; i++) {
        struct aead_key *key = aead_key_new(at);
        const uint8_t *nonce = at + AEAD_KEY_BYTES;
        uint8_t *text = at + AEAD_KEY_BYTES + AEAD_NONCE_BYTES + 1, tag[AEAD_TAG_BYTES];
        size_t size = text[-1];
        const uint8_t *associated = text + size + 1;
        at = text + size + 1 + associated[-1];
        assert_int_equal(aead_seal(key, nonce, slice_of(associated, associated[-1]), text, size, tag), SIGNET_OK);
        assert_true(EVP_DigestUpdate(sink, text, size) && EVP_DigestUpdate(sink, tag, sizeof tag));
        aead_key_free(key);
    }
    uint8_t digest[32], expected[HEX_BYTES_MAX];
    assert_true(EVP_DigestFinalXOF(sink, digest, sizeof digest));
    unhex("e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939", expected, sizeof digest);
    assert_memory_equal(digest, expected, sizeof digest);
    EVP_MD_CTX_free(source);
    EVP_MD_CTX_free(sink);
    free(stream);
}

static void every_bit_of_a_sealed_text_counts(void **state)
{
    (void)state;
    uint8_t bytes[AEAD_KEY_BYTES], sealed[24 + 7 + 5 + AEAD_TAG_BYTES]; /* nonce, associated, text, tag */
    random_fill(bytes, sizeof bytes);
    random_fill(sealed, sizeof sealed);
    struct aead_key *key = aead_key_new(bytes);
    assert_int_equal(aead_seal(key, sealed, slice_of(sealed + 24, 7), sealed + 31, 5, sealed + 36), SIGNET_OK);
    for (size_t bit = 0; bit <= 8 * sizeof sealed; bit++) {
        uint8_t changed[sizeof sealed];
        memcpy(changed, sealed, sizeof sealed);
        bool untouched = bit == 8 * sizeof sealed;
        changed[untouched ? 0 : bit / 8] ^= (uint8_t)(untouched ? 0 : 1 << bit % 8);
        assert_int_equal(aead_open(key, changed, slice_of(changed + 24, 7), changed + 31, 5, changed + 36),
                         untouched ? SIGNET_OK : SIGNET_ERROR_REFUSED);
    }
    aead_key_free(key);
}

/* Ed25519 (RFC 8032, section 7.1). */

static const char message_1023[] =
    "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50f8f54e9f77b1"
    "e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d"
    "658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efcb8550ee3a5e1998bd177e93a"
    "7363c344fe6b199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e"
    "06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc10"
    "3b6621fcde2beca1231d206be6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1"
    "85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d"
    "502f1a8c6eb6f1ce22b3de1a1f40cc24554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270"
    "88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089b"
    "eccf80cfe2df16a2cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba"
    "b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51addd3b75a2b1ae0784504df543af8969b"
    "e3ea7082ff7fc9888c144da2af58429ec96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7"
    "51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30c04aafdb038dda0847dd988d"
    "cda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df"
    "f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08d78ff4ef5d63653a65040cf9bfd4aca7"
    "984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4"
    "88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a32ef5b52a1ecc820e308aa342721aac09"
    "43bf6686b64b2579376504ccc493d97e6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f"
    "b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f161"
    "0e4eafe595f6d9d90d11faa933a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d"
    "b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8ca"
    "c60c905c15fc910840b94c00a0b9d0";

struct ed25519_case {
    const char *label, *seed, *public_key, *message, *signature;
};

static const struct ed25519_case ed25519_cases[] = {
    { "TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
      "655141438e7a100b" },
    { "TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
      "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
      "b00d291612bb0c00" },
    { "TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
      "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
      "c027beceea1ec40a" },
    { "TEST 1024", "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
      "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e", message_1023,
      "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6"
      "ac00a9704a188a03" },
    { "TEST SHA(abc)", "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
      "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
      "2a9ac94fa54ca49f",
      "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
      "d9bef1177331a704" },
};

static void ed25519_gives_what_is_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ed25519_cases / sizeof *ed25519_cases; i++) {
        const struct ed25519_case *c = &ed25519_cases[i];
        uint8_t seed[HEX_BYTES_MAX], expected[HEX_BYTES_MAX], message[HEX_BYTES_MAX], wanted[HEX_BYTES_MAX];
        uint8_t public_key[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES];
        struct signing_key key;
        unhex(c->seed, seed, SIGN_SEED_BYTES);
        unhex(c->public_key, expected, SIGN_PUBLIC_BYTES);
        unhex(c->signature, wanted, SIGN_BYTES);
        struct slice text = unhex(c->message, message, 0);
        print_message("%s\n", c->label);
        signing_key_from_seed(&key, seed);
        signing_key_public(&key, public_key);
        assert_memory_equal(public_key, expected, sizeof public_key);
        sign_message(&key, text, signature);
        assert_memory_equal(signature, wanted, sizeof signature);
        assert_true(sign_verify(public_key, text, signature));
        assert_true(ed25519_point_valid(public_key));
        signing_key_wipe(&key);
    }
}

static void every_bit_of_a_signature_counts(void **state)
{
    (void)state;
    static const uint8_t seed[SIGN_SEED_BYTES] = { 7 };
    uint8_t public_key[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES], message[] = "message";
    struct signing_key key;
    signing_key_from_seed(&key, seed);
    signing_key_public(&key, public_key);
    sign_message(&key, slice_of(message, sizeof message), signature);
    uint8_t *parts[] = { public_key, signature, message };
    const size_t sizes[] = { sizeof public_key, sizeof signature, sizeof message };
    for (size_t part = 0; part < 3; part++) {
        for (size_t bit = 0; bit < 8 * sizes[part]; bit++) {
            parts[part][bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(sign_verify(public_key, slice_of(message, sizeof message), signature));
            parts[part][bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_true(sign_verify(public_key, slice_of(message, sizeof message), signature));
}

/* 2^252 + 27742317777372353535851937790883648493, little-endian. */
static const uint8_t group_order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6,
                                         0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    [31] = 0x10 };

static void an_s_that_is_not_canonical_is_refused(void **state)
{
    (void)state;
    static const uint8_t seed[SIGN_SEED_BYTES] = { 8 };
    uint8_t public_key[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES];
    struct signing_key key;
    signing_key_from_seed(&key, seed);
    signing_key_public(&key, public_key);
    struct slice message = slice_of_text("message");
    sign_message(&key, message, signature);
    assert_true(sign_verify(public_key, message, signature));
    sodium_add(signature + 32, group_order, sizeof group_order);
    assert_false(sign_verify(public_key, message, signature));
}

/* The eight points whose order divides eight, and other encodings of them. */
static const char *const small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

/* With R the neutral element and S zero the equation holds whenever k times such a key is neutral: always for one, often for others. */
static void keys_of_small_order_sign_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_order / sizeof *small_order; i++) {
        uint8_t point[HEX_BYTES_MAX];
        unhex(small_order[i], point, SIGN_PUBLIC_BYTES);
        assert_false(ed25519_point_valid(point));
        for (uint8_t m = 0; m < 64; m++) {
            uint8_t signature[SIGN_BYTES] = { 1 };
            assert_false(sign_verify(point, slice_of(&m, 1), signature));
            memcpy(signature, point, SIGN_PUBLIC_BYTES);
            assert_false(sign_verify(point, slice_of(&m, 1), signature));
        }
    }
}

/* A signer who picks the nonce zero: R is neutral, the equation holds, and section 1 of the specification refuses it. */
static void an_r_of_small_order_is_refused(void **state)
{
    (void)state;
    static const uint8_t seed[SIGN_SEED_BYTES] = { 9 };
    uint8_t public_key[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES] = { 1 }, hash[64], scalar[64] = { 0 }, a[32], k[32];
    struct signing_key key;
    signing_key_from_seed(&key, seed);
    signing_key_public(&key, public_key);
    crypto_hash_sha512(hash, seed, sizeof seed);
    hash[0] &= 248;
    hash[31] = (uint8_t)((hash[31] & 127) | 64);
    memcpy(scalar, hash, 32);
    crypto_core_ed25519_scalar_reduce(a, scalar);
    uint8_t text[32 + SIGN_PUBLIC_BYTES + 1] = { 1 };
    memcpy(text + 32, public_key, SIGN_PUBLIC_BYTES);
    text[64] = 'm';
    crypto_hash_sha512(hash, text, sizeof text);
    crypto_core_ed25519_scalar_reduce(k, hash);
    crypto_core_ed25519_scalar_mul(signature + 32, k, a);

    EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, sizeof public_key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_true(EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey));
    assert_int_equal(EVP_DigestVerify(context, signature, sizeof signature, (const uint8_t *)"m", 1), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
    assert_false(sign_verify(public_key, slice_of_text("m"), signature));
}

/* SHA-256 (FIPS 180-4; the examples that NIST publishes with it). */

struct sha256_case {
    const char *input, *digest;
};

static const struct sha256_case sha256_cases[] = {
    { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
    { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void sha256_gives_what_is_published(void **state)
{
    (void)state;
    uint8_t digest[SHA256_BYTES], expected[HEX_BYTES_MAX];
    for (size_t i = 0; i < sizeof sha256_cases / sizeof *sha256_cases; i++) {
        struct slice input = slice_of_text(sha256_cases[i].input);
        unhex(sha256_cases[i].digest, expected, sizeof digest);
        sha256(input, digest);
        assert_memory_equal(digest, expected, sizeof digest);
        for (size_t cut = 0; cut <= input.size; cut++) {
            const struct slice pieces[] = {
                slice_of(input.data, cut),
                slice_of(NULL, 0),
                slice_of(input.data + cut, input.size - cut),
            };
            sha256_pieces(pieces, 3, digest);
            assert_memory_equal(digest, expected, sizeof digest);
        }
    }
    enum { MILLION = 1000000 };
    uint8_t *letters = malloc(MILLION);
    memset(letters, 'a', MILLION);
    sha256(slice_of(letters, MILLION), digest);
    free(letters);
    unhex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", expected, sizeof digest);
    assert_memory_equal(digest, expected, sizeof digest);
}

/* Sealed boxes, against one that PyNaCl made. */

static const char box_public[] = "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";
static const char box_wrapped[] =
    "91d70998976a90adf3c59454b9b08f2ef66e70273e756d0de05b54850b4b956ed9cb30d9b9852979794ec6bc8d492b7a"
    "d57ea4b8f8cbe8a7ecf05c592a8f280f0bff9cca96ce6b750608de7c98b18518";

static void fill_from(uint8_t *bytes, size_t size, uint8_t first)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(first + i);
    }
}

static void a_box_that_another_library_sealed_opens(void **state)
{
    (void)state;
    uint8_t secret[BOX_SECRET_BYTES], public_key[BOX_PUBLIC_BYTES], key[BOX_KEY_BYTES], opened[BOX_KEY_BYTES];
    uint8_t expected[HEX_BYTES_MAX], wrapped[HEX_BYTES_MAX];
    fill_from(secret, sizeof secret, 1);
    fill_from(key, sizeof key, 0x80);
    box_public_from_secret(secret, public_key);
    unhex(box_public, expected, sizeof public_key);
    assert_memory_equal(public_key, expected, sizeof public_key);
    unhex(box_wrapped, wrapped, BOX_WRAPPED_BYTES);
    assert_int_equal(box_unwrap(public_key, secret, wrapped, opened), SIGNET_OK);
    assert_memory_equal(opened, key, sizeof key);
}

static void a_changed_box_or_another_key_opens_nothing(void **state)
{
    (void)state;
    uint8_t secret[BOX_SECRET_BYTES], public_key[BOX_PUBLIC_BYTES], key[BOX_KEY_BYTES], opened[BOX_KEY_BYTES];
    uint8_t wrapped[BOX_WRAPPED_BYTES];
    random_fill(secret, sizeof secret);
    random_fill(key, sizeof key);
    box_public_from_secret(secret, public_key);
    assert_int_equal(box_wrap(public_key, key, wrapped), SIGNET_OK);
    assert_int_equal(box_unwrap(public_key, secret, wrapped, opened), SIGNET_OK);
    assert_memory_equal(opened, key, sizeof key);
    for (size_t at = 0; at < sizeof wrapped; at++) {
        wrapped[at] ^= 1;
        assert_int_equal(box_unwrap(public_key, secret, wrapped, opened), SIGNET_ERROR_REFUSED);
        wrapped[at] ^= 1;
    }
    secret[1] ^= 1;
    box_public_from_secret(secret, public_key);
    assert_int_equal(box_unwrap(public_key, secret, wrapped, opened), SIGNET_ERROR_REFUSED);
}

/* On the other curve: the points whose shared secret is always zero (RFC 7748, section 6.1). */
static const char *const small_order_recipients[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void nothing_is_wrapped_for_a_recipient_of_small_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small_order_recipients / sizeof *small_order_recipients; i++) {
        uint8_t public_key[HEX_BYTES_MAX], key[BOX_KEY_BYTES] = { 1 }, wrapped[BOX_WRAPPED_BYTES];
        unhex(small_order_recipients[i], public_key, BOX_PUBLIC_BYTES);
        assert_int_equal(box_wrap(public_key, key, wrapped), SIGNET_ERROR_REFUSED);
        assert_false(x25519_point_valid(public_key));
    }
}

/* What libipsec-mb does for processors with AVX-512, held against OpenSSL.  Elsewhere these two compare OpenSSL with itself. */

enum { UNEVEN_COUNT = SHA256_TOGETHER, UNEVEN_BYTES_MAX = AVX512_SHA256_BYTES_MAX + 4096 };

/* Sizes about each boundary of a block, alike and uneven, of few and of many; the last above what the fast way takes. */
static size_t uneven_size(size_t round, size_t i)
{
    switch (round % 4) {
    case 0:
        return round / 4 + 64 * (round % 3);
    case 1:
        return 1000 + 61 * i + round;
    case 2:
        return i == 5 ? 40000 : round + i;
    default:
        return round == 3 ? UNEVEN_BYTES_MAX - 1 - i : round == 7 ? AVX512_SHA256_BYTES_MAX - i : 65536 + i % 2;
    }
}

static void hashing_many_at_once_gives_what_one_by_one_does(void **state)
{
    (void)state;
    enum { ROUNDS = 256 };
    uint8_t *bytes = malloc(UNEVEN_BYTES_MAX + UNEVEN_COUNT);
    assert_non_null(bytes);
    random_fill(bytes, UNEVEN_BYTES_MAX + UNEVEN_COUNT);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t count = round % 5 == 4 ? round % UNEVEN_COUNT : UNEVEN_COUNT;
        struct slice messages[UNEVEN_COUNT];
        uint8_t digests[UNEVEN_COUNT + 1][SHA256_BYTES] = { 0 }, *at[UNEVEN_COUNT];
        for (size_t i = 0; i < count; i++) {
            messages[i] = slice_of(bytes + i, uneven_size(round, i));
            at[i] = digests[i];
        }
        sha256_each(messages, count, at);
        for (size_t i = 0; i < count; i++) {
            uint8_t expected[SHA256_BYTES];
            assert_true(EVP_Digest(messages[i].data, messages[i].size, expected, NULL, EVP_sha256(), NULL));
            assert_memory_equal(digests[i], expected, sizeof expected);
        }
        static const uint8_t zero[SHA256_BYTES];
        assert_memory_equal(digests[count], zero, sizeof zero);
    }
    free(bytes);
}

/* The fast way is taken when there is one: falling back is silent otherwise. */
static void many_are_hashed_at_once_where_the_processor_can(void **state)
{
    (void)state;
    static const uint8_t bytes[1000];
    struct slice messages[SHA256_TOGETHER];
    uint8_t digests[SHA256_TOGETHER][SHA256_BYTES], *at[SHA256_TOGETHER];
    for (size_t i = 0; i < SHA256_TOGETHER; i++) {
        messages[i] = slice_of(bytes, sizeof bytes - i);
        at[i] = digests[i];
    }
    print_message("libipsec-mb: %s\n", avx512_version_text());
    assert_int_equal(avx512_sha256(messages, SHA256_TOGETHER, at), avx512_usable());
    avx512_allow(false);
    assert_false(avx512_sha256(messages, SHA256_TOGETHER, at));
    avx512_allow(true);
}

static void either_way_seals_and_opens_alike(void **state)
{
    (void)state;
    enum { ROUNDS = 600, BYTES_MAX = 70000 };
    uint8_t *text = malloc(BYTES_MAX), *other = malloc(BYTES_MAX), bytes[AEAD_KEY_BYTES];
    assert_true(text && other);
    random_fill(bytes, sizeof bytes);
    random_fill(text, BYTES_MAX);
    struct aead_key *key = aead_key_new(bytes);
    for (size_t round = 0; round < ROUNDS; round++) {
        size_t size = round < 550 ? round : BYTES_MAX - 16 * (ROUNDS - round) - round % 3;
        uint8_t nonce[AEAD_NONCE_BYTES], tag[AEAD_TAG_BYTES], other_tag[AEAD_TAG_BYTES];
        struct slice associated = slice_of(bytes, round % sizeof bytes);
        random_fill(nonce, sizeof nonce);
        memcpy(other, text, BYTES_MAX);
        avx512_allow(round % 2 == 0);
        assert_int_equal(aead_seal(key, nonce, associated, text, size, tag), SIGNET_OK);
        avx512_allow(round % 2 == 1);
        assert_int_equal(aead_seal(key, nonce, associated, other, size, other_tag), SIGNET_OK);
        assert_memory_equal(text, other, BYTES_MAX);
        assert_memory_equal(tag, other_tag, sizeof tag);
        assert_int_equal(aead_open(key, nonce, associated, text, size, tag), SIGNET_OK);
        tag[round % sizeof tag] ^= 1;
        assert_int_equal(aead_open(key, nonce, associated, other, size, tag), SIGNET_ERROR_REFUSED);
    }
    avx512_allow(true);
    aead_key_free(key);
    free(text);
    free(other);
}

/* The published vectors for what other processors do. */
static void without_avx512_xaes_gives_what_is_published(void **state)
{
    avx512_allow(false);
    assert_false(avx512_usable());
    xaes_gives_what_is_published(state);
    xaes_gives_what_is_published_ten_thousand_times(state);
    every_bit_of_a_sealed_text_counts(state);
    avx512_allow(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xaes_gives_what_is_published),
        cmocka_unit_test(xaes_gives_what_is_published_ten_thousand_times),
        cmocka_unit_test(every_bit_of_a_sealed_text_counts),
        cmocka_unit_test(without_avx512_xaes_gives_what_is_published),
        cmocka_unit_test(either_way_seals_and_opens_alike),
        cmocka_unit_test(ed25519_gives_what_is_published),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(an_s_that_is_not_canonical_is_refused),
        cmocka_unit_test(keys_of_small_order_sign_nothing),
        cmocka_unit_test(an_r_of_small_order_is_refused),
        cmocka_unit_test(sha256_gives_what_is_published),
        cmocka_unit_test(hashing_many_at_once_gives_what_one_by_one_does),
        cmocka_unit_test(many_are_hashed_at_once_where_the_processor_can),
        cmocka_unit_test(a_box_that_another_library_sealed_opens),
        cmocka_unit_test(a_changed_box_or_another_key_opens_nothing),
        cmocka_unit_test(nothing_is_wrapped_for_a_recipient_of_small_order),
    };
    crypto_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
