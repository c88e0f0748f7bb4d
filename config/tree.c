/* tree: libyaml's events become nodes. Nothing is expanded, so that a small file cannot become a large one. */
#include "config/tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
    struct region *memory;
    const char *name;
    const char *text;
    size_t len;
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    struct err *e;
};

static bool refuse(struct reader *r, yaml_mark_t at, const char *problem)
{
    return err_set(r->e, ERR_USAGE, "%s:%zu:%zu: %s", r->name, at.line + 1, at.column + 1, problem);
}

/* What the byte reader complains about has an offset only. */
static yaml_mark_t mark_of_offset(const struct reader *r, size_t offset)
{
    yaml_mark_t at = {.index = offset};
    for (size_t i = 0; i < offset && i < r->len; i++) {
        bool newline = r->text[i] == '\n';
        at.line += newline;
        at.column = newline ? 0 : at.column + 1;
    }
    return at;
}

static bool refuse_yaml(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_READER_ERROR)
        return refuse(r, mark_of_offset(r, p->problem_offset), p->problem);
    return refuse(r, p->problem_mark, p->problem ? p->problem : "too much for the YAML parser");
}

static bool next_event(struct reader *r)
{
    yaml_event_delete(&r->event);
    return yaml_parser_parse(&r->parser, &r->event) || refuse_yaml(r);
}

static bool skip_events(struct reader *r, int count)
{
    while (count-- > 0)
        if (!next_event(r))
            return false;
    return true;
}

static bool has_properties(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor || event->data.scalar.tag;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    return event->type == YAML_MAPPING_START_EVENT &&
           (event->data.mapping_start.anchor || event->data.mapping_start.tag);
}

static struct node *new_node(struct reader *r, enum node_type type)
{
    struct node *node = region_alloc(r->memory, sizeof *node);
    *node = (struct node){.type = type,
                          .line = r->event.start_mark.line + 1,
                          .column = r->event.start_mark.column + 1,
                          .index = r->event.start_mark.index};
    return node;
}

static struct node *read_scalar(struct reader *r)
{
    const char *value = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    struct node *node = new_node(r, NODE_SCALAR);
    if (memchr(value, '\0', length)) {
        refuse(r, r->event.start_mark, "a text with a NUL character");
        return NULL;
    }
    node->text = region_strndup(r->memory, value, length);
    node->plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return node;
}

static struct node *read_node(struct reader *r, int depth);

static void append(struct node *parent, struct node ***tail, struct node *child)
{
    **tail = child;
    *tail = &child->next;
    parent->count++;
}

static struct node *read_list(struct reader *r, int depth)
{
    struct node *list = new_node(r, NODE_LIST), **tail = &list->first;
    while (next_event(r)) {
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return list;
        struct node *item = read_node(r, depth + 1);
        if (!item)
            return NULL;
        append(list, &tail, item);
    }
    return NULL;
}

static struct node *read_key(struct reader *r)
{
    if (r->event.type == YAML_SCALAR_EVENT)
        return read_node(r, 0);
    refuse(r, r->event.start_mark, "a key that is not a plain word");
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Sorted, so that a large mapping costs little. */
static bool check_unique(struct reader *r, const struct node *map)
{
    size_t count = 0;
    struct node **keys = mem_alloc(map->count * sizeof(struct node *));
    for (struct node *member = map->first; member; member = member->next)
        keys[count++] = member->key;
    qsort(keys, count, sizeof(struct node *), compare_keys);
    const struct node *twice = NULL;
    for (size_t i = 1; i < count && !twice; i++)
        if (strcmp(keys[i - 1]->text, keys[i]->text) == 0)
            twice = keys[i];
    free(keys);
    return !twice || err_set(r->e, ERR_USAGE, "%s:%zu:%zu: the key '%.200s' comes twice", r->name, twice->line,
                             twice->column, twice->text);
}

static struct node *read_map(struct reader *r, int depth)
{
    struct node *map = new_node(r, NODE_MAP), **tail = &map->first;
    while (next_event(r)) {
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return check_unique(r, map) ? map : NULL;
        struct node *key = read_key(r);
        struct node *value = key && next_event(r) ? read_node(r, depth + 1) : NULL;
        if (!value)
            return NULL;
        value->key = key;
        append(map, &tail, value);
    }
    return NULL;
}

/* The node that begins with the current event. */
static struct node *read_node(struct reader *r, int depth)
{
    const char *problem = depth > TREE_DEPTH_MAX              ? "more than 32 levels deep"
                          : r->event.type == YAML_ALIAS_EVENT ? "aliases are not supported: write the value again"
                          : has_properties(&r->event)         ? "anchors and tags are not supported"
                                                              : NULL;
    if (problem) {
        refuse(r, r->event.start_mark, problem);
        return NULL;
    }
    if (r->event.type == YAML_SEQUENCE_START_EVENT)
        return read_list(r, depth);
    if (r->event.type == YAML_MAPPING_START_EVENT)
        return read_map(r, depth);
    return read_scalar(r);
}

_Static_assert(TREE_DEPTH_MAX == 32, "the message in read_node() says 32");

/* Stream, at most one document, end of the stream. */
static bool read_stream(struct reader *r, struct node **tree)
{
    if (!skip_events(r, 2))
        return false;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return true;
    if (!next_event(r) || !(*tree = read_node(r, 1)) || !skip_events(r, 2))
        return false;
    return r->event.type == YAML_STREAM_END_EVENT || refuse(r, r->event.start_mark, "a second document");
}

bool tree_read(struct region *memory, const char *name, const char *text, size_t len, struct node **tree, struct err *e)
{
    struct reader r = {.memory = memory, .name = name, .text = text, .len = len, .e = e};
    *tree = NULL;
    if (!yaml_parser_initialize(&r.parser))
        return err_set(e, ERR_LIMIT, "%s: no memory for the YAML parser", name);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    bool ok = read_stream(&r, tree);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return ok;
}

bool node_is_null(const struct node *node)
{
    return node->type == NODE_SCALAR && node->plain &&
           (*node->text == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

static const char *skip_digits(const char *p)
{
    while (isdigit((unsigned char)*p))
        p++;
    return p;
}

/* RFC 8259 section 6. */
static bool is_json_number(const char *p)
{
    p += *p == '-';
    const char *end = *p == '0' ? p + 1 : skip_digits(p);
    if (end == p)
        return false;
    if (*end == '.') {
        p = end + 1;
        if ((end = skip_digits(p)) == p)
            return false;
    }
    if (*end == 'e' || *end == 'E') {
        p = end + 1 + (end[1] == '+' || end[1] == '-');
        if ((end = skip_digits(p)) == p)
            return false;
    }
    return *end == '\0';
}

static void scalar_json(const struct node *node, struct text *out)
{
    if (node_is_null(node))
        text_puts(out, "null");
    else if (node->plain &&
             (is_json_number(node->text) || strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0))
        text_puts(out, node->text);
    else
        text_json_string(out, node->text, strlen(node->text));
}

void node_json(const struct node *node, struct text *out)
{
    if (node->type == NODE_SCALAR) {
        scalar_json(node, out);
        return;
    }
    text_putc(out, node->type == NODE_MAP ? '{' : '[');
    for (const struct node *child = node->first; child; child = child->next) {
        if (child->key) {
            text_json_string(out, child->key->text, strlen(child->key->text));
            text_putc(out, ':');
        }
        node_json(child, out);
        if (child->next)
            text_putc(out, ',');
    }
    text_putc(out, node->type == NODE_MAP ? '}' : ']');
}
