/* SPDX-License-Identifier: Apache-2.0 */
#include "seal/verdict.h"

#include <stddef.h>

struct verdict_text {
    const char *word, *meaning;
};

static const struct verdict_text texts[VERDICT_COUNT] = {
#define X(name, word, meaning) { word, meaning },
    VERDICTS(X)
#undef X
};

const char *verdict_word(enum verdict verdict)
{
    return (size_t)verdict < VERDICT_COUNT ? texts[verdict].word : "unknown";
}

const char *verdict_meaning(enum verdict verdict)
{
    return (size_t)verdict < VERDICT_COUNT ? texts[verdict].meaning : "not a verdict";
}
