/* ctl_scan_many.c - what the filter would do with all messages of files and folders: a line each,
 * or a JSON object each, on a line of its own. */
#include "core/base/str.h"
#include "core/ctl/ctl_mail.h"
#include "core/ctl/ctl_mail_files.h"
#include "core/ctl/ctl_scan.h"

#define LINE_MAX_BYTES (1u << 20)

struct many {
    struct ctl *c;
    struct arena *kept; /* of the command; c->arena is the message's meanwhile */
    uint64_t fate[JUDGE_TEMPFAIL + 1], unread;
};

/* ---- one line ---- */

typedef void (*put_symbol)(const struct ledger_entry *entry, void *to);

static void each_symbol(const struct scan *s, put_symbol put, void *to)
{
    const struct fct_str ledger = s->judge.result.ledger;
    struct fct_err err = {0};
    struct ledger l = {0};

    if (ledger.n == 0 || !ledger_decode(s->ctl->arena, ledger, &l, &err))
        return;
    for (size_t i = 0; i < l.n; i++)
        if (l.entry[i].kind == LEDGER_SYMBOL && !l.entry[i].shadow)
            put(&l.entry[i], to);
}

static void put_json(const struct ledger_entry *e, void *to)
{
    char name[100];

    str_copy_c(name, sizeof name, e->name);
    json_object_set_new(to, name, json_real((double)e->score_milli / 1000));
}

static void put_text(const struct ledger_entry *e, void *to)
{
    buf_printf(to, " %.*s=%.3g", FCT_FMT(e->name), (double)e->score_milli / 1000);
}

static void print_json(const struct scan *s, const char *path)
{
    json_t *symbols = json_object();
    json_t *all = json_pack("{s:o, s:s, s:f, s:o}", "file", ctl_json_str(str_from(path)), "verdict",
                            judge_fate_name[judge_fate(&s->judge)], "score",
                            (double)s->judge.result.score_milli / 1000, "symbols", symbols);

    each_symbol(s, put_json, symbols);
    (void)json_dumpf(all, stdout, JSON_COMPACT);
    (void)fputc('\n', stdout);
    json_decref(all);
}

static void print_text(const struct scan *s, const char *path)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(LINE_MAX_BYTES);

    buf_printf(&out, "%-8s %7.3f  ", judge_fate_name[judge_fate(&s->judge)],
               (double)s->judge.result.score_milli / 1000);
    ctl_put_safe(str_from(path), &out);
    each_symbol(s, put_text, &out);
    buf_put_char(&out, '\n');
    ctl_print(&out);
}

/* ---- all of them ---- */

/* False: there is no use in going on. */
FCT_MAY_WAIT static bool scan_message(struct many *m, const char *path, struct fct_str raw,
                                      struct fct_err *err)
{
    struct scan *s = ARENA_NEW(m->c->arena, struct scan);

    s->ctl = m->c;
    s->message = ctl_mail_wire(m->c->arena, raw);
    if (!scan_ask(s, err))
        return false;
    m->fate[judge_fate(&s->judge)]++;
    (m->c->json ? print_json : print_text)(s, path);
    json_decref(s->described);
    return true;
}

FCT_MAY_WAIT static bool scan_file(struct many *m, const char *path, struct fct_err *err)
{
    struct fct_str rest, message;
    struct fct_err why = {0};

    if (!ctl_mail_read(m->c->arena, path, &rest, &why)) {
        m->unread++;
        (void)ctl_error(&why);
        return true;
    }
    while (mail_files_next(&rest, &message))
        if (!scan_message(m, path, message, err))
            return false;
    return true;
}

static void print_sums(const struct many *m)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1000);

    for (unsigned i = 0; i < FCT_COUNT(m->fate); i++)
        buf_printf(&out, "%s%s %llu", i ? ", " : "", judge_fate_name[i],
                   (unsigned long long)m->fate[i]);
    if (m->unread > 0)
        buf_printf(&out, ", unread %llu", (unsigned long long)m->unread);
    buf_put_char(&out, '\n');
    ctl_print(&out);
}

int ctl_scan_many(struct ctl *c)
{
    struct many m = {.c = c, .kept = c->arena};
    struct fct_err err = {0};
    struct mail_files files;
    bool ok = mail_files_find(c->arena, c->word, c->words, &files, &err);

    c->arena = arena_new(m.kept);
    for (size_t i = 0; ok && i < files.n; i++) {
        ok = scan_file(&m, files.path[i].p, &err);
        arena_reset(c->arena);
    }
    c->arena = m.kept;
    if (!ok) {
        (void)ctl_error(&err);
        return err.class == FCT_TEMP ? CTL_TEMPORARY : CTL_SCAN_USAGE;
    }
    if (!c->json)
        print_sums(&m);
    return m.unread > 0 ? CTL_SCAN_USAGE : CTL_OK;
}
