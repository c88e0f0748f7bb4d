#pragma once
/* Mails through an upstream that speaks SMTP (RFC 5321): "smtp://host:25", "smtp://host:587", "smtps://host:465". The connection stays open
 * from one mail to the next, waits are cut to the task's time. Encryption is taken when the server offers it, and insisted on when there is a
 * password to send to another machine. libcurl is seen nowhere else.
 *
 *     struct mail *mail CLEANUP(mail_closep) = mail_open(task, "smtp", e);
 *     mail_send(mail, &(struct letter){.from = …, .to = …, .subject = …, .text = …, .id = …}, e) */
#include "common/task/task.h"

struct mail;

/* `id` is what stands before the @ of the Message-ID: the same for each try of one mail, so that mailboxes can tell a second
 * copy of it, which a server that fell silent after the text can cause. */
struct letter {
    const char *from, *to; /* addresses */
    const char *subject, *text;
    const char *id;
};

enum { MAIL_ADDRESS_MAX = 254, MAIL_TEXT_MAX = 1 << 20 };

/* NULL: there is no such upstream, or its URL is not one of mail (ERR_USAGE). */
struct mail *mail_open(struct task *task, const char *name, struct err *e);
void mail_close(struct mail *mail); /* NULL is fine */
void mail_closep(struct mail **mail);

/* True once the server has taken it. ERR_DATA: it will never take this one (5xx, an address that is none). ERR_TRANSIENT: not now
 * (4xx, silence, a connection lost on the way). ERR_UNREACHABLE and ERR_REFUSED are about the server, not about the letter. */
bool mail_send(struct mail *mail, const struct letter *letter, struct err *e);
