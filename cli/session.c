/* session: configuration and connection of one verb. */
#include "cli/session.h"
#include "cli/flags.h"
#include "cli/up/cluster.h"
#include "cli/up/sandbox.h"
#include "cli/up/state.h"
#include "common/base/log.h"
#include "common/store/migrate.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FLAGS_MAX = 64 };

/* --set worker.pool=8: cut in two. */
static bool add_setting(struct config_flag *flags, size_t *count, const char *setting, struct err *e)
{
    const char *equals = strchr(setting, '=');
    if (!equals || equals == setting)
        return err_set(e, ERR_USAGE, "--set: '%s' is not OPTION=VALUE", setting);
    if (*count + 1 >= FLAGS_MAX)
        return err_set(e, ERR_USAGE, "--set: more than %d of them", FLAGS_MAX - 1);
    char *option = mem_strdup(setting);
    option[equals - setting] = '\0';
    flags[(*count)++] = (struct config_flag){option, equals + 1};
    return true;
}

/* The flags as the configuration takes them. Those cut from --set are the caller's to free, all before `own`. */
static bool collect(struct config_flag *flags, size_t *own, const struct config_flag *more, struct err *e)
{
    size_t count = 0;
    bool good = true;
    for (const char *const *setting = global_flags.set; setting && *setting && good; setting++)
        good = add_setting(flags, &count, *setting, e);
    *own = count;
    if (global_flags.database_url && count + 1 < FLAGS_MAX)
        flags[count++] = (struct config_flag){"database.url", global_flags.database_url};
    for (; more && more->option && count + 1 < FLAGS_MAX; more++)
        flags[count++] = *more;
    return good;
}

struct config *session_reread(const struct config_flag *more, struct err *e)
{
    struct config_flag flags[FLAGS_MAX] = {{0}};
    size_t own;
    struct config *config = NULL;
    if (collect(flags, &own, more, e))
        config = config_load(global_flags.config, flags, e);
    for (size_t i = 0; i < own; i++)
        free((char *)(uintptr_t)flags[i].option);
    return config;
}

static void begin_log(const struct config *config)
{
    log_set_words(config->log.level, config->log.format);
    for (size_t i = 0; i < config->stranger_count; i++)
        log_warning("config.unknown_variable", LOG_STR("variable", config->strangers[i]));
}

bool session_config(struct session *s, const struct config_flag *more, struct err *e)
{
    s->config = session_reread(more, e);
    if (s->config)
        begin_log(s->config);
    return s->config != NULL;
}

/* A further option that a reload does not reach is a row. */
static const struct {
    const char *option;
    bool worker; /* matters to workers only */
    size_t offset; /* of a text in struct config */
} fixed[] = {
    {"database.url", false, offsetof(struct config, database.url)},
    {"worker.user", true, offsetof(struct config, worker.user)},
    {"worker.cgroup", true, offsetof(struct config, worker.cgroup)},
};

static const char *text_at(const struct config *config, size_t offset)
{
    const char *text;
    memcpy(&text, (const char *)config + offset, sizeof text);
    return text ? text : "";
}

void session_tell_fixed(const struct config *was, const struct config *now, bool worker)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if ((worker || !fixed[i].worker) && strcmp(text_at(was, fixed[i].offset), text_at(now, fixed[i].offset)) != 0)
            log_warning("config.needs_restart", LOG_STR("option", fixed[i].option), LOG_STR("why", "it takes effect at the next start"));
}

const struct catalog *session_catalog(struct session *s, enum catalog_scope scope, struct err *e)
{
    static struct catalog *kept;
    if (!kept)
        kept = catalog_make(s->config, scope, e);
    return kept;
}

const char *session_url(struct session *s, struct err *e)
{
    if (s->config->database.url)
        return s->config->database.url;
    if (s->url.len == 0 && !cluster_running_url(&s->url)) {
        err_set(e, ERR_USAGE, "no database: none is configured and no drumbeat up is running (set DATABASE_URL, or start drumbeat up)");
        return NULL;
    }
    sandbox_adopt_published(); /* for a worker that is started to run something beside that `up` */
    return text_str(&s->url);
}

bool session_results(const struct session *s, struct text *folder)
{
    CLEANUP(text_free) struct text state = {0};
    struct err none;
    if (s->config->results.root)
        text_puts(folder, s->config->results.root);
    else if (s->url.len > 0 && state_default_folder(&state, &none))
        state_results(text_str(&state), folder);
    return folder->len > 0;
}

/* PgBouncer refuses what a direct session is opened with. */
static bool explain_pooler(struct err *e)
{
    if (strstr(e->text, "unsupported startup parameter"))
        err_set(e, ERR_USAGE, "the database's address goes through a pooler (set database.listen_url to the server's own address)");
    return false;
}

bool session_connect(struct session *s, struct err *e)
{
    if (!s->config && !session_config(s, NULL, e))
        return false;
    struct pg_options options = {.url = session_url(s, e), .application = "drumbeat cli", .pooled = s->config->database.listen_url != NULL};
    s->pg = options.url ? pg_open(&options, e) : NULL;
    return s->pg || explain_pooler(e);
}

bool session_open(struct session *s, struct err *e)
{
    return session_connect(s, e) && migrate_check(s->pg, e);
}

struct pg *session_listener(struct session *s, struct err *e)
{
    struct pg_options options = {.url = s->config->database.listen_url, .application = "drumbeat cli listener"};
    if (!options.url)
        options.url = session_url(s, e);
    return options.url ? pg_open(&options, e) : NULL;
}

struct redis *session_redis(struct session *s, struct err *e)
{
    const char *url = s->config->redis.url;
    if (!url)
        err_set(e, ERR_USAGE, "no Redis is configured (set REDIS_URL)");
    else if (!s->redis)
        s->redis = redis_open(&(struct redis_options){.url = url, .name = "drumbeat/cli"}, e);
    return s->redis;
}

void session_close(struct session *s)
{
    pg_close(s->pg);
    redis_close(s->redis);
    config_free(s->config);
    text_free(&s->url);
}
