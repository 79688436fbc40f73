/* html_tokens.c - see html_tokens.h. Each function is one state of the standard, or a few that
 * belong together; t->p only moves forward. */
#include "core/message/html_tokens.h"

#include "core/base/err.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "core/message/byte_scan.h"
#include "core/message/html_foreign.h"
#include "core/message/html_value.h"
#include "core/message/recode.h"
#include <stdlib.h>

#define NOTHING ((struct fct_str){"", 0})

enum {
    FEW_ATTRIBUTES = 16,  /* so many are compared one by one */
    ATTRIBUTE_ROOM = 128, /* … and so many get memory at once */
    TOKEN_ROOM = 4096,
};

/* What follows a start tag (13.2.5.1 to 13.2.5.5). */
enum content { DATA, RCDATA, RAWTEXT, SCRIPT, PLAINTEXT };

static const struct {
    struct fct_str name;
    enum content content;
} raw_elements[] = {
    {FCT_STR_INIT("style"), RAWTEXT},       {FCT_STR_INIT("title"), RCDATA},
    {FCT_STR_INIT("script"), SCRIPT},       {FCT_STR_INIT("textarea"), RCDATA},
    {FCT_STR_INIT("xmp"), RAWTEXT},         {FCT_STR_INIT("iframe"), RAWTEXT},
    {FCT_STR_INIT("noembed"), RAWTEXT},     {FCT_STR_INIT("noframes"), RAWTEXT},
    {FCT_STR_INIT("plaintext"), PLAINTEXT},
};

struct tokenizer {
    struct arena *arena;
    const char *start, *p, *end;
    struct html_values values;
    struct fct_html_attribute *attribute; /* of the tag in hand, where they stay */
    size_t attributes, attribute_room;
    struct map *names; /* of its attributes, once they are many */
    struct fct_html_token *token;
    size_t token_room, max;
    struct html_tokens *out;
    enum content content;
    struct fct_str raw_name; /* whose end tag ends the content */
    struct html_foreign foreign;
    uint64_t steps;
};

static inline bool is_letter(char c)
{
    return char_lower(c) >= 'a' && char_lower(c) <= 'z';
}

static inline bool same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && (a.n == 0 || (*a.p == *b.p && memcmp(a.p, b.p, a.n) == 0));
}

static inline size_t offset_of(const struct tokenizer *t, const char *at)
{
    return (size_t)(at - t->start);
}

/* Everything that walks over bytes tells how far it came: tags as a whole. */
static inline void walked(struct tokenizer *t, const char *from, const char *to)
{
    t->steps += (uint64_t)(to - from) + 1;
}

/* ---- tokens ---- */

/* False: the limit is reached, and this was the last. */
static inline bool count_one(struct tokenizer *t)
{
    if (t->out->counted < t->max) {
        t->out->counted++;
        return true;
    }
    t->out->truncated = true;
    t->p = t->end;
    return false;
}

/* Pages have a tag or a text for every thirty bytes; growing copies them all. */
static size_t first_room(const struct tokenizer *t)
{
    size_t guess = (size_t)(t->end - t->start) / 24 + 16;

    return guess < TOKEN_ROOM ? guess : TOKEN_ROOM;
}

static void more_tokens(struct tokenizer *t)
{
    t->token_room = t->token_room ? 2 * t->token_room : first_room(t);
    t->token = realloc(t->token, t->token_room * sizeof *t->token);
    FCT_ASSERT(t->token);
}

static inline struct fct_html_token *add_token(struct tokenizer *t, enum fct_html_kind kind,
                                               const char *from, const char *to)
{
    struct fct_html_token *token;

    if (!count_one(t))
        return NULL;
    if (t->out->n == t->token_room)
        more_tokens(t);
    token = &t->token[t->out->n++];
    *token = (struct fct_html_token){.kind = kind,
                                     .name = NOTHING,
                                     .text = NOTHING,
                                     .offset = offset_of(t, from),
                                     .length = (size_t)(to - from)};
    return token;
}

/* [from, to) is the token, `text` what is between. */
static void add_text(struct tokenizer *t, enum fct_html_kind kind, const char *from, const char *to,
                     struct fct_str text, unsigned how)
{
    struct fct_html_token *token = from < to ? add_token(t, kind, from, to) : NULL;

    if (token)
        token->text = html_value(&t->values, text, how);
}

/* Bytes that stand for something else (html_value.h), as those of 0x80 and above may. */
static const char special_bytes[3] = {'&', '\r', '\0'};

