/* trackers_rig.h - a part with the server's own tokens and links, for the tests and the fuzzer of
 * the tracker engine. */
#ifndef TESTS_TRACKERS_RIG_H
#define TESTS_TRACKERS_RIG_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/str.h"
#include "core/message/links.h"
#include "core/message/url.h"
#include "plugins/trackers/tracker_page.h"

static const char rig_rows[] = "version 7\n"
                               "pixel */wf/open SendGrid\n"
                               "pixel mail.example/o/ Example Mail\n"
                               "pixel open.kit*.example Kit\n"
                               "param utm_*\n"
                               "param gclid\n"
                               "param si tube.example\n"
                               "unwrap go.example/r query u\n"
                               "unwrap go.example/r query q\n"
                               "unwrap go.example/b base64 u\n"
                               "unwrap */click/*/aHR0c* segment64 3\n"
                               "unwrap go.example/S/ rest 2\n"
                               "unwrap go.example/L0/ segment 2\n"
                               "unwrap go.example/R/ rest 3 https\n";

struct rig {
    struct arena *arena;
    struct tracker_list list;
    struct tracker_tools tools;
    struct tracker_memo memo;
    struct tracker_reader reader;
    struct tracker_page page;
    struct tracker_edits edits;
};

static inline void *rig_alloc(void *context, size_t bytes)
{
    return arena_alloc(context, bytes);
}

static inline bool rig_parse(void *context, struct fct_str text, struct fct_url *out)
{
    return url_parse(context, text, out);
}

static inline bool rig_init(struct rig *r, enum tracker_level level)
{
    struct fct_err err = {0};

    *r = (struct rig){.arena = arena_new(NULL)};
    r->tools = (struct tracker_tools){r->arena, rig_alloc, rig_parse, &r->memo};
    if (!tracker_list_read(&r->list, str_from(rig_rows), "rows", &err) ||
        !tracker_list_sort(&r->list) ||
        !tracker_reader_init(&r->reader, FCT_STR("Ann@Example.org")))
        return false;
    r->page = (struct tracker_page){.list = &r->list,
                                    .tools = &r->tools,
                                    .reader = &r->reader,
                                    .readers = 1,
                                    .level = level,
                                    .rules = {true, true, true, true, true}};
    r->edits.max = 5000;
    return true;
}

static inline void rig_free(struct rig *r)
{
    tracker_list_free(&r->list);
    arena_free(&r->arena);
}

static inline void rig_clean(struct rig *r, struct fct_str bytes, struct fct_str charset, bool html)
{
    struct link_source source = {.bytes = bytes, .charset = charset};
    struct link_list links = {.max = 5000};
    struct html_tokens tokens = {0};

    if (html) {
        html_tokenize(r->arena, bytes, charset, 500000, &tokens);
        links_from_html(r->arena, &source, &tokens, &links);
    } else {
        links_from_text(r->arena, &source, &links);
    }
    r->page.bytes = bytes;
    r->page.token = tokens.token;
    r->page.tokens = tokens.n;
    r->page.link = links.link;
    r->page.links = links.n;
    tracker_page_clean(&r->page, &r->edits);
}

/* The part with its edits, which must rise and lie apart; p is NULL when they do not. */
static inline struct fct_str rig_apply(struct rig *r)
{
    struct fct_str in = r->page.bytes, out;
    size_t at = 0, n = 0, room = in.n;
    char *to;

    for (size_t i = 0; i < r->edits.n; i++)
        room += r->edits.edit[i].with.n;
    to = arena_alloc(r->arena, room + 1);
    for (size_t i = 0; i < r->edits.n; i++) {
        const struct tracker_edit *e = &r->edits.edit[i];

        if (e->offset < at || e->length > in.n || e->offset > in.n - e->length)
            return (struct fct_str){NULL, 0};
        memcpy(to + n, in.p + at, e->offset - at);
        n += e->offset - at;
        memcpy(to + n, e->with.p, e->with.n);
        n += e->with.n;
        at = e->offset + e->length;
    }
    if (in.n > at)
        memcpy(to + n, in.p + at, in.n - at);
    out = (struct fct_str){to, n + in.n - at};
    return out;
}

#endif
