/* bayes_message.c - texts, URLs and MIME of a message as tokens; the header is in bayes_fields.c.
 */
#include "bayes_message.h"

#include "bayes_fields.h"
#include "bayes_words.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    URLS_MAX = 100, /* looked at; a newsletter has fewer hosts than that */
    PARTS_MAX = 100,
    TAGS_MAX = 5000, /* HTML tokens looked at for the shape */
};

static struct fct_str head(struct fct_str s, size_t n)
{
    return (struct fct_str){s.p, s.n < n ? s.n : n};
}

/* Twice as much is another token. */
static unsigned magnitude(uint64_t n)
{
    unsigned m = 0;

    for (; n > 0; n >>= 1)
        m++;
    return m;
}

/* ---- texts ---- */

static void read_texts(const struct bayes_reading *r, struct bayes_tokens *t)
{
    struct fct_str shown = r->host->text(r->call, FCT_TEXT_SHOWN),
                   hidden = r->host->text(r->call, FCT_TEXT_HIDDEN);

    bayes_token_number(t, BAYES_SHAPE, "shown", magnitude(shown.n));
    bayes_token_number(t, BAYES_SHAPE, "hidden", magnitude(hidden.n));
    bayes_words_add(t, head(shown, r->max_text), BAYES_WORD, BAYES_PAIR);
    bayes_words_add(t, head(hidden, r->max_text), BAYES_HIDDEN, 0);
}

/* ---- URLs ---- */

static struct fct_str last_label(struct fct_str host)
{
    size_t at = host.n;

    while (at > 0 && host.p[at - 1] != '.')
        at--;
    return (struct fct_str){host.p + at, host.n - at};
}

