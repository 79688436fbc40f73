/* conf_file.c - the syntax: `block label { key = value … }`, comments, lists, include. Knows no
 * setting by name.
 *
 *   file    = *( "include" word / block )
 *   block   = word [ word ] "{" *( word ( "=" / "+=" ) value ) "}"
 *   value   = word / string / "[" *( ( word / string ) [ "," ] ) "]"
 *   string  = DQUOTE *( any but DQUOTE, CR, LF / "\" ( DQUOTE / "\" ) ) DQUOTE */
#include "core/conf/conf_int.h"

#include "core/base/str.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_FILE_BYTES (4u << 20)
#define MAX_LIST       4096u
#define MAX_INCLUDES   16u /* files within files */

enum token_kind {
    T_END,
    T_WORD,
    T_STRING,
    T_OPEN,
    T_CLOSE,
    T_LIST,
    T_LIST_END,
    T_COMMA,
    T_SET,
    T_ADD,
    T_BAD
};

struct token {
    enum token_kind kind;
    const char *text; /* words and strings */
    unsigned line, column;
};

struct reader {
    struct config *config;
    struct conf_errors *errors;
    const char *file;
    const char *at, *end, *line_start;
    unsigned line, depth;
    struct token token; /* the one in hand */
};

static bool refuse(struct reader *r, const struct token *where, const char *what)
{
    return conf_error(r->errors, r->file, where->line, where->column, "%s", what);
}

/* ---- tokens ---- */

static void skip_space(struct reader *r)
{
    for (; r->at < r->end; r->at++) {
        if (*r->at == '#')
            while (r->at + 1 < r->end && r->at[1] != '\n')
                r->at++;
        else if (*r->at == '\n') {
            r->line++;
            r->line_start = r->at + 1;
        } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
            return;
    }
}

static bool is_word_char(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f && !strchr("{}[]=,\"#", c);
}

static enum token_kind take_word(struct reader *r)
{
    const char *start = r->at;

    /* "+=" after a key is an operator even without a space: a word never ends in "+" before "=" */
    while (r->at < r->end && is_word_char(*r->at) &&
           !(*r->at == '+' && r->at + 1 < r->end && r->at[1] == '='))
        r->at++;
    if (r->at == start)
        return T_BAD;
    r->token.text = arena_cstr(r->config->arena, str_between(start, r->at));
    return T_WORD;
}

static enum token_kind take_string(struct reader *r)
{
    size_t line =
        strcspn(r->at, "\n"); /* the bytes of a file end with a NUL; a string ends in its line */
    char *to = arena_alloc(r->config->arena, line + 1);
    size_t n = 0;

    for (r->at++; r->at < r->end && *r->at != '\n' && *r->at; r->at++) {
        if (*r->at == '"') {
            r->at++;
            to[n] = '\0';
            r->token.text = to;
            return T_STRING;
        }
        if (*r->at == '\\' && r->at + 1 < r->end && (r->at[1] == '"' || r->at[1] == '\\'))
            r->at++;
        to[n++] = *r->at;
    }
    return T_BAD;
}

static enum token_kind take_token(struct reader *r)
{
    static const char marks[] = "{}[],=";
    static const enum token_kind kinds[] = {T_OPEN, T_CLOSE, T_LIST, T_LIST_END, T_COMMA, T_SET};
    const char *mark;

    if (r->at == r->end)
        return T_END;
    if (*r->at == '"')
        return take_string(r);
    if (*r->at == '+' && r->at + 1 < r->end && r->at[1] == '=') {
        r->at += 2;
        return T_ADD;
    }
    mark = *r->at ? strchr(marks, *r->at) : NULL;
    if (!mark)
        return take_word(r);
    r->at++;
    return kinds[mark - marks];
}

static enum token_kind next(struct reader *r)
{
    skip_space(r);
    r->token = (struct token){.line = r->line, .column = (unsigned)(r->at - r->line_start) + 1};
    r->token.kind = take_token(r);
    return r->token.kind;
}

/* ---- statements ---- */

static struct conf_place place_of(const struct reader *r)
{
    return (struct conf_place){r->file, r->token.line, r->token.column};
}

static bool read_list(struct reader *r, struct conf_pair *pair)
{
    struct conf_place *place = NULL;
    const char **item = NULL;
    size_t n = 0, room = 0;

    while (next(r) != T_LIST_END) {
        if (r->token.kind == T_COMMA)
            continue;
        if (r->token.kind != T_WORD && r->token.kind != T_STRING)
            return refuse(r, &r->token, "a list holds words or strings and ends with ]");
        if (n == MAX_LIST)
            return refuse(r, &r->token, "list too long");
        if (n == room) {
            item =
                arena_grow(r->config->arena, item, n * sizeof *item, (room * 2 + 8) * sizeof *item);
            place = arena_grow(r->config->arena, place, n * sizeof *place,
                               (room * 2 + 8) * sizeof *place);
            room = room * 2 + 8;
        }
        place[n] = place_of(r);
        item[n++] = r->token.text;
    }
    pair->values = (struct fct_strings){item, n};
    pair->place = place;
    return true;
}

