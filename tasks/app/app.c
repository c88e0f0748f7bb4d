/* app: the program that runs the application's tasks, and what it says of them. */
#include "tasks/app/app.h"
#include "tasks/command/process.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

__asm__(".pushsection .rodata\n"
        ".local app_source_begin\n"
        "app_source_begin:\n"
        ".incbin \"tasks/app/app.py\"\n"
        ".byte 0\n"
        ".popsection\n");

extern const char app_source_begin[];

enum { NAMES_MAX = 1000, QUEUE_MAX = 63, SAID_MAX = 2000 };

static const usec_t patience = MINUTES(1), longest = DAYS(366), shortest = SECONDS(1);

/* The lines that the program wrote, as far as they matter. */
static struct answer {
    struct region *region;
    struct js *names;
    struct text failed; /* why it could not import the application */
    struct text said;   /* what it wrote last */
} answer; /* of the one that is being asked: a stream knows nothing of who reads it */

static void take_answer(struct outcome_of_command *o, const char *line, size_t len)
{
    struct err ignored;
    struct js *message = js_parse(line, len, &ignored);
    (void)o;
    if (js_text(js_get(message, "failed")))
        text_puts(&answer.failed, js_text(js_get(message, "failed")));
    if (js_get(message, "names")) {
        js_free(answer.names);
        answer.names = message;
    } else {
        js_free(message);
    }
}

static void take_output(struct outcome_of_command *o, const char *line, size_t len)
{
    (void)o;
    text_reset(&answer.said);
    text_add(&answer.said, line, len);
}

static usec_t read_limit(const struct js *task, const char *key)
{
    double seconds = 0;
    if (!js_number(js_get(task, key), &seconds) || !(seconds > 0) || seconds * 1e6 > (double)longest)
        return longest;
    usec_t limit = (usec_t)(seconds * 1e6);
    return limit < shortest ? shortest : limit;
}

static const char *read_queue(struct region *region, const struct js *task)
{
    const char *queue = js_text(js_get(task, "queue"));
    size_t len = queue ? strspn(queue, "abcdefghijklmnopqrstuvwxyz0123456789_.-") : 0;
    return len > 0 && len <= QUEUE_MAX && !queue[len] ? region_strdup(region, queue) : NULL;
}

static bool read_names(struct region *region, const struct js *names, struct app *out, struct err *e)
{
    size_t count = js_count(names);
    if (count > NAMES_MAX)
        return err_set(e, ERR_LIMIT, "more than %d tasks", NAMES_MAX);
    out->tasks = region_alloc(region, (count + 1) * sizeof *out->tasks);
    for (size_t i = 0; i < count; i++) {
        const struct js *task = js_at(names, i);
        const char *name = js_text(js_get(task, "name"));
        if (name && *name)
            out->tasks[out->count++] = (struct app_task){.name = region_strdup(region, name), .queue = read_queue(region, task),
                                                         .soft = read_limit(task, "soft"), .hard = read_limit(task, "hard")};
    }
    return true;
}

static bool ask(const struct command *command, struct region *region, int *status, struct err *e)
{
    struct process p = {.input = -1,
                        .messages = {.fd = -1, .line = {.max = 16 << 20}, .take = take_answer},
                        .output = {.fd = -1, .line = {.max = SAID_MAX}, .take = take_output}};
    struct command_start how = {.command = command, .env = command_environment(region, command, NULL)};
    usec_t deadline = clock_boot() + patience;
    pid_t ended = 0;
    if (!command_start(&p, &how, e))
        return false;
    while (ended == 0 && clock_boot() < deadline) {
        command_talk(&p, MSEC(20));
        ended = waitpid(p.pid, status, WNOHANG);
    }
    if (ended == 0) {
        kill(p.pid, SIGKILL);
        waitpid(p.pid, status, 0);
    }
    command_drain(&p);
    command_close(&p);
    return ended != 0 || err_set(e, ERR_TIMEOUT, "it has not said what tasks it has after a minute");
}

/* `last`: an argument after the application's name, or NULL. */
static struct command make_command(const struct app_options *options, struct region *region, const char *last)
{
    const char **argv = region_alloc(region, 5 * sizeof *argv);
    argv[0] = options->python;
    argv[1] = COMMAND_SOURCE;
    argv[2] = options->name;
    argv[3] = last;
    return (struct command){.argv = argv, .cwd = options->folder, .source = app_source_begin, .keep = true, .message = true};
}

bool app_ask(const struct app_options *options, struct region *region, struct app *out, struct err *e)
{
    struct command command = make_command(options, region, "--names");
    int status = 0;
    *out = (struct app){.command = make_command(options, region, NULL)};
    bool good = ask(&command, region, &status, e);
    if (good && (!answer.names || status != 0)) {
        const char *why = answer.failed.len ? text_str(&answer.failed) : answer.said.len ? text_str(&answer.said) : "it says nothing";
        good = err_set(e, ERR_USAGE, "it cannot be imported: %.1000s", why);
    }
    good = good && read_names(region, js_get(answer.names, "names"), out, e);
    js_free(answer.names);
    text_free(&answer.failed);
    text_free(&answer.said);
    answer = (struct answer){0};
    return good || err_add(e, "celery.app %s", options->name);
}
