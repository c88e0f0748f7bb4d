/* history: what is kept for how long, as the database is told. */
#include "config/config.h"

#include <inttypes.h>
#include <string.h>

/* Add the members that say something; 0 says "for ever" where `forever`, else nothing. */
static void add_keep(struct text *policy, const struct config_keep *keep, bool forever, usec_t *shortest)
{
    static const char *const keys[] = {"success", "errored", "killed", "skipped"};
    const usec_t times[] = {keep->success, keep->errored, keep->killed, keep->skipped};
    const char *before = "";
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (times[i] > 0 && (*shortest == 0 || times[i] < *shortest))
            *shortest = times[i];
        if (times[i] == 0 && !forever)
            continue;
        text_printf(policy, "%s\"%s\":%" PRId64, before, keys[i], times[i] / SECONDS(1));
        before = ",";
    }
}

usec_t config_history(const struct config *config, struct text *policy)
{
    usec_t shortest = 0;
    text_putc(policy, '{');
    add_keep(policy, &config->history, true, &shortest);
    text_puts(policy, ",\"queues\":{");
    for (size_t i = 0; i < config->queue_count; i++) {
        text_puts(policy, i > 0 ? "," : "");
        text_json_string(policy, config->queues[i].name, strlen(config->queues[i].name));
        text_puts(policy, ":{");
        add_keep(policy, &config->queues[i].keep, false, &shortest);
        text_putc(policy, '}');
    }
    text_puts(policy, "}}");
    return shortest;
}
