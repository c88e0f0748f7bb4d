#pragma once
/* What a command says while it runs. */
#include "common/task/task.h"

struct outcome_of_command {
    struct task *task; /* NULL: none runs now */
    const char *error; /* in the task's region; NULL: none told */
    bool retryable, retryable_told;
    usec_t snooze;          /* 0: not told */
    const char *snooze_why; /* in the task's region */
    /* Of a program that stays */
    bool kept;
    bool ready, interrupts;
    bool ended, leaving, stopped;
    bool retry_told;
    usec_t retry_after;
    const char *headers; /* JSON, in the task's region; NULL: none */
    char said[200];      /* the last line that it wrote while no task ran */
};

/* A line of descriptor 3: a JSON object. What is not one is noted in the task's log, and nothing else. */
void command_message(struct outcome_of_command *o, const char *line, size_t len);

/* A line of descriptor 3 beyond COMMAND_LINE_MAX fails the attempt: it may have been the result, and a success without it would hide that. */
void command_overlong(struct outcome_of_command *o);

/* A line of standard output or error. */
void command_output(struct outcome_of_command *o, const char *line, size_t len);
