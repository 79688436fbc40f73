/* clamav.c - asks ClamAV's clamd about each message, as it came.
 *
 * Servers are tried in their order, those lately away last. A tick asks each whether it serves, so
 * that a message rarely has to find out. */
#include "clamav_conf.h"

#include "clamd.h"

#include <stdlib.h>
#include <time.h>

#define FACT      "clamav"
#define REPLY_MAX 300
#define DETAIL    "%.*s"

static const struct fct_host *host;

/* clang-format off */
static const struct fct_symbol symbols[] = {
    {"VIRUS",              12.0, "clamav", "ClamAV found a virus"},
    {"VIRUS_SUSPECTED",     3.0, "clamav", "ClamAV has a suspicion: a heuristic, an unwanted program, a signature of spam"},
    {"CLAMAV_UNAVAILABLE",  0.0, "clamav", "No virus scanner could be asked"},
    {"CLAMAV_TOO_BIG",      0.0, "clamav", "The message is too big for the virus scanner"},
    {0},
};
/* clang-format on */

struct server {
    struct clamd clamd;
    uint64_t away_until_ms; /* 0: it serves, as far as is known */
    bool known;             /* a probe has told its version */
};

struct clamav {
    const struct clamav_conf *conf;
    struct clamav_choice choice;
    size_t n;
    struct server server[];
};

static uint64_t now_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- servers ---- */

static void lost(struct clamav *c, struct fct_call *call, struct server *s,
                 const struct fct_err *err)
{
    if (s->away_until_ms == 0)
        host->log(call, FCT_WARNING, "%s", err->text);
    s->away_until_ms = now_ms() + c->conf->pause.ms;
    s->known = false;
}

static void back(struct fct_call *call, struct server *s)
{
    if (s->away_until_ms > 0)
        host->log(call, FCT_INFO, "clamd at " DETAIL " serves again", FCT_FMT(s->clamd.address));
    s->away_until_ms = 0;
}

static FCT_MAY_WAIT bool scan_by(struct clamav *c, struct fct_call *call, struct server *s,
                                 char line[CLAMD_LINE_MAX], struct clamd_reply *out,
                                 struct fct_err *err)
{
    if (!clamd_scan(&s->clamd, call, host->raw(call), line, out, err)) {
        lost(c, call, s, err);
        return false;
    }
    back(call, s);
    return true;
}

/* Those that serve, then those that were away. */
static FCT_MAY_WAIT bool scan(struct clamav *c, struct fct_call *call, char line[CLAMD_LINE_MAX],
                              struct clamd_reply *out, struct fct_err *err)
{
    uint64_t now = now_ms();
    bool away[2] = {false, true};

    for (size_t pass = 0; pass < FCT_COUNT(away); pass++)
        for (size_t i = 0; i < c->n; i++) {
            struct server *s = &c->server[i];

            if ((s->away_until_ms > now) == away[pass] && host->time_left_ms(call) > 0 &&
                scan_by(c, call, s, line, out, err))
                return true;
        }
    return false;
}

/* ---- what was found ---- */

static void wish(struct fct_call *call, const struct clamav *c, struct fct_str name)
{
    static const enum fct_action actions[] = {
        [CLAMAV_QUARANTINE] = FCT_HOLD, [CLAMAV_DISCARD] = FCT_DROP, [CLAMAV_REJECT] = FCT_REFUSE};
    char text[REPLY_MAX];
    int n = snprintf(text, sizeof text, "virus found: %.*s", (int)(name.n < 200 ? name.n : 200),
                     name.p);
    struct fct_str why = {text, (size_t)n};

    if (c->choice.action == CLAMAV_SCORE)
        return;
    for (size_t i = 0; i < why.n; i++)
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    (void)host->force(call, actions[c->choice.action], c->conf->rank, why);
    (void)host->fact_add(call, FACT, why);
}

static void tell(struct fct_call *call, const struct clamav *c, const struct clamd_reply *reply)
{
    bool soft = clamd_name_begins(&c->conf->soft, reply->text);

    if (reply->answer == CLAMD_TOO_BIG)
        (void)host->symbol(call, "CLAMAV_TOO_BIG", 1, FCT_STR("clamd's StreamMaxLength"));
    if (reply->answer != CLAMD_FOUND)
        return;
    host->count(call, soft ? "suspected" : "viruses", 1);
    (void)host->symbol(call, soft ? "VIRUS_SUSPECTED" : "VIRUS", 1, reply->text);
    if (!soft)
        wish(call, c, reply->text);
}

