/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/refusal_log.h"
#include "log_capture.h"

/* The log, its limit and the clock. */
struct scene {
    struct log_limit limit;
    struct log_capture capture;
    int64_t now_ms;
    char *text; /* once it has ended */
};

static struct scene begin(void)
{
    log_configure(LOG_DEBUG, LOG_TEXT);
    return (struct scene){ .capture = log_capture_begin(), .now_ms = 1000 };
}

/* A second at a time, as a worker does. */
static void pass(struct scene *scene, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        scene->now_ms += 1000;
        log_limit_sweep(&scene->limit, scene->now_ms);
    }
}

static void end(struct scene *scene)
{
    log_limit_end(&scene->limit);
    scene->text = log_capture_end(&scene->capture);
}

/* How many lines have both words in them. */
static int count(const struct scene *scene, const char *event, const char *word)
{
    int found = 0;
    char search[64];
    snprintf(search, sizeof search, " %s ", event);
    for (char *at = scene->text, *next; *at; at = next) {
        next = strchr(at, '\n') + 1;
        char *line = strndup(at, (size_t)(next - at));
        found += strstr(line, search) && strstr(line, word);
        free(line);
    }
    return found;
}

static void tell(struct scene *scene, const char *event, const char *what, int64_t number, const char *origin)
{
    const struct log_field fields[] = {
        LOG_TEXT_FIELD("what", slice_of_text(what)),
        LOG_NUMBER_FIELD("number", number),
        LOG_NUMBER_FIELD("port", scene->now_ms),
        { 0 },
    };
    const struct log_line line = { LOG_ERROR, event, fields, .alike = 2, .origin = slice_of_text(origin) };
    log_limit_tell(&scene->limit, &line, scene->now_ms);
}

static void what_is_alike_is_told_once_and_counted(void **state)
{
    (void)state;
    struct scene scene = begin();
    for (int i = 0; i < 6; i++) {
        tell(&scene, "refused", "a", 1, "here");
        tell(&scene, "refused", "a", 2, "here");
        pass(&scene, 1);
    }
    pass(&scene, 5);
    end(&scene);
    assert_int_equal(count(&scene, "refused", "what=a number=1 port=1000\n"), 1);
    assert_int_equal(count(&scene, "refused", "what=a number=2 port=1000\n"), 1);
    assert_int_equal(count(&scene, "refused", ""), 2);
    assert_int_equal(count(&scene, "refused-again", "error"), 2);
    assert_int_equal(count(&scene, "refused-again", "what=a number=1 port=1000 times=5\n"), 1);
    assert_int_equal(count(&scene, "refused-again", "what=a number=2 port=1000 times=5\n"), 1);
    free(scene.text);
}

static void what_differs_in_anything_is_told(void **state)
{
    (void)state;
    struct scene scene = begin();
    tell(&scene, "refused", "a", 1, "here");
    tell(&scene, "refused", "b", 1, "here");
    tell(&scene, "refused", "a", 2, "here");
    tell(&scene, "refused", "a", 1, "there");
    tell(&scene, "failed", "a", 1, "here");
    end(&scene);
    assert_int_equal(count(&scene, "refused", ""), 4);
    assert_int_equal(count(&scene, "failed", ""), 1);
    assert_int_equal(count(&scene, "refused-again", ""), 0);
    free(scene.text);
}

static void what_goes_on_is_told_every_ten_seconds(void **state)
{
    (void)state;
    struct scene scene = begin();
    for (int i = 0; i < 35; i++) {
        tell(&scene, "refused", "a", 1, "");
        pass(&scene, 1);
    }
    end(&scene);
    assert_int_equal(count(&scene, "refused", ""), 1);
    assert_int_equal(count(&scene, "refused-again", "times=9\n"), 1);
    assert_int_equal(count(&scene, "refused-again", "times=10\n"), 2);
    assert_int_equal(count(&scene, "refused-again", "times=5\n"), 1); /* at the end */
    free(scene.text);
}

static void what_comes_after_a_while_is_told_anew(void **state)
{
    (void)state;
    struct scene scene = begin();
    tell(&scene, "refused", "a", 1, "");
    pass(&scene, 10);
    tell(&scene, "refused", "a", 1, "");
    end(&scene);
    assert_int_equal(count(&scene, "refused", ""), 2);
    assert_int_equal(count(&scene, "refused-again", ""), 0);
    free(scene.text);
}

static void each_event_has_its_own_rate(void **state)
{
    (void)state;
    struct scene scene = begin();
    for (int i = 0; i < 5000; i++) {
        tell(&scene, "failed", "a", i, "");
    }
    tell(&scene, "refused", "a", 1, "");
    pass(&scene, 1);
    for (int i = 5000; i < 10000; i++) {
        tell(&scene, "failed", "a", i, "");
    }
    pass(&scene, 1);
    end(&scene);
    assert_int_equal(count(&scene, "failed", ""), LOG_LINES_BURST + LOG_LINES_PER_SECOND);
    assert_int_equal(count(&scene, "refused", ""), 1);
    assert_int_equal(count(&scene, "suppressed", "lines=failed times=4900\n"), 1);
    assert_int_equal(count(&scene, "suppressed", "lines=failed times=4980\n"), 1);
    assert_int_equal(count(&scene, "suppressed", ""), 2);
    free(scene.text);
}

