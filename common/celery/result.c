/* result: an object whose members are the same for every state but for `result`. */
#include "common/celery/result.h"

#include <stdio.h>
#include <string.h>

#define NOT_REGISTERED "NotRegistered: "
#define CHORD_ERROR "ChordError: "

const char *celery_state_name(enum celery_state state)
{
    static const char *const names[] = {
        [CELERY_STARTED] = "STARTED", [CELERY_PROGRESS] = "PROGRESS", [CELERY_RETRY] = "RETRY",
        [CELERY_SUCCESS] = "SUCCESS", [CELERY_FAILURE] = "FAILURE",   [CELERY_REVOKED] = "REVOKED",
    };
    return names[state];
}

static bool is_final(enum celery_state state)
{
    return state == CELERY_SUCCESS || state == CELERY_FAILURE || state == CELERY_REVOKED;
}

/* Python's exceptions that can be made of a message alone. */
static const char *const builtins[] = {
    "ArithmeticError",   "AssertionError",     "AttributeError",  "BufferError",        "ConnectionError",     "ConnectionRefusedError",
    "EOFError",          "Exception",          "FileExistsError", "FileNotFoundError",  "FloatingPointError",  "IOError",
    "ImportError",       "IndexError",         "InterruptedError", "IsADirectoryError", "KeyError",            "LookupError",
    "MemoryError",       "ModuleNotFoundError", "NameError",      "NotADirectoryError", "NotImplementedError", "OSError",
    "OverflowError",     "PermissionError",    "ReferenceError",  "RuntimeError",       "StopIteration",       "SyntaxError",
    "SystemError",       "TimeoutError",       "TypeError",       "ValueError",         "ZeroDivisionError",
};

/* Is it "Name: message" with the name of one of these? */
static bool named(const char *error, struct celery_exception *x)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++) {
        size_t len = strlen(builtins[i]);
        if (strncmp(error, builtins[i], len) != 0 || (error[len] && strncmp(error + len, ": ", 2) != 0))
            continue;
        snprintf(x->type, sizeof x->type, "%s", builtins[i]);
        x->message = error + len + (error[len] ? 2 : 0);
        return true;
    }
    return false;
}

static const struct broken {
    const char *outcome;
    const char *saying; /* NULL: anything */
    const char *type, *module;
} broken[] = {
    {"limit", "soft limit", "SoftTimeLimitExceeded", "billiard.exceptions"},
    {"limit", "hard limit", "TimeLimitExceeded", "billiard.exceptions"},
    {"limit", NULL, "WorkerLostError", "billiard.exceptions"},
    {"crashed", NULL, "WorkerLostError", "billiard.exceptions"},
    {"lost", NULL, "WorkerLostError", "billiard.exceptions"},
};

struct celery_exception celery_exception(enum celery_state state, const char *outcome, const char *error)
{
    struct celery_exception x = {.type = "Exception", .module = "builtins", .message = error ? error : ""};
    if (state == CELERY_REVOKED)
        return (struct celery_exception){.type = "TaskRevokedError", .module = "celery.exceptions", .message = x.message};
    for (size_t i = 0; outcome && i < sizeof broken / sizeof *broken; i++) {
        if (strcmp(broken[i].outcome, outcome) != 0 || (broken[i].saying && !strstr(x.message, broken[i].saying)))
            continue;
        snprintf(x.type, sizeof x.type, "%s", broken[i].type);
        x.module = broken[i].module;
        return x;
    }
    if (strncmp(x.message, NOT_REGISTERED, strlen(NOT_REGISTERED)) == 0)
        return (struct celery_exception){.type = "NotRegistered", .module = "celery.exceptions", .message = x.message + strlen(NOT_REGISTERED)};
    if (strncmp(x.message, CHORD_ERROR, strlen(CHORD_ERROR)) == 0)
        return (struct celery_exception){.type = "ChordError", .module = "celery.exceptions", .message = x.message + strlen(CHORD_ERROR)};
    named(x.message, &x);
    return x;
}

static void add_text(struct text *out, const char *key, const char *value)
{
    text_printf(out, ",\"%s\":", key);
    text_json_text(out, value);
}

static void add_exception(const struct celery_result *r, struct text *out)
{
    struct celery_exception x = celery_exception(r->state, r->outcome, r->error);
    text_printf(out, "{\"exc_type\":\"%s\",\"exc_message\":[", x.type);
    text_json_string(out, x.message, strlen(x.message));
    text_printf(out, "],\"exc_module\":\"%s\"}", x.module);
}

static void add_result(const struct celery_result *r, struct text *out)
{
    switch (r->state) {
    case CELERY_STARTED:
        text_printf(out, "{\"pid\":%lld", (long long)r->pid);
        add_text(out, "hostname", r->host);
        text_putc(out, '}');
        break;
    case CELERY_PROGRESS:
        text_printf(out, "{\"current\":%lld,\"total\":%lld", (long long)r->value, (long long)r->total);
        add_text(out, "message", r->message);
        text_putc(out, '}');
        break;
    case CELERY_SUCCESS:
        text_puts(out, r->result ? r->result : "null");
        break;
    case CELERY_RETRY:
    case CELERY_FAILURE:
    case CELERY_REVOKED:
        add_exception(r, out);
        break;
    }
}

/* As isoformat() of Python writes a moment of UTC that does not say so: that is how Celery writes this one. */
static void add_done(const struct celery_result *r, struct text *out)
{
    char iso[CLOCK_TEXT_MAX];
    clock_format(r->done_at, iso);
    iso[strcspn(iso, "Z")] = '\0';
    add_text(out, "date_done", is_final(r->state) ? iso : NULL);
}

void celery_result_write(const struct celery_result *r, struct text *out)
{
    text_printf(out, "{\"status\":\"%s\",\"result\":", celery_state_name(r->state));
    add_result(r, out);
    add_text(out, "traceback", r->state == CELERY_FAILURE || r->state == CELERY_RETRY ? r->error : NULL);
    text_printf(out, ",\"children\":%s", r->children ? r->children : "[]");
    add_done(r, out);
    if (r->group_id)
        add_text(out, "group_id", r->group_id);
    if (r->parent_id)
        add_text(out, "parent_id", r->parent_id);
    add_text(out, "task_id", r->id);
    text_putc(out, '}');
}
