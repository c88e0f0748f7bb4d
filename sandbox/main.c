/* drumbeat-sandbox: stand-ins for the upstream systems, for trials and tests. Options are rows of a table; each
 * upstream is a row too, opened in open_upstreams(). */
#include "sandbox/carto/carto.h"
#include "sandbox/dhis2/dhis2.h"
#include "sandbox/ezhact/ezhact.h"
#include "sandbox/ocha/ocha.h"
#include "sandbox/pmp/pmp.h"
#include "sandbox/pmp/world.h"
#include "sandbox/server.h"
#include "sandbox/smtp/smtp.h"
#include "sandbox/vision/vision.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct options {
    char host[SERVER_HOST_MAX];
    int port;
    const char *port_file;
    const char *user, *password;
    bool parent_death;
    struct pmp pmp;
    struct carto carto;
    struct dhis2 dhis2;
    struct smtp smtp;
    int smtp_port; /* -1: none */
    struct vision vision;
    struct saved_answers saved;
    struct ezhact ezhact;
    int tls_port; /* -1: none */
    const char *tls_folder;
    struct tls tls;
    struct ocha ocha;
    struct sandbox sandbox;
};

static bool set_listen(struct options *o, const char *value, struct err *e)
{
    const char *colon = strrchr(value, ':');
    char *end;
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    if (!colon || end == colon + 1 || *end || port < 0 || port > 65535 || (size_t)(colon - value) >= sizeof o->host)
        return err_set(e, ERR_USAGE, "'%s' is not ADDRESS:PORT", value);
    bool local = colon == value || strncmp(value, "localhost:", strlen("localhost:")) == 0;
    snprintf(o->host, sizeof o->host, "%.*s", local ? 9 : (int)(colon - value), local ? "127.0.0.1" : value);
    o->port = (int)port;
    return true;
}

static bool set_port_file(struct options *o, const char *value, struct err *e)
{
    (void)e;
    o->port_file = value;
    return true;
}

static bool set_smtp(struct options *o, const char *value, struct err *e)
{
    char *end;
    long port = strtol(value, &end, 10);
    o->smtp_port = (int)port;
    return (end != value && !*end && port >= 0 && port <= 65535) || err_set(e, ERR_USAGE, "'%s' is not a port", value);
}

static bool set_tls(struct options *o, const char *value, struct err *e)
{
    char *end;
    long port = strtol(value, &end, 10);
    o->tls_port = (int)port;
    return (end != value && !*end && port >= 0 && port <= 65535) || err_set(e, ERR_USAGE, "'%s' is not a port", value);
}

static bool set_tls_files(struct options *o, const char *value, struct err *e)
{
    (void)e;
    o->tls_folder = value;
    return true;
}

static bool set_user(struct options *o, const char *value, struct err *e)
{
    (void)e;
    o->user = value;
    return true;
}

static bool set_password(struct options *o, const char *value, struct err *e)
{
    (void)e;
    o->password = value;
    return true;
}

static bool set_seed(struct options *o, const char *value, struct err *e)
{
    char *end;
    errno = 0;
    o->pmp.seed = strtoull(value, &end, 10);
    return (end != value && !*end && !errno && *value != '-') ||
           err_set(e, ERR_USAGE, "'%s' is not a whole number", value);
}

static bool set_scale(struct options *o, const char *value, struct err *e)
{
    bool full = strcmp(value, "full") == 0;
    o->pmp.scale = full ? PMP_FULL : PMP_SMALL;
    return full || strcmp(value, "small") == 0 || err_set(e, ERR_USAGE, "'%s' is neither small nor full", value);
}

static bool set_today(struct options *o, const char *value, struct err *e)
{
    char text[CLOCK_TEXT_MAX];
    if (strlen(value) != 10)
        return err_set(e, ERR_USAGE, "'%s' is not a date like 2025-06-01", value);
    snprintf(text, sizeof text, "%sT00:00:00Z", value);
    return clock_parse(text, &o->pmp.today, e);
}

static bool set_data(struct options *o, const char *value, struct err *e)
{
    (void)e;
    o->pmp.data = value;
    return true;
}

static bool set_quirk(struct options *o, const char *value, struct err *e)
{
    return quirks_set_text(&o->sandbox.quirks, value, e);
}

static bool set_parent_death(struct options *o, const char *value, struct err *e)
{
    (void)value, (void)e;
    o->parent_death = true;
    return true;
}

