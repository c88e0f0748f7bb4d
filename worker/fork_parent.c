/* fork_parent: spawns, listens and reaps. What the news mean is the supervisor's affair. */
#include "worker/fork_parent.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

const char fork_server_verb[] = "fork-server";

enum { WORDS_MAX = 64 };

static void on_closed(uv_handle_t *handle)
{
    struct fork_parent *parent = handle->data;
    if (--parent->open_handles == 0)
        free(parent);
}

static void close_control(struct fork_parent *parent)
{
    if (parent->control < 0)
        return;
    uv_poll_stop(&parent->poll);
    uv_close((uv_handle_t *)&parent->poll, on_closed);
    close(parent->control);
    parent->control = -1;
}

void fork_parent_dismiss(struct fork_parent *parent)
{
    parent->dismissed = true;
    close_control(parent);
}

bool fork_parent_order(const struct fork_parent *parent, const struct order *order)
{
    return parent->control >= 0 && send(parent->control, order, sizeof *order, MSG_NOSIGNAL) >= 0;
}

static void on_control(uv_poll_t *poll, int status, int what)
{
    struct fork_parent *parent = poll->data;
    struct news news;
    (void)what;
    while (status == 0 && parent->control >= 0 && recv(parent->control, &news, sizeof news, MSG_DONTWAIT) == (ssize_t)sizeof news)
        parent->host->news(parent->host->data, parent, &news);
    parent->host->heard(parent->host->data);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal_number)
{
    struct fork_parent *parent = process->data;
    close_control(parent);
    uv_close((uv_handle_t *)process, on_closed);
    parent->host->ended(parent->host->data, parent, status, signal_number);
}

/* argv for uv_spawn(), which does not take constants: a copy of each word. */
static char **make_argv(const char *const *flags, struct err *e)
{
    char **argv = mem_zero(WORDS_MAX, sizeof *argv);
    size_t count = 0;
    argv[count++] = mem_strdup("drumbeat");
    argv[count++] = mem_strdup(fork_server_verb);
    for (; flags && *flags && count + 1 < WORDS_MAX; flags++)
        argv[count++] = mem_strdup(*flags);
    if (!flags || !*flags)
        return argv;
    err_set(e, ERR_USAGE, "too many arguments");
    for (size_t i = 0; i < count; i++)
        free(argv[i]);
    free(argv);
    return NULL;
}

static int spawn(struct fork_parent *parent, uv_loop_t *loop, const int fds[FD_ENDS], int remote, char **argv)
{
    uv_stdio_container_t stdio[FD_ENDS] = {{.flags = UV_IGNORE}};
    for (int fd = 1; fd < FD_ENDS; fd++)
        stdio[fd] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = fd == FD_CONTROL ? remote : fds[fd]};
    uv_process_options_t how = {.file = "/proc/self/exe", .args = argv, .stdio = stdio, .stdio_count = FD_ENDS, .exit_cb = on_exit_of};
    return uv_spawn(loop, &parent->process, &how);
}

/* A process handle that was not spawned has to be closed as well. */
static struct fork_parent *listen_to(struct fork_parent *parent, uv_loop_t *loop, int failed, struct err *e)
{
    parent->open_handles = 2;
    parent->process.data = parent->poll.data = parent;
    uv_poll_init(loop, &parent->poll, parent->control);
    if (!failed) {
        uv_poll_start(&parent->poll, UV_READABLE, on_control);
        return parent;
    }
    err_set(e, ERR_FAILED, "starting the fork server: %s", uv_strerror(failed));
    close_control(parent);
    uv_close((uv_handle_t *)&parent->process, on_closed);
    return NULL;
}

struct fork_parent *fork_parent_start(uv_loop_t *loop, uint32_t edition, const int fds[FD_ENDS], const char *const *flags,
                                      const struct fork_parent_host *host, struct err *e)
{
    int control[2];
    char **argv = make_argv(flags, e);
    if (!argv)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) != 0) {
        err_errno(e, ERR_FAILED, errno, "socketpair");
        control[0] = -1;
    }
    struct fork_parent *parent = control[0] < 0 ? NULL : mem_zero(1, sizeof *parent);
    if (parent) {
        *parent = (struct fork_parent){.edition = edition, .started_at = clock_boot(), .control = control[0], .host = host};
        int failed = spawn(parent, loop, fds, control[1], argv);
        close(control[1]);
        parent = listen_to(parent, loop, failed, e);
    }
    for (char **word = argv; *word; word++)
        free(*word);
    free(argv);
    return parent;
}
