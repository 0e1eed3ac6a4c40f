/* SPDX-License-Identifier: Apache-2.0 */
/* An object of JSON for people: its own fields in a line, its parts and lists under it.  Names that end in "-ms" are times. */
#ifndef SIGNET_CLI_JSON_PRINT_H
#define SIGNET_CLI_JSON_PRINT_H

struct json_t;

/* On standard output.  Texts are to be escaped beforehand. */
void json_print(struct json_t *object);

#endif
