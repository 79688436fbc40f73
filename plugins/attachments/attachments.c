/* attachments.c - what is attached to a message: real types, tricks in names, archives, macros, as
 * a plugin.
 *
 * The looking is done on a thread of the pool, on the decoded bytes of the message's own memory,
 * while the filter process serves others; libmagic's database is in memory before the sandbox
 * closes. */
#include "attachments_conf.h"

#include "attach_active.h"
#include "attach_look.h"
#include "attach_magic.h"

#include <facteur/plugin.h>
#include <stdlib.h>

#define FACT      "attachments"
#define REPLY_MAX 300
#define SPARE_MS  200u /* of the deadline, to tell what was found */
#define PASSWORD  "MESSAGE_GIVES_PASSWORD"

static const struct fct_host *host;

/* clang-format off */
static const struct fct_symbol symbols[] = {
    [ATTACH_FORBIDDEN]            = {"ATTACHMENT_FORBIDDEN",            7.0, "attachments", "An attachment's name ends as those of programs, scripts and disk images do"},
    [ATTACH_FORBIDDEN_TYPE]       = {"ATTACHMENT_FORBIDDEN_TYPE",       7.0, "attachments", "An attachment is a program or a shortcut by its content"},
    [ATTACH_FORBIDDEN_IN_ARCHIVE] = {"ATTACHMENT_FORBIDDEN_IN_ARCHIVE", 6.0, "attachments", "An attached archive holds a program, a script or a disk image"},
    [ATTACH_DISGUISED]            = {"ATTACHMENT_DISGUISED",            8.0, "attachments", "An attachment that runs has the name of a document or picture"},
    [ATTACH_MISMATCH]             = {"ATTACHMENT_MISMATCH",             0.8, "attachments", "An attachment is something else than its name says"},
    [ATTACH_DOUBLE_EXTENSION]     = {"ATTACHMENT_DOUBLE_EXTENSION",     6.0, "attachments", "A program is attached as bill.pdf.exe, to be shown as bill.pdf"},
    [ATTACH_BIDI_NAME]            = {"ATTACHMENT_BIDI_NAME",            5.0, "attachments", "Characters in an attachment's name turn it around, so that its end is shown elsewhere"},
    [ATTACH_HIDDEN_NAME]          = {"ATTACHMENT_HIDDEN_NAME",          1.5, "attachments", "An attachment's name has characters that are not shown, or a row of spaces"},
    [ATTACH_ENCRYPTED_ARCHIVE]    = {"ATTACHMENT_ENCRYPTED_ARCHIVE",    1.0, "attachments", "An attached archive is encrypted: nobody can look into it"},
    [ATTACH_ENCRYPTED_DOCUMENT]   = {"ATTACHMENT_ENCRYPTED_DOCUMENT",   1.0, "attachments", "An attached Office document is encrypted"},
    [ATTACH_BOMB]                 = {"ATTACHMENT_BOMB",                 6.0, "attachments", "An attached archive is made to fill disks and memory"},
    [ATTACH_DEEP]                 = {"ATTACHMENT_DEEP",                 3.0, "attachments", "Archives in archives, more than there is a reason for"},
    [ATTACH_UNREADABLE]           = {"ATTACHMENT_UNREADABLE",           0.5, "attachments", "An attached archive is broken"},
    [ATTACH_UNFINISHED]           = {"ATTACHMENT_UNFINISHED",           0.0, "attachments", "Attachments were not looked at to the end: a limit was reached"},
    [ATTACH_MACROS]               = {"ATTACHMENT_MACROS",               1.5, "attachments", "An attached document has macros"},
    [ATTACH_MACROS_AUTORUN]       = {"ATTACHMENT_MACROS_AUTORUN",       4.0, "attachments", "An attached document has macros that run when it is opened"},
    [ATTACH_RTF_OBJECT]           = {"ATTACHMENT_RTF_OBJECT",           2.5, "attachments", "An attached RTF document has an object inside"},
    [ATTACH_PDF_SCRIPT]           = {"ATTACHMENT_PDF_SCRIPT",           1.5, "attachments", "An attached PDF has a script"},
    [ATTACH_PDF_LAUNCH]           = {"ATTACHMENT_PDF_LAUNCH",           5.0, "attachments", "An attached PDF starts a program"},
    [ATTACH_HTML]                 = {"ATTACHMENT_HTML",                 0.5, "attachments", "A web page is attached"},
    [ATTACH_HTML_SMUGGLING]       = {"ATTACHMENT_HTML_SMUGGLING",       5.0, "attachments", "An attached web page builds a file and hands it over as a download"},
    [ATTACH_HTML_LOGIN]           = {"ATTACHMENT_HTML_LOGIN",           4.0, "attachments", "An attached web page asks for a password"},
    [ATTACH_HTML_REDIRECT]        = {"ATTACHMENT_HTML_REDIRECT",        2.0, "attachments", "An attached web page leads somewhere else by itself"},
    [ATTACH_SVG_SCRIPT]           = {"ATTACHMENT_SVG_SCRIPT",           4.0, "attachments", "An attached picture (SVG) has a script"},
    [ATTACH_FINDINGS]             = {PASSWORD,                          0.0, "attachments", "The message says the password of what is attached"},
    {0},
};
/* clang-format on */