static bool is_number(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* Text that looks like a host, and is not where the link leads. */
static bool shows_another(const struct bayes_reading *r, const struct fct_link *link)
{
    struct fct_url shown;

    return link->shown.n > 4 && link->shown.n < 200 && memchr(link->shown.p, '.', link->shown.n) &&
           !memchr(link->shown.p, ' ', link->shown.n) &&
           r->host->url_parse(r->call, link->shown, &shown) &&
           (shown.org.n != link->url.org.n ||
            memcmp(shown.org.p, link->url.org.p, shown.org.n) != 0);
}

static void read_url(const struct bayes_reading *r, struct bayes_tokens *t,
                     const struct fct_link *link)
{
    const struct fct_url *u = &link->url;

    bayes_token(t, BAYES_URL, head(u->host, 100));
    bayes_token_of(t, BAYES_URL, "org", head(u->org, 100));
    bayes_token_of(t, BAYES_URL, "tld", last_label(u->host));
    bayes_token_number(t, BAYES_URL, "from", link->from);
    if (is_number(last_label(u->host)))
        bayes_token_number(t, BAYES_URL, "address", 1);
    if (u->port)
        bayes_token_number(t, BAYES_URL, "port", u->port);
    if (u->user.n > 0)
        bayes_token_number(t, BAYES_URL, "user", 1);
    bayes_token_number(t, BAYES_URL, "path", magnitude(u->path.n));
    bayes_token_number(t, BAYES_URL, "query", magnitude(u->query.n));
    bayes_words_of(t, head(u->path, 100), BAYES_URL, "in path");
    if (link->from == FCT_LINK_ANCHOR && shows_another(r, link))
        bayes_token_number(t, BAYES_URL, "shows another", 1);
}

static void read_urls(const struct bayes_reading *r, struct bayes_tokens *t)
{
    const struct fct_link *link;
    size_t n = r->host->links(r->call, &link), hosts = 0;

    for (size_t i = 0; i < n && hosts < URLS_MAX; i++) {
        if (i > 0 && link[i].url.host.n == link[i - 1].url.host.n &&
            memcmp(link[i].url.host.p, link[i - 1].url.host.p, link[i].url.host.n) == 0)
            continue;
        read_url(r, t, &link[i]);
        hosts++;
    }
    bayes_token_number(t, BAYES_SHAPE, "urls", magnitude(n));
    bayes_token_number(t, BAYES_SHAPE, "hosts", magnitude(hosts));
}

/* ---- MIME and HTML ---- */

static struct fct_str extension(struct fct_str name)
{
    size_t at = name.n;

    while (at > 0 && name.p[at - 1] != '.' && name.n - at < 10)
        at--;
    return at > 0 && name.p[at - 1] == '.' ? (struct fct_str){name.p + at, name.n - at}
                                           : (struct fct_str){"", 0};
}

static void read_html(const struct bayes_reading *r, struct bayes_tokens *t,
                      const struct fct_part *part)
{
    const struct fct_html_token *token;
    size_t n = r->host->html(r->call, part, &token), images = 0, tables = 0;

    for (size_t i = 0; i < n && i < TAGS_MAX; i++) {
        if (token[i].kind != FCT_HTML_START)
            continue;
        bayes_token_of(t, BAYES_SHAPE, "tag", head(token[i].name, 20));
        for (size_t k = 0; k < token[i].attributes; k++)
            if (token[i].attribute[k].name.n < 20)
                bayes_token_of(t, BAYES_SHAPE, "attribute", token[i].attribute[k].name);
        images += token[i].name.n == 3 && memcmp(token[i].name.p, "img", 3) == 0;
        tables += token[i].name.n == 5 && memcmp(token[i].name.p, "table", 5) == 0;
    }
    bayes_token_number(t, BAYES_SHAPE, "tags", magnitude(n));
    bayes_token_number(t, BAYES_SHAPE, "images", magnitude(images));
    bayes_token_number(t, BAYES_SHAPE, "tables", magnitude(tables));
}

static void read_part(const struct bayes_reading *r, struct bayes_tokens *t,
                      const struct fct_part *part)
{
    bayes_token_of(t, BAYES_SHAPE, "type", head(part->type, 60));
    bayes_token_of(t, BAYES_SHAPE, "charset", head(part->charset, 40));
    bayes_token_of(t, BAYES_SHAPE, "encoding", head(part->encoding, 40));
    if (part->filename.n > 0) {
        bayes_token_of(t, BAYES_FILE, "extension", extension(part->filename));
        bayes_words_of(t, head(part->filename, 200), BAYES_FILE, "name");
        bayes_token_number(t, BAYES_FILE, "size", magnitude(part->body_length));
    }
    if (part->type.n == 9 && memcmp(part->type.p, "text/html", 9) == 0)
        read_html(r, t, part);
}

static void read_parts(const struct bayes_reading *r, struct bayes_tokens *t)
{
    const struct fct_part *part;
    size_t n = r->host->parts(r->call, &part);
    uint64_t tree = 0;

    for (size_t i = 0; i < n && i < PARTS_MAX; i++) {
        read_part(r, t, &part[i]);
        tree = tree * 31 + XXH3_64bits(part[i].type.p, part[i].type.n) + part[i].depth;
    }
    bayes_token_number(t, BAYES_SHAPE, "parts", magnitude(n));
    bayes_token_number(t, BAYES_SHAPE, "tree", tree);
    if (n > 0) /* without the header, which grows on its way */
        bayes_token_number(t, BAYES_SHAPE, "size", magnitude(part[0].body_length));
}

/* ---- the whole ---- */

/* Nothing here waits, so that one is enough for all messages. */
static _Thread_local struct bayes_tokens collected;

size_t bayes_message_tokens(const struct bayes_reading *r, uint64_t out[BAYES_TOKENS])
{
    struct bayes_tokens *t = &collected;

    if (r->host->raw(r->call).n == 0)
        return 0;
    bayes_tokens_init(t, r->key);
    bayes_fields_read(r, t);
    read_texts(r, t);
    read_urls(r, t);
    read_parts(r, t);
    return bayes_tokens_finish(t, out);
}

/* ---- what is the same message ---- */

/* Fields of the way here (trace, results, copies to whom) differ from copy to copy. */
static bool is_written_by_sender(struct fct_str name)
{
    static const char *const names[] = {"from", "subject", "date", "message-id", "to"};

    for (size_t i = 0; i < FCT_COUNT(names); i++)
        if (name.n == strlen(names[i]) && strncasecmp(name.p, names[i], name.n) == 0)
            return true;
    return false;
}

void bayes_message_digest(const struct bayes_reading *r, struct bayes_digest *out)
{
    const struct fct_header *field;
    struct fct_str raw = r->host->raw(r->call);
    size_t n = r->host->headers(r->call, &field), body = 0;
    XXH3_state_t *state = XXH3_createState();
    XXH128_hash_t hash;

    (void)XXH3_128bits_reset_withSeed(state, r->key);
    for (size_t i = 0; i < n; i++) {
        if (is_written_by_sender(field[i].name))
            (void)XXH3_128bits_update(state, field[i].raw.p, field[i].raw.n);
        body = field[i].offset + field[i].raw.n;
    }
    (void)XXH3_128bits_update(state, raw.p + body, raw.n - body);
    hash = XXH3_128bits_digest(state);
    (void)XXH3_freeState(state);
    (void)snprintf(out->hex, sizeof out->hex, "%016llx%016llx", (unsigned long long)hash.high64,
                   (unsigned long long)hash.low64);
}
