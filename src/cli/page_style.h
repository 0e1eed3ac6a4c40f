/* SPDX-License-Identifier: Apache-2.0 */
/* How the report page looks: on a screen, light or dark, and on paper. */
#ifndef SIGNET_CLI_PAGE_STYLE_H
#define SIGNET_CLI_PAGE_STYLE_H

/* What stands in its one `style` element. */
extern const char page_style[];

#endif