static const struct fct_composite composite = {
    sizeof composite,
    {"ENCRYPTED_WITH_PASSWORD", 4.0, "attachments",
     "An encrypted attachment comes with its password, which only keeps virus scanners out"},
    "(ATTACHMENT_ENCRYPTED_ARCHIVE | ATTACHMENT_ENCRYPTED_DOCUMENT) & " PASSWORD,
    false,
};

struct attachments {
    const struct attachments_conf *conf;
    struct attach_rules rules;
};

/* ---- looking ---- */

struct work {
    struct attach_look look;
    struct attach_findings findings;
    const struct attach_file *file;
    size_t files;
};

static void look_at_all(void *arg)
{
    struct work *w = arg;

    for (size_t i = 0; i < w->files; i++)
        attach_look_at(&w->look, &w->file[i]);
}

static bool begins(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* Not the text of the message itself. */
static bool is_file(const struct fct_part *part)
{
    if (begins(part->type, "multipart/") || begins(part->type, "message/"))
        return false;
    return part->filename.n > 0 || !begins(part->type, "text/");
}

static FCT_MAY_WAIT void gather(struct fct_call *call, const struct attachments *a, struct work *w)
{
    const struct fct_part *part;
    size_t parts = host->parts(call, &part), max = a->conf->max_files;
    struct attach_file *file = host->alloc(call, (parts < max ? parts : max) * sizeof *file + 1);

    w->file = file;
    for (size_t i = 0; file && i < parts; i++) {
        if (!is_file(&part[i]))
            continue;
        if (w->files == max) {
            attach_found(&w->findings, ATTACH_UNFINISHED, part[i].filename);
            break;
        }
        file[w->files++] = (struct attach_file){.name = part[i].filename,
                                                .type = part[i].type,
                                                .bytes = host->part_bytes(call, &part[i]),
                                                .whole = true};
    }
}

static void set_limits(struct fct_call *call, const struct attachments *a, struct work *w)
{
    uint32_t left = host->time_left_ms(call);
    uint64_t ms = left > 2 * SPARE_MS ? left - SPARE_MS : left / 2;

    w->look.rules = &a->rules;
    w->look.out = &w->findings;
    w->look.budget = (struct attach_budget){
        .entries = a->conf->max_entries,
        .unpack = a->conf->max_unpack.bytes,
        .member = a->conf->max_member.bytes,
        .until_ms = attach_now_ms() + (ms < a->conf->max_time.ms ? ms : a->conf->max_time.ms)};
}

/* ---- telling ---- */

static bool names(const struct fct_strings *list, const char *symbol)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->item[i], symbol) == 0)
            return true;
    return false;
}

/* Sentence and name, in what a reply line may hold; kept for the point that writes it. */
static void wish(struct fct_call *call, const struct attachments *a, size_t symbol,
                 struct fct_str name)
{
    const char *doc = symbols[symbol].doc;
    bool refuse = names(&a->conf->reject, symbols[symbol].name);
    char text[REPLY_MAX];
    int n = snprintf(text, sizeof text, "%s: %.*s", doc, FCT_FMT(name));
    struct fct_str why = {text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1};

    if (!refuse && !names(&a->conf->quarantine, symbols[symbol].name))
        return;
    for (size_t i = 0; i < why.n; i++)
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    (void)host->force(call, refuse ? FCT_REFUSE : FCT_HOLD, a->conf->rank, why);
    if (refuse)
        (void)host->fact_add(call, FACT, why);
}

