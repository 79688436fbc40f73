/* trackers_deliver.c - one recipient's view: which level, which parts, the edits, and what is said
 * about them. */
#include "plugins/trackers/trackers_plugin.h"

#include "plugins/lib/view.h"
#include "plugins/trackers/tracker_glob.h"

enum { COMPANIES_MAX = 8, READERS_MAX = 2, SPARED_MAX = 8, HOSTS_MAX = 16, HOST_SHOWN = 80 };

struct tally {
    struct fct_str company; /* empty: nobody in the list */
    unsigned n;
};

/* Links of one host that were cleaned in one way: a newsletter has hundreds of them. */
struct link_tally {
    enum tracker_why why;
    struct fct_str host;
    unsigned n;
};

struct delivery {
    struct fct_call *call;
    const struct trackers_state *state;
    enum tracker_level level;
    struct tracker_tools tools;
    struct tracker_memo memo;
    struct fct_str address; /* the last one of: */
    struct tracker_reader reader[READERS_MAX];
    size_t readers;
    struct fct_str spared[SPARED_MAX];
    size_t spareds;
    unsigned removed, links, proxied, edits;
    struct tally tally[COMPANIES_MAX];
    size_t tallies;
    struct link_tally host[HOSTS_MAX]; /* the last one: all others */
    size_t hosts;
};

static void *take(void *context, size_t bytes)
{
    return trackers_host->alloc(context, bytes);
}

static bool parse(void *context, struct fct_str text, struct fct_url *out)
{
    return trackers_host->url_parse(context, text, out);
}

/* ---- who reads, and what he wants ---- */

static bool is_proven(struct fct_call *call)
{
    struct fct_str fact;

    for (size_t i = 0; (fact = trackers_host->fact(call, "auth", i)).p; i++)
        if (fact.n >= 10 && memcmp(fact.p, "dmarc=pass", 10) == 0)
            return true;
    return trackers_host->conn(call)->login.n > 0;
}

/* entry: an address, a domain, or "*." and a domain. */
static bool is_sender(struct fct_str entry, const struct fct_address *from)
{
    size_t at = tracker_find(entry, (struct fct_str){"@", 1});
    struct fct_str domain = at < entry.n ? tracker_part(entry, at + 1, entry.n) : entry;

    if (entry.n > 2 && entry.p[0] == '*') {
        size_t n = entry.n - 1;

        return from->domain.n > n &&
               tracker_same(tracker_part(from->domain, from->domain.n - n, from->domain.n),
                            tracker_part(entry, 1, entry.n));
    }
    return tracker_same(domain, from->domain) &&
           (at == entry.n || tracker_same(tracker_part(entry, 0, at), from->local));
}

/* Setting privacy_keep: senders whose mail stays as it is, if From is proven. */
static bool is_kept(struct fct_call *call)
{
    struct fct_str list = trackers_host->setting(call, "privacy_keep");
    const struct fct_header *field = list.n > 0 ? trackers_host->header(call, "From", 0) : NULL;
    const struct fct_address *from;

    if (!field || trackers_host->addresses(call, field, &from) != 1 || !is_proven(call))
        return false;
    for (size_t at = 0, end; at < list.n; at = end + 1) {
        for (end = at; end < list.n && list.p[end] != ' ' && list.p[end] != ',';)
            end++;
        if (end > at && is_sender(tracker_part(list, at, end), from))
            return true;
    }
    return false;
}

static enum tracker_level level_of(struct fct_call *call, const struct trackers_state *s)
{
    struct fct_str chosen = trackers_host->setting(call, "privacy");
    unsigned level = chosen.n > 0 ? trackers_level(chosen) : s->level;

    if (level > TRACKER_STRICT)
        level = s->level;
    return level != TRACKER_OFF && is_kept(call) ? TRACKER_OFF : (enum tracker_level)level;
}

static void add_reader(struct delivery *d, struct fct_str address)
{
    if (d->readers > 0 && tracker_same(address, d->address)) /* no second time the same work */
        return;
    d->address = address;
    if (d->readers < READERS_MAX && tracker_reader_init(&d->reader[d->readers], address))
        d->readers++;
}

/* "<" URI ">" *("," "<" URI ">")                                  RFC 2369 2 */
static void find_spared(struct delivery *d)
{
    const struct fct_header *field = trackers_host->header(d->call, "List-Unsubscribe", 0);
    struct fct_str rest = field ? trackers_host->header_text(d->call, field) : (struct fct_str){0};
    struct fct_str piece, url;

    while (d->spareds < SPARED_MAX && view_split(&rest, '>', &piece))
        if (view_split(&piece, '<', &url) && piece.p)
            d->spared[d->spareds++] = view_trim(piece);
}

/* ---- edits ---- */

