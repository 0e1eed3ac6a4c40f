/* SPDX-License-Identifier: Apache-2.0 */
#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

#include "base/cursor.h"

static const char unix_prefix[] = "unix:";

static bool is_v4(const char *host)
{
    struct in_addr number;
    return inet_pton(AF_INET, host, &number) == 1;
}

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits, hyphens, dots, and the underscores that container platforms put into names. */
static bool is_name(const char *host)
{
    for (const char *c = host; *c; c++) {
        if (!is_letter_or_digit(*c) && *c != '-' && *c != '.' && *c != '_') {
            return false;
        }
    }
    return is_letter_or_digit(host[0]) || host[0] == '_';
}

static bool is_v6(const char *host)
{
    struct in6_addr number;
    char plain[INET6_ADDRSTRLEN];
    size_t size = strcspn(host, "%");
    if (size >= sizeof plain || (host[size] == '%' && !is_name(host + size + 1))) {
        return false;
    }
    memcpy(plain, host, size);
    plain[size] = '\0';
    return inet_pton(AF_INET6, plain, &number) == 1;
}

static signet_error copy_text(struct slice text, size_t max, char *ret_text)
{
    if (text.size == 0 || memchr(text.data, '\0', text.size)) {
        return SIGNET_ERROR_MALFORMED;
    }
    if (text.size > max) {
        return SIGNET_ERROR_LIMIT;
    }
    memcpy(ret_text, text.data, text.size);
    ret_text[text.size] = '\0';
    return SIGNET_OK;
}

static signet_error parse_path(struct slice path, struct address *ret_address)
{
    struct address address = { .kind = ADDRESS_UNIX };
    if (path.size == 0 || path.data[0] != '/') {
        return SIGNET_ERROR_MALFORMED;
    }
    signet_error error = copy_text(path, ADDRESS_PATH_BYTES_MAX, address.host);
    if (!error) {
        *ret_address = address;
    }
    return error;
}

static bool parse_port(struct slice digits, uint16_t *ret_port)
{
    uint32_t port = 0;
    if (digits.size == 0 || digits.size > 5) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
        port = port * 10 + (uint32_t)(digits.data[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return port >= 1 && port <= UINT16_MAX;
}

/* `bracketed` is the only way for a number with colons in it. */
static signet_error parse_host(struct slice host, bool bracketed, uint16_t port, struct address *ret_address)
{
    struct address address = { .kind = ADDRESS_TCP, .port = port };
    signet_error error = copy_text(host, ADDRESS_HOST_BYTES_MAX, address.host);
    if (error) {
        return error;
    }
    if (bracketed ? !is_v6(address.host) : !is_name(address.host)) {
        return SIGNET_ERROR_MALFORMED;
    }
    *ret_address = address;
    return SIGNET_OK;
}

static struct slice between(const uint8_t *from, const uint8_t *end)
{
    return slice_of(from, (size_t)(end - from));
}

signet_error address_parse(struct slice text, struct address *ret_address)
{
    const size_t prefix = sizeof unix_prefix - 1;
    if (text.size >= prefix && memcmp(text.data, unix_prefix, prefix) == 0) {
        return parse_path(slice_of(text.data + prefix, text.size - prefix), ret_address);
    }
    const uint8_t *colon = text.size ? memrchr(text.data, ':', text.size) : NULL;
    const uint8_t *end = text.data + text.size;
    uint16_t port;
    if (!colon || !parse_port(between(colon + 1, end), &port)) {
        return SIGNET_ERROR_MALFORMED;
    }
    bool bracketed = colon - text.data >= 2 && text.data[0] == '[' && colon[-1] == ']';
    struct slice host = bracketed ? between(text.data + 1, colon - 1) : between(text.data, colon);
    return parse_host(host, bracketed, port, ret_address);
}

signet_error address_of_host(const char *host, uint16_t port, struct address *ret_address)
{
    struct slice text = slice_of_text(host);
    if (port == 0) {
        return SIGNET_ERROR_MALFORMED;
    }
    bool bracketed = text.size >= 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    if (bracketed) {
        text = slice_of(text.data + 1, text.size - 2);
    }
    return parse_host(text, bracketed || is_v6(host), port, ret_address);
}

signet_error address_of_path(const char *path, struct address *ret_address)
{
    return parse_path(slice_of_text(path), ret_address);
}

bool address_is_number(const struct address *address)
{
    return address->kind == ADDRESS_TCP && (is_v4(address->host) || is_v6(address->host));
}

static bool is_loopback_v4(const uint8_t number[4])
{
    return number[0] == 127;
}

static bool is_loopback_v6(const uint8_t number[16])
{
    static const uint8_t one[16] = { [15] = 1 };
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    return memcmp(number, one, sizeof one) == 0 ||
           (memcmp(number, mapped, sizeof mapped) == 0 && is_loopback_v4(number + 12));
}

bool address_is_loopback(const struct address *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (address->kind == ADDRESS_UNIX || strcasecmp(address->host, "localhost") == 0) {
        return true;
    }
    if (inet_pton(AF_INET, address->host, &v4) == 1) {
        return is_loopback_v4((const uint8_t *)&v4);
    }
    return inet_pton(AF_INET6, address->host, &v6) == 1 && is_loopback_v6(v6.s6_addr);
}

bool address_equal(const struct address *a, const struct address *b)
{
    if (a->kind != b->kind || a->port != b->port) {
        return false;
    }
    return a->kind == ADDRESS_UNIX ? strcmp(a->host, b->host) == 0 : strcasecmp(a->host, b->host) == 0;
}

void address_text(const struct address *address, char ret_text[ADDRESS_TEXT_BYTES])
{
    if (address->kind == ADDRESS_UNIX) {
        (void)snprintf(ret_text, ADDRESS_TEXT_BYTES, "%s%s", unix_prefix, address->host);
        return;
    }
    const char *form = is_v6(address->host) ? "[%s]:%u" : "%s:%u";
    (void)snprintf(ret_text, ADDRESS_TEXT_BYTES, form, address->host, (unsigned)address->port);
}
