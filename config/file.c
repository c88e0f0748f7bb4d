/* file: which file is read, and its tree against the options table. */
#include "config/load.h"
#include "config/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Opening a pipe that nobody writes to must not hang; reading one waits for its writer. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        fcntl(fd, F_SETFL, 0);
    return fd;
}

bool file_read(const char *what, const char *path, size_t max, struct text *text, struct err *e)
{
    char buffer[16 * 1024];
    ssize_t got = 1;
    size_t total = 0;
    int fd CLEANUP(close_fd) = open_file(path);
    while (fd >= 0 && got != 0 && total <= max) {
        got = read(fd, buffer, sizeof buffer);
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0) {
            text_add(text, buffer, (size_t)got);
            total += (size_t)got;
        }
    }
    if (fd < 0 || got < 0)
        return err_errno(e, ERR_USAGE, errno, "cannot read %s %s", what, path);
    return total <= max || err_set(e, ERR_USAGE, "%s %s is larger than %zu bytes", what, path, max);
}

bool file_find(const char **name, struct err *e)
{
    static const char *const places[] = {"drumbeat.yaml", "/etc/drumbeat/drumbeat.yaml"};
    *name = getenv("DRUMBEAT_CONFIG");
    if (*name && **name)
        return true;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        *name = places[i];
        if (access(*name, F_OK) == 0)
            return true;
        if (errno != ENOENT && errno != ENOTDIR)
            return err_errno(e, ERR_USAGE, errno, "cannot read the configuration %s", *name);
    }
    *name = NULL;
    return true;
}

/* The file's name and a node's place in it. */
static struct origin origin_of(const struct origin *file, const struct node *node)
{
    return (struct origin){.source = file->source, .name = file->name, .line = node->line, .column = node->column};
}

static bool refuse_at(const struct origin *file, const struct node *node, struct err *e)
{
    return err_add(e, "%s:%zu:%zu", file->name, node->line, node->column);
}

/* Optimal string alignment distance, of the first characters of long words: a swap of neighbours counts as one. */
static size_t distance(const char *a, const char *b)
{
    enum { WORD_MAX = 32 };
    size_t d[WORD_MAX + 1][WORD_MAX + 1] = {{0}};
    size_t m = strnlen(a, WORD_MAX), n = strnlen(b, WORD_MAX);
    for (size_t i = 0; i <= m; i++) {
        for (size_t k = 0; k <= n; k++) {
            if (i == 0 || k == 0) {
                d[i][k] = i + k;
                continue;
            }
            size_t best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
            if (d[i - 1][k] + 1 < best)
                best = d[i - 1][k] + 1;
            if (d[i][k - 1] + 1 < best)
                best = d[i][k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && d[i - 2][k - 2] + 1 < best)
                best = d[i - 2][k - 2] + 1;
            d[i][k] = best;
        }
    }
    return d[m][n];
}

/* The word of a list that was probably meant. */
struct guess {
    const char *written;
    const char *word;
    size_t distance;
};

static void guess(struct guess *g, const char *word)
{
    size_t far = distance(g->written, word);
    if (far <= 2 && far < strlen(word) && (!g->word || far < g->distance)) {
        g->word = word;
        g->distance = far;
    }
}

static bool refuse_key(const struct origin *file, const struct node *key, const struct guess *g, const char *where,
                       struct err *e)
{
    err_set(e, ERR_USAGE, "unknown key '%.100s'%s%s", key->text, *where ? " in " : "", where);
    if (g->word) {
        size_t used = strlen(e->text);
        snprintf(e->text + used, sizeof e->text - used, ", did you mean '%s'?", g->word);
    }
    return refuse_at(file, key, e);
}

static struct entries *find_section(struct loaded *l, const struct origin *file, const struct node *key, struct err *e)
{
    struct guess g = {.written = key->text};
    for (size_t i = 0; i < SECTION_COUNT; i++) {
        if (strcmp(l->sections[i].section->name, key->text) == 0)
            return &l->sections[i];
        guess(&g, l->sections[i].section->name);
    }
    refuse_key(file, key, &g, "", e);
    return NULL;
}

static bool check_map(const struct origin *file, const struct node *node, const char *name, struct err *e)
{
    if (node->type == NODE_MAP)
        return true;
    err_set(e, ERR_USAGE, "%s: must be a mapping", name);
    return refuse_at(file, node, e);
}