/* More that is different than can be remembered, every second: all of it is told, one after another. */
static void none_is_kept_out_for_ever(void **state)
{
    (void)state;
    enum { DIFFERENT = 400, SECONDS = 60 };
    struct scene scene = begin();
    for (int second = 0; second < SECONDS; second++) {
        for (int i = 0; i < DIFFERENT; i++) {
            tell(&scene, "refused", "a", i, "");
        }
        pass(&scene, 1);
    }
    end(&scene);
    int told = 0;
    for (int i = 0; i < LOG_LINES_REMEMBERED; i++) {
        char word[64];
        snprintf(word, sizeof word, "number=%d ", i);
        told += count(&scene, "refused", word) == 1;
    }
    assert_int_equal(told, LOG_LINES_REMEMBERED);
    assert_true(count(&scene, "refused", "number=256 ") > 1); /* told, and not remembered */
    assert_true(count(&scene, "refused", "") <= LOG_LINES_BURST + SECONDS * LOG_LINES_PER_SECOND);
    free(scene.text);
}

/* Refusals. */

static const struct refused_client alice = { { (const uint8_t *)"User:alice", 10 },
                                             { (const uint8_t *)"10.0.0.7:1", 10 } };
static const struct refused_client alice_later = { { (const uint8_t *)"User:alice", 10 },
                                                   { (const uint8_t *)"10.0.0.7:2", 10 } };
static const struct refused_client bob = { { (const uint8_t *)"User:bob", 8 }, { (const uint8_t *)"10.0.0.8:1", 10 } };

static struct open_finding finding_at(int32_t partition, int64_t offset)
{
    return (struct open_finding){
        .verdict = VERDICT_ALTERED,
        .place = { .topic = { "0123456789abcde" }, .partition = partition },
        .topic_name = slice_of_text("orders"),
        .base_offset = offset,
        .last_offset = offset + 5,
        .expected_offset = -1,
        .missed_offset = -1,
        .writer_name = "gateway-a",
    };
}

/* Two bad partitions in one Fetch, asked for again and again by a client that connects anew. */
static void refused_batches_that_take_turns_are_each_told_once(void **state)
{
    (void)state;
    struct scene scene = begin();
    const struct open_finding findings[] = { finding_at(3, 120), finding_at(4, 7) };
    for (int i = 0; i < 20; i++) {
        refusal_log_batch(&scene.limit, &findings[i % 2], i < 2 ? &alice : &alice_later, scene.now_ms);
    }
    refusal_log_batch(&scene.limit, &findings[0], &bob, scene.now_ms);
    end(&scene);
    static const char whole[] =
        "verdict=altered topic=orders topic-id=MDEyMzQ1Njc4OWFiY2RlAA partition=3 offset=120 last-offset=125 "
        "expected-offset=-1 missed-offset=-1 writer=gateway-a principal=User:alice client=10.0.0.7:1 meaning=";
    assert_int_equal(count(&scene, "batch-refused", whole), 1);
    assert_int_equal(count(&scene, "batch-refused", "partition=4 offset=7"), 1);
    assert_int_equal(count(&scene, "batch-refused", "principal=User:bob client=10.0.0.8:1"), 1);
    assert_int_equal(count(&scene, "batch-refused", ""), 3);
    assert_int_equal(count(&scene, "batch-refused-again", whole), 1);
    assert_int_equal(count(&scene, "batch-refused-again", "times=9\n"), 2);
    free(scene.text);
}

static void an_accepted_batch_is_another_event(void **state)
{
    (void)state;
    struct scene scene = begin();
    struct open_finding finding = finding_at(3, 120);
    refusal_log_batch(&scene.limit, &finding, &alice, scene.now_ms);
    finding.accepted_reason = "ticket 4711";
    refusal_log_batch(&scene.limit, &finding, &alice, scene.now_ms);
    end(&scene);
    assert_int_equal(count(&scene, "batch-refused", ""), 1);
    assert_int_equal(count(&scene, "batch-accepted", "accepted=\"ticket 4711\"\n"), 1);
    free(scene.text);
}

static void requests_are_told_by_topic_and_reason(void **state)
{
    (void)state;
    struct scene scene = begin();
    struct request_refusal refusal = {
        .api_key = 0,
        .topic_name = slice_of_text("orders"),
        .partition = 2,
        .partitions = 300,
        .error_code = 87,
        .why = "the batch is malformed",
    };
    refusal_log_request(&scene.limit, &refusal, &alice, scene.now_ms);
    refusal.partition = 5;
    refusal_log_request(&scene.limit, &refusal, &alice_later, scene.now_ms);
    refusal.error_code = 2;
    refusal_log_request(&scene.limit, &refusal, &alice, scene.now_ms);
    refusal.topic_name = slice_of_text("payments");
    refusal_log_request(&scene.limit, &refusal, &alice, scene.now_ms);
    refusal.api_key = 1;
    refusal_log_request(&scene.limit, &refusal, &alice, scene.now_ms);
    end(&scene);
    assert_int_equal(count(&scene, "produce-refused", "topic=orders error-code=87 "), 1);
    assert_int_equal(count(&scene, "produce-refused", "principal=User:alice partition=2 partitions=300 client="), 1);
    assert_int_equal(count(&scene, "produce-refused", ""), 3);
    assert_int_equal(count(&scene, "produce-refused-again", "error-code=87 "), 1);
    assert_int_equal(count(&scene, "produce-refused-again", "times=1\n"), 1);
    assert_int_equal(count(&scene, "fetch-refused", ""), 1);
    free(scene.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_alike_is_told_once_and_counted),
        cmocka_unit_test(what_differs_in_anything_is_told),
        cmocka_unit_test(what_goes_on_is_told_every_ten_seconds),
        cmocka_unit_test(what_comes_after_a_while_is_told_anew),
        cmocka_unit_test(each_event_has_its_own_rate),
        cmocka_unit_test(none_is_kept_out_for_ever),
        cmocka_unit_test(refused_batches_that_take_turns_are_each_told_once),
        cmocka_unit_test(an_accepted_batch_is_another_event),
        cmocka_unit_test(requests_are_told_by_topic_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
