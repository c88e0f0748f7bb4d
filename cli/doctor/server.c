/* server: the checks of configuration, connection and PostgreSQL. */
#include "cli/doctor/doctor.h"
#include "common/store/migrate.h"
#include "sql/queries.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
    VERSION_MIN = 140000,
    WORKER_EXTRA = 3, /* connections of a worker beside its children's: the keeper's two, and one to look */
    NOTIFY_LIMIT_MS = 2000,
    NOTIFY_SLOW_MS = 100,
    TRANSACTION_LONG_S = 600,
    TRANSACTION_VERY_LONG_S = 6 * 3600,
    DISK_LOW_PERCENT = 10,
    DISK_VERY_LOW_PERCENT = 3,
};

static const usec_t clock_off = MSEC(1000), clock_far_off = MSEC(2000);

void check_config(struct doctor *d, struct finding *f)
{
    struct err e;
    d->configured = session_config(&d->session, NULL, &e);
    if (!d->configured) {
        found(f, VERDICT_FAIL, "%s", e.text);
        mend(f, "correct it; drumbeat config --default prints a whole one");
    } else {
        found(f, VERDICT_OK, "%s", d->session.config->file ? d->session.config->file : "the shipped default");
    }
}

void check_database(struct doctor *d, struct finding *f)
{
    CLEANUP(text_free) struct text shown = {0};
    struct err e;
    usec_t begun = clock_boot();
    const char *url = session_url(&d->session, &e);
    d->connected = url && session_connect(&d->session, &e);
    if (url)
        config_mask(url, &shown);
    if (!d->connected) {
        found(f, VERDICT_FAIL, "%s%s%s", text_str(&shown), url ? ": " : "", e.text);
        mend(f, url ? "start the server or correct DATABASE_URL" : "set DATABASE_URL, or start drumbeat up");
        return;
    }
    found(f, VERDICT_OK, "%s, connected in %" PRId64 " ms", text_str(&shown), (clock_boot() - begun) / 1000);
}

/* The one row of doctor_server.sql. */
static bool ask_server(struct doctor *d, struct pg_rows *rows, struct finding *f)
{
    struct err e;
    if (pg_exec(d->session.pg, &sql_doctor_server, rows, &e))
        return true;
    found(f, VERDICT_FAIL, "%s", e.text);
    return false;
}

static const char *text_of(const struct pg_rows *rows, const char *column)
{
    return pg_get_text(rows, 0, (size_t)pg_column(rows, column));
}

static int64_t number_of(const struct pg_rows *rows, const char *column)
{
    return pg_get_int(rows, 0, (size_t)pg_column(rows, column));
}

static bool truth_of(const struct pg_rows *rows, const char *column)
{
    return pg_get_bool(rows, 0, (size_t)pg_column(rows, column));
}

void check_version(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask_server(d, &rows, f))
        return;
    d->local = truth_of(&rows, "local");
    if (truth_of(&rows, "standby")) {
        found(f, VERDICT_FAIL, "PostgreSQL %s is a standby: it takes no writes", text_of(&rows, "version"));
        mend(f, "connect to the primary, for instance with target_session_attrs=read-write");
    } else if (pg_server_version(d->session.pg) < VERSION_MIN) {
        found(f, VERDICT_FAIL, "PostgreSQL %s is older than 14", text_of(&rows, "version"));
        mend(f, "upgrade the server");
    } else {
        found(f, VERDICT_OK, "PostgreSQL %s", text_of(&rows, "version"));
    }
}

void check_schema(struct doctor *d, struct finding *f)
{
    struct err e;
    d->migrated = migrate_check(d->session.pg, &e);
    if (d->migrated)
        found(f, VERDICT_OK, "up to date with drumbeat " DRUMBEAT_VERSION);
    else
        found(f, VERDICT_FAIL, "%s", e.text);
}

