/* smtp: a conversation is lines in and lines out; the verbs are rows of a table.
 *
 *     220 greeting    EHLO 250    MAIL FROM 250    RCPT TO 250    DATA 354, text, "." 250    QUIT 221
 */
#include "sandbox/smtp/smtp.h"

#include "sandbox/write.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

struct talk {
    struct smtp *smtp;
    int fd;
    char in[SMTP_LINE_MAX];
    size_t used;
    struct text from, to, text;
    bool over;
};

/* Lines ----------------------------------------------------------------------------------------------- */

static bool wait_for_bytes(const struct smtp *s, int fd, int patience)
{
    struct pollfd fds[] = {{.fd = s->stopping, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    return poll(fds, 2, patience) > 0 && !fds[0].revents;
}

/* The next line without its end; one that is too long is cut. False: nobody is there any more. */
static bool read_line(struct talk *t, char line[static SMTP_LINE_MAX])
{
    for (;;) {
        char *end = memchr(t->in, '\n', t->used);
        if (end || t->used == sizeof t->in) {
            size_t length = end ? (size_t)(end - t->in) + 1 : t->used;
            snprintf(line, SMTP_LINE_MAX, "%.*s", (int)(length - 1), t->in);
            line[strcspn(line, "\r")] = '\0';
            memmove(t->in, t->in + length, t->used - length);
            t->used -= length;
            return true;
        }
        if (!wait_for_bytes(t->smtp, t->fd, PATIENCE_MS))
            return false;
        ssize_t got = recv(t->fd, t->in + t->used, sizeof t->in - t->used, 0);
        if (got <= 0)
            return false;
        t->used += (size_t)got;
    }
}

static void say(struct talk *t, const char *words)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s\r\n", words);
    if (send(t->fd, line, (size_t)length, MSG_NOSIGNAL) != length)
        t->over = true;
}

static bool fires(struct talk *t, enum quirk quirk)
{
    const struct occasion o = {.path = text_str(&t->to), .offset = -1, .id = -1};
    pthread_mutex_lock(t->smtp->lock);
    bool fired = quirks_fire(t->smtp->quirks, quirk, &o);
    pthread_mutex_unlock(t->smtp->lock);
    return fired;
}

/* Verbs ----------------------------------------------------------------------------------------------- */

static void forget(struct talk *t)
{
    text_reset(&t->from);
    text_reset(&t->to);
    text_reset(&t->text);
}

/* What stands between < and >. */
static void add_address(struct text *out, const char *line)
{
    const char *from = strchr(line, '<'), *to = from ? strchr(from, '>') : NULL;
    if (to)
        text_add(out, from + 1, (size_t)(to - from - 1));
}

static void on_hello(struct talk *t, const char *line)
{
    (void)line;
    say(t, "250-sandbox\r\n250 8BITMIME");
}

static void on_from(struct talk *t, const char *line)
{
    forget(t);
    add_address(&t->from, line);
    say(t, "250 Ok");
}

static void on_to(struct talk *t, const char *line)
{
    size_t before = t->to.len;
    text_puts(&t->to, before ? " " : "");
    add_address(&t->to, line);
    if (fires(t, QUIRK_MAIL_REFUSED))
        say(t, "550 5.1.1 No such user here");
    else if (fires(t, QUIRK_MAIL_BUSY))
        say(t, "451 4.7.1 Greylisted, try again later");
    else
        say(t, "250 Ok");
}

static void keep(struct talk *t)
{
    struct smtp *s = t->smtp;
    pthread_mutex_lock(s->lock);
    if (s->count < SMTP_MAILS_MAX)
        s->mails[s->count++] = (struct smtp_mail){mem_strdup(text_str(&t->from)), mem_strdup(text_str(&t->to)), mem_strdup(text_str(&t->text))};
    pthread_mutex_unlock(s->lock);
}

static void on_data(struct talk *t, const char *line)
{
    char body[SMTP_LINE_MAX];
    (void)line;
    say(t, "354 End with a dot alone on a line");
    for (;;) {
        if (!read_line(t, body)) {
            t->over = true;
            return;
        }
        if (strcmp(body, ".") == 0)
            break;
        text_printf(&t->text, "%s\n", body[0] == '.' ? body + 1 : body);
    }
    if (fires(t, QUIRK_MAIL_DROPPED)) {
        t->over = true; /* without a word, and without the mail */
        return;
    }
    keep(t);
    say(t, "250 Ok");
    forget(t);
}

static void on_reset(struct talk *t, const char *line)
{
    (void)line;
    forget(t);
    say(t, "250 Ok");
}

static void on_quit(struct talk *t, const char *line)
{
    (void)line;
    say(t, "221 Bye");
    t->over = true;
}

static const struct {
    const char *verb;
    void (*run)(struct talk *t, const char *line);
} verbs[] = {{"EHLO", on_hello}, {"HELO", on_hello}, {"MAIL FROM:", on_from}, {"RCPT TO:", on_to},
             {"DATA", on_data},  {"RSET", on_reset}, {"NOOP", on_reset},      {"QUIT", on_quit}};

static void obey(struct talk *t, const char *line)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strncasecmp(line, verbs[i].verb, strlen(verbs[i].verb)) == 0) {
            verbs[i].run(t, line);
            return;
        }
    say(t, "502 5.5.2 Command not recognized");
}

