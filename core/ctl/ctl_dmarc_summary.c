/* ctl_dmarc_summary.c - see ctl_dmarc_summary.h. */
#include "core/ctl/ctl_dmarc_summary.h"

#include "core/base/err.h"
#include "core/base/map.h"
#include "core/base/str.h"
#include "plugins/dmarc/report_unpack.h"

#include <stdlib.h>

struct dmarc_summary {
    struct arena *arena;
    struct map *source;  /* domain, NUL, address */
    struct map *reports; /* those that were taken */
    struct dmarc_told *told;
    size_t n, room;
};

const char *ctl_dmarc_done_word(enum dmarc_done done)
{
    static const char *const words[DONE_COUNT] = {
        [DONE_NONE] = "none",     [DONE_PASS] = "pass",   [DONE_QUARANTINE] = "quarantine",
        [DONE_REJECT] = "reject", [DONE_OTHER] = "other",
    };

    return words[done];
}

struct dmarc_summary *ctl_dmarc_summary_new(struct arena *arena)
{
    struct dmarc_summary *s = ARENA_NEW(arena, struct dmarc_summary);

    *s = (struct dmarc_summary){.arena = arena, .source = map_new(), .reports = map_new()};
    return s;
}

void ctl_dmarc_summary_free(struct dmarc_summary **summary)
{
    if (*summary) {
        map_free(&(*summary)->source);
        map_free(&(*summary)->reports);
    }
    *summary = NULL;
}

/* ---- one report ---- */

struct reading {
    struct arena *arena; /* of this report alone */
    struct map *source;  /* address */
};

static bool is_pass(const char *word)
{
    return str_equal_nocase(str_from(word), FCT_STR("pass"));
}

static enum dmarc_done done_of(const char *word)
{
    enum dmarc_done done = DONE_NONE;

    while (done < DONE_OTHER &&
           !str_equal_nocase(str_from(word), str_from(ctl_dmarc_done_word(done))))
        done++;
    return done;
}

static struct dmarc_source *source_of(struct arena *arena, struct map *map, struct fct_str key)
{
    struct dmarc_source *source = map_get(map, key);

    if (source)
        return source;
    source = ARENA_NEW(arena, struct dmarc_source);
    *source = (struct dmarc_source){0};
    (void)map_put(map, key, source);
    return source;
}

static void take_record(void *ctx, const struct report_record *r)
{
    struct reading *reading = ctx;
    struct fct_str ip = str_from(r->source_ip);
    struct dmarc_source *source;
    bool dkim = is_pass(r->dkim), spf = is_pass(r->spf);

    if (map_count(reading->source) >= DMARC_SOURCES_MAX - 1 && !map_get(reading->source, ip))
        ip = FCT_STR(DMARC_OTHERS);
    source = source_of(reading->arena, reading->source, ip);
    if (source->ip.n == 0)
        source->ip = arena_str(reading->arena, ip);
    source->messages += r->count;
    source->passed += dkim || spf ? r->count : 0;
    source->dkim += dkim ? r->count : 0;
    source->spf += spf ? r->count : 0;
    source->overridden += r->reason[0] ? r->count : 0;
    source->done[done_of(r->disposition)] += r->count;
}

/* ---- into the whole ---- */

static void name_reporter(struct dmarc_source *source, const char *org)
{
    for (unsigned i = 0; i < source->reporters; i++)
        if (strcmp(source->reporter[i], org) == 0)
            return;
    if (source->reporters == DMARC_REPORTERS_MAX)
        source->more_reporters = true;
    else
        source->reporter[source->reporters++] = org;
}

static struct fct_str key_of(struct arena *arena, struct fct_str domain, struct fct_str ip)
{
    return arena_printf(arena, "%.*s%c%.*s", FCT_FMT(domain), 0, FCT_FMT(ip));
}

static void add_source(struct dmarc_summary *s, struct arena *arena,
                       const struct dmarc_source *from, struct fct_str domain, const char *org)
{
    struct fct_str ip = from->ip, key = key_of(arena, domain, ip);
    struct dmarc_source *to;

    if (map_count(s->source) >= DMARC_SOURCES_MAX && !map_get(s->source, key)) {
        ip = FCT_STR(DMARC_OTHERS);
        domain = ip;
        key = key_of(arena, domain, ip);
    }
    to = source_of(s->arena, s->source, key);
    if (to->domain.n == 0) {
        to->domain = arena_str(s->arena, domain);
        to->ip = arena_str(s->arena, ip);
    }
    to->messages += from->messages;
    to->passed += from->passed;
    to->dkim += from->dkim;
    to->spf += from->spf;
    to->overridden += from->overridden;
    for (unsigned i = 0; i < DONE_COUNT; i++)
        to->done[i] += from->done[i];
    name_reporter(to, org);
}