static bool read_value(struct reader *r, struct conf_pair *pair)
{
    struct conf_place *place;
    const char **one;

    if (next(r) == T_LIST)
        return read_list(r, pair);
    if (r->token.kind != T_WORD && r->token.kind != T_STRING)
        return refuse(r, &r->token,
                      "a value is missing: write key = value; quote values with spaces or any of { "
                      "} [ ] = , #");
    one = ARENA_NEW(r->config->arena, const char *);
    *one = r->token.text;
    place = ARENA_NEW(r->config->arena, struct conf_place);
    *place = place_of(r);
    pair->values = (struct fct_strings){one, 1};
    pair->place = place;
    return true;
}

static struct conf_pair *pair_find(struct conf_instance *in, const char *key)
{
    for (size_t i = 0; i < in->n; i++)
        if (strcmp(in->pair[i].key, key) == 0)
            return &in->pair[i];
    return NULL;
}

/* `pair` with the values of `old` in front. */
static void join(struct arena *arena, const struct conf_pair *old, struct conf_pair *pair)
{
    size_t n = old->values.n + pair->values.n;
    struct conf_place *place = ARENA_ARRAY(arena, struct conf_place, n + 1);
    const char **item = ARENA_ARRAY(arena, const char *, n + 1);

    for (size_t i = 0; i < n; i++) {
        bool first = i < old->values.n;
        const struct conf_pair *from = first ? old : pair;

        item[i] = from->values.item[first ? i : i - old->values.n];
        place[i] = from->place[first ? i : i - old->values.n];
    }
    pair->values = (struct fct_strings){item, n};
    pair->place = place;
}

/* The one rule of merging: a later file wins per key, `+=` adds to a list, the same key twice in
 * one file is an error. */
static bool put_pair(struct reader *r, struct conf_instance *in, struct conf_pair pair, bool add,
                     const struct token *where)
{
    struct conf_pair *old = pair_find(in, pair.key);

    if (old && old->file == pair.file && !add)
        return conf_error(r->errors, r->file, where->line, where->column,
                          "%s is set twice in this file, first in line %u", pair.key, old->line);
    if (old) {
        if (add)
            join(r->config->arena, old, &pair);
        *old = pair;
        return true;
    }
    if (in->n == in->room) {
        in->pair = arena_grow(r->config->arena, in->pair, in->n * sizeof pair,
                              (in->room * 2 + 8) * sizeof pair);
        in->room = in->room * 2 + 8;
    }
    in->pair[in->n++] = pair;
    return true;
}

/* `path` as meant in this file: from its folder. With a slash in any case: dlopen() takes a name
 * without one for a library of the system. */
static const char *from_folder(const struct reader *r, const char *path)
{
    const char *slash = strrchr(r->file, '/');
    struct fct_str folder = slash ? str_between(r->file, slash + 1) : FCT_STR("./");

    if (path[0] == '/' || !path[0])
        return path;
    return arena_printf(r->config->arena, "%.*s%s", FCT_FMT(folder), path).p;
}

static void name_files(const struct reader *r, const struct conf_block *block,
                       struct conf_pair *pair)
{
    const char **item;

    if (!block || !block->files || strcmp(block->files, pair->key) != 0)
        return;
    item = ARENA_ARRAY(r->config->arena, const char *, pair->values.n + 1);
    for (size_t i = 0; i < pair->values.n; i++)
        item[i] = from_folder(r, pair->values.item[i]);
    pair->values.item = item;
}

static bool read_pair(struct reader *r, struct conf_instance *in)
{
    struct token key = r->token;
    struct conf_pair pair = {
        .key = key.text, .file = r->file, .line = key.line, .column = key.column};
    enum token_kind how = next(r);

    if (how != T_SET && how != T_ADD)
        return refuse(r, &r->token, "expected = after the key");
    if (!read_value(r, &pair))
        return false;
    name_files(r, in->block, &pair);
    return put_pair(r, in, pair, how == T_ADD, &key);
}

static const struct conf_block *block_find(struct reader *r, const struct token *name)
{
    const char *names[64], *near;
    size_t n = 0;

    for (const struct conf_block *const *b = r->config->blocks; *b && n < FCT_COUNT(names); b++) {
        if (strcmp((*b)->name, name->text) == 0)
            return *b;
        names[n++] = (*b)->name;
    }
    near = conf_nearest(name->text, names, n);
    conf_error(r->errors, r->file, name->line, name->column,
               near ? "unknown block \"%s\"; did you mean \"%s\"?" : "unknown block \"%s\"%s",
               name->text, near ? near : "");
    return NULL;
}