/* ---- attributes (13.2.5.32 to 13.2.5.40) ---- */

static inline void skip_space(struct tokenizer *t)
{
    const char *p = t->p;

    while (p < t->end && html_is(*p, HTML_SPACE))
        p++;
    t->p = p;
}

static inline bool is_known(struct tokenizer *t, struct fct_str name)
{
    if (t->names)
        return map_put(t->names, name, t) != NULL;
    for (size_t i = 0; i < t->attributes; i++)
        if (same(t->attribute[i].name, name))
            return true;
    return false;
}

static void remember_names(struct tokenizer *t)
{
    t->names = map_new();
    for (size_t i = 0; i < t->attributes; i++)
        map_put(t->names, t->attribute[i].name, t);
}

static void free_memory(void *memory)
{
    free(memory);
}

/* Not the arena's own memory, which would be cleared first. */
static void more_room(struct tokenizer *t)
{
    size_t room = 2 * t->attributes > ATTRIBUTE_ROOM ? 2 * t->attributes : ATTRIBUTE_ROOM;
    struct fct_html_attribute *more = malloc(room * sizeof *more);

    FCT_ASSERT(more);
    arena_defer(t->arena, free_memory, more);
    if (t->attributes > 0)
        memcpy(more, t->attribute, t->attributes * sizeof *more);
    t->attribute = more;
    t->attribute_room = room;
}

/* Where the next one is written. */
static inline struct fct_html_attribute *next_attribute(struct tokenizer *t)
{
    if (t->attributes == t->attribute_room)
        more_room(t);
    return &t->attribute[t->attributes];
}

static inline void keep_attribute(struct tokenizer *t)
{
    if (++t->attributes == FEW_ATTRIBUTES)
        remember_names(t);
}

/* Up to a byte of the classes `ends`; *found: what it is made of. */
static inline struct fct_str take_name(struct tokenizer *t, const char *from, unsigned ends,
                                       unsigned *found)
{
    const char *p = t->p, *end = t->end;
    unsigned classes = from < p ? html_class[(unsigned char)*from] : 0, class;

    for (; p < end && !((class = html_class[(unsigned char)*p]) & ends); p++)
        classes |= class;
    t->p = p;
    *found = classes;
    return str_between(from, p);
}

/* An '=' at its start is part of the name. */
static struct fct_str take_attribute_name(struct tokenizer *t, unsigned *found)
{
    const char *from = t->p++;

    return take_name(t, from, HTML_SPACE | HTML_ENDS_NAME | HTML_EQUALS, found);
}

/* Behind '=' and spaces. False: the input ends inside. *special: it may mean other bytes than it is
 * written in. */
static bool take_attribute_value(struct tokenizer *t, struct fct_str *raw, bool *special)
{
    const char *from = t->p, *to;

    if (*from == '"' || *from == '\'') {
        to = byte_scan_to(from + 1, t->end, *from, special_bytes, special);
        if (to == t->end)
            return false;
        *raw = str_between(from + 1, to);
        t->p = to + 1;
        return true;
    }
    while (t->p < t->end && *t->p != '>' && !html_is(*t->p, HTML_SPACE))
        t->p++;
    *raw = str_between(from, t->p);
    *special = true;
    return t->p < t->end;
}

/* False: the input ends inside the tag. */
static bool take_attribute(struct tokenizer *t, bool keep)
{
    unsigned found;
    struct fct_str raw = take_attribute_name(t, &found), value;
    const char *end = t->p;
    bool special = false;

    value = (struct fct_str){end, 0};
    skip_space(t);
    if (t->p < t->end && *t->p == '=') {
        t->p++;
        skip_space(t);
        if (t->p == t->end || (*t->p != '>' && !take_attribute_value(t, &value, &special)))
            return false;
        end = t->p;
    }
    if (!keep)
        return true;
    struct fct_html_attribute *attribute = next_attribute(t);

    attribute->name = html_name(&t->values, raw, found);
    if (is_known(t, attribute->name))
        return true;
    if (!count_one(t))
        return false;
    attribute->value =
        special ? html_special(&t->values, value, HTML_REFERENCES | HTML_ATTRIBUTE) : value;
    attribute->offset = offset_of(t, raw.p);
    attribute->length = (size_t)(end - raw.p);
    attribute->value_offset = offset_of(t, value.p);
    attribute->value_length = value.n;
    keep_attribute(t);
    return true;
}

