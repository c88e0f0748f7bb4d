#pragma once
/* Mails that are written down in registry.notification before they are sent: each is sent and ticked off, so that every one goes out once, also after a
 * week without a run or a mail server. One run at a time, told in sync_log: fetched are the mails, created those that went out. */
#include "common/task/mail.h"
#include "common/task/report.h"

struct notices {
    const char *handler;       /* names the run and its lock */
    const char *template;      /* of the mails that it sends */
    const struct sql *waiting; /* the next one: $1 text template, $2 bigint behind this row; id, address, sender or NULL, subject, text, how many are left with it */
    const char *sender;        /* of mails that name none */
    const char *upstream;
    bool (*write)(struct task *task, const void *data, struct err *e); /* writes down what is missing, first; NULL: others do */
    const void *data;                                                  /* for write() */
};

bool notices_send(struct task *task, const struct notices *notices, struct err *e);
