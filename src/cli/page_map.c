/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/page_map.h"

#include <inttypes.h>

#include "cli/html.h"

/* In units of a bar's height, from its foot: the worse, the higher. */
enum { BAR_HEIGHT = 28, ASIDE_HEIGHT = 3 };

struct look {
    const char *style;
    int height;
};

static const struct look looks[MAP_STATE_COUNT] = {
    [MAP_NOTHING] = { "s-nothing", ASIDE_HEIGHT },
    [MAP_GOOD] = { "s-good", 12 },
    [MAP_CLEAR] = { "s-clear", 12 },
    [MAP_NOT_COVERED] = { "s-not-covered", 15 },
    [MAP_ACCEPTED] = { "s-accepted", 18 },
    [MAP_UNKNOWN] = { "s-unknown", 21 },
    [MAP_UNSEALED] = { "s-unsealed", 25 },
    [MAP_BAD] = { "s-bad", BAR_HEIGHT },
};

static void put_rect(FILE *out, const struct look *look, size_t x, size_t width)
{
    fprintf(out, "<rect class=\"%s\" x=\"%zu\" y=\"%d\" width=\"%zu\" height=\"%d\">", look->style, x,
            BAR_HEIGHT - look->height, width, look->height);
}

static void put_legend_item(FILE *out, const struct look *look, const char *text, const char *meaning)
{
    fprintf(out, "<li><svg viewBox=\"0 0 28 %d\" aria-hidden=\"true\">", BAR_HEIGHT);
    put_rect(out, look, 0, BAR_HEIGHT);
    fprintf(out, "</rect></svg><span><b>%s</b>: %s</span></li>\n", text, meaning);
}

void page_map_legend(FILE *out)
{
    static const struct look aside = { "s-aside", ASIDE_HEIGHT };
    fputs(
        "<p>From left to right stand the offsets of a partition, from the first that is stored. The higher a bar, the "
        "worse; where offsets share a part of it, the worst of them shows.</p>\n<ul class=\"legend\">\n",
        out);
    for (int state = MAP_GOOD; state < MAP_STATE_COUNT; state++) {
        put_legend_item(out, &looks[state], map_state_text((enum map_state)state),
                        map_state_meaning((enum map_state)state));
    }
    put_legend_item(out, &aside, "nothing",
                    "no offset is there, or the topic is left in clear by policy and was not looked into");
    fputs("</ul>\n", out);
}

static const char *state_of(const struct survey *s)
{
    struct map_run run;
    enum map_state worst = MAP_NOTHING;
    if (s->scope == SURVEY_CLEAR) {
        return "not looked into: left in clear by policy";
    }
    for (size_t at = 0; s->map && partition_map_next(s->map, &at, &run);) {
        worst = run.state > worst ? run.state : worst;
    }
    if (s->flaws.bad || worst == MAP_BAD || worst == MAP_UNSEALED) {
        return "not intact";
    }
    if (s->flaws.unknown || worst == MAP_UNKNOWN) {
        return "could not tell for all";
    }
    return worst == MAP_NOTHING ? "nothing stored" : "intact";
}

/* What is not good, for those who do not see the bar; of much damage its beginning. */
static void put_label(FILE *out, const struct partition_map *map)
{
    enum { TOLD_MAX = 20 };
    struct map_run run;
    int told = 0;
    fprintf(out, "offsets %" PRId64 " to %" PRId64, map->first, map->last);
    for (size_t at = 0; partition_map_next(map, &at, &run);) {
        if (run.state == MAP_GOOD || run.state == MAP_NOTHING || told++ >= TOLD_MAX) {
            continue;
        }
        fprintf(out, "; %" PRId64 " to %" PRId64 " %s", run.first, run.last, map_state_text(run.state));
    }
    if (told == 0) {
        fputs("; all good", out);
    } else if (told > TOLD_MAX) {
        fprintf(out, "; and %d more parts that are not good", told - TOLD_MAX);
    }
}

static void put_bar(FILE *out, const struct partition_map *map)
{
    struct map_run run;
    fputs("<svg class=\"map\" role=\"img\" preserveAspectRatio=\"none\" aria-label=\"", out);
    put_label(out, map);
    fprintf(out, "\" viewBox=\"0 0 %zu %d\">\n", partition_map_size(map), BAR_HEIGHT);
    for (size_t at = 0; partition_map_next(map, &at, &run);) {
        put_rect(out, &looks[run.state], run.cell, run.cells);
        fprintf(out, "<title>offsets %" PRId64 "-%" PRId64 ": %s</title></rect>\n", run.first, run.last,
                map_state_text(run.state));
    }
    fprintf(out, "</svg><div class=\"ends\"><span>%" PRId64 "</span><span>%" PRId64 "</span></div>\n", map->first,
            map->last);
}

static void put_empty_bar(FILE *out, const struct survey *s)
{
    static const struct look aside = { "s-aside", ASIDE_HEIGHT }, unknown = { "s-unknown", 21 };
    bool told = s->scope == SURVEY_SEALED && s->flaws.unknown;
    fprintf(out,
            "<svg class=\"map\" role=\"img\" preserveAspectRatio=\"none\" aria-label=\"%s\" viewBox=\"0 0 1 %d\">\n",
            state_of(s), BAR_HEIGHT);
    put_rect(out, told ? &unknown : &aside, 0, 1);
    fprintf(out, "<title>%s</title></rect>\n</svg>\n", state_of(s));
}

void page_map_partitions(FILE *out, const struct verify_result *disks)
{
    for (size_t i = 0; i < disks->count; i++) {
        const struct survey *s = &disks->surveys[i];
        if (s->scope == SURVEY_INTERNAL) {
            continue;
        }
        fputs("<figure><figcaption><b>", out);
        html_raw_text(out, s->topic);
        fprintf(out, "-%d</b> <span>%s", (int)s->partition, state_of(s));
        if (s->scope == SURVEY_SEALED) {
            fprintf(out, "; batches: %" PRIu64 ", segments: %" PRIu64, s->batches, s->segments);
        }
        fputs("</span></figcaption>\n", out);
        if (s->map && s->map->any) {
            put_bar(out, s->map);
        } else {
            put_empty_bar(out, s);
        }
        fputs("</figure>\n", out);
    }
}