/* Up to and with '>'. False: the input ends before. */
static bool take_attributes(struct tokenizer *t, bool keep, bool *self_closing)
{
    t->attributes = 0;
    if (t->names)
        map_free(&t->names);
    *self_closing = false;
    if (t->p < t->end && *t->p == '>')
        return t->p++, true;
    for (;;) {
        skip_space(t);
        if (t->p == t->end)
            return false;
        if (*t->p == '>') {
            t->p++;
            return true;
        }
        if (*t->p == '/') {
            t->p++;
            *self_closing = t->p < t->end && *t->p == '>';
        } else if (!take_attribute(t, keep)) {
            return false;
        }
    }
}

/* ---- tags (13.2.5.6 to 13.2.5.8) ---- */

static struct fct_str take_tag_name(struct tokenizer *t, unsigned *found)
{
    return take_name(t, t->p, HTML_SPACE | HTML_ENDS_NAME, found);
}

static void attach_attributes(struct tokenizer *t, struct fct_html_token *token)
{
    if (t->attributes == 0)
        return;
    token->attribute = t->attribute;
    token->attributes = t->attributes;
    t->attribute += t->attributes;
    t->attribute_room -= t->attributes;
    t->attributes = 0;
}

static enum content content_of(struct fct_str name)
{
    if (name.n < 3 || !memchr("stxinp", name.p[0], 6)) /* none of these is shorter */
        return DATA;
    for (size_t i = 0; i < FCT_COUNT(raw_elements); i++)
        if (name.p[0] == raw_elements[i].name.p[0] && same(name, raw_elements[i].name))
            return raw_elements[i].content;
    return DATA;
}

static void start_tag(struct tokenizer *t)
{
    const char *from = t->p++;
    unsigned found;
    struct fct_str raw = take_tag_name(t, &found);
    struct fct_html_token *token;
    bool self_closing;

    if (!take_attributes(t, true, &self_closing)) {
        walked(t, from, t->end);
        t->p = t->end;
        return;
    }
    walked(t, from, t->p);
    token = add_token(t, FCT_HTML_START, from, t->p);
    if (!token)
        return;
    token->name = html_name(&t->values, raw, found);
    token->self_closing = self_closing;
    t->out->has_base |= same(token->name, FCT_STR("base"));
    attach_attributes(t, token);
    if (!html_foreign_start(&t->foreign, token)) {
        t->content = content_of(token->name);
        t->raw_name = token->name;
    }
}

/* t->p is at "</" and a letter. */
static void end_tag(struct tokenizer *t)
{
    const char *from = t->p;
    struct fct_html_token *token;
    struct fct_str raw;
    bool self_closing;
    unsigned found;

    t->p += 2;
    raw = take_tag_name(t, &found);
    if (!take_attributes(t, false, &self_closing)) {
        walked(t, from, t->end);
        t->p = t->end;
        return;
    }
    walked(t, from, t->p);
    token = add_token(t, FCT_HTML_END, from, t->p);
    if (!token)
        return;
    token->name = html_name(&t->values, raw, found);
    html_foreign_end(&t->foreign, token->name);
}

/* ---- comments, doctype, CDATA (13.2.5.41 to 13.2.5.71) ---- */

/* The end of a comment whose inside starts at `from`; *after is behind "-->". When the input ends
 * first, dashes that might have begun the end are no part of the comment. */
static const char *comment_end(const struct tokenizer *t, const char *from, const char **after)
{
    const char *at = from, *end = t->end, *dashes;

    if (at < end && *at == '>')
        return *after = at + 1, from;
    if (end - at >= 2 && at[0] == '-' && at[1] == '>')
        return *after = at + 2, from;
    *after = end;
    while ((at = memchr(at, '-', (size_t)(end - at)))) {
        for (dashes = at; at < end && *at == '-'; at++)
            ;
        if (at == end)
            return at - dashes > 2 ? at - 2 : dashes;
        if (at - dashes < 2)
            continue;
        if (*at == '>')
            return *after = at + 1, at - 2;
        if (*at != '!')
            continue;
        if (at + 1 == end)
            return at - 2;
        if (at[1] == '>')
            return *after = at + 2, at - 2;
    }
    return end;
}

static void comment(struct tokenizer *t)
{
    const char *from = t->p, *inside = from + 4, *after;
    const char *to = comment_end(t, inside, &after);

    walked(t, from, after);
    t->p = after;
    add_text(t, FCT_HTML_COMMENT, from, after, str_between(inside, to), 0);
}

