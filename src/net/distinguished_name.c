/* SPDX-License-Identifier: Apache-2.0 */
#include "net/distinguished_name.h"

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/cursor.h"

/* The keywords of RFC 2253, 2.3. */
static const char *keyword(const ASN1_OBJECT *type)
{
    switch (OBJ_obj2nid(type)) {
    case NID_commonName:
        return "CN";
    case NID_countryName:
        return "C";
    case NID_localityName:
        return "L";
    case NID_stateOrProvinceName:
        return "ST";
    case NID_organizationName:
        return "O";
    case NID_organizationalUnitName:
        return "OU";
    case NID_streetAddress:
        return "STREET";
    case NID_domainComponent:
        return "DC";
    case NID_userId:
        return "UID";
    default:
        return NULL;
    }
}

static void write_text(struct writer *w, const char *text)
{
    write_bytes(w, slice_of_text(text));
}

static void write_type(struct writer *w, const ASN1_OBJECT *type)
{
    char number[128];
    const char *word = keyword(type);
    if (word) {
        write_text(w, word);
        return;
    }
    int size = OBJ_obj2txt(number, sizeof number, type, 1);
    if (size <= 0 || (size_t)size >= sizeof number) {
        w->error = SIGNET_ERROR_NO_SPACE;
        return;
    }
    write_text(w, number);
}

static void write_hex(struct writer *w, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        write_u8(w, (uint8_t)digits[bytes[i] >> 4]);
        write_u8(w, (uint8_t)digits[bytes[i] & 15]);
    }
}

/* With tag and length, as in the certificate. */
static void write_der(struct writer *w, const ASN1_STRING *value)
{
    const ASN1_TYPE typed = { .type = ASN1_STRING_type(value), .value.asn1_string = (ASN1_STRING *)value };
    uint8_t *der = NULL;
    int size = i2d_ASN1_TYPE(&typed, &der);
    if (size < 0) {
        w->error = SIGNET_ERROR_NO_SPACE;
        return;
    }
    write_u8(w, '#');
    write_hex(w, der, (size_t)size);
    OPENSSL_free(der);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\r';
}

static void write_escaped(struct writer *w, struct slice text)
{
    size_t lead = 0, trail = text.size;
    while (lead < text.size && is_space(text.data[lead])) {
        lead++;
    }
    while (trail > 0 && is_space(text.data[trail - 1])) {
        trail--;
    }
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (i < lead || i >= trail || strchr(",=+<>#;\"\\", c)) {
            write_u8(w, '\\');
        }
        write_u8(w, c);
    }
}

static bool is_utf8(const uint8_t *bytes, size_t size)
{
    unsigned long letter;
    while (size > 0) {
        int used = UTF8_getc(bytes, (int)size, &letter);
        if (used <= 0) {
            return false;
        }
        bytes += used;
        size -= (size_t)used;
    }
    return true;
}

/* Text whose bytes are UTF-8 as they stand; a NUL or any other coding is left to the hexadecimal form. */
static bool is_plain_text(const ASN1_STRING *value)
{
    int type = ASN1_STRING_type(value);
    if (type != V_ASN1_UTF8STRING && type != V_ASN1_PRINTABLESTRING && type != V_ASN1_IA5STRING &&
        type != V_ASN1_T61STRING) {
        return false;
    }
    const uint8_t *bytes = ASN1_STRING_get0_data(value);
    size_t size = (size_t)ASN1_STRING_length(value);
    return !memchr(bytes, '\0', size) && is_utf8(bytes, size);
}

static void write_value(struct writer *w, const ASN1_OBJECT *type, const ASN1_STRING *value)
{
    if (keyword(type) && is_plain_text(value)) {
        write_escaped(w, slice_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
    } else {
        write_der(w, value);
    }
}

static void write_part(struct writer *w, const X509_NAME_ENTRY *entry)
{
    const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
    write_type(w, type);
    write_u8(w, '=');
    write_value(w, type, X509_NAME_ENTRY_get_data(entry));
}

/* The entries [first, end) make one RDN: several types at once, joined by '+'. */
static void write_rdn(struct writer *w, const X509_NAME *name, int first, int end)
{
    for (int i = first; i < end; i++) {
        if (i > first) {
            write_u8(w, '+');
        }
        write_part(w, X509_NAME_get_entry(name, i));
    }
}

static int set_of(const X509_NAME *name, int index)
{
    return X509_NAME_ENTRY_set(X509_NAME_get_entry(name, index));
}

/* RFC 2253, 2.1: the last RDN comes first. */
signet_error distinguished_name_text(const struct X509_name_st *name, char *ret_text, size_t size)
{
    struct writer w = writer_over(ret_text, size);
    int end = X509_NAME_entry_count(name);
    while (end > 0) {
        int first = end - 1;
        while (first > 0 && set_of(name, first - 1) == set_of(name, end - 1)) {
            first--;
        }
        write_rdn(&w, name, first, end);
        if (first > 0) {
            write_u8(&w, ',');
        }
        end = first;
    }
    write_u8(&w, '\0');
    return w.error ? SIGNET_ERROR_LIMIT : SIGNET_OK;
}
