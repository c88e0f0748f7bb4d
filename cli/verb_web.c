/* web: answer probes and scrapes over HTTP. */
#include "cli/session.h"
#include "cli/verb.h"
#include "common/base/log.h"
#include "web/web.h"

struct args {
    const char *listen;
    usec_t stall;
    bool need_worker;
};

static const struct flag flags[] = {
    TEXT_FLAG(struct args, listen, "listen", .value = "ADDRESS:PORT", .help = "where to listen; port 0 is a free one [127.0.0.1:8081]"),
    DURATION_FLAG(struct args, stall, "stall", .value = "DURATION", .min = SECONDS(1), .max = DAYS(1),
                  .help = "not ready when work that could be done lies that long [30s]"),
    SWITCH_FLAG(struct args, need_worker, "need-worker", .help = "not ready without a living worker, which else only warns"),
    {0},
};

static const struct config *started_with;

static bool reread(struct err *e)
{
    CLEANUP(config_freep) struct config *config = session_reread(NULL, e);
    if (!config)
        return false;
    log_set_words(config->log.level, config->log.format);
    session_tell_fixed(started_with, config, false);
    return true;
}

static int run(int argc, char **argv)
{
    struct args args = {.listen = "127.0.0.1:8081", .stall = SECONDS(30)};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_config(&s, NULL, &e))
        return verb_failed(&e);
    started_with = s.config;
    struct web_options options = {.url = session_url(&s, &e),
                                  .pooled = s.config->database.listen_url != NULL,
                                  .listen = args.listen,
                                  .rules = {.stall = args.stall, .need_worker = args.need_worker},
                                  .reread = reread};
    return options.url ? web_main(&options) : verb_failed(&e);
}

const struct verb verb_web = {
    .name = "web",
    .summary = "answer /livez, /readyz and /metrics over HTTP",
    .details = "It only reads, needs the role drumbeat_read and asks for no password: listen where only probes and Prometheus reach it.\n"
               "SIGTERM ends it at once. SIGHUP reads log.* again; the address, the database and the rules are flags or need a restart.",
    .example = "drumbeat web --listen 127.0.0.1:8081\ncurl http://127.0.0.1:8081/readyz",
    .flags = flags,
    .run = run,
};
