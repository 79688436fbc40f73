/* ctl_lua_mail.c - a folder of mail through rules: which symbols were found how often in what, and
 * where they should not have been. One message in memory at a time. */
#include "core/base/str.h"
#include "core/ctl/ctl_lua.h"
#include "core/ctl/ctl_mail.h"

#include <errno.h>
#include <fts.h>

#define TEXT_MAX     (16u << 20)
#define NAMES_KEPT   1000u /* of wrong hits, per symbol */
#define NAMES_SHOWN  10u
#define FAULTS_SHOWN 10u

/* ---- what a folder is called ---- */

static const struct {
    const char *name;
    enum mail_class class;
} class_names[] = {{"spam", MAIL_SPAM}, {"junk", MAIL_SPAM},   {"ham", MAIL_HAM},
                   {"good", MAIL_HAM},  {"notspam", MAIL_HAM}, {"not-spam", MAIL_HAM}};

static enum mail_class class_of_word(struct fct_str word)
{
    while (word.n > 0 && word.p[0] == '.') /* Maildir++: ".Junk" */
        word = str_skip(word, 1);
    for (size_t i = 0; i < FCT_COUNT(class_names); i++)
        if (str_equal_nocase(word, str_from(class_names[i].name)))
            return class_names[i].class;
    return MAIL_UNSORTED;
}

enum mail_class mail_class_of(struct fct_str path)
{
    enum mail_class nearest = MAIL_UNSORTED, one;

    while (path.p && str_find_char(path, '/') >= 0) { /* the last word is the file */
        one = class_of_word(str_split(&path, '/'));
        nearest = one == MAIL_UNSORTED ? nearest : one;
    }
    return nearest;
}

/* ---- what was found ---- */

struct symbol_sums {
    const char *name;
    double score; /* of the last hit */
    uint64_t hits[MAIL_CLASSES];
    const char **wrong; /* names of messages */
    size_t nwrong;
    uint64_t wrongs;
};

struct folder {
    struct ctl *c;
    struct arena *message;
    struct symbol_sums *symbol;
    size_t symbols, room;
    uint64_t messages[MAIL_CLASSES], unread, faults, ns, slowest_ns;
    const char *slowest;
    struct buf notes;
};

static struct symbol_sums *sums_of(struct folder *f, const char *name)
{
    for (size_t i = 0; i < f->symbols; i++)
        if (strcmp(f->symbol[i].name, name) == 0)
            return &f->symbol[i];
    if (f->symbols == f->room) {
        size_t room = f->room ? 2 * f->room : 32;

        f->symbol = arena_grow(f->c->arena, f->symbol, f->room * sizeof *f->symbol,
                               room * sizeof *f->symbol);
        f->room = room;
    }
    f->symbol[f->symbols] = (struct symbol_sums){.name = arena_cstr(f->c->arena, str_from(name))};
    return &f->symbol[f->symbols++];
}

/* A symbol that speaks against a message is wrong in good mail, one that speaks for it in spam. */
static enum mail_class wrong_class(double score)
{
    return score < 0 ? MAIL_SPAM : MAIL_HAM;
}

static void take_symbol(struct folder *f, const struct lua_tool_symbol *found,
                        enum mail_class class, const char *path)
{
    struct symbol_sums *s = sums_of(f, found->name);

    s->score = found->score;
    s->hits[class]++;
    if (class != wrong_class(found->score))
        return;
    s->wrongs++;
    if (!s->wrong)
        s->wrong = ARENA_ARRAY(f->c->arena, const char *, NAMES_KEPT);
    if (s->nwrong < NAMES_KEPT)
        s->wrong[s->nwrong++] = arena_cstr(f->c->arena, str_from(path));
}

static void note(struct folder *f, const char *path, const char *what)
{
    if (f->faults++ >= FAULTS_SHOWN)
        return;
    ctl_put_safe(str_from(path), &f->notes);
    buf_put_c(&f->notes, ": ");
    ctl_put_safe(str_from(what), &f->notes);
    buf_put_char(&f->notes, '\n');
}

