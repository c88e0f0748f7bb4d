#pragma once
/* The beat: reads schedules, emits their ticks as tasks. Any number may run; one emits at a time (a lease), and one
 * task per (schedule, tick) is the store's doing, not the lease's. */
#include "common/base/err.h"
#include "config/config.h"

struct beat_options {
    const char *url; /* the database; NULL: the configuration's database.url */
    const char
        *listen_url; /* a direct address when `url` goes through a transaction pooler; NULL: the configuration's */
    usec_t term;     /* of the lease; 0: 10 s. It is renewed after three tenths of it */
    struct config *(*reread)(struct err *e); /* what SIGHUP asks for; the result is beat's. NULL: SIGHUP does nothing */
    usec_t look;     /* how often beats that stand by look for the lease, and all for changes; 0: 1 s */
};

/* Run until SIGTERM, SIGINT or the end of the terminal, then hand over and return true. SIGHUP: declare what the file says now; what is
 * wrong with it is a log line and changes nothing. The database's address is that of the start. False when it cannot start: ERR_USAGE for a bad schedule
 * in the configuration, ERR_UNREACHABLE after 10 s without the database, ERR_REFUSED when the schema is missing or old.
 * Once it runs it never ends for an outage. */
bool beat_run(const struct config *config, const struct beat_options *options, struct err *e);

/* The same, with its error on standard error: the exit status of a command. */
int beat_main(const struct config *config, const struct beat_options *options);
