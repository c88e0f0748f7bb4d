/* sandbox: how drumbeat-sandbox is started and how others learn where it is. */
#include "cli/up/sandbox.h"

#include "cli/up/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SANDBOX_LINE_MAX = 512 };
enum { SANDBOX_PORT = 8082 }; /* the program's own default, so that examples work as they are printed */

static const char PROGRAM[] = "drumbeat-sandbox";

static char *program_path(struct region *memory, const char *folder)
{
    return region_printf(memory, "%s/%s", folder, PROGRAM);
}

bool sandbox_is_installed(const char *folder)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, PROGRAM);
    return access(path, X_OK) == 0;
}

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* `wanted` on the loopback address when nobody has it, 0: any that is free. Answers the port, 0 for none. */
static int free_port(int wanted)
{
    struct sockaddr_in address = loopback(wanted);
    struct sockaddr *generic = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    bool got = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
               bind(fd, generic, sizeof address) == 0 && listen(fd, 1) == 0 && getsockname(fd, generic, &size) == 0;
    if (fd >= 0)
        close(fd);
    return got ? ntohs(address.sin_port) : 0;
}

bool sandbox_answers(const struct sandbox *sandbox)
{
    struct sockaddr_in address = loopback(sandbox->port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return answers;
}

static const char *const *list(struct region *memory, const char *const *items, size_t count)
{
    const char **copy = region_alloc(memory, (count + 1) * sizeof *copy);
    memcpy(copy, items, count * sizeof *copy);
    return copy;
}

/* What it stands in for, and where below its address. */
static const struct {
    const char *upstream, *variable, *path;
    bool open, key; /* to anybody; to those who show the password as a key */
} parts[] = {{"pmp", "PMP", ""}, {"carto", "CARTO", "/carto", .open = true}, {"dhis2", "DHIS2", "/dhis2"}, {"vision", "VISION", "/vision", .key = true}, {"ezhact", "EZHACT", "/ezhact/"}, {"ocha", "OCHA", "/ocha"}};

static bool given_address(const struct config *config, const char *upstream)
{
    const struct config_upstream *given = config_upstream(config, upstream);
    return given && given->url;
}

/* An upstream that the configuration has an address for is left alone. */
static const char *const *variables(struct region *memory, const struct config *config, const char *url, int smtp)
{
    const char *all[3 * (sizeof parts / sizeof *parts) + 1];
    size_t count = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (given_address(config, parts[i].upstream))
            continue;
        const char *name = parts[i].variable;
        all[count++] = region_printf(memory, "DRUMBEAT_UPSTREAMS_%s_URL=%s%s", name, url, parts[i].path);
        if (parts[i].key)
            all[count++] = region_printf(memory, "DRUMBEAT_UPSTREAMS_%s_KEY=drumbeat", name);
        if (parts[i].open || parts[i].key)
            continue;
        all[count++] = region_printf(memory, "DRUMBEAT_UPSTREAMS_%s_USER=drumbeat", name);
        all[count++] = region_printf(memory, "DRUMBEAT_UPSTREAMS_%s_PASSWORD=drumbeat", name);
    }
    if (!given_address(config, "smtp"))
        all[count++] = region_printf(memory, "DRUMBEAT_UPSTREAMS_SMTP_URL=smtp://127.0.0.1:%d", smtp);
    return list(memory, all, count);
}

bool sandbox_service(struct region *memory, const char *folder, const struct sandbox_options *options, int output,
                     struct service *service, struct sandbox *sandbox, struct err *e)
{
    int port = free_port(SANDBOX_PORT);
    if (port == 0)
        port = free_port(0);
    if (port == 0)
        return err_errno(e, ERR_FAILED, errno, "no free loopback port for the sandbox");
    const char *argv[10] = {program_path(memory, folder), "--listen", region_printf(memory, "127.0.0.1:%d", port)};
    size_t count = 3;
    if (options->seed)
        argv[count++] = "--seed", argv[count++] = options->seed;
    if (options->scale)
        argv[count++] = "--scale", argv[count++] = options->scale;
    int smtp = free_port(0);
    argv[count++] = "--smtp", argv[count++] = region_printf(memory, "%d", smtp);
    const char *url = region_printf(memory, "http://127.0.0.1:%d", port);
    static const char *const own_env[] = {"DRUMBEAT_SANDBOX_PASSWORD=drumbeat", NULL};
    *sandbox = (struct sandbox){port, url, variables(memory, options->config, url, smtp)};
    *service = (struct service){
        .name = "sandbox",
        .start = services_start_program,
        .program = {.argv = list(memory, argv, count), .env = own_env, .output = output, .death_signal = SIGTERM},
        .stop_signal = SIGTERM,
        .press_signal = SIGKILL,
        .stop_limit = SECONDS(5),
        .give_up_status = 2,
    };
    return true;
}

static void published_path(const char *state, char path[static PATH_MAX])
{
    snprintf(path, PATH_MAX, "%s/sandbox.env", state);
}

bool sandbox_publish(const char *state, const struct sandbox *sandbox, struct err *e)
{
    char path[PATH_MAX];
    published_path(state, path);
    unlink(path);
    if (!sandbox)
        return true;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        return err_errno(e, ERR_REFUSED, errno, "%s", path);
    for (const char *const *variable = sandbox->env; *variable; variable++)
        fprintf(file, "%s\n", *variable);
    return fclose(file) == 0 || err_errno(e, ERR_REFUSED, errno, "%s", path);
}

void sandbox_adopt_published(void)
{
    CLEANUP(text_free) struct text state = {0};
    char path[PATH_MAX], line[SANDBOX_LINE_MAX];
    struct err ignored;
    if (!state_default_folder(&state, &ignored))
        return;
    published_path(text_str(&state), path);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        char *equals = strchr(line, '=');
        line[strcspn(line, "\n")] = '\0';
        if (!equals)
            continue;
        *equals = '\0';
        setenv(line, equals + 1, 0);
    }
    if (file)
        fclose(file);
}
