/* lua_doc.c - the program `lua_doc`: everything written that follows from lua_api.def and
 * facteur/hooks.def.
 *
 *   lua_doc write ROOT    writes docs/lua-api.md, lua/lib/facteur.d.lua, lua/.luacheckrc, the
 * tables of lua/README.md and the files that docs/lua-tutorial.md shows lua_doc check ROOT    exits
 * 1 and names the file when one of them is not what it would write (a test) */
#include <facteur/plugin.h>

#include <errno.h>
#include <stdlib.h>

struct object {
    const char *name, *doc;
};

/* A field, method, function or value; `kind` is one of the letters F M P f v. */
struct entry {
    char kind;
    const char *owner, *name, *arguments, *type, *doc, *example;
};

struct hook {
    const char *name, *text, *kind, *doc;
    uint32_t verdicts;
};

struct hook_field {
    const char *hook, *name, *type, *doc;
};

/* clang-format off */
static const struct object objects[] = {
#define OBJECT(name, doc) {#name, doc},
#include "lua_api.def"
};
static const struct entry entries[] = {
#define FIELD(object, name, type, doc, example)                       {'F', #object, #name, "", type, doc, example},
#define METHOD(object, name, arguments, returns, doc, example)        {'M', #object, #name, arguments, returns, doc, example},
#define PLAIN(object, name, type, doc, example)                       {'P', #object, #name, "", type, doc, example},
#define FUNCTION(library, name, arguments, returns, doc, example)     {'f', #library, #name, arguments, returns, doc, example},
#define VALUE(library, name, type, doc, example)                      {'v', #library, #name, "", type, doc, example},
#include "lua_api.def"
};
static const struct object libraries[] = {
#define LIBRARY(name, doc) {#name, doc},
#include "lua_api.def"
};
static const struct object stock[] = {
#define STOCK(library, names) {#library, names},
#include "lua_api.def"
};
static const struct hook hooks[] = {
#define HOOK(name, text, kind, verdicts, doc) {#name, text, #kind, doc, (verdicts)},
#include <facteur/hooks.def>
};
static const struct hook_field hook_fields[] = {
#define FIELD(hook, name, type, doc) {#hook, #name, #type, doc},
#include <facteur/hooks.def>
};
static const struct hook_field hook_changes[] = {
#define CHANGE(hook, name, type, doc) {#hook, #name, #type, doc},
#include <facteur/hooks.def>
};
/* clang-format on */

#define EACH(type, item, table) \
    for (const type *item = table; item < table + FCT_COUNT(table); item++)

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static const char *lua_type_of(const char *field_type)
{
    return is(field_type, "STR")    ? "string"
           : is(field_type, "U64")  ? "integer"
           : is(field_type, "LIST") ? "string[]"
                                    : "boolean";
}

/* ---- the tables of hooks, for README.md and the manual ---- */

static void print_results(FILE *out, const struct hook *h)
{
    static const char *const names[] = {NULL,       "accept", "quarantine", "discard",
                                        "tempfail", "reject", "disconnect", "skip"};
    const char *between = "";

    for (size_t i = 1; i < FCT_COUNT(names); i++)
        if (h->verdicts & (1u << i)) {
            fprintf(out, "%s%s", between, names[i]);
            between = " ";
        }
}

static void print_hook_fields(FILE *out, const struct hook *h, const struct hook_field *table,
                              size_t n)
{
    const char *between = "";

    for (const struct hook_field *f = table; f < table + n; f++)
        if (is(f->hook, h->name)) {
            fprintf(out, "%s`%s` %s", between, f->name, f->doc);
            between = "; ";
        }
    fprintf(out, " | ");
}

static void print_hook_table(FILE *out)
{
    fprintf(out, "| hook | when | fields of `ev` | may be set: `ev.NAME = value` | may answer "
                 "|\n|---|---|---|---|---|\n");
    EACH(struct hook, h, hooks)
    {
        fprintf(out, "| %s | %s | ", h->text, h->doc);
        print_hook_fields(out, h, hook_fields, FCT_COUNT(hook_fields));
        print_hook_fields(out, h, hook_changes, FCT_COUNT(hook_changes));
        print_results(out, h);
        fprintf(out, " |\n");
    }
}

