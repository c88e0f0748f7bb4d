/* version: what this program is. */
#include "cli/verb.h"
#include "common/base/text.h"

#include <stdio.h>

struct args {
    bool json;
};

static const struct flag flags[] = {
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON"),
    {0},
};

static int run(int argc, char **argv)
{
    struct args args = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    if (args.json)
        puts("{\"version\": \"" DRUMBEAT_VERSION "\"}");
    else
        puts("drumbeat " DRUMBEAT_VERSION);
    return EXIT_DONE;
}

const struct verb verb_version = {
    .name = "version",
    .summary = "what this program is",
    .example = "drumbeat version",
    .flags = flags,
    .run = run,
};
