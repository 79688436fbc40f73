/* fuzzy_scan.c - is a message like one that somebody spoke about? What the site said, and what
 * enough users said, counts for everybody; what one user said counts for that user. Without Redis
 * nothing is said. */
#include "fuzzy_plugin.h"

enum { DETAIL_MAX = 80 };

/* An image is in a forged message as well as in the one it was taken from. */
#define IMAGE_FACTOR 0.4

enum symbol { TEXT, HTML, ATTACHMENT, WHITE, SYMBOLS };
/* clang-format off */
const struct fct_symbol fuzzy_symbols[SYMBOLS + 1] = {
    [TEXT]       = {"FUZZY_TEXT",       6.0, "fuzzy", "Its text is nearly that of a message known as spam"},
    [HTML]       = {"FUZZY_HTML",       1.0, "fuzzy", "Its HTML has the shape of a message known as spam"},
    [ATTACHMENT] = {"FUZZY_ATTACHMENT", 5.0, "fuzzy", "It has an attachment of a message known as spam"},
    [WHITE]      = {"FUZZY_WHITE",     -5.0, "fuzzy", "Its text or an attachment is nearly that of a message known as wanted"},
    [SYMBOLS]    = {NULL, 0, NULL, NULL},
};
/* clang-format on */

struct scan {
    struct fuzzy_plugin *plugin;
    struct fct_call *call;
    struct fuzzy_marks marks;
    struct fuzzy_question question;
    struct fuzzy_hit hit[FUZZY_HITS_MAX];
    size_t hits;
};

/* ---- what one symbol gets ---- */

struct opinion {
    double factor[SYMBOLS];
    unsigned matches[SYMBOLS];
};

/* 16 of 32 equal numbers count half, all of them whole. */
static double factor_of(const struct scan *s, const struct fuzzy_hit *hit)
{
    if (hit->kind == FUZZY_KIND_ATTACHMENT)
        return s->marks.attachment[hit->matches].is_image ? IMAGE_FACTOR : 1;
    return (double)hit->matches / FUZZY_POSITIONS;
}

/* Whose word a hit is judged by: `who` first, then everybody. */
static char said(const struct scan *s, const struct fuzzy_hit *hit, const struct fuzzy_who *who)
{
    char own = who ? fuzzy_said_by(hit, who) : 0;

    return own ? own : fuzzy_said_by_all(hit, s->plugin->conf->users_needed);
}

static void raise_to(struct opinion *o, enum symbol symbol, double factor, unsigned matches)
{
    if (factor > o->factor[symbol]) {
        o->factor[symbol] = factor;
        o->matches[symbol] = matches;
    }
}

/* What is as near to a wanted message as to spam is wanted. The shape of HTML says nothing good
 * about anybody: templates are for sale. */
static struct opinion judge(const struct scan *s, const struct fuzzy_who *who)
{
    static const enum symbol symbol_of[FUZZY_KINDS] = {TEXT, HTML, ATTACHMENT};
    struct opinion spam = {{0}, {0}}, ham = {{0}, {0}};

    for (size_t i = 0; i < s->hits; i++) {
        const struct fuzzy_hit *hit = &s->hit[i];
        char class = said(s, hit, who);

        if (class)
            raise_to(class == 's' ? &spam : &ham, symbol_of[hit->kind], factor_of(s, hit),
                     hit->matches);
    }
    for (unsigned k = 0; k < FUZZY_KINDS; k++) {
        enum symbol symbol = symbol_of[k];

        if (ham.factor[symbol] < spam.factor[symbol] || ham.factor[symbol] == 0)
            continue;
        spam.factor[symbol] = 0;
        if (symbol != HTML)
            raise_to(&spam, WHITE, ham.factor[symbol], symbol == TEXT ? ham.matches[TEXT] : 0);
    }
    return spam;
}

/* ---- telling ---- */

static struct fct_str detail_of(const struct opinion *o, enum symbol symbol,
                                char detail[DETAIL_MAX])
{
    int n = o->matches[symbol] == 0 || symbol == ATTACHMENT
                ? snprintf(detail, DETAIL_MAX, "an attachment")
                : snprintf(detail, DETAIL_MAX, "%u of %d", o->matches[symbol], FUZZY_POSITIONS);

    return (struct fct_str){detail, (size_t)n};
}

static void tell_all(struct scan *s, const struct opinion *o)
{
    char detail[DETAIL_MAX];

    for (enum symbol i = 0; i < SYMBOLS; i++)
        if (o->factor[i] > 0)
            (void)s->plugin->host->symbol(s->call, fuzzy_symbols[i].name, o->factor[i],
                                          detail_of(o, i, detail));
}

