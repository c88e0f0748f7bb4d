/* task wait: until a task has ended. */
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/task_id.h"
#include "cli/task_wait.h"
#include "cli/verb.h"

#include <stdio.h>
#include <string.h>

struct args {
    const char *id;
    usec_t timeout;
    bool json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "the task's id, or at least 8 digits of its beginning"),
    DURATION_FLAG(struct args, timeout, "timeout", .value = "DURATION", .help = "give up after this, exit 6 (waits for ever)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print {id, status, error}"),
    {0},
};

static void print(struct uuid id, const struct task_state *state, bool json)
{
    CLEANUP(text_free) struct text out = {0};
    char text[UUID_TEXT_MAX];
    if (!json) {
        text_printf(&out, "%s%s", state->status, state->error ? ": " : "");
        text_add_line(&out, state->error ? state->error : "");
        puts(text_str(&out));
        return;
    }
    text_printf(&out, "{\"id\": \"%s\", \"status\": \"%s\", \"error\": ", uuid_format(id, text), state->status);
    text_json_text(&out, state->error);
    printf("%s}\n", text_str(&out));
}

static int run(int argc, char **argv)
{
    struct args args = {.timeout = -1};
    CLEANUP(session_close) struct session s = {0};
    struct task_state state;
    struct uuid id;
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e) || !task_id_read(s.pg, args.id, &id, &e))
        return verb_failed(&e);
    struct task_watch watch = {.id = id, .deadline = args.timeout < 0 ? 0 : clock_boot() + args.timeout};
    if (!task_wait(&s, &watch, &state, &e))
        return verb_failed(&e);
    print(id, &state, args.json);
    if (!task_status_is_final(state.status))
        return EXIT_NOT_MET;
    return strcmp(state.status, "SUCCESS") == 0 ? EXIT_DONE : EXIT_FAILED;
}

const struct verb verb_task_wait = {
    .name = "task wait",
    .summary = "wait until a task has ended",
    .details = "Exit status: 0 SUCCESS, 1 another ending, 6 timed out, 3 unknown. A server that goes away is waited for.",
    .example = "drumbeat task wait 0190a5d2 --timeout 5m",
    .flags = flags,
    .run = run,
};
