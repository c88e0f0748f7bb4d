/* log_line: datagrams between children and keeper. */
#include "worker/log_line.h"
#include "common/base/text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

void log_line_send(int fd, struct uuid task, enum log_level level, const char *message)
{
    struct log_line line;
    struct text clean CLEANUP(text_free) = {.max = LOG_LINE_MAX - 1};
    text_utf8(&clean, message, strnlen(message, LOG_LINE_MAX - 1));
    line.task = task;
    line.at = clock_now();
    line.level = level;
    line.length = (uint32_t)clean.len;
    memcpy(line.message, text_str(&clean), clean.len);
    size_t size = offsetof(struct log_line, message) + clean.len;
    while (send(fd, &line, size, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

bool log_line_receive(int fd, struct log_line *line)
{
    ssize_t got = recv(fd, line, sizeof *line, MSG_DONTWAIT);
    if (got < (ssize_t)offsetof(struct log_line, message))
        return false;
    size_t length = (size_t)got - offsetof(struct log_line, message);
    line->message[length < LOG_LINE_MAX ? length : LOG_LINE_MAX - 1] = '\0';
    return true;
}
