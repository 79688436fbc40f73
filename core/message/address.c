/* address.c - address lists of header fields (RFC 5322 3.4, 4.4; groups in From by RFC 6854).
 *
 * Lenient: an entry that is no address still becomes an entry, so that nobody can hide a second
 * author behind a broken first one. Each step of the loop consumes at least one byte and none looks
 * back further than the entry in hand. */
#include "core/message/address.h"
#include "core/message/lexer.h"

struct address_parser {
    struct arena *arena;
    struct fct_str in;
    struct address *out;
    size_t n, max;
    struct fct_str comment; /* the last one seen */
};

static bool at(const struct address_parser *p, char c)
{
    return p->in.n > 0 && p->in.p[0] == c;
}

static void skip(struct address_parser *p)
{
    p->in = str_skip(p->in, 1);
}

static void skip_cfws(struct address_parser *p)
{
    lex_skip_cfws(&p->in, &p->comment);
}

static void add(struct address_parser *p, const struct address *a)
{
    if (p->n < p->max)
        p->out[p->n++] = *a;
}

/* Words joined: a view while there is one word, a copy from the second on. */
struct joined {
    struct fct_str text;
    size_t room;
};

static void join(struct address_parser *p, struct joined *j, struct fct_str glue,
                 struct fct_str word)
{
    size_t need = j->text.n + glue.n + word.n;
    char *to;

    if (word.n + glue.n == 0)
        return;
    if (j->text.n == 0 && glue.n == 0) {
        j->text = word;
        return;
    }
    if (need > j->room) {
        size_t room = need < 64 ? 128 : 2 * need;

        to = arena_alloc(p->arena, room);
        if (j->text.n > 0)
            memcpy(to, j->text.p, j->text.n);
        j->room = room;
    } else {
        to = (char *)(uintptr_t)j->text.p; /* ours since the copy above */
    }
    if (glue.n > 0)
        memcpy(to + j->text.n, glue.p, glue.n);
    if (word.n > 0)
        memcpy(to + j->text.n + glue.n, word.p, word.n);
    j->text = (struct fct_str){to, need};
}

/* phrase = 1*word / obs-phrase; dots and 8-bit characters belong to words                   RFC
 * 5322 3.2.5, 4.1 */
static bool take_phrase(struct address_parser *p, struct fct_str *out)
{
    struct joined j = {0};
    bool first = true, closed;

    while (p->in.n > 0 && (at(p, '"') || at(p, '.') || lex_is(p->in.p[0], LEX_ATEXT))) {
        struct fct_str word;

        if (at(p, '"')) {
            word = lex_take_quoted(p->arena, &p->in, &closed);
            if (!closed)
                return false;
        } else {
            word = lex_take(&p->in, LEX_ATEXT);
            while (at(p, '.')) { /* "J. Smith", "a.b" stay as written */
                skip(p);
                struct fct_str more = lex_take(&p->in, LEX_ATEXT);
                word = str_between(word.p, more.p + more.n);
            }
        }
        join(p, &j, first ? (struct fct_str){0} : FCT_STR(" "), word);
        first = false;
        skip_cfws(p);
    }
    *out = j.text;
    return true;
}

/* dot-atom with white space and comments around the dots                                    RFC
 * 5322 4.4 */
static bool take_dot_atom(struct address_parser *p, struct fct_str *out)
{
    struct joined j = {0};
    bool any = false;

    for (;;) {
        struct fct_str atom = lex_take(&p->in, LEX_ATEXT);

        if (!any && atom.n == 0)
            return false;
        join(p, &j, any ? FCT_STR(".") : (struct fct_str){0}, atom);
        any = true;
        skip_cfws(p);
        if (!at(p, '.'))
            break;
        skip(p);
        skip_cfws(p);
    }
    *out = j.text;
    return true;
}

/* domain = dot-atom / domain-literal; in->p[0] is '@'                                        RFC
 * 5322 3.4.1 */
static bool take_domain(struct address_parser *p, struct fct_str *out)
{
    skip(p);
    skip_cfws(p);
    if (!at(p, '['))
        return take_dot_atom(p, out);
    const char *start = p->in.p;
    while (p->in.n > 0 && p->in.p[0] != ']')
        p->in = str_skip(p->in, p->in.p[0] == '\\' ? 2 : 1);
    if (p->in.n == 0)
        return false;
    skip(p);
    *out = str_between(start, p->in.p);
    skip_cfws(p);
    return true;
}

/* local-part = dot-atom / quoted-string                                                      RFC
 * 5322 3.4.1 */
