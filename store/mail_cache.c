/* mail_cache.c - the e-mails read last: a map, and a list in order of use. */
#include "store/mail_cache.h"

#include "store/mail_record.h"

#include <stdlib.h>

#define ENTRY_COST 96 /* of memory beside the struct: allocator and map */

struct mail_cache {
    struct map *mails;
    struct cached_mail *newest, *oldest;
    uint64_t bytes;
};

struct mail_cache *mail_cache_new(void)
{
    struct mail_cache *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    c->mails = map_new();
    return c;
}

void mail_cache_free(struct mail_cache **c)
{
    struct cached_mail *m = *c ? (*c)->newest : NULL;

    while (m) {
        struct cached_mail *next = m->older;

        free(m);
        m = next;
    }
    if (*c)
        map_free(&(*c)->mails);
    free(*c);
    *c = NULL;
}

/* ---- order of use ---- */

static struct fct_str key_of_mail(const uint64_t key[2])
{
    return (struct fct_str){(const char *)key, 2 * sizeof *key};
}

static void list_out(struct mail_cache *c, struct cached_mail *m)
{
    *(m->newer ? &m->newer->older : &c->newest) = m->older;
    *(m->older ? &m->older->newer : &c->oldest) = m->newer;
}

static void list_in(struct mail_cache *c, struct cached_mail *m)
{
    m->newer = NULL;
    m->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = m;
    c->newest = m;
}

static void make_room(struct mail_cache *c, uint64_t most)
{
    struct cached_mail *m = c->oldest;

    while (m && c->bytes > most) {
        struct cached_mail *next = m->newer;

        if (m->users == 0) {
            list_out(c, m);
            map_remove(c->mails, key_of_mail(m->key));
            c->bytes -= m->bytes;
            free(m);
        }
        m = next;
    }
}

static struct cached_mail *find(struct mail_cache *c, uint64_t account, uint64_t email)
{
    const uint64_t key[2] = {account, email};
    struct cached_mail *m = map_get(c->mails, key_of_mail(key));

    if (m && m != c->newest) {
        list_out(c, m);
        list_in(c, m);
    }
    return m;
}

/* ---- entries ---- */

/* Edits of one plugin show one text. */
static bool same_origin(const struct edit_list *list, size_t i)
{
    return i > 0 && list->edit[i].origin.p == list->edit[i - 1].origin.p &&
           list->edit[i].origin.n == list->edit[i - 1].origin.n;
}

static size_t text_bytes(const struct edit_list *list)
{
    size_t bytes = 0;

    for (size_t i = 0; i < list->n; i++)
        bytes += list->edit[i].insert.n + (same_origin(list, i) ? 0 : list->edit[i].origin.n);
    return bytes;
}

static struct fct_str copied(struct fct_str text, char **to)
{
    struct fct_str copy = {*to, text.n};

    if (text.n > 0)
        memcpy(*to, text.p, text.n);
    *to += text.n;
    return copy;
}

/* One block: the struct, the edits, their texts. */
static struct cached_mail *entry_new(const struct mail_record *record, struct fct_str encoded,
                                     struct fct_err *err)
{
    struct arena *arena = arena_new(NULL);
    struct edit_list list = {0};
    struct cached_mail *m = NULL;

    if (encoded.n == 0 || edit_list_decode(arena, encoded, record->size, &list, err)) {
        size_t bytes = sizeof *m + list.n * sizeof *list.edit + text_bytes(&list);
        struct edit *edit;
        char *text;

        m = malloc(bytes);
        FCT_ASSERT(m);
        edit = (struct edit *)(m + 1);
        text = (char *)(edit + list.n);
        *m = (struct cached_mail){.blob = record->blob,
                                  .size = record->size,
                                  .edits = {edit, list.n},
                                  .bytes = bytes + ENTRY_COST};
        for (size_t i = 0; i < list.n; i++) {
            edit[i] = list.edit[i];
            edit[i].insert = copied(list.edit[i].insert, &text);
            edit[i].origin =
                same_origin(&list, i) ? edit[i - 1].origin : copied(list.edit[i].origin, &text);
        }
    }
    arena_free(&arena);
    return m;
}

static void add(struct server *s, struct cached_mail *m, uint64_t account, uint64_t email)
{
    struct mail_cache *c = s->mails;

    m->key[0] = account;
    m->key[1] = email;
    make_room(c, s->conf->read_cache.bytes);
    map_put(c->mails, key_of_mail(m->key), m);
    list_in(c, m);
    c->bytes += m->bytes;
}

/* ---- one ---- */

bool mail_cache_get(struct server *s, uint64_t account, uint64_t email, struct cached_mail **out,
                    struct fct_err *err)
{
    struct buf value = BUF_INIT(MAIL_VALUE_MAX);
    struct mail_record record;
    struct mail_view view = {0};
    bool found, viewed;
    bool ok;

    *out = find(s->mails, account, email);
    if (*out)
        return true;
    ok = mail_record_get(s->driver, NULL, account, email, &value, &record, &found, err) &&
         (found || fct_fail(err, FCT_DENIED, "no such message")) &&
         mail_view_get(s->driver, NULL, account, email, &value, &view, &viewed, err);
    if (ok)
        *out = entry_new(&record, viewed ? view.edits : (struct fct_str){0}, err);
    buf_free(&value);
    if (!*out)
        return false;
    add(s, *out, account, email);
    return true;
}

/* ---- many ---- */

struct filling {
    struct server *s;
    uint64_t account;
    uint64_t *email;
    struct mail_record *record; /* their summaries are gone */
    bool *there;
};

static bool record_found(void *arg, size_t i, const struct fct_str *value)
{
    struct filling *f = arg;

    f->there[i] = value && mail_record_decode(*value, &f->record[i]);
    return true;
}

/* The view is the last of what an entry is made of. */
static bool view_found(void *arg, size_t i, const struct fct_str *value)
{
    struct filling *f = arg;
    struct mail_view view = {0};
    struct cached_mail *m;

    if (!f->there[i] || (value && !mail_view_decode(*value, &view)) ||
        find(f->s->mails, f->account, f->email[i])) /* twice in the list */
        return true;
    m = entry_new(&f->record[i], view.edits, NULL);
    if (m)
        add(f->s, m, f->account, f->email[i]);
    return true;
}

void mail_cache_fill(struct server *s, uint64_t account, const uint64_t *email, size_t n)
{
    struct arena *arena = arena_new(NULL);
    struct filling f = {.s = s,
                        .account = account,
                        .email = ARENA_ARRAY(arena, uint64_t, n + 1),
                        .record = ARENA_ARRAY(arena, struct mail_record, n + 1),
                        .there = ARENA_ARRAY(arena, bool, n + 1)};
    struct fct_err ignored;
    size_t missing = 0;

    for (size_t i = 0; i < n; i++)
        if (email[i] && !find(s->mails, account, email[i]))
            f.email[missing++] = email[i];
    if (missing > 0 && mail_get_many(s->driver, account, MAIL_RECORD_KEY, f.email, missing,
                                     record_found, &f, &ignored))
        (void)!mail_get_many(s->driver, account, MAIL_VIEW_KEY, f.email, missing, view_found, &f,
                             &ignored);
    arena_free(&arena);
}
