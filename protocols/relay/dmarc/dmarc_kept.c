/* dmarc_kept.c - see dmarc_kept.h. HSCAN, because a day may have many domains and a
 * domain many lines; it may name one twice. */
#include "protocols/relay/dmarc/dmarc_kept.h"

#include "core/base/str.h"
#include "core/redis/redis.h"

#include <stdlib.h>

#define STEP "500" /* about so many fields per question */

/* ---- walking a hash ---- */

struct walk {
    struct redis *redis;
    struct arena *arena; /* of what is kept */
    struct fct_str key;
    void (*field)(struct walk *w, struct fct_str name, struct fct_str value);
    void *out;
    size_t room;
};

static bool is_page(const struct fct_redis_reply *reply)
{
    return reply->kind == FCT_REDIS_ARRAY && reply->n == 2 &&
           reply->item[0].kind == FCT_REDIS_STRING && reply->item[1].kind == FCT_REDIS_ARRAY &&
           reply->item[1].n % 2 == 0;
}

/* *cursor lives in `page`, too. */
static FCT_MAY_WAIT bool read_page(struct walk *w, struct arena *page, struct fct_str *cursor,
                                   struct fct_err *err)
{
    const struct fct_str word[] = {FCT_STR("HSCAN"), w->key, *cursor, FCT_STR("COUNT"),
                                   FCT_STR(STEP)};
    const struct fct_redis_reply *reply = redis_call(w->redis, page, word, FCT_COUNT(word), err);

    if (!reply)
        return false;
    if (!is_page(reply))
        return fct_fail(err, FCT_TEMP, "Redis answers HSCAN with something else");
    for (size_t i = 0; i < reply->item[1].n; i += 2)
        w->field(w, reply->item[1].item[i].string, reply->item[1].item[i + 1].string);
    *cursor = reply->item[0].string;
    return true;
}

static FCT_MAY_WAIT bool walk(struct walk *w, struct fct_err *err)
{
    struct arena *page = arena_new(NULL);
    char place[24] = "0"; /* of the cursor, a 64-bit number */
    bool ok;

    do {
        struct fct_str cursor = str_from(place);

        ok = read_page(w, page, &cursor, err);
        if (ok)
            str_copy_c(place, sizeof place, cursor);
        arena_reset(page);
    } while (ok && strcmp(place, "0") != 0);
    arena_free(&page);
    return ok;
}

/* Room for one more in an array that grows. */
static void *one_more(struct walk *w, void *array, size_t n, size_t size)
{
    size_t room = w->room > 0 ? 2 * w->room : 64;

    if (n < w->room)
        return array;
    array = arena_grow(w->arena, array, w->room * size, room * size);
    w->room = room;
    return array;
}

/* ---- the domains of a day ---- */

static void take_domain(struct walk *w, struct fct_str name, struct fct_str value)
{
    struct dmarc_domains *out = w->out;
    struct dmarc_domain domain;

    (void)value;
    if (!dmarc_domain_parse(name, &domain) || !str_equal(name, dmarc_domain_str(&domain)))
        return; /* REPORT_ALL, and what is not ours */
    out->name = one_more(w, out->name, out->n, sizeof *out->name);
    out->name[out->n++] = arena_str(w->arena, name);
}

static int by_name(const void *a, const void *b)
{
    return str_compare(*(const struct fct_str *)a, *(const struct fct_str *)b);
}

bool dmarc_kept_domains(struct redis *redis, struct arena *arena, const char *day,
                        struct dmarc_domains *out, struct fct_err *err)
{
    char key[REPORT_KEY_MAX];
    struct walk w = {redis, arena, {key, report_key(key, day, FCT_STR(""))}, take_domain, out, 0};
    size_t kept = 0;

    *out = (struct dmarc_domains){0};
    if (!walk(&w, err))
        return false;
    if (out->n > 0)
        qsort(out->name, out->n, sizeof *out->name, by_name);
    for (size_t i = 0; i < out->n; i++)
        if (kept == 0 || !str_equal(out->name[kept - 1], out->name[i]))
            out->name[kept++] = out->name[i];
    out->n = kept;
    return true;
}

/* ---- the lines of a domain ---- */

static void take_field(struct walk *w, struct fct_str name, struct fct_str value)
{
    struct dmarc_kept *out = w->out;
    uint64_t count = 0;

    if (str_equal(name, FCT_STR(REPORT_POLICY))) {
        out->policy = arena_str(w->arena, value);
    } else if (str_equal(name, FCT_STR(REPORT_METHOD))) {
        out->discovery = str_equal(value, str_from(report_method_word(DMARC_BY_LIST)))
                             ? DMARC_BY_LIST
                             : DMARC_BY_WALK;
    } else if (str_equal(name, FCT_STR(REPORT_LEFT_OUT))) {
        if (str_to_u64(value, &count))
            out->left_out = count;
    } else if (str_to_u64(value, &count)) {
        out->line = one_more(w, out->line, out->n, sizeof *out->line);
        out->line[out->n++] = (struct dmarc_kept_line){arena_str(w->arena, name), count};
    }
}

static int by_text(const void *a, const void *b)
{
    const struct dmarc_kept_line *x = a, *y = b;

    return str_compare(x->text, y->text);
}

bool dmarc_kept_read(struct redis *redis, struct arena *arena, const char *day,
                     struct fct_str domain, struct dmarc_kept *out, struct fct_err *err)
{
    char key[REPORT_KEY_MAX];
    struct walk w = {redis, arena, {key, report_key(key, day, domain)}, take_field, out, 0};
    size_t kept = 0;

    *out = (struct dmarc_kept){.policy = FCT_STR("")};
    if (!walk(&w, err))
        return false;
    if (out->n > 0)
        qsort(out->line, out->n, sizeof *out->line, by_text);
    for (size_t i = 0; i < out->n; i++)
        if (kept == 0 || !str_equal(out->line[kept - 1].text, out->line[i].text))
            out->line[kept++] = out->line[i];
    out->n = kept;
    return true;
}