static void count_company(struct delivery *d, struct fct_str company)
{
    size_t i = 0;

    while (i < d->tallies && !tracker_same(d->tally[i].company, company))
        i++;
    if (i == d->tallies && d->tallies < COMPANIES_MAX)
        d->tally[d->tallies++] = (struct tally){company, 0};
    if (i < d->tallies)
        d->tally[i].n++;
}

static void count_link(struct delivery *d, const struct tracker_edit *e)
{
    size_t i = 0;

    while (i < d->hosts && !(d->host[i].why == e->why && tracker_same(d->host[i].host, e->host)))
        i++;
    if (i == HOSTS_MAX) {
        i--;
        d->host[i].why = e->why;
        d->host[i].host = (struct fct_str){"others", 6};
    } else if (i == d->hosts) {
        d->host[d->hosts++] = (struct link_tally){e->why, e->host, 0};
    }
    d->host[i].n++;
    d->links++;
}

/* "hidden of unknown, mail.example; list 2026-11-22" */
static void note_removal(struct delivery *d, const struct tracker_edit *e)
{
    struct fct_str company = e->company.n > 0 ? e->company : (struct fct_str){"unknown", 7};
    char text[200];
    int n = snprintf(text, sizeof text, "%s of %.*s, %.*s; list %.*s", tracker_why_names[e->why],
                     FCT_FMT(company), e->host.n < HOST_SHOWN ? (int)e->host.n : HOST_SHOWN,
                     e->host.p, FCT_FMT(d->state->list.version));

    trackers_host->note(
        d->call, "tracker removed",
        (struct fct_str){text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1});
    count_company(d, e->company);
    d->removed++;
}

/* Behind the removals: "parameter, shop.example, 14 times; list 2026-11-22" */
static void note_links(struct delivery *d)
{
    for (size_t i = 0; i < d->hosts; i++) {
        const struct link_tally *l = &d->host[i];
        char text[200];
        int n =
            snprintf(text, sizeof text, "%s, %.*s, %u time%s; list %.*s", tracker_why_names[l->why],
                     l->host.n < HOST_SHOWN ? (int)l->host.n : HOST_SHOWN, l->host.p, l->n,
                     l->n == 1 ? "" : "s", FCT_FMT(d->state->list.version));

        trackers_host->note(
            d->call, "link cleaned",
            (struct fct_str){text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1});
    }
    trackers_host->count(d->call, "trackers_removed", d->removed);
    trackers_host->count(d->call, "links_cleaned", d->links);
    trackers_host->count(d->call, "pictures_proxied", d->proxied);
}

static bool is_link(const struct tracker_edit *e)
{
    return e->why == TRACKER_WHY_PARAMETER || e->why == TRACKER_WHY_REDIRECT;
}

static void write_down(struct delivery *d, const struct tracker_edit *e)
{
    if (e->more)
        return;
    if (is_link(e))
        count_link(d, e);
    else if (e->why == TRACKER_WHY_PROXY)
        d->proxied++;
    else
        note_removal(d, e);
}

/* A tag over several lines held two long ones apart, which may not become one (RFC 5322 2.1.1). */
static bool patch_as_line(struct delivery *d, const struct fct_part *part,
                          const struct tracker_edit *e)
{
    struct fct_str bytes = trackers_host->part_bytes(d->call, part);

    return e->with.n == 0 && memchr(bytes.p + e->offset, '\n', e->length) &&
           trackers_host->part_patch(d->call, part, e->offset, e->length,
                                     (struct fct_str){"\r\n", 2});
}

/* Where something longer finds no room in its line (RFC 5322 2.1.1), nothing at all must do. It is
 * no empty value: that could be the page itself. */
static bool patch_otherwise(struct delivery *d, const struct fct_part *part, struct tracker_edit *e)
{
    const struct fct_str less[] = {e->otherwise, {"data:,x", 7}};

    if (is_link(e) || e->with.n <= e->length)
        return false;
    for (size_t i = 0; i < FCT_COUNT(less); i++)
        if (less[i].p && trackers_host->part_patch(d->call, part, e->offset, e->length, less[i])) {
            if (e->why == TRACKER_WHY_PROXY)
                e->why = TRACKER_WHY_REMOTE;
            return true;
        }
    return false;
}

/* What may not be changed (signed, encrypted) is refused by the host, and not counted. */
static void apply(struct delivery *d, const struct fct_part *part,
                  const struct tracker_edits *edits)
{
    for (size_t i = 0; i < edits->n; i++) {
        struct tracker_edit *e = &edits->edit[i];

        if (!trackers_host->part_patch(d->call, part, e->offset, e->length, e->with) &&
            !patch_otherwise(d, part, e) && !patch_as_line(d, part, e))
            continue;
        d->edits++;
        write_down(d, e);
    }
}

static bool is_html(const struct fct_part *part)
{
    return view_is(part->type, "text/html") || view_is(part->type, "application/xhtml+xml") ||
           view_is(part->type, "text/x-amp-html");
}

