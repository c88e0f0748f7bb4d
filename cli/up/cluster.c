/* cluster: makes, starts and watches over the private PostgreSQL cluster. Data are made beside their place and renamed
 * into it, so that a killed initdb leaves nothing that looks like a cluster. */
#include "cli/up/cluster.h"

#include "cli/up/account.h"
#include "cli/up/leftovers.h"
#include "cli/up/process.h"
#include "cli/up/programs.h"
#include "cli/up/settings.h"
#include "cli/up/socket.h"
#include "cli/up/state.h"
#include "common/base/region.h"
#include "common/db/pg.h"
#include "sql/queries.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INITDB_SECONDS = 120, LEFTOVERS_SECONDS = 30, COMPLAINT_WINDOW = 8192, LOCK_FILE_MAX = 1024 };
enum { LOCK_FILE_STATUS_LINE = 8 }; /* "ready", "starting": see miscadmin.h of PostgreSQL */

struct cluster {
    struct region *memory;
    const char *state, *data, *socket, *url;
    struct account account;
    struct text bin; /* the folder of the server's programs */
    int log;         /* postgres.log, -1 before cluster_prepare() */
    off_t log_start; /* where the running server's lines begin */
};

/* A URL takes these as they are (RFC 3986, section 3.4); everything else is written %XX. */
static void add_escaped(struct text *url, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c < 0x80 && isalnum(c)) || strchr("/-._~", c))
            text_putc(url, *s);
        else
            text_printf(url, "%%%02X", c);
    }
}

static void add_url(struct text *url, const char *socket, const char *database)
{
    text_printf(url, "postgresql://drumbeat@/%s?host=", database);
    add_escaped(url, socket);
}

struct cluster *cluster_new(const char *state)
{
    struct cluster *c = mem_zero(1, sizeof *c);
    CLEANUP(text_free) struct text socket = {0}, url = {0};
    socket_folder(state, &socket);
    add_url(&url, text_str(&socket), "drumbeat");
    c->memory = region_new();
    c->state = region_strdup(c->memory, state);
    c->data = region_printf(c->memory, "%s/postgres", state);
    c->socket = region_strdup(c->memory, text_str(&socket));
    c->url = region_strdup(c->memory, text_str(&url));
    c->log = -1;
    return c;
}

void cluster_free(struct cluster *c)
{
    if (!c)
        return;
    if (c->log >= 0)
        close(c->log);
    text_free(&c->bin);
    region_free(c->memory);
    free(c);
}

void cluster_freep(struct cluster **c)
{
    cluster_free(*c);
}

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    (void)about, (void)type, (void)walk;
    return remove(path);
}

static bool run_initdb(struct cluster *c, const char *data, struct err *e)
{
    const char *initdb = region_printf(c->memory, "%s/initdb", text_str(&c->bin));
    const char *const argv[] = {initdb, "--pgdata", data, "--username", "drumbeat", "--auth", "trust", "--encoding", "UTF8",
                                "--lc-collate", "C", "--lc-ctype", "C.UTF-8", "--lc-messages", "C", "--no-instructions", NULL};
    const struct program program = {.argv = argv,
                                    .cwd = "/",
                                    .output = -1,
                                    .death_signal = SIGKILL,
                                    .uid = c->account.uid,
                                    .gid = c->account.gid};
    return process_run(&program, SECONDS(INITDB_SECONDS), e);
}

