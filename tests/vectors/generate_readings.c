/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes spec/vectors/ledger/readings (spec/vectors/README.md).  What is
 * expected is said by the cases and not by a reader.  Run by hand; the output
 * is committed, and is the same every time.
 */
#include <stdio.h>

#include "reading.h"

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    readings_of_logs(argv[1]);
    readings_of_places(argv[1]);
    return 0;
}