static void clean_part(struct delivery *d, const struct fct_part *part, const struct fct_link *link,
                       size_t links)
{
    const struct trackers_conf *c = d->state->conf;
    struct tracker_page page = {
        .list = &d->state->list,
        .tools = &d->tools,
        .reader = d->reader,
        .readers = d->readers,
        .level = d->level,
        .rules = {c->shape, c->reader, c->redirects, c->parameters, c->unwrap},
        .proxy = d->state->proxy.base.n > 0 ? &d->state->proxy : NULL,
        .bytes = trackers_host->part_bytes(d->call, part),
        .thirds = view_is(part->encoding, "base64"),
        .link = link,
        .links = links,
        .spared = d->spared,
        .spareds = d->spareds,
    };
    struct tracker_edits edits = {.max = c->max_edits - d->edits};

    if (is_html(part))
        page.tokens = trackers_host->html(d->call, part, &page.token);
    else if (!c->text_links)
        return;
    tracker_page_clean(&page, &edits);
    if (edits.full)
        trackers_host->log(d->call, FCT_WARNING, "more than max_edits to do: the rest stays");
    apply(d, part, &edits);
}

static void clean_parts(struct delivery *d)
{
    const struct fct_part *part;
    const struct fct_link *link;
    size_t parts = trackers_host->parts(d->call, &part),
           links = trackers_host->links(d->call, &link);

    for (size_t i = 0, at = 0; i < parts && d->edits < d->state->conf->max_edits; i++) {
        size_t n = 0;

        while (at + n < links && link[at + n].part == &part[i])
            n++;
        if (is_html(&part[i]) || n > 0)
            clean_part(d, &part[i], link + at, n);
        at += n;
    }
}

/* ---- what is said ---- */

/* "3 trackers removed (Mailchimp 2, unknown 1); 14 links cleaned; level=standard; list=2026-11-22;
 * original=ID" */
static void add_header(struct delivery *d)
{
    char text[900];
    size_t n = (size_t)snprintf(text, sizeof text, "%u tracker%s removed", d->removed,
                                d->removed == 1 ? "" : "s");

    for (size_t i = 0; i < d->tallies && n < sizeof text / 2; i++) {
        struct fct_str name =
            d->tally[i].company.n > 0 ? d->tally[i].company : (struct fct_str){"unknown", 7};

        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s %u%s", i ? ", " : " (",
                              FCT_FMT(name), d->tally[i].n, i + 1 == d->tallies ? ")" : "");
    }
    n += (size_t)snprintf(
        text + n, sizeof text - n, "; %u link%s cleaned; level=%s; list=%.*s; original=%.*s",
        d->links, d->links == 1 ? "" : "s", trackers_level_names[d->level],
        FCT_FMT(d->state->list.version), FCT_FMT(trackers_host->envelope(d->call)->id));
    trackers_host->header_add(d->call, FCT_TOP, (struct fct_str){"X-Facteur-Privacy", 17},
                              (struct fct_str){text, n < sizeof text ? n : sizeof text - 1});
}

static void clean(struct delivery *d)
{
    find_spared(d);
    clean_parts(d);
    if (d->removed + d->links + d->proxied == 0)
        return;
    note_links(d);
    add_header(d);
}

enum fct_verdict trackers_on_deliver(struct fct_call *call, const struct fct_ev_deliver *ev,
                                     void *state)
{
    struct delivery *d = trackers_host->alloc(call, sizeof *d);
    enum tracker_level level = level_of(call, state);

    if (!d || level == TRACKER_OFF)
        return FCT_NEXT;
    *d = (struct delivery){
        .call = call, .state = state, .level = level, .tools = {call, take, parse, &d->memo}};
    add_reader(d, ev->account);
    add_reader(d, ev->recipient);
    clean(d);
    if (d->removed > 0)
        trackers_host->keyword(call, (struct fct_str){"$TrackersRemoved", 16});
    return FCT_NEXT;
}

/* `rewrite`, behind somebody else's MTA: there are no accounts and no views, so the message itself
 * is changed, for all its recipients and for good. Nobody's settings are known here. */
enum fct_verdict trackers_on_edit(struct fct_call *call, const struct fct_ev_edit *ev, void *state)
{
    const struct trackers_state *s = state;
    const struct fct_envelope *envelope = trackers_host->envelope(call);
    struct delivery *d;

    (void)ev;
    if (s->level == TRACKER_OFF || !view_is(trackers_host->conn(call)->frontend, "milter"))
        return FCT_NEXT;
    d = trackers_host->alloc(call, sizeof *d);
    if (!d)
        return FCT_NEXT;
    *d = (struct delivery){
        .call = call, .state = s, .level = s->level, .tools = {call, take, parse, &d->memo}};
    for (size_t i = 0; i < envelope->recipients; i++)
        add_reader(d, envelope->recipient[i]);
    clean(d);
    return FCT_NEXT;
}
