/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/secret_memory.h"

enum { CONTROL_C = 3 };

/* Signals are typed characters too while we read: a process killed here would leave the terminal without echo. */
static void silence(const struct termios *before, int terminal)
{
    struct termios silent = *before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG);
    tcsetattr(terminal, TCSAFLUSH, &silent);
}

static signet_error read_line(int terminal, struct file_text *text)
{
    while (text->size <= PASSPHRASE_BYTES_MAX) {
        char c;
        ssize_t got = read(terminal, &c, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || c == CONTROL_C) {
            return SIGNET_ERROR_PASSPHRASE;
        }
        if (c == '\n') {
            text->data[text->size] = '\0';
            return text->size > 0 ? SIGNET_OK : SIGNET_ERROR_PASSPHRASE;
        }
        text->data[text->size++] = c;
    }
    return SIGNET_ERROR_LIMIT;
}

static signet_error ask(int terminal, const char *question, struct file_text *ret_text)
{
    struct termios before;
    struct file_text text = { .secret = true, .data = secret_memory_new(PASSPHRASE_BYTES_MAX + 2) };
    if (!text.data) {
        return SIGNET_ERROR_OUT_OF_MEMORY;
    }
    if (tcgetattr(terminal, &before) != 0) {
        file_text_free(&text);
        return SIGNET_ERROR_SYSTEM;
    }
    silence(&before, terminal); /* which drops what was typed so far: first, or an answer typed fast goes with it */
    dprintf(terminal, "%s: ", question);
    signet_error error = read_line(terminal, &text);
    tcsetattr(terminal, TCSAFLUSH, &before);
    dprintf(terminal, "\n");
    if (error) {
        file_text_free(&text);
        return error;
    }
    *ret_text = text;
    return SIGNET_OK;
}

signet_error prompt_passphrase(const char *question, struct file_text *ret_passphrase)
{
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) {
        return SIGNET_ERROR_SYSTEM;
    }
    signet_error error = ask(terminal, question, ret_passphrase);
    close(terminal);
    return error;
}

signet_error prompt_new_passphrase(const char *question, struct file_text *ret_passphrase)
{
    struct file_text first, second;
    signet_error error = prompt_passphrase(question, &first);
    if (error) {
        return error;
    }
    error = prompt_passphrase("The same again", &second);
    if (error) {
        file_text_free(&first);
        return error;
    }
    bool same = slice_equal(file_text_slice(&first), file_text_slice(&second));
    file_text_free(&second);
    if (!same) {
        file_text_free(&first);
        return SIGNET_ERROR_PASSPHRASE;
    }
    *ret_passphrase = first;
    return SIGNET_OK;
}
