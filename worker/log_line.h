#pragma once
/* Log lines of tasks travel as datagrams from the children to the keeper, which writes them to drumbeat.task_log: so they
 * survive a rollback, and the death of the child that wrote them. */
#include "common/base/log.h"

enum { LOG_LINE_MAX = 4000 };

struct log_line {
    struct uuid task;
    usec_t at;
    enum log_level level;
    uint32_t length;
    char message[LOG_LINE_MAX];
};

/* Waits a moment when the keeper is behind, then drops the line: a log must not stop a task. */
void log_line_send(int fd, struct uuid task, enum log_level level, const char *message);

/* The next line that has arrived: false when there is none. The message is NUL-terminated and valid UTF-8. */
bool log_line_receive(int fd, struct log_line *line);
