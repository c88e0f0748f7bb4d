/* prune: forget now what is due. */
#include "cli/rows.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "common/store/history.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum { STEP = 20000, PAUSE_MS = 250 };

struct args {
    usec_t timeout;
    bool json;
};

static const struct flag flags[] = {
    DURATION_FLAG(struct args, timeout, "timeout", .value = "D", .help = "how long to wait for others' locks (1m)"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON"),
    {0},
};

/* Steps until nothing is due. Who is in the way is waited for, but not for ever. */
static bool prune(struct pg *pg, const char *policy, usec_t patience, struct history_step *total, struct err *e)
{
    struct history_step step;
    usec_t until = clock_boot() + patience;
    do {
        if (!history_step(pg, policy, STEP, &step, e))
            return false;
        if (step.state == HISTORY_DROPPED) {
            total->seen += step.seen;
            total->kept += step.kept;
        }
        bool stuck = step.state == HISTORY_BUSY || step.state == HISTORY_LATER;
        if (stuck && clock_boot() >= until)
            return err_set(e, ERR_REFUSED, "%s; it goes on where it was when somebody asks again",
                           step.state == HISTORY_BUSY ? "somebody else prunes" : "an open transaction holds locks on the history");
        if (stuck)
            poll(NULL, 0, PAUSE_MS);
        else
            until = clock_boot() + patience;
    } while (step.state != HISTORY_IDLE);
    return true;
}

static int run(int argc, char **argv)
{
    struct args args = {.timeout = MINUTES(1)};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text policy = {0};
    struct history_step total = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_open(&s, &e))
        return verb_failed(&e);
    usec_t shortest = config_history(s.config, &policy);
    if (!history_ahead(s.pg, shortest, &e) || !prune(s.pg, text_str(&policy), args.timeout, &total, &e))
        return verb_failed(&e);
    if (args.json)
        printf("{\"forgotten\": %" PRId64 ", \"kept\": %" PRId64 "}\n", total.seen - total.kept, total.kept);
    else
        printf("%" PRId64 " tasks forgotten, %" PRId64 " of the same time kept\n", total.seen - total.kept, total.kept);
    return EXIT_DONE;
}

const struct verb verb_prune = {
    .name = "prune",
    .summary = "forget ended tasks whose time is over",
    .details = "Workers do this by themselves, slowly. How long what is kept, history.* and queues.NAME.keep.* say. Tasks go by the shelf, a span of"
               " time, once the shortest of these times is over for all of it; what is kept longer stays.",
    .example = "drumbeat prune --json",
    .flags = flags,
    .run = run,
};