void check_role(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    struct err e;
    if (!pg_exec(d->session.pg, &sql_doctor_role, &rows, &e)) {
        found(f, VERDICT_WARN, "%s", e.text);
        return;
    }
    bool enqueues = truth_of(&rows, "enqueues"), reads = truth_of(&rows, "reads"), works = truth_of(&rows, "works");
    found(f, enqueues && reads && works ? VERDICT_OK : VERDICT_WARN, "may%s enqueue, may%s read, may%s work", enqueues ? "" : " not",
          reads ? "" : " not", works ? "" : " not");
    if (f->verdict == VERDICT_WARN)
        mend(f, "GRANT drumbeat_enqueue, drumbeat_read, drumbeat_work as this role's job needs them");
}

void check_durability(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask_server(d, &rows, f))
        return;
    if (strcmp(text_of(&rows, "fsync"), "on") != 0) {
        found(f, VERDICT_FAIL, "fsync is off: a power cut destroys the database");
        mend(f, "ALTER SYSTEM SET fsync = on");
    } else if (strcmp(text_of(&rows, "full_page_writes"), "on") != 0) {
        found(f, VERDICT_WARN, "full_page_writes is off: a power cut can tear pages");
        mend(f, "ALTER SYSTEM SET full_page_writes = on, unless the file system never tears them");
    } else if (strcmp(text_of(&rows, "synchronous_commit"), "off") == 0) {
        found(f, VERDICT_WARN, "synchronous_commit is off: a crash loses the last tasks that were enqueued");
        mend(f, "ALTER SYSTEM SET synchronous_commit = on");
    } else {
        found(f, VERDICT_OK, "fsync on, synchronous_commit %s", text_of(&rows, "synchronous_commit"));
    }
}

void check_connections(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask_server(d, &rows, f))
        return;
    int64_t max = number_of(&rows, "max_connections") - number_of(&rows, "reserved"), used = number_of(&rows, "connected");
    int64_t wanted = d->session.config->worker.pool + WORKER_EXTRA;
    enum verdict verdict = wanted > max ? VERDICT_FAIL : wanted > max - used ? VERDICT_WARN : VERDICT_OK;
    found(f, verdict, "%" PRId64 " of %" PRId64 " in use; a worker of %d children takes %" PRId64, used, max, d->session.config->worker.pool, wanted);
    if (verdict != VERDICT_OK)
        mend(f, "raise max_connections, lower worker.pool, or put a pooler between");
}

void check_autovacuum(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    if (!ask_server(d, &rows, f))
        return;
    if (strcmp(text_of(&rows, "autovacuum"), "on") == 0) {
        found(f, VERDICT_OK, "on");
        return;
    }
    found(f, VERDICT_FAIL, "off: the tables of ready and running tasks only grow");
    mend(f, "ALTER SYSTEM SET autovacuum = on");
}

void check_transactions(struct doctor *d, struct finding *f)
{
    char age[CLOCK_TEXT_MAX];
    struct pg_rows rows;
    struct err e;
    if (!pg_exec(d->session.pg, &sql_doctor_transaction, &rows, &e)) {
        found(f, VERDICT_WARN, "%s", e.text);
        return;
    }
    int64_t seconds = number_of(&rows, "seconds");
    enum verdict verdict = seconds >= TRANSACTION_VERY_LONG_S ? VERDICT_FAIL : seconds >= TRANSACTION_LONG_S ? VERDICT_WARN : VERDICT_OK;
    if (pg_is_null(&rows, 0, 0)) {
        found(f, VERDICT_OK, "no other is open");
        return;
    }
    found(f, verdict, "the oldest is %s old: %s", duration_format(SECONDS(seconds), age), text_of(&rows, "who"));
    if (verdict != VERDICT_OK)
        mend(f, "end it (pg_terminate_backend): it keeps the server from cleaning up");
}