static const struct option {
    const char *name;
    const char *value; /* what to call it; NULL: takes none */
    const char *help;
    bool (*set)(struct options *o, const char *value, struct err *e);
} options[] = {
    {"--listen", "ADDRESS:PORT", "where to listen; port 0 is a free one [127.0.0.1:8082]", set_listen},
    {"--port-file", "FILE", "write the port there once it listens", set_port_file},
    {"--smtp", "PORT", "take mails on this port of 127.0.0.1, 0: any free one [none]", set_smtp},
    {"--tls", "PORT", "speak TLS, too, with who shows a trusted certificate, 0: any free one [none]", set_tls},
    {"--tls-files", "FOLDER", "its server.pem, server.key, and ca.pem, which is trusted", set_tls_files},
    {"--user", "NAME", "who may ask [drumbeat]", set_user},
    {"--password", "WORD", "better given as DRUMBEAT_SANDBOX_PASSWORD [drumbeat]", set_password},
    {"--seed", "NUMBER", "the same seed gives the same data [1]", set_seed},
    {"--scale", "small|full", "4 countries, 81 documents, or 45 countries, 3,118 documents [small]", set_scale},
    {"--today", "DATE", "the data is a little older than this [2025-06-01]", set_today},
    {"--data", "FOLDER", "serve saved payloads instead of made-up ones", set_data},
    {"--quirk", "NAME[=RULE]", "misbehave in this way; may be repeated, see --quirks", set_quirk},
    {"--parent-death", NULL, "stop when the process that started this one ends", set_parent_death},
};

static void print_help(void)
{
    printf("drumbeat-sandbox: stand-ins for the upstream systems\n\nusage: drumbeat-sandbox [OPTION…]\n\n");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", options[i].name, options[i].value ? options[i].value : "");
        printf("  %-26s %s\n", left, options[i].help);
    }
    printf("  %-26s %s\n  %-26s %s\n", "--quirks", "list the quirks", "--help", "this text");
    printf("\nexample: a server whose every third answer is a proxy's error\n"
           "  drumbeat-sandbox --listen 127.0.0.1:8082 --quirk bad-gateway=3\n"
           "  curl -u drumbeat:drumbeat 'http://127.0.0.1:8082/v2/workspaces/'\n");
}

static void print_quirks(void)
{
    struct text help = {0};
    quirks_help(&help);
    printf("name                     what it does [at the start, a bare number means]\n%s", text_str(&help));
    printf("\nA rule is off, on, a NUMBER, or KEY=VALUE with keys every, times, workspace, path, offset, id, after; "
           "commas between.\n");
    text_free(&help);
}

static const struct option *find_option(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strlen(options[i].name) == length && strncmp(options[i].name, word, length) == 0)
            return &options[i];
    return NULL;
}

/* "--name value" or "--name=value". */
static bool read_options(struct options *o, char **argv, struct err *e)
{
    for (char **word = argv + 1; *word; word++) {
        size_t length = strcspn(*word, "=");
        const struct option *option = find_option(*word, length);
        const char *value = (*word)[length] ? *word + length + 1 : NULL;
        if (!option)
            return err_set(e, ERR_USAGE, "unknown option '%s'; see --help", *word);
        if (option->value && !value && !(value = *++word))
            return err_set(e, ERR_USAGE, "%s needs %s", option->name, option->value);
        if (!option->set(o, value, e))
            return err_add(e, "%s", option->name);
    }
    return true;
}

static void set_defaults(struct options *o)
{
    struct err ignored;
    const char *password = getenv("DRUMBEAT_SANDBOX_PASSWORD");
    *o = (struct options){
        .host = "127.0.0.1", .port = 8082, .smtp_port = -1, .tls_port = -1, .user = "drumbeat", .pmp = {.seed = 1, .quirks = &o->sandbox.quirks}};
    o->password = password ? password : "drumbeat";
    set_today(o, "2025-06-01", &ignored);
    quirks_reset(&o->sandbox.quirks);
    pthread_mutex_init(&o->sandbox.lock, NULL);
}

/* A folder may hold payloads of others only: then these are made up. */
static bool open_pmp(struct options *o, struct err *e)
{
    if (pmp_open(&o->pmp, e))
        return true;
    if (e->kind != ERR_NOT_FOUND || (!dhis2_has_saved(&o->dhis2) && !carto_has_saved(&o->carto) && o->ocha.files_count == 0 && o->saved.count == 0))
        return false;
    pmp_close(&o->pmp);
    o->pmp.data = NULL;
    return pmp_open(&o->pmp, e);
}