/* ---- points ---- */

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    struct clamav *c = state;
    struct fct_err err = {FCT_TEMP, "no time was left"};
    struct clamd_reply reply;
    char line[CLAMD_LINE_MAX];

    if (ev->size > c->conf->max_size.bytes) {
        (void)host->symbol(call, "CLAMAV_TOO_BIG", 1, FCT_STR("max_size"));
        return FCT_NEXT;
    }
    if (scan(c, call, line, &reply, &err)) {
        host->count(call, "scanned", 1);
        tell(call, c, &reply);
    } else {
        host->count(call, "unavailable", 1);
        (void)host->symbol(call, "CLAMAV_UNAVAILABLE", 1,
                           (struct fct_str){err.text, strlen(err.text)});
    }
    return FCT_NEXT;
}

static bool is_reject(struct fct_str action)
{
    return action.n == 6 && memcmp(action.p, "reject", 6) == 0;
}

/* A refusal gets its reason; a message nobody looked at waits, where that was asked for. */
static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    const struct clamav *c = state;
    struct fct_str why = host->fact(call, FACT, 0);
    char text[REPLY_MAX];

    if (why.p && is_reject(ev->action)) {
        (void)snprintf(text, sizeof text, "%.*s", FCT_FMT(why));
        (void)host->reply(call, 550, "5.7.1", text);
        return FCT_REJECT;
    }
    if (!c->choice.defer || is_reject(ev->action) ||
        !host->has_symbol(call, "CLAMAV_UNAVAILABLE", NULL))
        return FCT_NEXT;
    (void)host->reply(call, 451, "4.7.1", "the virus scanner is away, please try again later");
    return FCT_TEMPFAIL;
}

static FCT_MAY_WAIT void probe(struct clamav *c, struct fct_call *call, struct server *s)
{
    char line[CLAMD_LINE_MAX];
    struct fct_err err = {FCT_TEMP, "no time was left"};
    struct fct_str answer;

    if (!clamd_ask(&s->clamd, call, s->known ? "PING" : "VERSION", line, &answer, &err)) {
        lost(c, call, s, &err);
        return;
    }
    back(call, s);
    if (!s->known)
        host->log(call, FCT_INFO, "clamd at " DETAIL " is " DETAIL, FCT_FMT(s->clamd.address),
                  (int)(answer.n < 100 ? answer.n : 100), answer.p);
    s->known = true;
}

static FCT_MAY_WAIT enum fct_verdict on_tick(struct fct_call *call, const struct fct_ev_tick *ev,
                                             void *state)
{
    struct clamav *c = state;

    (void)ev;
    for (size_t i = 0; i < c->n; i++)
        probe(c, call, &c->server[i]);
    return FCT_NEXT;
}

/* ---- the plugin ---- */

static struct clamav *new_state(const struct clamav_conf *conf)
{
    struct clamav *c = calloc(1, sizeof *c + conf->server.n * sizeof c->server[0]);

    if (!c)
        return NULL;
    c->conf = conf;
    c->n = conf->server.n;
    for (size_t i = 0; i < c->n; i++) {
        const char *address = conf->server.item[i];

        c->server[i].clamd =
            (struct clamd){host, {address, strlen(address)}, (uint32_t)conf->timeout.ms};
    }
    return c;
}

static bool add_hooks(struct fct_self *self, const struct clamav *c, struct fct_err *err)
{
    struct fct_hook_row scan_row =
        FCT_ON(scan, on_scan, .provides = "clamav", .may = FCT_MAY_NOTHING);
    struct fct_hook_row verdict = FCT_ON(verdict, on_verdict);
    struct fct_hook_row tick =
        FCT_ON(tick, on_tick, .interval_ms = (uint32_t)c->conf->probe.ms, .scope = FCT_EACH);

    return host->add_hook(self, &scan_row, err) && host->add_hook(self, &tick, err) &&
           ((c->choice.action != CLAMAV_REJECT && !c->choice.defer) ||
            host->add_hook(self, &verdict, err));
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    struct clamav_choice choice = {.defer = false};
    struct clamav *c;

    host = given;
    err->class = FCT_DENIED;
    (void)snprintf(err->text, sizeof err->text,
                   "no memory, or this server is older than the plugin");
    if (!FCT_HAS(given, text) || !(c = new_state(conf)))
        return false;
    if (clamav_conf_read(conf, &choice, err)) {
        c->choice = choice;
        if (add_hooks(self, c, err)) {
            *state = c;
            return true;
        }
    }
    free(c);
    return false;
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "clamav",
    .version = "1.0",
    .summary = "asks ClamAV's clamd about each message",
    .license = "Apache-2.0",
    .keys = clamav_keys,
    .conf_size = sizeof(struct clamav_conf),
    .symbols = symbols,
    .start = start,
    .stop = free,
};