/* Everything up to '>', the inside starting at `inside`. */
static void bogus_comment(struct tokenizer *t, const char *inside)
{
    const char *from = t->p, *to = memchr(inside, '>', (size_t)(t->end - inside));

    if (!to)
        to = t->end;
    t->p = to < t->end ? to + 1 : to;
    walked(t, from, t->p);
    add_text(t, FCT_HTML_COMMENT, from, t->p, str_between(inside, to), 0);
}

static void doctype(struct tokenizer *t)
{
    const char *from = t->p, *inside = from + 9,
               *to = memchr(inside, '>', (size_t)(t->end - inside));
    struct fct_html_token *token;
    struct fct_str text;

    text = str_between(inside, to ? to : t->end);
    t->p = to ? to + 1 : t->end;
    walked(t, from, t->p);
    token = add_token(t, FCT_HTML_DOCTYPE, from, t->p);
    if (!token)
        return;
    while (text.n > 0 && html_is(text.p[0], HTML_SPACE))
        text = str_skip(text, 1);
    token->text = html_value(&t->values, text, 0);
    for (size_t n = 0; n <= text.n; n++)
        if (n == text.n || html_is(text.p[n], HTML_SPACE)) {
            text = str_head(text, n);
            token->name = html_name(&t->values, text, html_classes(text));
            return;
        }
}

static void cdata(struct tokenizer *t)
{
    const char *from = t->p, *inside = from + 9;
    ptrdiff_t at = str_find(str_between(inside, t->end), FCT_STR("]]>"));
    const char *to = at < 0 ? t->end : inside + at;

    t->p = at < 0 ? t->end : to + 3;
    walked(t, from, t->p);
    if (to > inside)
        add_text(t, FCT_HTML_TEXT, from, t->p, str_between(inside, to), HTML_KEEP_NUL);
}

/* t->p is at "<!". */
static void declaration(struct tokenizer *t)
{
    struct fct_str rest = str_between(t->p + 2, t->end);

    if (str_starts(rest, FCT_STR("--")))
        comment(t);
    else if (str_starts_nocase(rest, FCT_STR("DOCTYPE")))
        doctype(t);
    else if (html_foreign_inside(&t->foreign) && str_starts(rest, FCT_STR("[CDATA[")))
        cdata(t);
    else
        bogus_comment(t, rest.p);
}

/* ---- text ---- */

/* Does markup start at `at`, which is '<'? Otherwise it is a letter like others. */
static bool is_markup(const struct tokenizer *t, const char *at)
{
    if (at + 1 == t->end)
        return false;
    if (at[1] == '/')
        return at + 2 < t->end;
    return is_letter(at[1]) || at[1] == '!' || at[1] == '?';
}

static void markup(struct tokenizer *t)
{
    switch (t->p[1]) {
    case '!':
        declaration(t);
        return;
    case '?':
        bogus_comment(t, t->p + 1);
        return;
    case '/':
        if (is_letter(t->p[2]))
            end_tag(t);
        else if (t->p[2] == '>')
            t->p += 3;
        else
            bogus_comment(t, t->p + 2);
        return;
    default:
        start_tag(t);
    }
}

/* A line end between two tags, of all texts the most common. */
static inline bool is_line_end(const struct tokenizer *t)
{
    return t->end - t->p >= 3 && t->p[0] == '\r' && t->p[1] == '\n' && t->p[2] == '<' &&
           is_markup(t, t->p + 2);
}

static void data(struct tokenizer *t)
{
    const char *from = t->p, *at = from;
    struct fct_html_token *token;
    bool special = false, line_end = is_line_end(t);

    if (line_end)
        at += 2;
    else
        while ((at = byte_scan_to(at, t->end, '<', special_bytes, &special)) < t->end &&
               !is_markup(t, at))
            at++;
    walked(t, from, at);
    t->p = at;
    token = from < at ? add_token(t, FCT_HTML_TEXT, from, at) : NULL;
    if (token)
        token->text = special ? html_special(&t->values, str_between(from, at),
                                             HTML_REFERENCES | HTML_KEEP_NUL)
                              : str_between(from + line_end, at);
    if (t->p < t->end)
        markup(t);
}

/* `at` is '<': is it followed by `before`, the name, and a byte that ends a name? */
static bool is_tag_named(const struct tokenizer *t, const char *at, const char *before,
                         struct fct_str name)
{
    struct fct_str rest = str_between(at + 1, t->end);