static bool entry_names(struct loaded *l, struct entries *entries, const struct node *map, const struct origin *file,
                        struct err *e)
{
    if (map->count > CONFIG_NAMES_MAX) {
        err_set(e, ERR_USAGE, "%s: more than %d names", entries->section->name, CONFIG_NAMES_MAX);
        return refuse_at(file, map, e);
    }
    for (const struct node *member = map->first; member; member = member->next) {
        if (!name_fits(entries->section->rule, member->key->text)) {
            err_set(e, ERR_USAGE, "%s: '%.200s' is not a name (%s)", entries->section->name, member->key->text,
                    entries->section->rule == NAME_SHORT ? "1 to 63 of a-z 0-9 _ . -"
                                                         : "1 to 200 printable characters");
            return refuse_at(file, member->key, e);
        }
        entries_add(l, entries, member->key->text);
    }
    return true;
}

bool file_names(struct loaded *l, const struct node *tree, const struct origin *file, struct err *e)
{
    if (tree && !node_is_null(tree) && !check_map(file, tree, "the configuration", e))
        return false;
    for (const struct node *member = tree ? tree->first : NULL; member; member = member->next) {
        struct entries *entries = find_section(l, file, member->key, e);
        if (!entries)
            return false;
        if (node_is_null(member))
            continue;
        if (!check_map(file, member, entries->section->name, e) ||
            (entries->section->rule != NAME_NONE && !entry_names(l, entries, member, file, e)))
            return false;
    }
    return true;
}

/* Keys are read below a place: an entry and, in a mapping inside it, a prefix such as "command.". */
struct walk {
    struct loaded *l;
    const struct origin *file;
    struct setting at; /* its option is set for each key */
    const char *prefix;
};

static bool apply_value(struct walk *w, const struct node *node, struct err *e)
{
    struct origin origin = origin_of(w->file, node);
    const struct node *wrong = node;
    if (node_is_null(node))
        return true;
    if (node->type == NODE_SCALAR)
        return setting_set(w->l, w->at, node->text, &origin, e);
    if (value_set_node(w->l->memory, setting_option(w->at), setting_slot(w->at), node, &wrong, e)) {
        *setting_origin(w->at) = origin;
        return true;
    }
    origin = origin_of(w->file, wrong);
    return setting_refuse(w->at, &origin, e);
}

/* The option that `key` is, or, when it is a mapping of options ("command"), the first of them. */
static const struct option *find_option(const struct walk *w, const char *key, bool *inner, struct guess *g)
{
    const struct section *section = w->at.entries->section;
    size_t prefix = strlen(w->prefix), length = strlen(key);
    for (const struct option *option = section->options; option->key; option++) {
        if (strncmp(option->key, w->prefix, prefix) != 0)
            continue;
        const char *rest = option->key + prefix;
        size_t word = strcspn(rest, ".");
        *inner = rest[word] == '.';
        if (word == length && strncmp(rest, key, length) == 0)
            return option;
        guess(g, *inner ? region_strndup(w->l->memory, rest, word) : rest);
    }
    return NULL;
}

static void walk_path(const struct walk *w, struct text *out)
{
    const char *name = setting_name(w->at);
    text_printf(out, "%s%s%s", w->at.entries->section->name, name ? "." : "", name ? name : "");
    if (*w->prefix)
        text_printf(out, ".%.*s", (int)strlen(w->prefix) - 1, w->prefix);
}

static bool apply_keys(struct walk *w, const struct node *map, struct err *e)
{
    struct text path CLEANUP(text_free) = {0};
    walk_path(w, &path);
    if (node_is_null(map))
        return true;
    if (!check_map(w->file, map, text_str(&path), e))
        return false;
    for (const struct node *member = map->first; member; member = member->next) {
        bool inner;
        struct guess g = {.written = member->key->text};
        const struct option *option = find_option(w, member->key->text, &inner, &g);
        if (!option)
            return refuse_key(w->file, member->key, &g, text_str(&path), e);
        w->at.option = (size_t)(option - w->at.entries->section->options);
        struct walk below = *w;
        below.prefix = region_printf(w->l->memory, "%s%s.", w->prefix, member->key->text);
        if (inner ? !apply_keys(&below, member, e) : !apply_value(w, member, e))
            return false;
    }
    return true;
}

static bool apply_entries(struct loaded *l, struct entries *entries, const struct node *map, const struct origin *file,
                          struct err *e)
{
    for (const struct node *member = map->first; member; member = member->next) {
        struct walk w = {l, file, {.entries = entries, .entry = entries_find(entries, member->key->text)}, ""};
        entries->declared[w.at.entry] = origin_of(file, member->key);
        if (!apply_keys(&w, member, e))
            return false;
    }
    return true;
}

bool file_apply(struct loaded *l, const struct node *tree, const struct origin *file, struct err *e)
{
    for (const struct node *member = tree ? tree->first : NULL; member; member = member->next) {
        struct entries *entries = find_section(l, file, member->key, e);
        struct walk w = {l, file, {.entries = entries}, ""};
        if (!entries || !(entries->section->rule == NAME_NONE ? apply_keys(&w, member, e)
                                                              : apply_entries(l, entries, member, file, e)))
            return false;
    }
    return true;
}
