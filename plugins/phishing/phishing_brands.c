/* phishing_brands.c - the list itself; what hosts and names pretend is in phishing_pretence.c. */
#include "phishing_brands.h"

#include <stdlib.h>
#include <strings.h>

enum { CLEAR, COMMON };

/* clang-format off */
static const struct row {
    int kind;
    const char *name, *domains;
} rows[] = {
#define BRAND(kind, name, domains) {kind, name, domains},
#include "brands.def"
};
/* clang-format on */

static FCT_PRINTF(2, 3) bool fail(struct fct_err *err, const char *fmt, ...)
{
    va_list ap;

    err->class = FCT_SYNTAX;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return false;
}

/* A copy that lives as long as the list; NULL: no memory. */
static char *keep(struct phishing_brands *b, const char *p, size_t n)
{
    struct kept {
        void *next;
        char bytes[];
    } *kept = malloc(sizeof *kept + n + 1);

    if (!kept)
        return NULL;
    kept->next = b->text;
    b->text = kept;
    memcpy(kept->bytes, p, n);
    kept->bytes[n] = 0;
    return kept->bytes;
}

static bool add_domain(struct phishing_brands *b, struct phishing_brand *brand, const char *p,
                       size_t n)
{
    struct phishing_domain *d = &brand->domain[brand->domains];
    char skeleton[PHISHING_SKELETON_MAX];
    const char *name = keep(b, p, n), *dot = name ? memchr(name, '.', n) : NULL;
    char *copy;

    if (!name || brand->domains == PHISHING_DOMAINS_MAX)
        return false;
    d->name = (struct fct_str){name, n};
    d->label = (struct fct_str){name, dot ? (size_t)(dot - name) : n};
    d->skeleton.n = phishing_skeleton(b->look, d->label, skeleton);
    copy = keep(b, skeleton, d->skeleton.n);
    d->skeleton.p = copy;
    brand->domains++;
    return copy != NULL && d->skeleton.n > 0;
}

/* domains: separated by spaces. False: none, too many, no memory. */
static bool add_brand(struct phishing_brands *b, bool is_common, const char *name, size_t n,
                      const char *domains)
{
    struct phishing_brand *brand;

    if (b->n == b->room) {
        size_t room = b->room ? 2 * b->room : 256;
        struct phishing_brand *more = realloc(b->brand, room * sizeof *more);

        if (!more)
            return false;
        b->brand = more;
        b->room = room;
    }
    brand = &b->brand[b->n];
    *brand = (struct phishing_brand){.name = {keep(b, name, n), n}, .is_common = is_common};
    while (*(domains += strspn(domains, " "))) {
        size_t length = strcspn(domains, " ");

        if (!add_domain(b, brand, domains, length))
            return false;
        domains += length;
    }
    b->n++;
    return brand->name.p && brand->domains > 0;
}

static bool add_entry(struct phishing_brands *b, const char *entry, struct fct_err *err)
{
    static const char common[] = " (common)";
    const char *colon = strchr(entry, ':');
    size_t n = colon ? (size_t)(colon - entry) : 0, mark = sizeof common - 1;
    bool is_common = n > mark && memcmp(entry + n - mark, common, mark) == 0;

    if (n < 2 || !add_brand(b, is_common, entry, is_common ? n - mark : n, colon + 1))
        return fail(err, "brand: \"%s\": must be \"NAME: DOMAIN DOMAIN …\", at most %d domains",
                    entry, PHISHING_DOMAINS_MAX);
    return true;
}

static bool take_out(struct phishing_brands *b, const char *name, struct fct_err *err)
{
    size_t before = b->n, to = 0;

    for (size_t i = 0; i < b->n; i++)
        if (b->brand[i].name.n != strlen(name) ||
            strncasecmp(b->brand[i].name.p, name, b->brand[i].name.n) != 0)
            b->brand[to++] = b->brand[i];
    b->n = to;
    return to < before || fail(err, "not_brand: there is no \"%s\" (brands.def)", name);
}

