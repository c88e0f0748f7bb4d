/* Any bytes as what a command says on descriptor 3 and on its outputs, a line a message. Progress never goes backwards, a result is JSON,
 * and what is not understood is noted and breaks nothing. */
#include "common/base/json.h"
#include "common/task/runtime.h"
#include "tasks/command/message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *input;
static size_t input_size;
static int64_t highest;

static void promise(bool kept)
{
    if (!kept)
        abort();
}

static bool check(void *data, struct err *e)
{
    (void)data;
    (void)e;
    return true;
}

static void progress(void *data, int64_t value, int64_t end, const char *message)
{
    (void)data;
    (void)end;
    promise(value >= highest && (!message || strlen(message) <= TASK_MESSAGE_MAX));
    highest = value;
}

static void take_line(void *data, struct uuid task, enum log_level level, const char *message)
{
    (void)data;
    (void)task;
    promise(message && level >= LOG_DEBUG && level <= LOG_ERROR);
}

static void wrote(void *data, int64_t bytes)
{
    (void)data;
    promise(bytes >= 0);
}

static bool run(struct task *task, const void *args, struct err *e)
{
    struct outcome_of_command outcome = {.task = task};
    struct text line CLEANUP(text_free) = {0};
    (void)args;
    (void)e;
    for (size_t from = 0; from < input_size;) {
        const uint8_t *end = memchr(input + from, '\n', input_size - from);
        size_t len = end ? (size_t)(end - input) - from : input_size - from;
        text_reset(&line);
        text_add(&line, input + from, len);
        command_message(&outcome, text_str(&line), line.len);
        command_output(&outcome, text_str(&line), line.len);
        promise(outcome.snooze >= 0);
        from += len + 1;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct field none[] = {{0}};
    static const struct handler handler = {.name = "fuzz", .fields = none, .run = run};
    static const struct limits limits = {.soft = HOURS(1), .hard = HOURS(1), .output = 1 << 20, .log_lines = 1000};
    static const struct config config;
    static struct region *region;
    static struct task_end end;
    struct err e;
    struct task_host host = {.config = &config, .check = check, .progress = progress, .log = take_line, .wrote = wrote};
    struct task_facts facts = {.attempt = 1, .args = "{}", .limits = &limits, .soft_at = INT64_MAX};
    if (!region)
        region = region_new();
    input = data;
    input_size = size;
    highest = 0;
    task_run(&handler, &facts, &host, region, &end);
    if (end.result) {
        struct js *result CLEANUP(js_freep) = js_parse(end.result, strlen(end.result), &e);
        promise(result != NULL);
    }
    promise(end.progress_value >= -1);
    region_reset(region);
    return 0;
}
