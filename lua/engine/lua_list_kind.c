/* lua_list_kind.c - the kinds of lists: domains, nets, words, regexes. */
#include "lua_list.h"

#include <stdlib.h>
#include <xxhash.h>

void lua_list_body_free(struct lua_list_body **body)
{
    struct lua_list_body *b = *body;
    struct lua_list_text *t;

    *body = NULL;
    if (!b)
        return;
    while ((t = b->text)) {
        b->text = t->next;
        free(t);
    }
    for (size_t i = 0; b->regex && i < b->n; i++)
        lua_regex_free(&b->regex[i].regex);
    free(b->regex);
    free(b->net);
    free(b->slot);
    free(b);
}

static bool no_memory(char *why, size_t size)
{
    snprintf(why, size, "not enough memory");
    return false;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* A copy of the body's, in small letters if asked for; NULL: no memory. */
static const char *keep(struct lua_list_body *b, struct fct_str entry, bool small)
{
    struct lua_list_text *t = malloc(sizeof *t + entry.n + 1);

    if (!t)
        return NULL;
    for (size_t i = 0; i < entry.n; i++)
        t->text[i] = small ? lower(entry.p[i]) : entry.p[i];
    t->text[entry.n] = '\0';
    t->next = b->text;
    b->text = t;
    return t->text;
}

/* ---- a set of texts ---- */

static const char **place(const struct lua_list_body *b, struct fct_str text)
{
    size_t at = XXH3_64bits(text.p, text.n) & (b->slots - 1);

    while (b->slot[at] &&
           (strncmp(b->slot[at], text.p, text.n) != 0 || b->slot[at][text.n] != '\0'))
        at = (at + 1) & (b->slots - 1);
    return &b->slot[at];
}

static bool grow(struct lua_list_body *b)
{
    struct lua_list_body bigger = *b;

    bigger.slots = b->slots ? 2 * b->slots : 64;
    bigger.slot = calloc(bigger.slots, sizeof *bigger.slot);
    if (!bigger.slot)
        return false;
    for (size_t i = 0; i < b->slots; i++)
        if (b->slot[i])
            *place(&bigger, (struct fct_str){b->slot[i], strlen(b->slot[i])}) = b->slot[i];
    free(b->slot);
    *b = bigger;
    return true;
}

static bool set_add(struct lua_list_body *b, struct fct_str entry, char *why, size_t size)
{
    const char *text, **at;

    if (4 * b->taken >= 3 * b->slots && !grow(b))
        return no_memory(why, size);
    text = keep(b, entry, true);
    if (!text)
        return no_memory(why, size);
    at = place(b, (struct fct_str){text, entry.n});
    b->taken += !*at;
    b->n += !*at;
    *at = text;
    return true;
}

static const char *set_has(const struct lua_list_body *b, struct fct_str value)
{
    char small[256];

    if (b->slots == 0 || value.n >= sizeof small || memchr(value.p, '\0', value.n))
        return NULL;
    for (size_t i = 0; i < value.n; i++)
        small[i] = lower(value.p[i]);
    return *place(b, (struct fct_str){small, value.n});
}

/* ---- words ---- */

const struct lua_list_kind lua_list_words = {"words", set_add, NULL, set_has};

/* ---- domains ---- */

static bool domain_add(struct lua_list_body *b, struct fct_str entry, char *why, size_t size)
{
    if (entry.n > 2 && entry.p[0] == '*' && entry.p[1] == '.')
        entry = (struct fct_str){entry.p + 1, entry.n - 1};
    for (size_t i = 0; i < entry.n; i++)
        if (strchr(" \t@/:", entry.p[i])) {
            snprintf(why, size, "'%.*s' is not a domain", (int)(entry.n < 60 ? entry.n : 60),
                     entry.p);
            return false;
        }
    b->has_below = b->has_below || entry.p[0] == '.';
    return set_add(b, entry, why, size);
}

/* "a.example.org" is asked for, then ".a.example.org", ".example.org", ".org". */
static const char *domain_has(const struct lua_list_body *b, struct fct_str value)
{
    const char *found = set_has(b, value);
    char dotted[256];

    if (found || !b->has_below || value.n + 1 >= sizeof dotted)
        return found;
    dotted[0] = '.';
    memcpy(dotted + 1, value.p, value.n);
    for (struct fct_str at = {dotted, value.n + 1}; at.n > 1 && !found;) {
        const char *dot;

        found = set_has(b, at);
        dot = memchr(at.p + 1, '.', at.n - 1);
        if (!dot)
            break;
        at = (struct fct_str){dot, at.n - (size_t)(dot - at.p)};
    }
    return found;
}

const struct lua_list_kind lua_list_domains = {"domains", domain_add, NULL, domain_has};

/* ---- nets ---- */

static bool net_add(struct lua_list_body *b, struct fct_str entry, char *why, size_t size)
{
    struct lua_list_net net;

    if (!lua_net_parse(entry, &net.net)) {
        snprintf(why, size, "'%.*s' is not a net, a range or an address",
                 (int)(entry.n < 60 ? entry.n : 60), entry.p);
        return false;
    }
    if (b->n == b->size) {
        size_t more = 2 * b->size + 16;
        struct lua_list_net *p = realloc(b->net, more * sizeof *p);

        if (!p)
            return no_memory(why, size);
        b->net = p;
        b->size = more;
    }
    net.text = keep(b, entry, false);
    if (!net.text)
        return no_memory(why, size);
    b->net[b->n++] = net;
    return true;
}

/* IPv4 before IPv6. */
static int order(const struct lua_ip *a, const struct lua_ip *b)
{
    return a->v4 != b->v4 ? (a->v4 ? -1 : 1) : lua_ip_compare(a, b);
}

static int by_from(const void *a, const void *b)
{
    const struct lua_list_net *x = a, *y = b;
    int from = order(&x->net.from, &y->net.from);

    return from ? from : order(&y->net.to, &x->net.to);
}

/* Nets inside others go: then the last that begins at or below an address decides. */
static void net_finish(struct lua_list_body *b)
{
    size_t kept = 0;

    if (b->n == 0)
        return;
    qsort(b->net, b->n, sizeof *b->net, by_from);
    for (size_t i = 0; i < b->n; i++)
        if (kept == 0 || order(&b->net[i].net.to, &b->net[kept - 1].net.to) > 0)
            b->net[kept++] = b->net[i];
    b->n = kept;
}

static const char *net_has(const struct lua_list_body *b, struct fct_str value)
{
    size_t low = 0, high = b->n;
    struct lua_ip ip;

    if (!lua_ip_parse(value, &ip))
        return NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (order(&b->net[middle].net.from, &ip) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && order(&ip, &b->net[low - 1].net.to) <= 0 ? b->net[low - 1].text : NULL;
}

const struct lua_list_kind lua_list_nets = {"nets", net_add, net_finish, net_has};

/* ---- regexes ---- */

static bool regex_add(struct lua_list_body *b, struct fct_str entry, char *why, size_t size)
{
    struct lua_list_regex *r;

    if (b->n == b->size) {
        size_t more = 2 * b->size + 16;

        r = realloc(b->regex, more * sizeof *r);
        if (!r)
            return no_memory(why, size);
        b->regex = r;
        b->size = more;
    }
    r = &b->regex[b->n];
    r->text = keep(b, entry, false);
    if (!r->text)
        return no_memory(why, size);
    r->regex = lua_regex_compile(b->regex_engine, entry, why, size);
    b->n += r->regex != NULL;
    return r->regex != NULL;
}

/* One that is too costly for this value counts as not matching. */
static const char *regex_has(const struct lua_list_body *b, struct fct_str value)
{
    struct lua_regex_found found;

    for (size_t i = 0; i < b->n; i++)
        if (lua_regex_search(b->regex_engine, b->regex[i].regex, value, 0, &found) ==
            LUA_REGEX_FOUND)
            return b->regex[i].text;
    return NULL;
}

const struct lua_list_kind lua_list_regexes = {"regexes", regex_add, NULL, regex_has};
