/* bayes_scan.c - what the databases say of a message: the site's for everybody, and a user's own
 * for that user's copy. Without Redis nothing is said. */
#include "bayes_lookup.h"

#include <math.h>

/* Where a message begins to be nearly the same as another, and where it is for certain. */
#define LIKE_FROM 0.4
#define LIKE_FULL 0.75

/* clang-format off */
const struct fct_symbol bayes_symbols[] = {
    {"BAYES_00", -4.5, "bayes", "Looks like wanted mail: less than 1 % probability of spam"},
    {"BAYES_05", -2.6, "bayes", "Looks like wanted mail: 1 to 5 % probability of spam"},
    {"BAYES_20", -1.5, "bayes", "Looks rather like wanted mail: 5 to 20 % probability of spam"},
    {"BAYES_40", -0.5, "bayes", "Looks rather like wanted mail: 20 to 40 % probability of spam"},
    {"BAYES_50",  1.0, "bayes", "Looks like neither or like both: 40 to 60 % probability of spam"},
    {"BAYES_60",  1.8, "bayes", "Looks rather like spam: 60 to 80 % probability"},
    {"BAYES_80",  3.0, "bayes", "Looks rather like spam: 80 to 95 % probability"},
    {"BAYES_95",  3.8, "bayes", "Looks like spam: 95 to 99 % probability"},
    {"BAYES_99",  5.0, "bayes", "Looks like spam: 99 % probability or more"},
    {"LIKE_TAUGHT_SPAM", 12.0, "taught", "Nearly the same as a message that this user has moved to Junk"},
    {"LIKE_TAUGHT_HAM", -10.0, "taught", "Nearly the same as a message that this user has moved out of Junk"},
    {NULL, 0, NULL, NULL},
};
/* clang-format on */

static const double band_end[] = {0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 0.99};

/* In the outer bands: at odds of 10^SURE_ODDS to 1 it counts SURE_MORE more. */
#define SURE_MORE 0.3
#define SURE_ODDS 6.0

static unsigned band_of(double probability)
{
    unsigned band = 0;

    while (band < FCT_COUNT(band_end) && probability >= band_end[band])
        band++;
    return band;
}

/* ---- databases ---- */

struct scan {
    struct bayes_plugin *plugin;
    struct fct_call *call;
    uint64_t token[BAYES_TOKENS];
    size_t n;
    struct bayes_database *database[BAYES_DATABASES_MAX];
    size_t databases;
};

static struct bayes_database *add_database(struct scan *s, struct fct_str account)
{
    struct bayes_database *d = s->plugin->host->alloc(s->call, sizeof *d);

    if (!d || s->databases == BAYES_DATABASES_MAX)
        return NULL;
    d->account = account;
    if (account.n > 0)
        bayes_db_user(&d->db, s->plugin->key, account);
    else
        bayes_db_site(&d->db);
    s->database[s->databases++] = d;
    return d;
}

static bool is_there(const struct scan *s, struct fct_str account)
{
    for (size_t i = 0; i < s->databases; i++)
        if (s->database[i]->account.n == account.n &&
            memcmp(s->database[i]->account.p, account.p, account.n) == 0)
            return true;
    return false;
}

static void add_users(struct scan *s)
{
    const struct fct_recipient *r;

    for (size_t i = 0;
         s->databases <= s->plugin->conf->max_users && (r = s->plugin->host->recipient(s->call, i));
         i++)
        if (r->account.n > 0 && !is_there(s, r->account))
            (void)add_database(s, r->account);
}

/* ---- the verdict ---- */

/* Of a user's own database, rising while there is less than it takes to decide alone. */
static double own_share(const struct scan *s, const struct bayes_database *d)
{
    double least = s->plugin->conf->min_learned, full = s->plugin->conf->full_learned;
    double has = fmin(d->messages.spam, d->messages.ham);

    return has >= full ? 1 : (has - least + 1) / (full - least + 1);
}

struct verdict {
    double probability, margin;
    char detail[80];
};

/* Score at the border between a band and the next one: halfway between theirs. */
static double border(unsigned band)
{
    return (bayes_symbols[band].score + bayes_symbols[band + 1].score) / 2;
}

/* No steps: a message at the upper end of its band scores nearly as one at the lower end of the
 * next. 1 is the middle. */