static void converse(struct smtp *s, int fd)
{
    char line[SMTP_LINE_MAX];
    struct talk t = {.smtp = s, .fd = fd, .text = {.max = SMTP_MAIL_BYTES_MAX}, .to = {.max = SMTP_LINE_MAX}};
    if (fires(&t, QUIRK_MAIL_SLOW))
        poll(&(struct pollfd){.fd = s->stopping, .events = POLLIN}, 1, (int)s->quirks->rules[QUIRK_MAIL_SLOW].value);
    if (fires(&t, QUIRK_MAIL_AWAY)) {
        say(&t, "421 4.3.2 Service not available");
        t.over = true;
    } else {
        say(&t, "220 sandbox ESMTP");
    }
    while (!t.over && read_line(&t, line))
        obey(&t, line);
    text_free(&t.from);
    text_free(&t.to);
    text_free(&t.text);
    close(fd);
}

/* Listening ------------------------------------------------------------------------------------------- */

static void *serve(void *data)
{
    struct smtp *s = data;
    while (wait_for_bytes(s, s->listening, -1)) {
        int fd = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            converse(s, fd);
    }
    return NULL;
}

bool smtp_start(struct smtp *s, int port, struct err *e)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1;
    s->mails = mem_zero(SMTP_MAILS_MAX, sizeof *s->mails);
    s->stopping = eventfd(0, EFD_CLOEXEC);
    s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->stopping < 0 || s->listening < 0 || setsockopt(s->listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(s->listening, (struct sockaddr *)&address, size) != 0 || listen(s->listening, 64) != 0 ||
        getsockname(s->listening, (struct sockaddr *)&address, &size) != 0)
        return err_errno(e, ERR_FAILED, errno, "mail on port %d", port);
    int error = pthread_create(&s->thread, NULL, serve, s);
    if (error != 0)
        return err_errno(e, ERR_FAILED, error, "mail");
    s->port = ntohs(address.sin_port);
    return true;
}

void smtp_stop(struct smtp *s)
{
    uint64_t one = 1;
    if (s->port == 0)
        return;
    if (write(s->stopping, &one, sizeof one) == sizeof one)
        pthread_join(s->thread, NULL);
    smtp_reset(s);
    free(s->mails);
    close(s->listening);
    close(s->stopping);
}

void smtp_reset(void *state)
{
    struct smtp *s = state;
    for (size_t i = 0; i < s->count; i++) {
        free(s->mails[i].from);
        free(s->mails[i].to);
        free(s->mails[i].text);
    }
    s->count = 0;
}

/* What it has taken ----------------------------------------------------------------------------------- */

static void list_mails(void *state, const struct request *r, struct answer *a)
{
    const struct smtp *s = state;
    (void)r;
    write_open(&a->body, NULL, '{');
    write_int(&a->body, "port", s->port);
    write_open(&a->body, "mails", '[');
    for (size_t i = 0; i < s->count; i++) {
        write_open(&a->body, NULL, '{');
        write_text(&a->body, "from", s->mails[i].from);
        write_text(&a->body, "to", s->mails[i].to);
        write_text(&a->body, "text", s->mails[i].text);
        write_close(&a->body, '}');
    }
    write_close(&a->body, ']');
    write_close(&a->body, '}');
}

static void forget_mails(void *state, const struct request *r, struct answer *a)
{
    (void)r;
    smtp_reset(state);
    text_puts(&a->body, "{}");
}

const struct route smtp_routes[] = {
    {"GET", "/_sandbox/mails", list_mails}, {"DELETE", "/_sandbox/mails", forget_mails}, {0}};
