/* keys: names of kombu's keys. */
#include "common/celery/keys.h"

#include <ctype.h>

struct celery_keys celery_keys(const char *prefix, const char *separator, const char *steps, int database)
{
    struct celery_keys keys = {.prefix = prefix ? prefix : "", .separator = separator ? separator : "\x06\x16", .database = database};
    for (; *steps && keys.step_count < CELERY_STEPS_MAX; steps++)
        if (isdigit((unsigned char)*steps))
            keys.steps[keys.step_count++] = *steps - '0';
    return keys;
}

void celery_key(const struct celery_keys *keys, const char *name, struct text *out)
{
    text_printf(out, "%s%s", keys->prefix, name);
}

void celery_list(const struct celery_keys *keys, const char *queue, size_t step, struct text *out)
{
    celery_key(keys, queue, out);
    if (step > 0 && step < CELERY_STEPS_MAX)
        text_printf(out, "%s%d", keys->separator, keys->steps[step]);
}

size_t celery_step(const struct celery_keys *keys, int priority)
{
    size_t step = 0;
    while (step + 1 < keys->step_count && keys->steps[step + 1] <= priority)
        step++;
    return step;
}

void celery_binding(const struct celery_keys *keys, const char *routing_key, const char *queue, struct text *out)
{
    text_printf(out, "%s%s%s%s", routing_key, keys->separator, keys->separator, queue);
}

void celery_channel(const struct celery_keys *keys, const char *name, struct text *out)
{
    text_printf(out, "%s/%d.%s", keys->prefix, keys->database, name);
}

void celery_aside(const struct celery_keys *keys, const char *queue, struct text *out)
{
    celery_key(keys, queue, out);
    text_puts(out, ".dead");
}

void celery_taking(const struct celery_keys *keys, const char *queue, struct text *out)
{
    celery_key(keys, queue, out);
    text_puts(out, ".taking");
}

void celery_sent_mark(const struct celery_keys *keys, const char *id, int64_t seq, struct text *out)
{
    celery_key(keys, "drumbeat.sent.", out);
    text_printf(out, "%s.%lld", id, (long long)seq);
}