    if (!str_starts(rest, str_from(before)))
        return false;
    rest = str_skip(rest, strlen(before));
    return rest.n > name.n && str_starts_nocase(rest, name) &&
           html_is(rest.p[name.n], HTML_SPACE | HTML_ENDS_NAME);
}

/* Script data has a language of its own about "<!--" and "<script" (13.2.5.4, 13.2.5.15 to
 * 13.2.5.31). Where the end tag begins, or the end of the input. */
static const char *script_end(const struct tokenizer *t)
{
    static const struct fct_str script = FCT_STR_INIT("script");
    enum { PLAIN, ESCAPED, TWICE } state = PLAIN;

    for (const char *at = t->p; at < t->end; at++) {
        struct fct_str rest = str_between(at, t->end);

        if (*at == '-' && state != PLAIN && str_starts(rest, FCT_STR("-->"))) {
            state = PLAIN;
            at += 2;
        } else if (*at != '<') {
            continue;
        } else if (state != TWICE && is_tag_named(t, at, "/", script)) {
            return at;
        } else if (state == PLAIN && str_starts(rest, FCT_STR("<!--"))) {
            state = ESCAPED;
            at += 1; /* "<!-->" ends it at once */
        } else if (state == ESCAPED && is_tag_named(t, at, "", script)) {
            state = TWICE;
        } else if (state == TWICE && is_tag_named(t, at, "/", script)) {
            state = ESCAPED;
        }
    }
    return t->end;
}

static const char *raw_end(const struct tokenizer *t)
{
    const char *at = t->p;

    if (t->content == PLAINTEXT)
        return t->end;
    if (t->content == SCRIPT)
        return script_end(t);
    while ((at = memchr(at, '<', (size_t)(t->end - at))) && !is_tag_named(t, at, "/", t->raw_name))
        at++;
    return at ? at : t->end;
}

static void raw_text(struct tokenizer *t)
{
    const char *from = t->p, *to = raw_end(t);

    walked(t, from, to);
    t->p = to;
    add_text(t, FCT_HTML_TEXT, from, to, str_between(from, to),
             t->content == RCDATA ? HTML_REFERENCES : 0);
    t->content = DATA;
    if (t->p < t->end)
        end_tag(t);
}

/* ---- the whole ---- */

static void tokenize(struct tokenizer *t, struct fct_str text, struct fct_str charset)
{
    t->start = t->p = text.p;
    t->end = text.p + text.n;
    html_values_init(&t->values, t->arena, charset, text.n);
    if (str_starts(str_between(t->p, t->end), FCT_STR("\xEF\xBB\xBF")))
        t->p += 3; /* a byte order mark is no text */
    while (t->p < t->end)
        if (t->content == DATA)
            data(t);
        else
            raw_text(t);
    t->out->steps += t->steps + t->values.steps;
    html_values_fini(&t->values);
    map_free(&t->names);
    t->out->token = t->token;
    if (t->token)
        arena_defer(t->arena, free_memory, t->token);
}

/* From offsets in the text to offsets in the original. */
static void map_offsets(const struct recoded *r, struct fct_html_token *token)
{
    struct fct_html_attribute *a = (struct fct_html_attribute *)(uintptr_t)token->attribute;

    recoded_map(r, &token->offset, &token->length);
    for (size_t i = 0; i < token->attributes; i++) {
        recoded_map(r, &a[i].offset, &a[i].length);
        recoded_map(r, &a[i].value_offset, &a[i].value_length);
    }
}

void html_tokenize(struct arena *arena, struct fct_str bytes, struct fct_str charset, size_t max,
                   struct html_tokens *out)
{
    struct tokenizer t = {.arena = arena, .max = max, .out = out};
    struct recoded recoded;

    *out = (struct html_tokens){0};
    if (recode(arena, charset, bytes, &recoded)) {
        out->recoded = true;
        tokenize(&t, recoded.text, FCT_STR("utf-8"));
        for (size_t i = 0; i < out->n; i++)
            map_offsets(&recoded, &t.token[i]);
    } else {
        tokenize(&t, bytes, charset);
    }
}

const struct fct_html_attribute *html_attribute(const struct fct_html_token *token,
                                                const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < token->attributes; i++)
        if (token->attribute[i].name.n == n && memcmp(token->attribute[i].name.p, name, n) == 0)
            return &token->attribute[i];
    return NULL;
}