/* A pooler invents the process number that it tells its clients. */
void check_pooler(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    bool told = d->session.config->database.listen_url != NULL;
    if (!ask_server(d, &rows, f))
        return;
    d->pooled = number_of(&rows, "backend") != pg_backend_pid(d->session.pg);
    if (!d->pooled) {
        found(f, VERDICT_OK, told ? "database.listen_url is set" : "none: a direct connection");
    } else if (told) {
        found(f, VERDICT_OK, "the URL goes through one; notifications use database.listen_url");
    } else {
        found(f, VERDICT_FAIL, "the URL goes through a pooler: notifications and named statements do not work");
        mend(f, "set database.listen_url to the server's own address");
    }
}

/* Until the notification has come or the limit is over. */
static bool hear(struct pg *listener, usec_t deadline)
{
    struct err e;
    const char *payload;
    while (pg_alive(listener) && clock_boot() < deadline) {
        if (pg_notification(listener, &payload, &e))
            return true;
        struct pollfd fd = {.fd = pg_socket(listener), .events = POLLIN};
        poll(&fd, 1, (int)((deadline - clock_boot()) / 1000) + 1);
    }
    return false;
}

void check_notify(struct doctor *d, struct finding *f)
{
    struct err e;
    CLEANUP(pg_closep) struct pg *listener = session_listener(&d->session, &e);
    if (!listener || !pg_listen(listener, "drumbeat_doctor", &e)) {
        found(f, VERDICT_FAIL, "%s", e.text);
        mend(f, "make database.listen_url an address that answers");
        return;
    }
    usec_t begun = clock_boot();
    if (!pg_exec(d->session.pg, &sql_doctor_notify, NULL, &e, pg_text("drumbeat_doctor"), pg_text("look"))) {
        found(f, VERDICT_FAIL, "%s", e.text);
        return;
    }
    if (!hear(listener, begun + MSEC(NOTIFY_LIMIT_MS))) {
        found(f, VERDICT_FAIL, "a NOTIFY did not arrive within %d ms: tasks start seconds late", NOTIFY_LIMIT_MS);
        mend(f, "set database.listen_url to the server's own address");
        return;
    }
    usec_t took = clock_boot() - begun;
    found(f, took > MSEC(NOTIFY_SLOW_MS) ? VERDICT_WARN : VERDICT_OK, "a NOTIFY arrives after %.2f ms", (double)took / 1000);
    if (f->verdict == VERDICT_WARN)
        mend(f, "look at the server's load and the network's latency");
}

/* The server's clock against ours, in the middle of the question. */
void check_clock(struct doctor *d, struct finding *f)
{
    struct pg_rows rows;
    usec_t begun = clock_now();
    if (!ask_server(d, &rows, f))
        return;
    usec_t ours = begun + (clock_now() - begun) / 2;
    usec_t off = pg_get_time(&rows, 0, (size_t)pg_column(&rows, "now")) - ours;
    usec_t size = off < 0 ? -off : off;
    found(f, size >= clock_far_off ? VERDICT_FAIL : size >= clock_off ? VERDICT_WARN : VERDICT_OK, "the server's differs from ours by %.1f ms",
          (double)off / 1000);
    if (f->verdict != VERDICT_OK)
        mend(f, "keep both machines' clocks with NTP (timedatectl set-ntp true)");
}

void check_disk(struct doctor *d, struct finding *f)
{
    struct statvfs disk;
    struct pg_rows rows;
    if (!d->local || !ask_server(d, &rows, f))
        return;
    const char *folder = text_of(&rows, "data_directory");
    if (!*folder || statvfs(folder, &disk) != 0 || disk.f_blocks == 0)
        return;
    int percent = (int)(disk.f_bavail * 100 / disk.f_blocks);
    double gib = (double)disk.f_bavail * (double)disk.f_frsize / (1 << 30);
    found(f, percent < DISK_VERY_LOW_PERCENT ? VERDICT_FAIL : percent < DISK_LOW_PERCENT ? VERDICT_WARN : VERDICT_OK,
          "%d %% (%.1f GiB) free below %s", percent, gib, folder);
    if (f->verdict != VERDICT_OK)
        mend(f, "make room: a full disk stops every write");
}