/* ---- who owns a domain ---- */

static size_t place_of(const struct phishing_brands *b, struct fct_str domain)
{
    uint64_t hash = domain.n;

    for (size_t i = 0; i < domain.n; i++) /* both cases of a letter are the same */
        hash = (hash ^ ((unsigned char)domain.p[i] | 0x20)) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(hash >> (64 - b->owner_bits));
}

static bool is_same(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

/* Its own place, or the free one where it would be. */
static struct phishing_owner *find_owner(const struct phishing_brands *b, struct fct_str domain)
{
    size_t mask = ((size_t)1 << b->owner_bits) - 1, at = place_of(b, domain);

    while (b->owner[at].domain.n > 0 && !is_same(b->owner[at].domain, domain))
        at = (at + 1) & mask;
    return &b->owner[at];
}

/* Of two brands with the same domain the first one has it. */
static bool index_owners(struct phishing_brands *b)
{
    size_t domains = 0;

    for (size_t i = 0; i < b->n; i++)
        domains += b->brand[i].domains;
    for (b->owner_bits = 4; (size_t)1 << b->owner_bits < 2 * domains;)
        b->owner_bits++;
    b->owner = calloc((size_t)1 << b->owner_bits, sizeof *b->owner);
    for (size_t i = 0; b->owner && i < b->n; i++)
        for (size_t d = 0; d < b->brand[i].domains; d++) {
            struct phishing_owner *o = find_owner(b, b->brand[i].domain[d].name);

            if (o->domain.n == 0)
                *o = (struct phishing_owner){b->brand[i].domain[d].name, (uint32_t)i};
        }
    return b->owner != NULL;
}

bool phishing_brands_open(struct phishing_brands *b, const struct phishing_look *look,
                          const struct fct_strings *more, const struct fct_strings *without,
                          struct fct_err *err)
{
    *b = (struct phishing_brands){.look = look};
    for (size_t i = 0; i < FCT_COUNT(rows); i++)
        if (!add_brand(b, rows[i].kind == COMMON, rows[i].name, strlen(rows[i].name),
                       rows[i].domains))
            return fail(err, "brands.def: %s", rows[i].name);
    for (size_t i = 0; i < without->n; i++)
        if (!take_out(b, without->item[i], err))
            return false;
    for (size_t i = 0; i < more->n; i++)
        if (!add_entry(b, more->item[i], err))
            return false;
    return index_owners(b) || fail(err, "no memory");
}

void phishing_brands_close(struct phishing_brands *b)
{
    void *text = b->text;

    while (text) {
        void *next = *(void **)text;

        free(text);
        text = next;
    }
    free(b->brand);
    free(b->owner);
    *b = (struct phishing_brands){.n = 0};
}

bool phishing_brand_owns(const struct phishing_brand *brand, struct fct_str host)
{
    for (size_t i = 0; i < brand->domains; i++) {
        struct fct_str name = brand->domain[i].name;

        if (host.n >= name.n && strncasecmp(host.p + host.n - name.n, name.p, name.n) == 0 &&
            (host.n == name.n || host.p[host.n - name.n - 1] == '.'))
            return true;
    }
    return false;
}

const struct phishing_brand *phishing_brand_of(const struct phishing_brands *b, struct fct_str host)
{
    size_t best = b->n;

    for (;;) { /* the host, then each domain above it */
        const struct phishing_owner *o = find_owner(b, host);
        const char *dot = host.n > 0 ? memchr(host.p, '.', host.n) : NULL;

        if (host.n > 0 && o->domain.n > 0 && o->brand < best)
            best = o->brand;
        if (!dot)
            return best < b->n ? &b->brand[best] : NULL;
        host.n -= (size_t)(dot + 1 - host.p);
        host.p = dot + 1;
    }
}