static bool create_data(struct cluster *c, struct err *e)
{
    const char *fresh = region_printf(c->memory, "%s.new", c->data);
    if (nftw(fresh, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return err_errno(e, ERR_REFUSED, errno, "%s, left by an interrupted start, cannot be removed", fresh);
    if (mkdir(fresh, 0700) != 0 || (c->account.uid && chown(fresh, c->account.uid, c->account.gid) != 0))
        return err_errno(e, ERR_REFUSED, errno, "folder %s", fresh);
    if (!run_initdb(c, fresh, e))
        return err_add(e, "the database cannot be made");
    return rename(fresh, c->data) == 0 || err_errno(e, ERR_REFUSED, errno, "rename %s", fresh);
}

/* The settings are replaced at one go: a full disk leaves the old ones. */
static bool write_settings(struct cluster *c, struct err *e)
{
    CLEANUP(text_free) struct text settings = {0};
    const char *path = region_printf(c->memory, "%s/postgresql.conf", c->data);
    const char *fresh = region_printf(c->memory, "%s.new", path);
    settings_write(&settings, c->socket);
    FILE *file = fopen(fresh, "we");
    if (!file)
        return err_errno(e, ERR_REFUSED, errno, "%s", fresh);
    bool written = fwrite(settings.data, 1, settings.len, file) == settings.len;
    written = (!c->account.uid || fchown(fileno(file), c->account.uid, c->account.gid) == 0) && written;
    written = fclose(file) == 0 && written;
    return (written && rename(fresh, path) == 0) || err_errno(e, ERR_REFUSED, errno, "%s", path);
}

bool cluster_prepare(struct cluster *c, struct err *e)
{
    int major = programs_version_of(c->data);
    text_reset(&c->bin);
    return programs_find(major, &c->bin, e) && account_find(&c->account, e) &&
           socket_make_folder(c->socket, c->account.uid, c->account.gid, e) &&
           (c->log >= 0 || state_open_log(c->state, "postgres.log", &c->log, e)) &&
           (major > 0 || create_data(c, e)) && leftovers_end(c->data, SECONDS(LEFTOVERS_SECONDS), e) &&
           write_settings(c, e);
}

bool cluster_start(struct cluster *c, pid_t *pid, struct err *e)
{
    const char *server = region_printf(c->memory, "%s/postgres", text_str(&c->bin));
    const char *const argv[] = {server, "-D", c->data, NULL};
    const struct program program = {.argv = argv,
                                    .cwd = "/",
                                    .output = c->log,
                                    .death_signal = SIGINT,
                                    .uid = c->account.uid,
                                    .gid = c->account.gid};
    if (!leftovers_end(c->data, SECONDS(LEFTOVERS_SECONDS), e))
        return false;
    c->log_start = lseek(c->log, 0, SEEK_END);
    return process_start(&program, pid, e) || err_add(e, "PostgreSQL");
}

bool cluster_ready(const struct cluster *c, pid_t pid)
{
    char path[PATH_MAX], line[LOCK_FILE_MAX];
    snprintf(path, sizeof path, "%s/postmaster.pid", c->data);
    FILE *file = fopen(path, "re");
    bool ready = false;
    for (int number = 1; file && fgets(line, sizeof line, file); number++) {
        if (number == 1 && strtol(line, NULL, 10) != pid)
            break;
        ready = ready || (number == LOCK_FILE_STATUS_LINE && strncmp(line, "ready", strlen("ready")) == 0);
    }
    if (file)
        fclose(file);
    return ready;
}

bool cluster_create_database(struct cluster *c, struct err *e)
{
    CLEANUP(text_free) struct text url = {0};
    add_url(&url, c->socket, "postgres");
    const struct pg_options options = {.url = text_str(&url), .application = "drumbeat up"};
    CLEANUP(pg_closep) struct pg *pg = pg_open(&options, e);
    struct pg_rows rows;
    return pg && pg_exec(pg, &sql_up_database_exists, &rows, e) &&
           (rows.count > 0 || pg_exec(pg, &sql_up_create_database, NULL, e));
}

const char *cluster_url(const struct cluster *c)
{
    return c->url;
}

void cluster_last_complaint(const struct cluster *c, struct text *out)
{
    char window[COMPLAINT_WINDOW + 1];
    off_t end = lseek(c->log, 0, SEEK_END), start = c->log_start;
    if (end < start || end - start > COMPLAINT_WINDOW)
        start = end > COMPLAINT_WINDOW ? end - COMPLAINT_WINDOW : 0;
    ssize_t got = pread(c->log, window, COMPLAINT_WINDOW, start);
    window[got > 0 ? got : 0] = '\0';
    const char *last = "";
    for (char *line = window, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (strstr(line, "FATAL:") || strstr(line, "PANIC:") || (*line && !*last))
            last = line;
    }
    text_puts(out, last);
}

void cluster_trim_log(struct cluster *c)
{
    state_trim_log(c->log);
}

bool cluster_running_url(struct text *url)
{
    CLEANUP(text_free) struct text state = {0}, socket = {0};
    struct err ignored;
    if (!state_default_folder(&state, &ignored))
        return false;
    socket_folder(text_str(&state), &socket);
    size_t folder_length = socket.len;
    text_puts(&socket, SOCKET_NAME);
    if (access(text_str(&socket), W_OK) != 0)
        return false;
    socket.data[folder_length] = '\0';
    add_url(url, text_str(&socket), "drumbeat");
    return true;
}