static double factor_of(const struct verdict *v)
{
    unsigned band = band_of(v->probability);
    double score = bayes_symbols[band].score, low, high, at;

    if (band == 0 || band == FCT_COUNT(band_end)) {
        at = (fabs(v->margin) - 2) / (SURE_ODDS - 2); /* odds of 99 to 1 are where it begins */
        low = border(band > 0 ? band - 1 : 0);
        high = score * (1 + SURE_MORE);
    } else {
        at = (v->probability - band_end[band - 1]) / (band_end[band] - band_end[band - 1]);
        low = border(band - 1);
        high = border(band);
    }
    return (low + (high - low) * fmin(fmax(at, 0), 1)) / score;
}

static struct fct_str detail_of(const struct verdict *v)
{
    return (struct fct_str){v->detail, strlen(v->detail)};
}

/* Rounded, yet never up to certainty. */
static void write_detail(struct verdict *v, const char *rest)
{
    double shown = fmin(fmax(v->probability, 0.001), 0.999);

    (void)snprintf(v->detail, sizeof v->detail, "%.3f%s", shown, rest);
}

static bool judge_site(struct scan *s, struct verdict *v)
{
    const struct bayes_database *d = s->database[0];
    struct bayes_opinion opinion;

    if (!d->knows)
        return false;
    bayes_judge(&s->plugin->tuning, &d->messages, d->token, s->n, &opinion);
    *v = (struct verdict){.probability = opinion.probability, .margin = opinion.margin};
    write_detail(v, "");
    (void)s->plugin->host->symbol(s->call, bayes_symbols[band_of(v->probability)].name,
                                  factor_of(v), detail_of(v));
    return true;
}

static void judge_user(struct scan *s, const struct bayes_database *d, const struct verdict *site)
{
    const struct fct_host *host = s->plugin->host;
    struct bayes_opinion opinion;
    struct verdict own = {0};
    double share = site ? own_share(s, d) : 1;
    char rest[40];

    bayes_judge(&s->plugin->tuning, &d->messages, d->token, s->n, &opinion);
    own.probability = share * opinion.probability + (site ? (1 - share) * site->probability : 0);
    own.margin = share * opinion.margin + (site ? (1 - share) * site->margin : 0);
    (void)snprintf(rest, sizeof rest, ", %.0f%% own", 100 * share);
    write_detail(&own, rest);
    if (site && band_of(site->probability) != band_of(own.probability))
        (void)host->symbol_for(s->call, d->account, bayes_symbols[band_of(site->probability)].name,
                               0, FCT_STR("by what this user has taught"));
    (void)host->symbol_for(s->call, d->account, bayes_symbols[band_of(own.probability)].name,
                           factor_of(&own), detail_of(&own));
}

static void judge_near(struct scan *s, const struct bayes_database *d)
{
    const struct bayes_digest nobody = {{0}};
    struct bayes_near_record record;
    struct bayes_near near;
    char detail[40];

    if (!d->near)
        return;
    bayes_near_make(true, &nobody, s->token, s->n, &record);
    bayes_near_find(&record, d->near, &near);
    if (near.likeness <= LIKE_FROM)
        return;
    (void)snprintf(detail, sizeof detail, "%.0f%% alike", 100 * near.likeness);
    (void)s->plugin->host->symbol_for(
        s->call, d->account, near.spam ? "LIKE_TAUGHT_SPAM" : "LIKE_TAUGHT_HAM",
        fmin((near.likeness - LIKE_FROM) / (LIKE_FULL - LIKE_FROM), 1),
        (struct fct_str){detail, strlen(detail)});
}

static void judge(struct scan *s)
{
    struct verdict site;
    bool by_site = judge_site(s, &site);

    for (size_t i = 1; i < s->databases; i++) {
        if (s->database[i]->knows)
            judge_user(s, s->database[i], by_site ? &site : NULL);
        judge_near(s, s->database[i]);
    }
}

enum fct_verdict bayes_on_scan(struct fct_call *call, const struct fct_ev_scan *ev, void *state)
{
    struct bayes_plugin *plugin = state;
    struct bayes_reading reading = bayes_reading(plugin, call);
    struct scan *s;

    (void)ev;
    if (plugin->host->conn(call)->login.n > 0 && !plugin->conf->check_users)
        return FCT_NEXT;
    s = plugin->host->alloc(call, sizeof *s);
    if (!s)
        return FCT_NEXT;
    s->plugin = plugin;
    s->call = call;
    s->n = bayes_message_tokens(&reading, s->token);
    if (s->n == 0 || !add_database(s, (struct fct_str){"", 0}))
        return FCT_NEXT;
    add_users(s);
    bayes_look_up(plugin, call, s->database, s->databases, s->token, s->n);
    judge(s);
    return FCT_NEXT;
}