/* ---- docs/lua-api.md ---- */

/* A library and an object may have one name, as time and url do. */
static bool printing_libraries;

static void print_signature(FILE *out, const struct entry *e)
{
    bool table = e->arguments[0] == '{', function = e->kind == 'f' || e->kind == 'v';

    if (function && !is(e->owner, "global"))
        fprintf(out, "`%s.%s", e->owner, e->name);
    else
        fprintf(out, "`%s%s", e->kind == 'M' ? ":" : "", e->name);
    if (e->kind == 'M' || e->kind == 'f')
        fprintf(out, table ? " %s`" : "(%s)`", e->arguments);
    else
        fprintf(out, "`");
}

/* In a table a bar must not end the cell, inside `code` too. */
static void print_cell(FILE *out, const char *text)
{
    for (; *text; text++)
        fprintf(out, *text == '|' ? "\\|" : "%c", *text);
}

static void print_entries(FILE *out, const char *owner)
{
    bool any = false;

    EACH(struct entry, e, entries)
    any = any || is(e->owner, owner);
    if (!any)
        return;
    fprintf(out, "| | gives | meaning | example |\n|---|---|---|---|\n");
    EACH(struct entry, e, entries)
    {
        if (!is(e->owner, owner) || (strchr("fv", e->kind) != NULL) != printing_libraries)
            continue;
        fprintf(out, "| ");
        print_signature(out, e);
        fprintf(out, " | ");
        print_cell(out, e->type);
        fprintf(out, " | ");
        print_cell(out, e->doc);
        fprintf(out, " | `");
        print_cell(out, e->example);
        fprintf(out, "` |\n");
    }
    fprintf(out, "\n");
}

static void print_manual(FILE *out)
{
    fprintf(out, "<!-- generated by lua_doc from lua/engine/lua_api.def and "
                 "include/facteur/hooks.def; do not edit -->\n"
                 "# What a Lua rule file can use\n\n"
                 "Lua 5.4; first steps are in lua/README.md, a course in docs/lua-tutorial.md. `?` "
                 "behind a type: may be nil; behind an argument: may be left out.\n\n"
                 "# Functions\n\n");
    printing_libraries = true;
    EACH(struct object, l, libraries)
    {
        fprintf(out, "## %s\n\n%s.\n\n", l->name, l->doc);
        print_entries(out, l->name);
    }
    printing_libraries = false;
    fprintf(out, "# Objects\n\n");
    EACH(struct object, o, objects)
    {
        fprintf(out, "## %s\n\n%s.\n\n", o->name, o->doc);
        print_entries(out, o->name);
    }
    fprintf(out, "# Hooks\n\nThe second argument of a callback, here `ev`, has the fields of its "
                 "hook.\n\n");
    print_hook_table(out);
    fprintf(out, "\n# What is there of Lua's own library\n\n| library | functions |\n|---|---|\n");
    EACH(struct object, s, stock)
    fprintf(out, "| %s | %s |\n", s->name, s->doc);
}

/* ---- lua/lib/facteur.d.lua: annotations for editors (EmmyLua, lua-language-server) ---- */

/* "name, nth?" as one @param line each, and the bare names for the signature. */
static void print_parameters(FILE *out, const char *arguments, char *names, size_t size)
{
    size_t used = 0;

    names[0] = '\0';
    if (arguments[0] == '{') {
        fprintf(out, "---@param declaration table %s\n", arguments);
        snprintf(names, size, "declaration");
        return;
    }
    while (*arguments) {
        size_t n = strcspn(arguments, ",");
        bool optional = n > 0 && arguments[n - 1] == '?';
        fprintf(out, "---@param %.*s any\n", (int)n, arguments);
        used += (size_t)snprintf(names + used, size - used, "%s%.*s", used ? ", " : "",
                                 (int)(n - optional), arguments);
        arguments += n;
        arguments += strspn(arguments, ", ");
    }
}