/* A block nobody knows is read to its end, so that later errors are found as well. */
static bool read_block(struct reader *r)
{
    struct token name = r->token;
    const struct conf_block *block = block_find(r, &name);
    const char *label = NULL;
    struct conf_instance scrap = {0}, *in = &scrap;

    if (next(r) == T_WORD || r->token.kind == T_STRING) {
        label = r->token.text;
        if (block && !block->labelled)
            return refuse(r, &r->token, "this block takes no name");
        next(r);
    }
    if (r->token.kind != T_OPEN)
        return refuse(r, &r->token,
                      r->token.kind == T_SET ? "settings stand in a block: name { key = value }"
                                             : "expected { to open the block");
    if (block)
        in = conf_instance_at(r->config, block, label);
    while (next(r) != T_CLOSE) {
        if (r->token.kind == T_END)
            return conf_error(r->errors, r->file, name.line, name.column,
                              "this block is never closed: } is missing");
        if (r->token.kind != T_WORD)
            return refuse(r, &r->token, "expected a key or }");
        if (!read_pair(r, in))
            return false;
    }
    return block != NULL;
}

static bool read_file(struct config *c, const char *path, unsigned depth,
                      struct conf_errors *errors, const struct token *from, const char *from_file);

static bool read_include(struct reader *r)
{
    struct token here = r->token;
    const char *pattern;
    glob_t found;
    bool ok = true;

    if (next(r) != T_WORD && r->token.kind != T_STRING)
        return refuse(r, &r->token, "include needs a file name or pattern");
    pattern = from_folder(r, r->token.text);
    if (glob(pattern, 0, NULL, &found) !=
        0) /* a pattern may match nothing; a plain name must exist */
        return strpbrk(pattern, "*?[") ? true
                                       : conf_error(r->errors, r->file, here.line, here.column,
                                                    "include: no file %s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        ok &= read_file(r->config, found.gl_pathv[i], r->depth + 1, r->errors, &here, r->file);
    globfree(&found);
    return ok;
}

static bool read_statements(struct reader *r)
{
    bool ok = true;

    while (next(r) != T_END) {
        bool good;

        if (r->token.kind != T_WORD)
            return refuse(r, &r->token, "expected a block or include");
        good = strcmp(r->token.text, "include") == 0 ? read_include(r) : read_block(r);
        ok &= good;
        if (!good && r->token.kind != T_CLOSE)
            return false; /* lost: what follows would only be noise */
    }
    return ok;
}

static bool load_bytes(struct arena *arena, const char *path, struct fct_str *out)
{
    FILE *f = fopen(path, "re");
    struct buf b = BUF_INIT(MAX_FILE_BYTES);
    char chunk[8192];
    size_t n;

    if (!f)
        return false;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_put(&b, chunk, n);
    if (ferror(f) || b.overflow) {
        errno = b.overflow ? EFBIG : EIO;
        fclose(f);
        buf_free(&b);
        return false;
    }
    fclose(f);
    *out = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return true;
}

static bool read_file(struct config *c, const char *path, unsigned depth,
                      struct conf_errors *errors, const struct token *from, const char *from_file)
{
    const char *name = arena_cstr(c->arena, str_from(path));
    struct reader r = {.config = c, .errors = errors, .file = name, .line = 1, .depth = depth};
    struct fct_str bytes;

    if (depth > MAX_INCLUDES)
        return conf_error(errors, from_file, from->line, from->column,
                          "includes are nested too deep (does a file include itself?)");
    if (!load_bytes(c->arena, path, &bytes))
        return conf_error(errors, from ? from_file : name, from ? from->line : 0,
                          from ? from->column : 0, "cannot read %s: %s", name, strerror(errno));
    r.at = r.line_start = bytes.p;
    r.end = bytes.p + bytes.n;
    return read_statements(&r);
}

bool conf_file_read(struct config *c, const char *path, struct conf_errors *errors)
{
    return read_file(c, path, 0, errors, NULL, NULL);
}

bool conf_standing_read(struct config *c, const struct conf_block *block,
                        struct conf_errors *errors)
{
    struct fct_str text = str_from(block->standing);
    struct reader r = {.config = c, .errors = errors, .file = "built-in", .line = 1};
    size_t before = c->n;
    bool ok;

    r.at = r.line_start = text.p;
    r.end = text.p + text.n;
    ok = read_statements(&r);
    for (size_t i = before; i < c->n; i++)
        c->instance[i]->is_standing = true;
    return ok;
}