static bool take_local_part(struct address_parser *p, struct fct_str *out)
{
    bool closed;

    if (!at(p, '"'))
        return take_dot_atom(p, out);
    *out = lex_take_quoted(p->arena, &p->in, &closed);
    skip_cfws(p);
    return closed;
}

/* obs-route = obs-domain-list ":"                                                             RFC
 * 5322 4.4 */
static bool take_route(struct address_parser *p, struct fct_str *out)
{
    struct joined j = {0};

    while (at(p, '@')) {
        struct fct_str domain;

        if (!take_domain(p, &domain))
            return false;
        join(p, &j, j.text.n > 0 ? FCT_STR(",@") : FCT_STR("@"), domain);
        while (at(p, ',')) {
            skip(p);
            skip_cfws(p);
        }
    }
    *out = j.text;
    if (!at(p, ':'))
        return false;
    skip(p);
    skip_cfws(p);
    return true;
}

/* angle-addr = "<" [ obs-route ] [ addr-spec ] ">"; in->p[0] is '<' */
static bool take_angle(struct address_parser *p, struct address *a)
{
    skip(p);
    skip_cfws(p);
    if (at(p, '@') && !take_route(p, &a->route)) {
        a->route = FCT_STR("INVALID_ROUTE");
        return false;
    }
    if (!at(p, '>') && !take_local_part(p, &a->local))
        return false;
    if (at(p, '@') && !take_domain(p, &a->domain))
        return false;
    if (!at(p, '>'))
        return false;
    skip(p);
    skip_cfws(p);
    return true;
}

/* name-addr, after its phrase */
static void take_name_addr(struct address_parser *p, struct fct_str name)
{
    struct address a = {.name = name};

    if (!take_angle(p, &a))
        a.broken = true;
    add(p, &a);
}

/* addr-spec; a comment behind it is taken for the name ("joe@example.org (Joe)", as written before
 * RFC 822). With an angle address behind it it is the name itself, written without the quotes it
 * needs: mail clients show it so ("joe@example.org <joe@example.org>"). */
static void take_addr_spec(struct address_parser *p)
{
    const char *start = p->in.p;
    struct address a = {0};

    p->comment = (struct fct_str){0};
    if (!take_local_part(p, &a.local) || (at(p, '@') && !take_domain(p, &a.domain)))
        a.broken = true;
    if (!a.broken && at(p, '<')) {
        take_name_addr(p, str_trim(str_between(start, p->in.p)));
        return;
    }
    a.name = p->comment.n > 0 && memchr(p->comment.p, '\\', p->comment.n)
                 ? lex_unescape(p->arena, p->comment)
                 : p->comment;
    add(p, &a);
}

/* One mailbox, or the start of a group; false when it was the latter. */
static bool take_entry(struct address_parser *p, bool in_group)
{
    struct fct_str start = p->in, phrase;
    bool is_phrase;

    p->comment = (struct fct_str){0};
    is_phrase = take_phrase(p, &phrase);
    if (is_phrase && at(p, '<')) {
        take_name_addr(p, phrase);
        return true;
    }
    if (is_phrase && at(p, ':') && !in_group) {
        skip(p);
        add(p, &(struct address){.kind = ADDRESS_GROUP_START, .local = phrase});
        return false;
    }
    p->in = start;
    take_addr_spec(p);
    return true;
}

/* What is left of a broken entry, up to the comma that ends it. */
static void skip_garbage(struct address_parser *p, bool in_group)
{
    const char *start = p->in.p;

    while (p->in.n > 0 && !at(p, ',') && !(in_group && at(p, ';'))) {
        bool closed;

        if (at(p, '"'))
            (void)lex_take_quoted(p->arena, &p->in, &closed);
        else
            skip(p);
        skip_cfws(p);
    }
    if (p->in.p > start && p->n > 0)
        p->out[p->n - 1].garbage = true;
}

size_t address_list_parse(struct arena *arena, struct fct_str value, struct address *out,
                          size_t max)
{
    struct address_parser p = {.arena = arena, .in = value, .out = out, .max = max};
    bool in_group = false;

    for (;;) {
        skip_cfws(&p);
        if (p.in.n == 0 || p.n == max)
            break;
        if (at(&p, ',')) {
            skip(&p);
            continue;
        }
        if (at(&p, ';') && in_group) {
            skip(&p);
            add(&p, &(struct address){.kind = ADDRESS_GROUP_END});
            in_group = false;
            continue;
        }
        if (!take_entry(&p, in_group))
            in_group = true;
        else
            skip_garbage(&p, in_group);
    }
    if (in_group && p.n < max)
        add(&p, &(struct address){.kind = ADDRESS_GROUP_END});
    return p.n;
}
