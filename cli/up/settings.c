/* settings: a row a setting; sized for two cores that the server shares with workers, beat and whoever reads. */
#include "cli/up/settings.h"

#include <inttypes.h>
#include <stddef.h>
#include <unistd.h>

enum { SHARED_BUFFERS_MIN_MIB = 64, SHARED_BUFFERS_MAX_MIB = 1024, SHARED_BUFFERS_PART = 16 };

static const struct {
    const char *name, *value, *why;
} settings[] = {
    {"listen_addresses", "''", "the socket is the only way in"},
    {"port", "5432", "only a part of the socket's name"},
    {"unix_socket_permissions", "0700", NULL},
    {"password_encryption", "scram-sha-256", NULL},
    {"max_connections", "300", "256 children and their keeper, beat, readers"},
    {"max_worker_processes", "4", NULL},
    {"max_parallel_workers_per_gather", "1", NULL},
    {"huge_pages", "try", NULL},
    {"jit", "off", "statements are short; compiling them is not"},
    {"wal_level", "minimal", "nothing follows this server"},
    {"max_wal_senders", "0", NULL},
    {"max_wal_size", "2GB", "a bulk import is not interrupted by checkpoints"},
    {"checkpoint_timeout", "15min", NULL},
    {"wal_compression", "lz4", NULL},
    {"random_page_cost", "1.1", NULL},
    {"autovacuum_naptime", "10s", "queue tables are small and change fast"},
    {"autovacuum_vacuum_cost_limit", "2000", NULL},
    {"idle_in_transaction_session_timeout", "0", "a handler's transaction may wait for its upstream"},
    {"timezone", "'UTC'", NULL},
    {"log_timezone", "'UTC'", NULL},
    {"log_destination", "'stderr'", NULL},
    {"logging_collector", "off", "the log is a file of the state folder"},
    {"log_line_prefix", "'%m [%p] '", NULL},
    {"log_checkpoints", "off", NULL},
    {"log_min_error_statement", "panic", "statements and their values stay out of the log"},
    {"log_parameter_max_length_on_error", "0", NULL},
};

/* A sixteenth of the machine: the operating system's cache does the rest. */
static int64_t shared_buffers_mib(void)
{
    int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20;
    int64_t part = memory / SHARED_BUFFERS_PART;
    if (part < SHARED_BUFFERS_MIN_MIB)
        return SHARED_BUFFERS_MIN_MIB;
    return part > SHARED_BUFFERS_MAX_MIB ? SHARED_BUFFERS_MAX_MIB : part;
}

/* A value in quotes (PostgreSQL 15, section 20.1.2): quotes inside are doubled. */
static void add_quoted(struct text *out, const char *name, const char *value)
{
    text_printf(out, "%s = '", name);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            text_putc(out, *value);
        text_putc(out, *value);
    }
    text_puts(out, "'\n");
}

void settings_write(struct text *out, const char *socket_folder)
{
    text_puts(out, "# Written by `drumbeat up` at every start. Settings of your own go into local.conf in this folder.\n");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        text_printf(out, "%s = %s", settings[i].name, settings[i].value);
        text_printf(out, settings[i].why ? "  # %s\n" : "%s\n", settings[i].why ? settings[i].why : "");
    }
    text_printf(out, "shared_buffers = %" PRId64 "MB\n", shared_buffers_mib());
    add_quoted(out, "unix_socket_directories", socket_folder);
    text_puts(out, "include_if_exists = 'local.conf'\n");
}
