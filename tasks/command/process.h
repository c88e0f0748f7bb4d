#pragma once
/* A command's process with its three pipes: started, fed and listened to, for one task (command.c) or for many (kept.c). It stays in the
 * child's process group, so what ends the child ends it too. */
#include "tasks/command/command.h"
#include "tasks/command/message.h"
#include <sys/types.h>

/* What comes out of one descriptor, cut into lines. */
struct stream {
    int fd; /* -1: at its end */
    struct text line;
    void (*take)(struct outcome_of_command *o, const char *line, size_t len);
    void (*refuse)(struct outcome_of_command *o); /* a line that is too long; NULL: its beginning is taken */
};

struct process {
    pid_t pid;
    int input; /* -1: closed */
    bool keep_input; /* it stays open when all was written */
    const char *left; /* what is still to be written */
    size_t left_len;
    struct stream messages, output;
    struct outcome_of_command outcome;
    usec_t stop_at; /* when it was told to stop; 0: it was not */
    bool killed;
};

/* What the process may take, and what it is told in its environment. */
struct command_start {
    const struct command *command;
    const struct limits *limits; /* NULL: as the child's own */
    char *const *env;            /* ends with NULL */
};

/* The worker's own environment with the command's on top, and what names the task, when there is one. */
char **command_environment(struct region *region, const struct command *command, const struct task *task);

/* Execute it. ERR_USAGE: there is no such program; ERR_TRANSIENT: the system has no room for it. Nothing is left behind then. */
bool command_start(struct process *p, const struct command_start *how, struct err *e);

/* Wait for at most `wait` until something can be read or written, and do that. */
void command_talk(struct process *p, usec_t wait);

/* Tell it to stop: SIGTERM, and SIGKILL once the grace is over. To be called again and again. */
void command_stop(struct process *p, usec_t grace);

/* It has ended: read what it wrote last. Whoever it left behind does not keep the reader waiting. */
void command_drain(struct process *p);

/* Close the pipes. */
void command_close(struct process *p);
