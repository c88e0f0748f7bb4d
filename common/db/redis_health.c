/* redis_health: INFO in a few numbers, and what they mean. */
#include "common/db/redis_health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of a line "name:value" of INFO. */
static bool find(const char *info, const char *name, char out[static REDIS_HEALTH_TEXT])
{
    size_t length = strlen(name);
    out[0] = '\0';
    for (const char *line = info; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            const char *value = line + length + 1;
            snprintf(out, REDIS_HEALTH_TEXT, "%.*s", (int)strcspn(value, "\r\n"), value);
            return true;
        }
    return false;
}

static int64_t number(const char *info, const char *name)
{
    char text[REDIS_HEALTH_TEXT];
    return find(info, name, text) ? strtoll(text, NULL, 10) : 0;
}

static bool is_ok(const char *info, const char *name)
{
    char text[REDIS_HEALTH_TEXT];
    return !find(info, name, text) || strcmp(text, "ok") == 0;
}

bool redis_look(struct redis *redis, struct redis_health *health, struct err *e)
{
    const struct rd_reply *reply;
    *health = (struct redis_health){0};
    if (!redis_call(redis, &reply, e, rd_text("INFO")))
        return err_add(e, "asking Redis about itself");
    const char *info = rd_text_of(reply);
    find(info, "redis_version", health->version);
    find(info, "maxmemory_policy", health->policy);
    find(info, "role", health->role);
    health->used = number(info, "used_memory");
    health->most = number(info, "maxmemory");
    health->evicted = number(info, "evicted_keys");
    health->append_only = number(info, "aof_enabled") == 1;
    health->cluster = number(info, "cluster_enabled") == 1;
    health->last_save_good = is_ok(info, "rdb_last_bgsave_status") && is_ok(info, "aof_last_write_status");
    return true;
}

static bool evicts(const struct redis_health *h)
{
    return strncmp(h->policy, "allkeys-", strlen("allkeys-")) == 0;
}

static bool is_old(const struct redis_health *h)
{
    return atoi(h->version) < 7;
}

static bool cannot_save(const struct redis_health *h)
{
    return !h->last_save_good;
}

static bool is_replica(const struct redis_health *h)
{
    return strcmp(h->role, "master") != 0;
}

static bool forgets(const struct redis_health *h)
{
    return !h->append_only;
}

static bool is_nearly_full(const struct redis_health *h)
{
    return h->most > 0 && h->used > h->most / 10 * 9;
}

struct rule {
    bool (*holds)(const struct redis_health *h);
    const char *text;
};

static const struct rule complaints[] = {
    {is_old, "it is older than 7.0: scripts that drain a full Redis are unknown to it"},
    {is_replica, "it is a replica"},
    {evicts, "its maxmemory-policy evicts keys at will (allkeys-…): set noeviction"},
    {cannot_save, "its last write to disk failed: it takes no more until one succeeds"},
};

static const struct rule warnings[] = {
    {forgets, "it has no append-only file: what it holds is lost when it is restarted (appendonly yes)"},
    {is_nearly_full, "it is more than 90 % full"},
};

const char *redis_health_complaint(const struct redis_health *health)
{
    for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
        if (complaints[i].holds(health))
            return complaints[i].text;
    return NULL;
}

const char *redis_health_warning(const struct redis_health *health, size_t place)
{
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++)
        if (warnings[i].holds(health) && place-- == 0)
            return warnings[i].text;
    return NULL;
}
