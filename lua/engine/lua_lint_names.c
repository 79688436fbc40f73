/* lua_lint_names.c - names of a rule file that nobody declared, and names that nobody uses.
 *
 * Not a parser: the words of the file, its blocks and its brackets. Where Lua's scope rules are
 * finer (`local x = x`), it is silent rather than wrong. */
#include "lua_lint.h"

#include <ctype.h>
#include <stdlib.h>

#define NAMES_MOST  2000
#define BLOCKS_MOST 200
#define DEPTH_MOST  200

enum token { T_END, T_NAME, T_WORD, T_OTHER }; /* T_WORD: reserved */

struct scan {
    const char *at, *end;
    unsigned line;
    enum token kind;
    struct fct_str text;
};

struct name {
    struct fct_str text;
    unsigned line;
    bool used, parameter;
};

struct names {
    struct lua_lint_report *report;
    const char *path;
    bool (*is_global)(void *arg, struct fct_str name);
    void *arg;
    struct name name[NAMES_MOST];
    size_t n, block[BLOCKS_MOST], blocks; /* block: how many names there were when it began */
    char bracket[DEPTH_MOST];
    size_t depth;
};

/* ---- words ---- */

static bool is_reserved(struct fct_str s)
{
    static const char *const words[] = {"and",   "break", "do",       "else", "elseif", "end",
                                        "false", "for",   "function", "goto", "if",     "in",
                                        "local", "nil",   "not",      "or",   "repeat", "return",
                                        "then",  "true",  "until",    "while"};

    for (size_t i = 0; i < FCT_COUNT(words); i++)
        if (lua_str_is(s, words[i]))
            return true;
    return false;
}

/* "[", any number of "=", "[": how many characters, 0 when it is none. */
static size_t long_bracket(const struct scan *s)
{
    const char *at = s->at + 1;

    if (s->at >= s->end || *s->at != '[')
        return 0;
    while (at < s->end && *at == '=')
        at++;
    return at < s->end && *at == '[' ? (size_t)(at + 1 - s->at) : 0;
}

static void skip_to(struct scan *s, const char *to)
{
    for (; s->at < to; s->at++)
        s->line += *s->at == '\n';
}

/* At the opening bracket of `open` characters. */
static void skip_long(struct scan *s, size_t open)
{
    for (const char *at = s->at + open; at + open <= s->end; at++)
        if (at[0] == ']' && at[open - 1] == ']' && strspn(at + 1, "=") == open - 2) {
            skip_to(s, at + open);
            return;
        }
    skip_to(s, s->end);
}

static void skip_space_and_comments(struct scan *s)
{
    while (s->at < s->end) {
        if (isspace((unsigned char)*s->at)) {
            s->line += *s->at++ == '\n';
        } else if (s->end - s->at > 1 && s->at[0] == '-' && s->at[1] == '-') {
            size_t open;

            s->at += 2;
            open = long_bracket(s);
            if (open)
                skip_long(s, open);
            else
                while (s->at < s->end && *s->at != '\n')
                    s->at++;
        } else {
            return;
        }
    }
}

static void skip_string(struct scan *s)
{
    char quote = *s->at++;

    while (s->at < s->end && *s->at != quote && *s->at != '\n') {
        if (*s->at == '\\' && s->end - s->at > 1)
            s->line += *++s->at == '\n';
        s->at++;
    }
    s->at += s->at < s->end;
}

static void next(struct scan *s)
{
    const char *from;
    size_t open;

    skip_space_and_comments(s);
    from = s->at;
    s->kind = T_OTHER;
    if (s->at >= s->end) {
        s->kind = T_END;
    } else if (isalpha((unsigned char)*from) || *from == '_') {
        while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '_'))
            s->at++;
    } else if (*from == '"' || *from == '\'') {
        skip_string(s);
    } else if ((open = long_bracket(s))) {
        skip_long(s, open);
    } else if (isdigit((unsigned char)*from)) { /* numbers may have letters: 0xff, 1e5 */
        while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '.'))
            s->at++;
    } else {
        s->at++;
        while (s->at < s->end && *from == '.' && *s->at == '.')
            s->at++;
        if (s->at < s->end && *s->at == *from && strchr("=<>/:", *from))
            s->at++;
        else if (s->at < s->end && *s->at == '=' && strchr("<>~", *from))
            s->at++;
    }
    s->text = (struct fct_str){from, (size_t)(s->at - from)};
    if (s->kind == T_OTHER && (isalpha((unsigned char)*from) || *from == '_'))
        s->kind = is_reserved(s->text) ? T_WORD : T_NAME;
}

static bool is(const struct scan *s, const char *text)
{
    return s->kind != T_END && lua_str_is(s->text, text);
}

/* ---- scopes ---- */

static void declare(struct names *n, const struct scan *s, bool parameter)
{
    if (n->n < NAMES_MOST)
        n->name[n->n++] = (struct name){s->text, s->line, false, parameter};
}

static void open_block(struct names *n)
{
    if (n->blocks < BLOCKS_MOST)
        n->block[n->blocks++] = n->n;
}

