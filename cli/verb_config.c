/* config: every option, its value and where it came from. */
#include "cli/session.h"
#include "cli/verb.h"

#include <stdio.h>

struct args {
    bool json;
    bool defaults;
};

static const struct flag flags[] = {
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line: {option, value, origin}"),
    SWITCH_FLAG(struct args, defaults, "default", .help = "print the shipped default file instead, to start one's own from"),
    {0},
};

static int run(int argc, char **argv)
{
    struct args args = {0};
    CLEANUP(session_close) struct session s = {0};
    CLEANUP(text_free) struct text out = {0};
    struct err e;
    if (!flags_read(flags, argc, argv, &args, &e))
        return verb_failed(&e);
    if (args.defaults) {
        fputs(config_default_text(), stdout);
        return EXIT_DONE;
    }
    if (!session_config(&s, NULL, &e))
        return verb_failed(&e);
    config_print(s.config, args.json, &out);
    fputs(text_str(&out), stdout);
    return EXIT_DONE;
}

const struct verb verb_config = {
    .name = "config",
    .summary = "every option, its value and where it came from",
    .example = "drumbeat config --json\n"
               "drumbeat config --default > drumbeat.yaml",
    .flags = flags,
    .run = run,
};
