/* phishing_pretence.c - does a host, or a display name, pretend to be a brand? See
 * phishing_brands.h. */
#include "phishing_brands.h"

#include <strings.h>

enum {
    LABELS_MAX = 20,
    ALIKE_MIN = 4, /* bytes of a brand's word: "me" and "td" look like much */
    TYPO_MIN = 6,
    WORD_MIN = 3,
};

static bool equal(struct fct_str a, struct fct_str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

struct labels {
    struct fct_str label[LABELS_MAX];
    size_t n;
};

/* The last ones, when there are too many. */
static void split(struct fct_str host, char separator, struct labels *out)
{
    out->n = 0;
    for (size_t end = host.n; out->n < LABELS_MAX;) {
        size_t start = end;

        while (start > 0 && host.p[start - 1] != separator)
            start--;
        memmove(out->label + 1, out->label, out->n * sizeof *out->label);
        out->label[0] = (struct fct_str){host.p + start, end - start};
        out->n++;
        if (start == 0)
            return;
        end = start - 1;
    }
}

/* ---- one label ---- */

struct seen {
    struct fct_str label, skeleton;
    char bytes[PHISHING_SKELETON_MAX];
};

static bool is_alike(const struct seen *s, const struct phishing_domain *d)
{
    return d->label.n >= ALIKE_MIN && s->skeleton.n == d->skeleton.n &&
           memcmp(s->skeleton.p, d->skeleton.p, d->skeleton.n) == 0 && !equal(s->label, d->label);
}

static bool has_word(struct fct_str label, struct fct_str word)
{
    struct labels words;

    split(label, '-', &words);
    for (size_t i = 0; i < words.n; i++)
        if (equal(words.label[i], word))
            return true;
    return false;
}

/* "paypal-com" */
static bool is_joined(struct fct_str label, struct fct_str domain)
{
    if (label.n != domain.n)
        return false;
    for (size_t i = 0; i < label.n; i++)
        if (label.p[i] != domain.p[i] && !(label.p[i] == '-' && domain.p[i] == '.'))
            return false;
    return true;
}

/* ---- a host against one brand ---- */

struct guise {
    struct labels labels; /* in Unicode, those before the public suffix */
    struct fct_str front; /* of the name in A-labels: what stands before org */
    struct seen seen[LABELS_MAX];
    size_t organisation; /* index of the registrable label */
};

/* Does the domain stand in front as labels of its own, or joined by hyphens? */
static bool is_in_front(const struct guise *g, struct fct_str domain)
{
    for (size_t i = 0; i + domain.n < g->front.n; i++) /* a dot follows */
        if (g->front.p[i] == domain.p[0] && (i == 0 || g->front.p[i - 1] == '.') &&
            g->front.p[i + domain.n] == '.' && strncasecmp(g->front.p + i, domain.p, domain.n) == 0)
            return true;
    for (size_t i = 0; i <= g->organisation; i++)
        if (is_joined(g->labels.label[i], domain))
            return true;
    return false;
}

static enum phishing_pretence against(const struct guise *g, const struct phishing_brand *brand)
{
    enum phishing_pretence worst = PHISHING_HONEST;
    struct fct_str org = g->labels.label[g->organisation], word = brand->domain[0].label;

    for (size_t d = 0; d < brand->domains; d++) {
        if (equal(org, brand->domain[d].label))
            return PHISHING_HONEST; /* of another country: amazon.nl */
        for (size_t i = 0; i <= g->organisation; i++)
            if (is_alike(&g->seen[i], &brand->domain[d]))
                return PHISHING_LOOK_ALIKE;
        if (brand->domain[d].label.n >= WORD_MIN && is_in_front(g, brand->domain[d].name))
            worst = PHISHING_FRONT;
    }
    if (worst != PHISHING_HONEST || brand->is_common)
        return worst;
    if (word.n >= TYPO_MIN && phishing_is_typo(org, word))
        return PHISHING_TYPO;
    for (size_t i = 0; word.n >= WORD_MIN && i <= g->organisation; i++)
        if (has_word(g->labels.label[i], word))
            return PHISHING_LABEL;
    return PHISHING_HONEST;
}

static bool read_guise(const struct phishing_brands *b, const struct phishing_host *host,
                       struct guise *g)
{
    struct labels org;

    split(host->display, '.', &g->labels);
    split(host->org, '.', &org);
    if (host->org.n == 0 || host->org.n > host->name.n || org.n > g->labels.n || org.n < 2)
        return false;
    g->organisation = g->labels.n - org.n;
    g->front = (struct fct_str){host->name.p, host->name.n - host->org.n};
    for (size_t i = 0; i <= g->organisation; i++) {
        struct seen *s = &g->seen[i];

        s->label = g->labels.label[i];
        s->skeleton = (struct fct_str){s->bytes, phishing_skeleton(b->look, s->label, s->bytes)};
    }
    return true;
}

enum phishing_pretence phishing_pretends(const struct phishing_brands *b,
                                         const struct phishing_host *host,
                                         const struct phishing_brand **brand)
{
    enum phishing_pretence worst = PHISHING_HONEST;
    struct guise g;

    *brand = NULL;
    if (!read_guise(b, host, &g) || phishing_brand_of(b, host->name))
        return worst;
    for (size_t i = 0; i < b->n; i++) {
        enum phishing_pretence one = against(&g, &b->brand[i]);

        if (one > worst) {
            worst = one;
            *brand = &b->brand[i];
        }
    }
    return worst;
}

/* ---- names ---- */

/* Beside these a common word is a brand's. */
static const char *const service_words[] = {
    "support", "service", "services", "security", "account",  "accounts",     "team",     "alert",
    "alerts",  "billing", "customer", "help",     "helpdesk", "bank",         "online",   "card",
    "pay",     "payment", "payments", "verify",   "update",   "notification", "no-reply", "noreply",
    "prime",   "id",      "sign",     "order",    "orders",   "mail",         "delivery", "refund",
};

static bool is_letter(char c)
{
    return (unsigned char)c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

/* Where `word` stands as words of its own; NULL: nowhere. */
static const char *find_words(struct fct_str text, struct fct_str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if ((text.p[i] | 0x20) == (word.p[0] | 0x20) &&
            strncasecmp(text.p + i, word.p, word.n) == 0 && (i == 0 || !is_letter(text.p[i - 1])) &&
            (i + word.n == text.n || !is_letter(text.p[i + word.n])))
            return text.p + i;
    return NULL;
}

static bool has_service_word(struct fct_str text)
{
    for (size_t i = 0; i < FCT_COUNT(service_words); i++)
        if (find_words(text, (struct fct_str){service_words[i], strlen(service_words[i])}))
            return true;
    return false;
}

static struct fct_str trim(struct fct_str s)
{
    for (; s.n > 0 && !is_letter(s.p[0]); s.p++)
        s.n--;
    while (s.n > 0 && !is_letter(s.p[s.n - 1]))
        s.n--;
    return s;
}

const struct phishing_brand *phishing_brand_in_name(const struct phishing_brands *b,
                                                    struct fct_str name)
{
    struct fct_str whole = trim(name);

    for (size_t i = 0; i < b->n; i++) {
        const struct phishing_brand *brand = &b->brand[i];

        if (find_words(name, brand->name) &&
            (!brand->is_common || equal(whole, brand->name) || has_service_word(name)))
            return brand;
    }
    return NULL;
}

/* Plain letters are what they are: "Itau" is no disguise of a name that is written with a mark. */
static bool is_disguised(struct fct_str word)
{
    for (size_t i = 0; i < word.n; i++)
        if ((unsigned char)word.p[i] >= 0x80 || (word.p[i] >= '0' && word.p[i] <= '9'))
            return true;
    return false;
}

static const struct phishing_brand *brand_like_word(const struct phishing_brands *b,
                                                    struct fct_str word)
{
    struct seen s = {.label = word};

    if (word.n < ALIKE_MIN || !is_disguised(word))
        return NULL;
    s.skeleton = (struct fct_str){s.bytes, phishing_skeleton(b->look, word, s.bytes)};
    for (size_t i = 0; i < b->n; i++)
        if (!b->brand[i].is_common && !equal(word, b->brand[i].name) &&
            is_alike(&s, &b->brand[i].domain[0]))
            return &b->brand[i];
    return NULL;
}

const struct phishing_brand *phishing_brand_like_name(const struct phishing_brands *b,
                                                      struct fct_str name)
{
    const struct phishing_brand *brand = NULL;

    for (size_t start = 0, end; start < name.n && !brand; start = end + 1) {
        for (end = start; end < name.n && is_letter(name.p[end]);)
            end++;
        brand = brand_like_word(b, (struct fct_str){name.p + start, end - start});
    }
    return brand;
}

const struct phishing_brand *phishing_brand_in_text(const struct phishing_brands *b,
                                                    struct fct_str text)
{
    for (size_t i = 0; i < b->n; i++)
        if (!b->brand[i].is_common && b->brand[i].name.n > 3 && find_words(text, b->brand[i].name))
            return &b->brand[i];
    return NULL;
}