/* "_" says that a value is not wanted; parameters before one that is used cannot be left out. */
static void close_block(struct names *n)
{
    size_t from = n->blocks ? n->block[--n->blocks] : 0;

    for (size_t i = from; i < n->n; i++)
        if (!n->name[i].used && !n->name[i].parameter && n->name[i].text.p[0] != '_')
            lua_lint_say(n->report, LUA_TOOL_WARNING, "%s:%u: local '%.*s' is not used", n->path,
                         n->name[i].line, FCT_FMT(n->name[i].text));
    n->n = from;
}

static void use(struct names *n, struct fct_str text, unsigned line)
{
    for (size_t i = n->n; i > 0; i--)
        if (n->name[i - 1].text.n == text.n && memcmp(n->name[i - 1].text.p, text.p, text.n) == 0) {
            n->name[i - 1].used = true;
            return;
        }
    if (!n->is_global(n->arg, text))
        lua_lint_say(n->report, LUA_TOOL_WARNING, "%s:%u: unknown global '%.*s'", n->path, line,
                     FCT_FMT(text));
}

/* ---- statements ---- */

/* Names separated by commas, with their attributes, as far as they go. */
static void declare_list(struct names *n, struct scan *s, bool parameter)
{
    while (s->kind == T_NAME) {
        declare(n, s, parameter);
        next(s);
        if (is(s, "<")) { /* <const>, <close>: used by being there */
            n->name[n->n - 1].used = true;
            for (int i = 0; i < 3 && s->kind != T_END; i++)
                next(s);
        }
        if (!is(s, ","))
            return;
        next(s);
    }
}

/* Behind `function`: [ name { "." name } [ ":" name ] ] "(" parameters ")" */
static void open_function(struct names *n, struct scan *s)
{
    if (s->kind == T_NAME) {
        use(n, s->text, s->line);
        for (next(s); is(s, ".") || is(s, ":"); next(s))
            next(s);
    }
    open_block(n);
    if (is(s, "("))
        next(s);
    declare_list(n, s, true);
    if (is(s, "..."))
        next(s);
    if (is(s, ")"))
        next(s);
}

static void local_statement(struct names *n, struct scan *s)
{
    next(s);
    if (is(s, "function")) {
        next(s);
        declare(n, s, false);
        next(s);
        open_function(n, s);
        return;
    }
    declare_list(n, s, false);
}

/* Blocks: `for` and `while` begin one that their `do` does not begin again. True: s is already at
 * what follows. */
static bool take_word(struct names *n, struct scan *s, unsigned *do_is_known)
{
    if (is(s, "local")) {
        local_statement(n, s);
        return true;
    }
    if (is(s, "function")) {
        next(s);
        open_function(n, s);
        return true;
    }
    if (is(s, "for")) {
        open_block(n);
        ++*do_is_known;
        next(s);
        declare_list(n, s, true);
        return true;
    }
    if (is(s, "while")) {
        open_block(n);
        ++*do_is_known;
    } else if (is(s, "do")) {
        if (*do_is_known)
            --*do_is_known;
        else
            open_block(n);
    } else if (is(s, "then") || is(s, "repeat")) {
        open_block(n);
    } else if (is(s, "else")) {
        close_block(n);
        open_block(n);
    } else if (is(s, "elseif") || is(s, "end")) {
        close_block(n);
    } else if (is(s, "until")) { /* its condition sees the names: they stay, in the block around */
        n->blocks -= n->blocks > 0;
    }
    return false;
}

/* { name = value }: a key, no variable. `before` ends the token in front. */
static bool is_key(const struct names *n, const struct scan *s, char before)
{
    struct scan ahead = *s;

    next(&ahead);
    return n->depth > 0 && n->bracket[n->depth - 1] == '{' && strchr("{,;", before) &&
           is(&ahead, "=");
}

static void take_bracket(struct names *n, const struct scan *s)
{
    if (s->text.n != 1)
        return;
    if (strchr("({[", s->text.p[0]) && n->depth < DEPTH_MOST)
        n->bracket[n->depth++] = s->text.p[0];
    else if (strchr(")}]", s->text.p[0]) && n->depth > 0)
        n->depth--;
}

void lua_lint_names(struct lua_lint_report *r, const char *path, struct fct_str text,
                    bool (*is_global)(void *arg, struct fct_str name), void *arg)
{
    struct scan s = {text.p, text.p + text.n, 1, T_OTHER, {"", 0}};
    struct names *n = calloc(1, sizeof *n);
    unsigned do_is_known = 0;
    char before = ';';

    if (!n)
        return;
    n->report = r;
    n->path = path;
    n->is_global = is_global;
    n->arg = arg;
    open_block(n);
    for (next(&s); s.kind != T_END;) {
        bool goto_or_label = false;

        if (s.kind == T_WORD) {
            goto_or_label = is(&s, "goto");
            before = ' ';
            if (take_word(n, &s, &do_is_known))
                continue;
        } else if (s.kind == T_NAME) {
            if (before != '.' && before != ':' && !is_key(n, &s, before))
                use(n, s.text, s.line);
            before = 'a';
        } else {
            take_bracket(n, &s);
            before = s.text.n <= 2 && s.text.p[0] != '"' && s.text.p[0] != '\''
                         ? s.text.p[s.text.n - 1]
                         : 'a';
            if (lua_str_is(s.text, "..") || lua_str_is(s.text, "..."))
                before = ' ';
        }
        next(&s);
        if (goto_or_label && s.kind == T_NAME)
            next(&s);
    }
    while (n->blocks)
        close_block(n);
    free(n);
}