static void take_verdict(struct folder *f, const struct lua_tool_verdict *v, const char *path)
{
    enum mail_class class = mail_class_of(str_from(path));

    f->messages[class]++;
    for (size_t i = 0; i < v->symbols; i++)
        take_symbol(f, &v->symbol[i], class, path);
    for (size_t i = 0; i < v->logs; i++)
        if (strstr(v->log[i], "rule_failed"))
            note(f, path, v->log[i]);
    f->ns += v->ns;
    if (v->ns > f->slowest_ns) {
        f->slowest_ns = v->ns;
        f->slowest = arena_cstr(f->c->arena, str_from(path));
    }
}

/* ---- walking ---- */

static void judge_file(struct folder *f, const struct fct_lua_tool *tool, struct lua_judge *judge,
                       const char *path)
{
    struct lua_tool_verdict verdict;
    struct ctl_lua_mail mail;
    struct fct_err err = {0};
    struct fct_str message;

    arena_reset(f->message);
    if (!ctl_mail_load(f->message, path, &message, &err)) {
        f->unread++;
        note(f, path, err.text);
        return;
    }
    ctl_lua_mail(f->c, f->message, message, &mail);
    if (tool->judge(judge, &mail.mail, &verdict, &err)) {
        take_verdict(f, &verdict, path);
    } else {
        f->unread++;
        note(f, path, err.text);
    }
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Symbolic links are not followed, hidden files are no mail. */
static bool walk(struct folder *f, const struct fct_lua_tool *tool, struct lua_judge *judge,
                 const char *folder, struct fct_err *err)
{
    char *roots[2];
    FTSENT *e;
    FTS *fts;

    roots[0] = (char *)(uintptr_t)arena_cstr(f->c->arena, str_from(folder));
    roots[1] = NULL;
    fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
    if (!fts)
        return fct_fail(err, FCT_TEMP, "%s: %s", folder, strerror(errno));
    while ((e = fts_read(fts))) {
        if (e->fts_info == FTS_F && e->fts_name[0] != '.')
            judge_file(f, tool, judge, e->fts_path);
        else if (e->fts_info == FTS_NS || e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) {
            f->unread++;
            note(f, e->fts_path, strerror(e->fts_errno));
        }
    }
    (void)fts_close(fts);
    return f->messages[MAIL_SPAM] + f->messages[MAIL_HAM] + f->messages[MAIL_UNSORTED] > 0 ||
           fct_fail(err, FCT_SYNTAX, "%s: no message there that can be read", folder);
}

/* ---- telling ---- */

/* Of all hits, how many are right; of all that should be hit, how many are. -1: cannot be said. */
static double precision(const struct symbol_sums *s)
{
    enum mail_class wrong = wrong_class(s->score), right = wrong == MAIL_HAM ? MAIL_SPAM : MAIL_HAM;
    uint64_t all = s->hits[right] + s->hits[wrong];

    return all > 0 ? (double)s->hits[right] / (double)all : -1;
}

static double recall(const struct folder *f, const struct symbol_sums *s)
{
    enum mail_class right = wrong_class(s->score) == MAIL_HAM ? MAIL_SPAM : MAIL_HAM;

    return f->messages[right] > 0 ? (double)s->hits[right] / (double)f->messages[right] : -1;
}

static struct fct_str percent(struct arena *arena, double share)
{
    return share < 0 ? FCT_STR("-") : arena_printf(arena, "%.1f %%", share * 100);
}

static uint64_t messages(const struct folder *f)
{
    return f->messages[MAIL_SPAM] + f->messages[MAIL_HAM] + f->messages[MAIL_UNSORTED];
}

static void put_table(const struct folder *f, struct buf *out)
{
    struct arena *arena = f->c->arena;
    struct ctl_table t = {
        .arena = arena,
        .column = {"SYMBOL", "SCORE>", "SPAM>", "HAM>", "UNSORTED>", "PRECISION>", "RECALL>"},
        .columns = 7};

    for (size_t i = 0; i < f->symbols; i++) {
        const struct symbol_sums *s = &f->symbol[i];

        ctl_table_row(&t, (const struct fct_str[]){
                              str_from(s->name), arena_printf(arena, "%+.3f", s->score),
                              ctl_number(arena, s->hits[MAIL_SPAM]),
                              ctl_number(arena, s->hits[MAIL_HAM]),
                              ctl_number(arena, s->hits[MAIL_UNSORTED]),
                              percent(arena, precision(s)), percent(arena, recall(f, s))});
    }
    if (f->symbols == 0)
        buf_put_c(out, "no symbols\n");
    else
        ctl_table_print(&t, ctl_wants_colour(), out);
}

static void put_wrong(const struct symbol_sums *s, struct buf *out)
{
    if (s->nwrong == 0)
        return;
    buf_printf(out, "\n%s is wrong in\n", s->name);
    for (size_t i = 0; i < s->nwrong && i < NAMES_SHOWN; i++) {
        buf_put_c(out, "  ");
        ctl_put_safe(str_from(s->wrong[i]), out);
        buf_put_char(out, '\n');
    }
    if (s->wrongs > NAMES_SHOWN)
        buf_printf(out, "  and %llu more\n", (unsigned long long)(s->wrongs - NAMES_SHOWN));
}

static void print_folder(const struct folder *f)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(TEXT_MAX);

    put_table(f, &out);
    for (size_t i = 0; i < f->symbols; i++)
        put_wrong(&f->symbol[i], &out);
    buf_printf(&out,
               "\n%llu messages (%llu spam, %llu ham, %llu unsorted), %.3f ms each, the slowest "
               "%.3f ms: ",
               (unsigned long long)messages(f), (unsigned long long)f->messages[MAIL_SPAM],
               (unsigned long long)f->messages[MAIL_HAM],
               (unsigned long long)f->messages[MAIL_UNSORTED],
               (double)f->ns / 1e6 / (double)messages(f), (double)f->slowest_ns / 1e6);
    ctl_put_safe(str_from(f->slowest ? f->slowest : "none"), &out);
    buf_put_char(&out, '\n');
    if (f->faults > 0)
        buf_printf(&out, "\n%llu went wrong\n%.*s", (unsigned long long)f->faults,
                   FCT_FMT(buf_str(&f->notes)));
    ctl_print(&out);
}

