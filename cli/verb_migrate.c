/* migrate: bring the schema up to this program. */
#include "cli/session.h"
#include "cli/verb.h"
#include "common/store/migrate.h"

#include <stdio.h>

struct args {
    bool check;
};

static const struct flag flags[] = {
    SWITCH_FLAG(struct args, check, "check", .help = "change nothing; exit 4 when the schema is older than this program"),
    {0},
};

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    int applied = 0;
    if (!flags_read(flags, argc, argv, &args, &e) || !session_connect(&s, &e))
        return verb_failed(&e);
    if (!(args.check ? migrate_check(s.pg, &e) : migrate(s.pg, &applied, &e)))
        return verb_failed(&e);
    if (applied > 0)
        printf("the schema is up to date: %d migration%s applied\n", applied, applied == 1 ? "" : "s");
    else
        puts("the schema is up to date");
    return EXIT_DONE;
}

const struct verb verb_migrate = {
    .name = "migrate",
    .summary = "make or upgrade the schema; safe to run twice and by several at once",
    .example = "drumbeat migrate --database-url postgresql:///registry",
    .flags = flags,
    .run = run,
};