static void print_function(FILE *out, const struct entry *e)
{
    char names[256];

    fprintf(out, "---%s\n", e->doc);
    print_parameters(out, e->arguments, names, sizeof names);
    if (*e->type)
        fprintf(out, "---@return %s\n", e->type);
    if (e->kind == 'M')
        fprintf(out, "function %s_object:%s(%s) end\n\n", e->owner, e->name, names);
    else if (is(e->owner, "global"))
        fprintf(out, "function %s(%s) end\n\n", e->name, names);
    else
        fprintf(out, "function %s.%s(%s) end\n\n", e->owner, e->name, names);
}

static void print_annotations(FILE *out)
{
    fprintf(out, "---@meta\n-- Generated by lua_doc; do not edit. For editors: nothing here "
                 "runs.\n\n---@class result\n\n");
    EACH(struct object, l, libraries)
    if (!is(l->name, "global"))
        fprintf(out, "---%s\n%s = {}\n", l->doc, l->name);
    fprintf(out, "\n---@type table<string, list>\nlists = {}\n\n");
    EACH(struct object, o, objects)
    {
        fprintf(out, "---%s\n---@class %s\n", o->doc, o->name);
        EACH(struct entry, e, entries)
        if (is(e->owner, o->name) && (e->kind == 'F' || e->kind == 'P'))
            fprintf(out, "---@field %s %s %s\n", e->name, e->type, e->doc);
        fprintf(out, "local %s_object = {}\n\n", o->name);
    }
    EACH(struct hook, h, hooks)
    {
        fprintf(out, "---%s\n---@class ev_%s\n", h->doc, h->name);
        EACH(struct hook_field, f, hook_fields)
        if (is(f->hook, h->name))
            fprintf(out, "---@field %s %s %s\n", f->name, lua_type_of(f->type), f->doc);
        fprintf(out, "\n");
    }
    EACH(struct entry, e, entries)
    {
        if (e->kind == 'M' || e->kind == 'f')
            print_function(out, e);
        if (e->kind == 'v')
            fprintf(out, "---%s\n%s.%s = nil\n\n", e->doc, e->owner, e->name);
    }
}

/* ---- lua/.luacheckrc ---- */

/* One quoted word after a comma, but for the first. */
static void print_word(FILE *out, const char *word, size_t n, bool *first)
{
    fprintf(out, "%s\"%.*s\"", *first ? "" : ", ", (int)n, word);
    *first = false;
}

static void print_words(FILE *out, const char *words, bool *first)
{
    while (*words) {
        size_t n = strcspn(words, " ");
        print_word(out, words, n, first);
        words += n + strspn(words + n, " ");
    }
}

static void print_library(FILE *out, const char *name, const char *words)
{
    bool first = true;

    fprintf(out, "    %s = { fields = { ", name);
    print_words(out, words, &first);
    fprintf(out, " } },\n");
}

static void print_own_library(FILE *out, const char *name)
{
    bool first = true;

    fprintf(out, "    %s = { fields = { ", name);
    EACH(struct entry, e, entries)
    if ((e->kind == 'f' || e->kind == 'v') && is(e->owner, name))
        print_word(out, e->name, strlen(e->name), &first);
    fprintf(out, " } },\n");
}

static void print_luacheck(FILE *out)
{
    bool first = true;

    fprintf(out,
            "-- Generated by lua_doc; do not edit. Globals of a rule file, all read-only: luacheck "
            "lua/filters\nstds.facteur = {\n  read_globals = {\n    ");
    EACH(struct entry, e, entries)
    if (e->kind == 'f' && is(e->owner, "global"))
        print_word(out, e->name, strlen(e->name), &first);
    EACH(struct object, s, stock)
    if (is(s->name, "base"))
        print_words(out, s->doc, &first);
    fprintf(out, ",\n");
    EACH(struct object, s, stock)
    if (!is(s->name, "base"))
        print_library(out, s->name, s->doc);
    EACH(struct object, l, libraries)
    if (!is(l->name, "global"))
        print_own_library(out, l->name);
    fprintf(out, "    lists = { other_fields = true },\n");
    fprintf(out, "  },\n}\nstd = \"facteur\"\nmax_line_length = 160\n");
}

/* ---- files ---- */

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = NULL;
    size_t n = 0;

    if (!f)
        return NULL;
    if (getdelim(&text, &n, '\0', f) < 0 && !text)
        text = calloc(1, 1);
    fclose(f);
    return text;
}