static bool open_upstreams(struct options *o, struct err *e)
{
    struct sandbox *s = &o->sandbox;
    s->user = o->user;
    s->password = o->password;
    s->quirks_at_start = s->quirks;
    o->dhis2 = (struct dhis2){.seed = o->pmp.seed, .full = o->pmp.scale == PMP_FULL, .quirks = &s->quirks, .data = o->pmp.data};
    o->ocha = (struct ocha){.seed = o->pmp.seed, .full = o->pmp.scale == PMP_FULL, .user = o->user, .password = o->password,
                            .data = o->pmp.data, .quirks = &s->quirks};
    o->carto = (struct carto){o->pmp.seed, o->pmp.scale == PMP_FULL, &s->quirks, o->pmp.data};
    if (!ocha_open(&o->ocha, e) || (o->pmp.data && !saved_load(&o->saved, o->pmp.data, e)) || !open_pmp(o, e))
        return false;
    s->upstreams[s->upstreams_count++] = (struct upstream){"pmp", pmp_routes, &o->pmp, pmp_reset, false};
    s->upstreams[s->upstreams_count++] = (struct upstream){"carto", carto_routes, &o->carto, carto_reset, true};
    o->vision = (struct vision){.seed = o->pmp.seed, .full = o->pmp.scale == PMP_FULL, .key = o->password, .quirks = &s->quirks, .pmp = &o->pmp, .saved = &o->saved};
    s->upstreams[s->upstreams_count++] = (struct upstream){"vision", vision_routes, &o->vision, vision_reset, true};
    s->upstreams[s->upstreams_count++] = (struct upstream){"ocha", ocha_routes, &o->ocha, ocha_reset, true};
    dhis2_open(&o->dhis2);
    s->upstreams[s->upstreams_count++] = (struct upstream){"dhis2", dhis2_routes, &o->dhis2, dhis2_reset, false};
    s->upstreams[s->upstreams_count++] = (struct upstream){"ezhact", ezhact_routes, &o->ezhact, ezhact_reset, false};
    o->smtp.lock = &s->lock;
    o->smtp.quirks = &s->quirks;
    if (o->smtp_port < 0)
        return true;
    s->upstreams[s->upstreams_count++] = (struct upstream){"smtp", smtp_routes, &o->smtp, smtp_reset, false};
    return smtp_start(&o->smtp, o->smtp_port, e);
}

/* Written aside and renamed, so that a reader never sees half of it. */
static bool write_port_file(const char *path, int port, struct err *e)
{
    char aside[PMP_PATH_MAX];
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
        return err_set(e, ERR_USAGE, "the path of the port file is too long");
    FILE *file = fopen(aside, "we");
    if (!file)
        return err_errno(e, ERR_FAILED, errno, "%s", aside);
    fprintf(file, "%d\n", port);
    if (fclose(file) != 0 || rename(aside, path) != 0)
        return err_errno(e, ERR_FAILED, errno, "%s", path);
    return true;
}

/* Signals are blocked before threads start, so that only this wait sees them. */
static bool serve_until_told(struct options *o, const sigset_t *endings, struct err *e)
{
    int signal_number;
    struct server *server = server_start(&o->sandbox, o->host, o->port, NULL, e);
    if (!server)
        return false;
    int port = server_port(server);
    bool good = !o->port_file || write_port_file(o->port_file, port, e);
    if (good) {
        printf("listening on http://%s:%d\n", o->host, port);
        fflush(stdout);
        sigwait(endings, &signal_number);
    }
    server_stop(server);
    if (good && o->port_file)
        unlink(o->port_file);
    return good;
}

static bool serve(struct options *o, const sigset_t *endings, struct err *e)
{
    if (o->tls_port < 0)
        return serve_until_told(o, endings, e);
    if (!o->tls_folder)
        return err_set(e, ERR_USAGE, "--tls needs --tls-files");
    struct server *server = tls_read(&o->tls, o->tls_folder, e) ? server_start(&o->sandbox, o->host, o->tls_port, &o->tls, e) : NULL;
    if (!server)
        return false;
    o->ezhact.tls_port = server_port(server);
    bool good = serve_until_told(o, endings, e);
    server_stop(server);
    return good;
}

static bool run(struct options *o, char **argv, pid_t parent, struct err *e)
{
    sigset_t endings;
    if (!read_options(o, argv, e))
        return false;
    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    pthread_sigmask(SIG_BLOCK, &endings, NULL);
    if (o->parent_death && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() != parent)
        return true;
    return open_upstreams(o, e) && serve(o, &endings, e);
}

int main(int argc, char **argv)
{
    static struct options o;
    struct err e = {0};
    pid_t parent = getppid();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--quirks") == 0) {
            strcmp(argv[i], "--help") == 0 ? print_help() : print_quirks();
            return 0;
        }
    }
    set_defaults(&o);
    bool good = run(&o, argv, parent, &e);
    pmp_close(&o.pmp);
    saved_free(&o.saved);
    dhis2_close(&o.dhis2);
    ocha_close(&o.ocha);
    smtp_stop(&o.smtp);
    ezhact_reset(&o.ezhact);
    tls_free(&o.tls);
    if (!good)
        fprintf(stderr, "drumbeat-sandbox: %s\n", e.text);
    return good ? 0 : err_exit_status(e.kind);
}
