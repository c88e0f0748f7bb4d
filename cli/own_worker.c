/* own_worker: ourselves, executed again. The database's address goes through the environment: arguments are public. */
#include "cli/own_worker.h"
#include "cli/flags.h"
#include "cli/up/process.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { WORDS_MAX = 160 };

static const usec_t stop_limit = SECONDS(30);

void own_worker_queue(struct own_worker *w)
{
    char id[UUID_TEXT_MAX];
    uuid_format(uuid_v7(), id);
    snprintf(w->queue, sizeof w->queue, PRIVATE_QUEUE "%s", id + strlen(id) - 12);
}

bool own_worker_start(struct own_worker *w, struct session *s, int pool, struct err *e)
{
    CLEANUP(text_free) struct text url = {0}, redis = {0};
    const char *config = w->config ? w->config : s->config->file;
    char count[16];
    const char *words[WORDS_MAX] = {"/proc/self/exe", "worker", "--queues", w->queue, "--pool", count};
    size_t n = 6;
    const char *address = session_url(s, e);
    if (!address)
        return false;
    snprintf(count, sizeof count, "%d", pool);
    if (config) {
        words[n++] = "--config";
        words[n++] = config;
    }
    for (const char *const *setting = w->config ? NULL : global_flags.set; setting && *setting && n + 3 < WORDS_MAX; setting++) {
        words[n++] = "--set";
        words[n++] = *setting;
    }
    text_printf(&url, "DATABASE_URL=%s", address);
    text_printf(&redis, "REDIS_URL=%s", s->config->redis.url ? s->config->redis.url : "");
    const char *env[] = {text_str(&url), "DRUMBEAT_LOG_LEVEL=warning", s->config->redis.url ? text_str(&redis) : NULL, NULL};
    struct program program = {.argv = words, .env = env, .output = -1, .death_signal = SIGTERM};
    return process_start(&program, &w->pid, e) || err_add(e, "worker");
}

bool own_worker_lives(struct own_worker *w)
{
    if (w->pid > 0 && waitpid(w->pid, &w->status, WNOHANG) == w->pid)
        w->pid = 0;
    return w->pid > 0;
}

void own_worker_stop(struct own_worker *w)
{
    if (!own_worker_lives(w))
        return;
    kill(w->pid, SIGTERM);
    if (!process_wait_end(w->pid, stop_limit))
        kill(w->pid, SIGKILL);
    waitpid(w->pid, &w->status, 0);
    w->pid = 0;
}
