#pragma once
/* The supervisor's end of a fork server: its process, the control socket, and what became of it. There is one an edition of the
 * configuration:
 *
 *     start -> coming -> ready: current -> a later one is current: leaving -> dismissed when its last child has left -> ended
 *
 * Handles are the loop's until they are closed; nothing of it is used after host->ended() returned. */
#include "worker/board.h"
#include "worker/fork_server.h"
#include <uv.h>

struct fork_parent {
    uint32_t edition;
    usec_t started_at; /* CLOCK_BOOTTIME */
    bool dismissed;    /* told to end, with all its children */
    int control, open_handles;
    uv_process_t process;
    uv_poll_t poll;
    const struct fork_parent_host *host;
};

struct fork_parent_host {
    void *data;
    void (*news)(void *data, struct fork_parent *parent, const struct news *news);
    void (*heard)(void *data); /* after one or several of them */
    void (*ended)(void *data, struct fork_parent *parent, int64_t status, int signal);
};

/* Execute ourselves as a fork server. fds: what it inherits, but for FD_CONTROL, which is made here. `flags` ends with NULL. */
struct fork_parent *fork_parent_start(uv_loop_t *loop, uint32_t edition, const int fds[FD_ENDS], const char *const *flags,
                                      const struct fork_parent_host *host, struct err *e);

/* False when it does not hear any more. */
bool fork_parent_order(const struct fork_parent *parent, const struct order *order);

/* It ends its children and itself. */
void fork_parent_dismiss(struct fork_parent *parent);
