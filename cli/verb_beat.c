/* beat: emit the tasks that schedules name. */
#include "beat/beat.h"
#include "cli/session.h"
#include "cli/verb.h"

static const struct config *started_with;

static struct config *reread(struct err *e)
{
    struct config *config = session_reread(NULL, e);
    if (config)
        session_tell_fixed(started_with, config, false);
    return config;
}

static int run(int argc, char **argv)
{
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(NULL, argc, argv, NULL, &e) || !session_config(&s, NULL, &e))
        return verb_failed(&e);
    started_with = s.config;
    struct beat_options options = {.url = session_url(&s, &e), .reread = reread};
    return options.url ? beat_main(s.config, &options) : verb_failed(&e);
}

const struct verb verb_beat = {
    .name = "beat",
    .summary = "emit the tasks that schedules name, one a tick; any number may run",
    .details = "One beat emits, the others stand by and take over within seconds. SIGTERM hands over at once. SIGHUP declares\n"
               "what the file says now; a file that is wrong is refused with its place, in the log, and changes nothing.",
    .example = "drumbeat beat --config /etc/drumbeat/drumbeat.yaml",
    .run = run,
};