static void tell(struct fct_call *call, const struct attachments *a, const struct work *w)
{
    const struct attach_findings *f = &w->findings;

    for (size_t i = 0; i < ATTACH_FINDINGS; i++) {
        struct fct_str name = {f->of[i].detail, f->of[i].length};

        if (f->of[i].times == 0)
            continue;
        (void)host->symbol(call, symbols[i].name, 1, name);
        wish(call, a, i, name);
    }
    if ((attach_has(f, ATTACH_ENCRYPTED_ARCHIVE) || attach_has(f, ATTACH_ENCRYPTED_DOCUMENT)) &&
        attach_text_gives_password(host->text(call, FCT_TEXT_SHOWN)))
        (void)host->symbol(call, PASSWORD, 1, FCT_STR(""));
}

/* ---- points ---- */

static FCT_MAY_WAIT enum fct_verdict on_scan(struct fct_call *call, const struct fct_ev_scan *ev,
                                             void *state)
{
    const struct attachments *a = state;
    struct work *w = host->alloc(call, sizeof *w);

    (void)ev;
    if (!w)
        return FCT_NEXT;
    memset(w, 0, sizeof *w);
    gather(call, a, w);
    if (w->files == 0)
        return FCT_NEXT;
    set_limits(call, a, w);
    if (!host->offload(call, look_at_all, w))
        return FCT_NEXT;
    tell(call, a, w);
    return FCT_NEXT;
}

static bool is_reject(struct fct_str action)
{
    return action.n == 6 && memcmp(action.p, "reject", 6) == 0;
}

/* The refusal is decided by now: it gets a reason. */
static enum fct_verdict on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                   void *state)
{
    struct fct_str why = host->fact(call, FACT, 0);
    char text[REPLY_MAX];

    (void)state;
    if (!why.p || !is_reject(ev->action))
        return FCT_NEXT;
    (void)snprintf(text, sizeof text, "%.*s", FCT_FMT(why));
    (void)host->reply(call, 550, "5.7.1", text);
    return FCT_REJECT;
}

/* ---- the plugin ---- */

static bool check_symbols(const struct fct_strings *list, const char *key, struct fct_err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t known = 0;

        while (known < ATTACH_FINDINGS && strcmp(symbols[known].name, list->item[i]) != 0)
            known++;
        if (known < ATTACH_FINDINGS)
            continue;
        err->class = FCT_SYNTAX;
        (void)snprintf(err->text, sizeof err->text, "%s: \"%s\" is no symbol of this plugin", key,
                       list->item[i]);
        return false;
    }
    return true;
}

static bool add_hooks(struct fct_self *self, const struct attachments_conf *conf,
                      struct fct_err *err)
{
    struct fct_hook_row scan =
        FCT_ON(scan, on_scan, .provides = "attachments", .may = FCT_MAY_NOTHING);
    struct fct_hook_row verdict = FCT_ON(verdict, on_verdict);

    return host->add_hook(self, &scan, err) && host->add_composite(self, &composite, err) &&
           (conf->reject.n == 0 || host->add_hook(self, &verdict, err));
}

static void stop(void *state)
{
    struct attachments *a = state;

    if (a)
        attach_magic_close(a->rules.magic);
    free(a);
}

static bool start(struct fct_self *self, const struct fct_host *given, const void *settings,
                  void **state, struct fct_err *err)
{
    const struct attachments_conf *conf = settings;
    struct attachments *a = calloc(1, sizeof *a);

    host = given;
    err->class = FCT_DENIED;
    (void)snprintf(err->text, sizeof err->text,
                   "no memory, or this server is older than the plugin");
    if (!a || !FCT_HAS(given, text)) {
        free(a);
        return false;
    }
    a->conf = conf;
    a->rules = (struct attach_rules){.forbidden = &conf->forbidden,
                                     .forbidden_in_archive = &conf->forbidden_in_archive,
                                     .forbidden_types = &conf->forbidden_types,
                                     .depth = conf->max_depth,
                                     .ratio = conf->max_ratio,
                                     .total = conf->max_total.bytes,
                                     .looks = conf->max_files};
    if (!attachments_conf_check(conf, err) || !check_symbols(&conf->reject, "reject", err) ||
        !check_symbols(&conf->quarantine, "quarantine", err) ||
        !(a->rules.magic = attach_magic_open(conf->magic, (size_t)conf->max_look.bytes, err)) ||
        !add_hooks(self, conf, err)) {
        stop(a);
        return false;
    }
    *state = a;
    return true;
}

FCT_EXPORT const struct fct_plugin fct_plugin = {
    .head = FCT_PLUGIN_HEAD,
    .name = "attachments",
    .version = "1.0",
    .summary = "looks at attachments: real types, tricks in names, archives, macros",
    .license = "Apache-2.0",
    .keys = attachments_keys,
    .conf_size = sizeof(struct attachments_conf),
    .symbols = symbols,
    .start = start,
    .stop = stop,
};
