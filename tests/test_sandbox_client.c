/* test_sandbox_client: starts the program, reads the port from its first line, speaks HTTP through libcurl. */
#include "tests/test_sandbox_client.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static pid_t running;
static char base[WORD_MAX];

enum { START_SECONDS = 20, ANSWER_SECONDS = 30 };

static pid_t spawn(const char *const *args, const char *const *more, int out, int err)
{
    char program[4096];
    char *argv[2 * ARGS_MAX] = {program};
    size_t count = 1;
    posix_spawn_file_actions_t actions;
    pid_t pid;
    const char *build = getenv("DRUMBEAT_BUILD");
    snprintf(program, sizeof program, "%s/drumbeat-sandbox", build ? build : ".");
    for (; *args && count < ARGS_MAX; args++)
        argv[count++] = strdup(*args);
    for (; *more; more++)
        argv[count++] = strdup(*more);
    posix_spawn_file_actions_init(&actions);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (err >= 0)
        posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    ck_assert_msg(posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0, "cannot start %s", program);
    posix_spawn_file_actions_destroy(&actions);
    while (--count > 0)
        free(argv[count]);
    return pid;
}

/* Everything up to the end of a line, or of the stream when `line` is false. */
static void read_words(int fd, bool line, char *out, size_t room)
{
    size_t used = 0;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (used + 1 < room && poll(&wait, 1, START_SECONDS * 1000) > 0) {
        if (read(fd, out + used, 1) != 1)
            break;
        if (out[used++] == '\n' && line)
            break;
    }
    out[used] = '\0';
}

void sandbox_start(const char *const *args)
{
    static const char *const more[] = {"--listen", "127.0.0.1:0", "--parent-death", NULL};
    char words[WORD_MAX];
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    running = spawn(args, more, ends[1], -1);
    close(ends[1]);
    read_words(ends[0], true, words, sizeof words);
    close(ends[0]);
    ck_assert_msg(sscanf(words, "listening on %200s", base) == 1, "it said '%s'", words);
}

int sandbox_stop(void)
{
    int status = 0;
    if (running <= 0)
        return 0;
    kill(running, SIGTERM);
    waitpid(running, &status, 0);
    running = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

pid_t sandbox_pid(void)
{
    return running;
}

const char *sandbox_base(void)
{
    return base;
}

int sandbox_run(const char *const *args, char *said, size_t room)
{
    static const char *const nothing[] = {NULL};
    int ends[2], status = 0;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = spawn(args, nothing, -1, ends[1]);
    close(ends[1]);
    read_words(ends[0], false, said, room);
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *data)
{
    text_add(data, bytes, size * count);
    return size * count;
}

static void take_header(const char *line, const char *name, char out[static WORD_MAX])
{
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':')
        return;
    snprintf(out, WORD_MAX, "%s", line + length + 1 + strspn(line + length + 1, " "));
    out[strcspn(out, "\r\n")] = '\0';
}

static size_t take_headers(char *bytes, size_t size, size_t count, void *data)
{
    struct reply *r = data;
    char line[WORD_MAX];
    snprintf(line, sizeof line, "%.*s", (int)(size * count), bytes);
    take_header(line, "Content-Type", r->type);
    take_header(line, "Content-Encoding", r->encoding);
    take_header(line, "Retry-After", r->retry_after);
    take_header(line, "Location", r->location);
    take_header(line, "WWW-Authenticate", r->challenge);
    return size * count;
}

struct reply ask(const struct ask *a)
{
    struct reply r = {0};
    struct err ignored;
    char url[4096];
    CURL *curl = curl_easy_init();
    snprintf(url, sizeof url, "%s%s", a->path[0] == '/' ? base : "", a->path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_USERPWD, a->credentials ? a->credentials : "drumbeat:drumbeat");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, a->timeout_ms ? a->timeout_ms : ANSWER_SECONDS * 1000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r.body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_headers);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &r);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, (long)a->follow);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    if (a->gzip)
        curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
    if (a->body)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, a->body);
    if (a->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, a->method);
    if (a->credentials && !*a->credentials)
        curl_easy_setopt(curl, CURLOPT_USERPWD, NULL);
    r.code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r.status);
    curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &r.seconds);
    curl_easy_cleanup(curl);
    r.json = js_parse(text_str(&r.body), r.body.len, &ignored);
    return r;
}

struct reply get(const char *path, ...)
{
    char full[2048];
    va_list args;
    va_start(args, path);
    vsnprintf(full, sizeof full, path, args);
    va_end(args);
    return ask(&(struct ask){.path = full});
}

void post(const char *path, ...)
{
    char full[2048];
    va_list args;
    va_start(args, path);
    vsnprintf(full, sizeof full, path, args);
    va_end(args);
    CLEANUP(reply_free) struct reply r = ask(&(struct ask){.path = full, .body = ""});
    ck_assert_msg(r.status == 200, "POST %s: %ld %s", full, r.status, text_str(&r.body));
}

void reply_free(struct reply *r)
{
    js_free(r->json);
    text_free(&r->body);
}

int64_t integer(const struct js *node)
{
    int64_t value = 0;
    ck_assert_msg(js_integer(node, &value), "it is %s", js_type_name(js_type(node)));
    return value;
}

const char *string(const struct js *node)
{
    ck_assert_msg(js_text(node) != NULL, "it is %s", js_type_name(js_type(node)));
    return js_text(node);
}

const struct js *results(const struct reply *r)
{
    ck_assert_msg(r->code == CURLE_OK && r->status == 200 && r->json, "HTTP %ld, %s: %.200s", r->status,
                  curl_easy_strerror(r->code), text_str(&r->body));
    ck_assert_int_eq(js_type(js_get(r->json, "results")), JS_ARRAY);
    return js_get(r->json, "results");
}