static int64_t seconds(const char *text)
{
    uint64_t n;

    return str_to_u64(str_from(text), &n) && n < (uint64_t)INT64_MAX ? (int64_t)n : 0;
}

static struct dmarc_told *tell(struct dmarc_summary *s, const struct report_about *about,
                               struct fct_str domain)
{
    struct dmarc_told *told;

    if (s->n == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : 16;

        s->told = arena_grow(s->arena, s->told, s->room * sizeof *told, room * sizeof *told);
        s->room = room;
    }
    told = &s->told[s->n++];
    *told = (struct dmarc_told){
        .org = arena_cstr(s->arena, str_from(about->org[0] ? about->org : "?")),
        .id = arena_cstr(s->arena, str_from(about->id)),
        .domain = arena_cstr(s->arena, domain),
        .error = arena_cstr(s->arena, str_from(about->error)),
        .begin = seconds(about->begin),
        .end = seconds(about->end),
        .rfc9990 = about->rfc9990,
    };
    return told;
}

/* False: that one was taken already. Without a Report-ID nobody can know. */
static bool is_new(struct dmarc_summary *s, struct arena *arena, const struct report_about *about,
                   struct fct_str domain)
{
    static char taken;
    struct fct_str key =
        arena_printf(arena, "%s%c%s%c%.*s", about->org, 0, about->id, 0, FCT_FMT(domain));

    return !about->id[0] || !map_put(s->reports, key, &taken);
}

static enum dmarc_taken merge(struct dmarc_summary *s, struct reading *reading,
                              const struct report_reader *reader)
{
    const struct report_about *about = report_reader_about(reader);
    char *name = str_dup_c(str_from(about->domain));
    struct fct_str domain = {name, strlen(name)}, key;
    enum dmarc_taken taken = DMARC_TWICE;
    struct dmarc_told *told;
    void *source;

    str_lower(name, domain.n);
    if (is_new(s, reading->arena, about, domain)) {
        told = tell(s, about, domain);
        told->records = report_reader_records(reader);
        told->bad = report_reader_bad(reader);
        for (size_t at = 0; map_next(reading->source, &at, &key, &source);)
            add_source(s, reading->arena, source, domain, told->org);
        taken = DMARC_TAKEN;
    }
    free(name);
    return taken;
}

enum dmarc_taken ctl_dmarc_summary_add(struct dmarc_summary *s, struct fct_str bytes,
                                       struct fct_err *err)
{
    struct reading reading = {arena_new(NULL), map_new()};
    struct report_reader *reader = report_reader_new(take_record, &reading);
    enum dmarc_taken taken = DMARC_UNREADABLE;

    if (!reader)
        fct_fail(err, FCT_TEMP, "no memory for the parser");
    else if (report_unpack(bytes, reader, err))
        taken = merge(s, &reading, reader);
    report_reader_free(&reader);
    map_free(&reading.source);
    arena_free(&reading.arena);
    return taken;
}

/* ---- what came of it ---- */

static int by_weight(const void *a, const void *b)
{
    const struct dmarc_source *x = *(const struct dmarc_source *const *)a,
                              *y = *(const struct dmarc_source *const *)b;
    int domain = str_compare(x->domain, y->domain);

    if (domain != 0 || x->messages == y->messages)
        return domain != 0 ? domain : str_compare(x->ip, y->ip);
    return x->messages < y->messages ? 1 : -1;
}

const struct dmarc_source *const *ctl_dmarc_sources(struct dmarc_summary *s, size_t *n)
{
    const struct dmarc_source **list =
        ARENA_ARRAY(s->arena, const struct dmarc_source *, map_count(s->source) + 1);
    struct fct_str key;
    void *source;

    *n = 0;
    for (size_t at = 0; map_next(s->source, &at, &key, &source);)
        list[(*n)++] = source;
    qsort(list, *n, sizeof *list, by_weight);
    return list;
}

const struct dmarc_told *ctl_dmarc_told(const struct dmarc_summary *s, size_t *n)
{
    *n = s->n;
    return s->told;
}