#define BEGIN "<!-- begin: written by lua_doc -->\n"
#define END_  "<!-- end: written by lua_doc -->\n"

/* README.md is written by people but for what stands between two marks. */
static void print_readme(FILE *out, const char *old)
{
    const char *begin = old ? strstr(old, BEGIN) : NULL, *end = begin ? strstr(begin, END_) : NULL;

    if (!end) {
        fprintf(stderr, "lua/README.md has no marks for its tables\n");
        exit(1);
    }
    fprintf(out, "%.*s\n", (int)(begin - old + (ptrdiff_t)strlen(BEGIN)), old);
    print_hook_table(out);
    fprintf(out, "\n%s", end);
}

#define INCLUDE "<!-- file: "

/* Behind the fenced block at `at`, or `at` itself when there is none. */
static const char *behind_block(const char *at)
{
    const char *end;

    at += strspn(at, "\n");
    end = strncmp(at, "```lua\n", 7) == 0 ? strstr(at, "\n```\n") : NULL;
    return end ? end + 5 : at;
}

/* The course is written by people but for the files it shows: `<!-- file: PATH -->` and a block. */
static void print_tutorial(FILE *out, const char *old, const char *root)
{
    const char *at = old, *mark;

    while ((mark = strstr(at, INCLUDE))) {
        const char *name = mark + strlen(INCLUDE), *end = strstr(name, " -->\n");
        char path[4096], *text;

        if (!end)
            break;
        snprintf(path, sizeof path, "%s/%.*s", root, (int)(end - name), name);
        text = read_file(path);
        if (!text) {
            fprintf(stderr, "docs/lua-tutorial.md names %s, which is not there\n", path);
            exit(1);
        }
        fprintf(out, "%.*s -->\n```lua\n%s```\n\n", (int)(end - at), at, text);
        free(text);
        at = behind_block(end + strlen(" -->\n"));
        at += strspn(at, "\n");
    }
    fputs(at, out);
}

/* Writes `text` to path, or says that the file differs. */
static bool settle(const char *path, const char *text, bool write)
{
    char *now = read_file(path);
    bool same = now && is(now, text);
    FILE *f;

    free(now);
    if (same)
        return true;
    if (!write) {
        fprintf(stderr, "%s is not up to date: run lua_doc write\n", path);
        return false;
    }
    f = fopen(path, "we");
    if (!f || fputs(text, f) == EOF || fclose(f) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    printf("wrote %s\n", path);
    return true;
}

static bool make(const char *root, const char *name, void (*print)(FILE *out), bool write)
{
    char path[4096], *text = NULL, *old;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    bool ok;

    if (!out)
        return false;
    snprintf(path, sizeof path, "%s/%s", root, name);
    if (print) {
        print(out);
    } else {
        old = read_file(path);
        if (strstr(name, "tutorial"))
            print_tutorial(out, old ? old : "", root);
        else
            print_readme(out, old);
        free(old);
    }
    fclose(out);
    ok = settle(path, text, write);
    free(text);
    return ok;
}

/* Everything has a sentence and an example. */
static bool complete(void)
{
    bool ok = true;

    EACH(struct entry, e, entries)
    if (!*e->doc || !*e->example) {
        fprintf(stderr, "lua_api.def: %s.%s lacks its sentence or its example\n", e->owner,
                e->name);
        ok = false;
    }
    return ok;
}

int main(int argc, char **argv)
{
    bool write = argc == 3 && is(argv[1], "write"), ok;

    if (argc != 3 || (!write && !is(argv[1], "check"))) {
        fprintf(stderr, "usage: lua_doc write|check ROOT\n");
        return 2;
    }
    ok = complete();
    ok = make(argv[2], "docs/lua-api.md", print_manual, write) && ok;
    ok = make(argv[2], "lua/lib/facteur.d.lua", print_annotations, write) && ok;
    ok = make(argv[2], "lua/.luacheckrc", print_luacheck, write) && ok;
    ok = make(argv[2], "lua/README.md", NULL, write) && ok;
    ok = make(argv[2], "docs/lua-tutorial.md", NULL, write) && ok;
    return ok ? 0 : 1;
}
