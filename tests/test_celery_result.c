/* What a Celery client finds in the result backend. */
#include "common/base/json.h"
#include "common/celery/result.h"
#include "tests/fixture/main.h"

#include <check.h>
#include <string.h>

static const struct row {
    struct celery_result result;
    const char *json;
} rows[] = {
    {{.state = CELERY_SUCCESS, .id = "i", .result = "{\"a\":1}", .done_at = SECONDS(1700000000), .parent_id = "p", .group_id = "g"},
     "{\"status\":\"SUCCESS\",\"result\":{\"a\":1},\"traceback\":null,\"children\":[],\"date_done\":\"2023-11-14T22:13:20\",\"group_id\":\"g\","
     "\"parent_id\":\"p\",\"task_id\":\"i\"}"},
    {{.state = CELERY_STARTED, .id = "i", .pid = 7, .host = "h"},
     "{\"status\":\"STARTED\",\"result\":{\"pid\":7,\"hostname\":\"h\"},\"traceback\":null,\"children\":[],\"date_done\":null,\"task_id\":\"i\"}"},
    {{.state = CELERY_PROGRESS, .id = "i", .value = 3, .total = 10, .message = "half \"way\""},
     "{\"status\":\"PROGRESS\",\"result\":{\"current\":3,\"total\":10,\"message\":\"half \\\"way\\\"\"},\"traceback\":null,\"children\":[],"
     "\"date_done\":null,\"task_id\":\"i\"}"},
    {{.state = CELERY_FAILURE, .id = "i", .error = "ValueError: bad", .outcome = "failed", .done_at = SECONDS(1700000000)},
     "{\"status\":\"FAILURE\",\"result\":{\"exc_type\":\"ValueError\",\"exc_message\":[\"bad\"],\"exc_module\":\"builtins\"},\"traceback\":"
     "\"ValueError: bad\",\"children\":[],\"date_done\":\"2023-11-14T22:13:20\",\"task_id\":\"i\"}"},
};

START_TEST(each_state_is_written_as_celery_writes_it)
{
    struct text out CLEANUP(text_free) = {0};
    struct err e;
    celery_result_write(&rows[_i].result, &out);
    ck_assert_str_eq(text_str(&out), rows[_i].json);
    struct js *parsed CLEANUP(js_freep) = js_parse(text_str(&out), out.len, &e);
    ck_assert_ptr_nonnull(parsed);
}
END_TEST

static const struct failing {
    enum celery_state state;
    const char *outcome, *error;
    const char *type, *module, *message;
} failing[] = {
    {CELERY_FAILURE, "failed", "boom", "Exception", "builtins", "boom"},
    {CELERY_FAILURE, "failed", "KeyError: x", "KeyError", "builtins", "x"},
    {CELERY_FAILURE, "failed", "KeyError", "KeyError", "builtins", ""},
    {CELERY_FAILURE, "failed", "KeyErrors: x", "Exception", "builtins", "KeyErrors: x"},
    {CELERY_FAILURE, "failed", "os: system", "Exception", "builtins", "os: system"},
    {CELERY_FAILURE, "failed", NULL, "Exception", "builtins", ""},
    {CELERY_FAILURE, NULL, "NotRegistered: x.y", "NotRegistered", "celery.exceptions", "x.y"},
    {CELERY_FAILURE, "limit", "soft limit 20s: out of time", "SoftTimeLimitExceeded", "billiard.exceptions", "soft limit 20s: out of time"},
    {CELERY_FAILURE, "limit", "killed: hard limit 30s is over", "TimeLimitExceeded", "billiard.exceptions", "killed: hard limit 30s is over"},
    {CELERY_FAILURE, "limit", "killed: 734 MiB > 512 MiB", "WorkerLostError", "billiard.exceptions", "killed: 734 MiB > 512 MiB"},
    {CELERY_FAILURE, "crashed", "signal 11", "WorkerLostError", "billiard.exceptions", "signal 11"},
    {CELERY_RETRY, "failed", "TypeError: x", "TypeError", "builtins", "x"},
    {CELERY_REVOKED, "cancelled", "terminated", "TaskRevokedError", "celery.exceptions", "terminated"},
};

START_TEST(an_error_becomes_the_exception_that_a_client_can_raise)
{
    const struct failing *f = &failing[_i];
    struct celery_exception x = celery_exception(f->state, f->outcome, f->error);
    ck_assert_str_eq(x.type, f->type);
    ck_assert_str_eq(x.module, f->module);
    ck_assert_str_eq(x.message, f->message);
}
END_TEST

#define FOR_EACH(t, test, table) tcase_add_loop_test(t, test, 0, (int)(sizeof(table) / sizeof *(table)))

int main(void)
{
    Suite *s = suite_create("celery result");
    TCase *t = tcase_create("all");
    FOR_EACH(t, each_state_is_written_as_celery_writes_it, rows);
    FOR_EACH(t, an_error_becomes_the_exception_that_a_client_can_raise, failing);
    suite_add_tcase(s, t);
    return test_main(s);
}