static json_t *share_json(double share)
{
    return share < 0 ? json_null() : json_real(share);
}

static json_t *symbol_json(const struct folder *f, const struct symbol_sums *s)
{
    json_t *wrong = json_array();

    for (size_t i = 0; i < s->nwrong; i++)
        json_array_append_new(wrong, ctl_json_str(str_from(s->wrong[i])));
    return json_pack("{s:s, s:f, s:I, s:I, s:I, s:o, s:o, s:o}", "name", s->name, "score", s->score,
                     "spam", (json_int_t)s->hits[MAIL_SPAM], "ham", (json_int_t)s->hits[MAIL_HAM],
                     "unsorted", (json_int_t)s->hits[MAIL_UNSORTED], "precision",
                     share_json(precision(s)), "recall", share_json(recall(f, s)), "wrong", wrong);
}

static void add_folder(const struct folder *f, json_t *answer)
{
    json_t *symbols = json_array();

    for (size_t i = 0; i < f->symbols; i++)
        json_array_append_new(symbols, symbol_json(f, &f->symbol[i]));
    json_object_set_new(
        answer, "mail",
        json_pack("{s:I, s:I, s:I, s:I, s:f, s:f, s:o, s:I, s:o, s:o}", "spam",
                  (json_int_t)f->messages[MAIL_SPAM], "ham", (json_int_t)f->messages[MAIL_HAM],
                  "unsorted", (json_int_t)f->messages[MAIL_UNSORTED], "unread",
                  (json_int_t)f->unread, "ms_mean", (double)f->ns / 1e6 / (double)messages(f),
                  "ms_most", (double)f->slowest_ns / 1e6, "slowest",
                  ctl_json_str(str_from(f->slowest ? f->slowest : "")), "faults",
                  (json_int_t)f->faults, "notes", ctl_json_str(buf_str(&f->notes)), "symbols",
                  symbols));
}

int ctl_lua_folder(struct ctl *c, const struct fct_lua_tool *tool, const struct lua_tool_job *job,
                   const char *folder, json_t *answer)
{
    struct folder f = {.c = c, .message = arena_new(NULL), .notes = BUF_INIT(TEXT_MAX)};
    struct fct_err err = {0};
    struct lua_judge *judge = tool->judge_open(job, &err);
    bool ok = judge && walk(&f, tool, judge, folder, &err);
    int status = !ok ? ctl_error(&err) : f.faults > 0 ? CTL_NO : CTL_OK;

    if (judge)
        tool->judge_close(&judge);
    if (ok && c->json)
        add_folder(&f, answer);
    else if (ok)
        print_folder(&f);
    buf_free(&f.notes);
    arena_free(&f.message);
    return status;
}