/* Only where it differs from what everybody is told. */
static void tell_user(struct scan *s, struct fct_str account, const struct opinion *all)
{
    struct fuzzy_who who = fuzzy_who_of(s->plugin->key, account);
    struct opinion own = judge(s, &who);
    char detail[DETAIL_MAX];

    for (enum symbol i = 0; i < SYMBOLS; i++)
        if (own.factor[i] < all->factor[i] || own.factor[i] > all->factor[i])
            (void)s->plugin->host->symbol_for(
                s->call, account, fuzzy_symbols[i].name, own.factor[i],
                own.factor[i] > 0 ? detail_of(&own, i, detail)
                                  : FCT_STR("by what this user has taught"));
}

static void tell(struct scan *s)
{
    struct opinion all = judge(s, NULL);
    const struct fct_recipient *r;

    tell_all(s, &all);
    for (size_t i = 0;
         i < s->plugin->conf->max_users && (r = s->plugin->host->recipient(s->call, i)); i++)
        if (r->account.n > 0)
            tell_user(s, r->account, &all);
}

/* ---- asking ---- */

static FCT_MAY_WAIT void refresh(struct scan *s, int64_t generation, uint64_t version)
{
    const struct fct_redis_reply *reply;

    fuzzy_ask_bits(&s->question, generation);
    reply = s->plugin->host->redis(s->call, s->question.word, 2, NULL);
    if (reply && (reply->kind == FCT_REDIS_STRING || reply->kind == FCT_REDIS_NIL))
        fuzzy_memory_put(&s->plugin->memory, generation, version,
                         reply->kind == FCT_REDIS_NIL ? FCT_STR("") : reply->string);
}

static FCT_MAY_WAIT bool has_chance(struct scan *s, int64_t generation, uint64_t version,
                                    int64_t now_s)
{
    const struct fuzzy_conf *conf = s->plugin->conf;
    struct fuzzy_memory *memory = &s->plugin->memory;
    struct fuzzy_least least = {conf->text_matches, conf->html_matches};
    enum fuzzy_chance chance = fuzzy_memory_judge(memory, generation, version, &s->marks, least);

    if (chance == FUZZY_OUTDATED && fuzzy_memory_may_ask(memory, generation, now_s)) {
        refresh(s, generation, version);
        chance = fuzzy_memory_judge(memory, generation, version, &s->marks, least);
    }
    return chance != FUZZY_NO_CHANCE;
}

/* False: nothing learned is like it, or Redis does not say. */
static FCT_MAY_WAIT bool is_worth_asking(struct scan *s, struct fuzzy_times at)
{
    const struct fct_redis_reply *reply;
    uint64_t version[2];
    bool any = false;

    fuzzy_ask_versions(&s->question, at);
    reply = s->plugin->host->redis(s->call, s->question.word, 3, NULL);
    if (!reply || !fuzzy_versions(reply, version))
        return false;
    for (unsigned age = 0; age < 2; age++)
        any |= has_chance(s, fuzzy_generation(at) - age, version[age], at.now);
    return any;
}

static FCT_MAY_WAIT void look(struct scan *s)
{
    const struct fct_host *host = s->plugin->host;
    const struct fuzzy_conf *conf = s->plugin->conf;
    struct fuzzy_times at = fuzzy_times(s->plugin);
    const struct fct_redis_reply *reply;
    struct fuzzy_question *q = &s->question;

    if (!is_worth_asking(s, at))
        return;
    fuzzy_look(q, at, &s->marks, conf->text_matches, conf->html_matches);
    reply = host->redis_script(s->call, &fuzzy_look_script, q->key, q->keys, q->arg, q->args, NULL);
    s->hits = reply ? fuzzy_looked(reply, s->hit) : 0;
}

enum fct_verdict fuzzy_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    struct fuzzy_plugin *plugin = state;
    const struct fct_host *host = plugin->host;
    struct fuzzy_reading reading = fuzzy_reading(plugin, call);
    struct scan *s;

    (void)ev;
    if ((host->conn(call)->login.n > 0 && !plugin->conf->check_users) ||
        !(s = host->alloc(call, sizeof *s)))
        return FCT_NEXT;
    s->plugin = plugin;
    s->call = call;
    s->hits = 0;
    if (!fuzzy_message_marks(&reading, &s->marks))
        return FCT_NEXT;
    look(s);
    if (s->hits > 0)
        tell(s);
    return FCT_NEXT;
}
