/* enqueue: put a task into its queue and print its id. */
#include "cli/submit.h"
#include "cli/verb.h"

#include <stdio.h>

struct args {
    struct submission task;
    bool json;
};

static const struct flag flags[] = {
    TEXT_OPERAND(struct args, task.name, "NAME", .required = true, .help = "the handler (drumbeat handlers lists those of this program)"),
    TEXT_FLAG(struct args, task.args, "args", .value = "JSON|@FILE|-", .help = "its arguments: an object, a file, standard input ({})"),
    TEXT_FLAG(struct args, task.queue, "queue", .value = "Q", .help = "the queue (the handler's)"),
    NUMBER_FLAG(struct args, task.priority, "priority", .value = "N", .min = 0, .max = 9, .help = "0 to 9, smaller is sooner (5)"),
    TIME_FLAG(struct args, task.at, "at", .value = "TIME", .help = "not before this moment, RFC 3339"),
    DURATION_FLAG(struct args, task.in, "in", .value = "DURATION", .help = "not before so long from now, such as 1h30m"),
    TIME_FLAG(struct args, task.expires, "expires", .value = "TIME", .help = "skip it when it has not started by then"),
    NUMBER_FLAG(struct args, task.max_attempts, "max-attempts", .value = "N", .min = 1, .max = 1000, .help = "how often it may start (the handler's)"),
    TEXT_FLAG(struct args, task.unique, "unique", .value = "KEY", .help = "one waiting or running task a name and key: prints the holder's id"),
    TEXT_FLAG(struct args, task.unique_mode, "unique-mode", .value = "MODE", .help = "when the key is held: return its holder's id, skip, or replace it (return)"),
    TEXT_FLAG(struct args, task.unique_until, "unique-until", .value = "WHEN", .help = "hold the key until the final status or the start (final)"),
    DURATION_FLAG(struct args, task.unique_window, "unique-window", .value = "DURATION", .help = "keep the key for so long, also when the task has ended"),
    TEXT_FLAG(struct args, task.idempotency_key, "idempotency-key", .value = "KEY", .help = "the same key within 24 hours prints the first call's id"),
    TEXT_FLAG(struct args, task.tenant, "tenant", .value = "T", .help = "whom it is for"),
    TEXT_FLAG(struct args, task.limit_key, "limit-key", .value = "KEY", .help = "one of its tasks runs at a time, of any handler (drumbeat limit set key KEY)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print {id}"),
    {0},
};

static int run(int argc, char **argv)
{
    struct args args = {.task.priority = -1};
    CLEANUP(submission_free) struct submission task = {0};
    CLEANUP(session_close) struct session s = {0};
    struct uuid id;
    struct err e;
    char text[UUID_TEXT_MAX];
    bool known;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    task = args.task;
    if (!session_open(&s, &e) || !submit(&s, &task, &id, &known, &e))
        return verb_failed(&e);
    if (uuid_is_zero(id)) {
        fprintf(stderr, "drumbeat: skipped: another task holds the unique key\n");
        return EXIT_REFUSED;
    }
    printf(args.json ? "{\"id\": \"%s\"}\n" : "%s\n", uuid_format(id, text));
    if (!known)
        fprintf(stderr, "drumbeat: note: neither this program nor any worker so far has a handler '%s': the task waits for one\n", task.name);
    return EXIT_DONE;
}

const struct verb verb_enqueue = {
    .name = "enqueue",
    .summary = "put a task into its queue and print its id",
    .details = "Arguments are held against the handler's table first, when this program has the handler.",
    .example = "drumbeat enqueue echo --args '{\"greeting\": \"hello\"}'\n"
               "drumbeat enqueue pmp.partners --args @args.json --in 10m --unique nightly",
    .flags = flags,
    .run = run,
};
