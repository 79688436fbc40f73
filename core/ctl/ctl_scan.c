/* ctl_scan.c - plays a whole transaction for a message in a file. */
#include "core/ctl/ctl_scan.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_mail_files.h"

#include <unistd.h>

#define READY_MS     10000u
#define SAID_MAX     (16u << 20)
#define DEFAULT_IP   "192.0.2.1" /* RFC 5737: nobody's */
#define DEFAULT_HELO "client.example"

/* ---- the envelope: as given, else guessed from the header ---- */

/* Values of an option that may be repeated. */
static size_t values_of(const struct ctl *c, const char *option, struct fct_str *out)
{
    size_t n = 0;

    for (unsigned i = 0; i < c->ngiven; i++)
        if (str_equal(str_from(c->given[i].option->name), str_from(option)))
            out[n++] = str_from(c->given[i].value);
    return n;
}

static struct fct_str sender(const struct ctl *c, const struct ctl_mail_envelope *guessed)
{
    const char *given = ctl_option(c, "--from");

    if (!given)
        return guessed->sender;
    return str_equal(str_from(given), FCT_STR("<>")) ? (struct fct_str){0} : str_from(given);
}

static void take_recipients(struct scan *s, const struct ctl_mail_envelope *guessed)
{
    struct arena *arena = s->ctl->arena;
    struct fct_str *rcpt = ARENA_ARRAY(arena, struct fct_str, CTL_MAX_WORDS),
                   *setting = ARENA_ARRAY(arena, struct fct_str, CTL_MAX_WORDS);
    const char *profile = ctl_option(s->ctl, "--profile");
    size_t settings = values_of(s->ctl, "--setting", setting),
           n = values_of(s->ctl, "--rcpt", rcpt);
    struct filter_recipient *all;

    if (n == 0)
        rcpt[n++] = guessed->recipient;
    all = ARENA_ARRAY(arena, struct filter_recipient, n);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct filter_recipient){
            .recipient = rcpt[i],
            .profile = profile ? str_from(profile) : (struct fct_str){0},
            .setting = {setting, settings},
        };
    s->judge.wanted = all;
    s->judge.nwanted = n;
}

static const struct {
    const char *name;
    uint32_t role;
} roles[] = {{"mx", FCT_ROLE_MX},
             {"submission", FCT_ROLE_SUBMISSION},
             {"lmtp", FCT_ROLE_LMTP},
             {"local", FCT_ROLE_LOCAL}};

static bool take_role(const struct ctl *c, uint32_t *role, struct fct_err *err)
{
    const char *name = ctl_option(c, "--role");

    *role = FCT_ROLE_MX;
    if (!name)
        return true;
    for (size_t i = 0; i < FCT_COUNT(roles); i++)
        if (str_equal(str_from(name), str_from(roles[i].name))) {
            *role = roles[i].role;
            return true;
        }
    return fct_fail(err, FCT_SYNTAX, "--role %s: must be mx, submission, lmtp or local", name);
}

static struct fct_str option_or(const struct ctl *c, const char *name, const char *otherwise)
{
    const char *given = ctl_option(c, name);

    return str_from(given ? given : otherwise);
}

static bool make_context(struct scan *s, struct fct_err *err)
{
    struct ctl *c = s->ctl;
    struct filter_context *x = &s->judge.context;
    struct ctl_mail_envelope guessed;
    uint32_t role;

    if (!take_role(c, &role, err))
        return false;
    ctl_mail_guess(c->arena, s->message, &guessed);
    take_recipients(s, &guessed);
    x->conn = (struct fct_conn){
        .size = sizeof x->conn,
        .role = role,
        .id = arena_printf(c->arena, "%s", id_new().text),
        .client_ip = option_or(c, "--ip", DEFAULT_IP),
        .local_ip = FCT_STR("192.0.2.2"),
        .client_port = 49152,
        .local_port = 25,
        .helo = option_or(c, "--helo", DEFAULT_HELO),
        .tls_version = option_or(c, "--tls", ""),
        .tls_cipher = str_from(ctl_option(c, "--tls") ? "TLS_AES_256_GCM_SHA384" : ""),
        .login = option_or(c, "--login", ""),
        .auth_mechanism = str_from(ctl_option(c, "--login") ? "PLAIN" : ""),
        .client_name = option_or(c, "--client-name", ""),
        .frontend = FCT_STR("scan"),
    };
    x->envelope = (struct fct_envelope){
        .size = sizeof x->envelope,
        .id = arena_printf(c->arena, "%.*s.1", FCT_FMT(x->conn.id)),
        .reverse_path = sender(c, &guessed),
    };
    x->each_answered = role == FCT_ROLE_LMTP;
    return true;
}

/* ---- asking ---- */

/* The symbols that the filter declares, for --explain. */
static FCT_MAY_WAIT bool ask_declared(struct scan *s, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf said = BUF_INIT(SAID_MAX);
    json_error_t why;

    if (!filter_ready(s->ctl->filter, clock_ms() + READY_MS))
        return fct_fail(err, FCT_TEMP, "the filter does not answer");
    if (!filter_describe(s->ctl->filter, FILTER_JSON, &said, err))
        return false;
    s->described = json_loadb(said.p, said.n, 0, &why);
    return s->described || fct_fail(err, FCT_BUG, "the filter's description: %s", why.text);
}

static FCT_MAY_WAIT bool ask(struct scan *s, struct fct_err *err)
{
    if (!ctl_mail_seal(s->message, &s->judge.fd, err))
        return false;
    s->judge.size = s->message.n;
    s->judge.filter = s->ctl->filter;
    s->judge.arena = s->ctl->arena;
    judge_run(&s->judge);
    close(s->judge.fd);
    return !ctl_option(s->ctl, "--explain") || ask_declared(s, err);
}

bool scan_ask(struct scan *s, struct fct_err *err)
{
    return make_context(s, err) && ask(s, err);
}

FCT_MAY_WAIT static int scan_one(struct ctl *c)
{
    struct scan *s = ARENA_NEW(c->arena, struct scan);
    struct fct_err err = {0};

    s->ctl = c;
    if (!ctl_mail_load(c->arena, c->word[0], &s->message, &err) || !scan_ask(s, &err)) {
        (void)ctl_error(&err);
        return err.class == FCT_TEMP ? CTL_TEMPORARY : CTL_SCAN_USAGE;
    }
    if (c->json)
        ctl_print_json(scan_json(s));
    else
        scan_print(s);
    json_decref(s->described);
    return (int)judge_fate(&s->judge);
}

int ctl_scan(struct ctl *c)
{
    return c->words > 1 || mail_files_is_folder(c->word[0]) ? ctl_scan_many(c) : scan_one(c);
}
