#pragma once
/* The fork server: a small single-threaded process, exec'd once, from which all children come. It has opened nothing, so a child
 * starts from clean, shared pages. It forks on request, reaps, kills what a dead child left in its process group, and tells.
 * Fixed-size messages on one SOCK_SEQPACKET socket (FD_CONTROL). When that closes it ends its children and itself.
 *
 * It belongs to one edition of the configuration, the one that it has read itself; a reload starts another. */
#include "worker/catalog.h"
#include <sys/types.h>

/* Else the seat's number. */
enum { ROLE_COURIER = -2, ROLE_KEEPER = -1, ROLE_FIRST = ROLE_COURIER };

enum order_kind { ORDER_SPAWN, ORDER_KILL };

struct order {
    enum order_kind kind;
    int32_t role;
    int32_t signal; /* ORDER_KILL: to the child's whole process group */
};

enum news_kind { NEWS_READY, NEWS_SPAWNED, NEWS_EXITED, NEWS_FAILED };

struct news {
    enum news_kind kind;
    int32_t role;
    int32_t pid;
    int32_t status; /* as wait() tells; NEWS_FAILED: errno of fork() */
    int64_t peak_rss, cpu_ms;
    int64_t memory_limit; /* the kernel killed it at so many bytes; 0: it did not */
};

/* A child, keeper or courier that left because a later edition is there leaves with it. */
enum { EXIT_RELIEVED = 100 };

/* Run as the fork server until the control socket closes. Never returns in a child. */
int fork_server_run(const struct config *config, const struct catalog *catalog);
