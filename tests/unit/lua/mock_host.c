/* mock_host.c - the host's side of facteur/plugin.h, as simple as the tests allow. */
#include "mock_host.h"

#include "core/base/err.h"
#include "core/base/utf8.h"
#include "core/dns/psl.h"
#include "core/message/links.h"
#include "core/message/shown_text.h"
#include "core/message/url.h"
#include <check.h>
#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

FCT_PRINTF(3, 4) static void note(char *at, size_t size, const char *fmt, ...)
{
    size_t used = strlen(at);
    va_list args;

    va_start(args, fmt);
    vsnprintf(at + used, size - used, fmt, args);
    va_end(args);
}

/* ---- the functions of the host ---- */

static struct mock *starting;

static bool add_hook(struct fct_self *self, const struct fct_hook_row *row, struct fct_err *err)
{
    (void)self;
    if (starting->rows == MOCK_ROWS)
        return fct_fail(err, FCT_LIMIT, "too many rows for the mock");
    starting->row[starting->rows++] = *row;
    return true;
}

static bool add_symbol(struct fct_self *self, const struct fct_symbol *symbol, struct fct_err *err)
{
    (void)self;
    for (size_t i = 0; i < starting->symbols; i++)
        if (strcmp(starting->symbol[i].name, symbol->name) == 0)
            return fct_fail(err, FCT_DENIED, "symbol %s is declared twice", symbol->name);
    starting->symbol[starting->symbols++] = *symbol;
    return true;
}

static void *alloc_bytes(struct fct_call *call, size_t bytes)
{
    return arena_alloc(call->mock->arena, bytes);
}

static void say(struct fct_call *call, enum fct_level level, const char *fmt, ...) FCT_PRINTF(3, 4);
static void say(struct fct_call *call, enum fct_level level, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    char text[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    note(call->mock->log, sizeof call->mock->log, "%s %s: %s\n", names[level], call->row->label,
         text);
}

static void count(struct fct_call *call, const char *metric, double by)
{
    (void)call;
    (void)metric;
    (void)by;
}

static const struct fct_conn *conn(struct fct_call *call)
{
    return &call->mock->conn;
}

static const struct fct_envelope *envelope(struct fct_call *call)
{
    return &call->mock->envelope;
}

static struct fct_str raw(struct fct_call *call)
{
    return call->mock->message;
}

static size_t headers(struct fct_call *call, const struct fct_header **first)
{
    *first = call->mock->headers.field;
    return call->mock->headers.n;
}

static const struct fct_header *header(struct fct_call *call, const char *name, size_t nth)
{
    return header_find(&call->mock->headers, name, nth);
}

static struct fct_str text_of(struct fct_call *call, const struct fct_header *h)
{
    return header_text(call->mock->arena, h);
}

static size_t parts(struct fct_call *call, const struct fct_part **first)
{
    *first = call->mock->part;
    return call->mock->tree.n;
}

static struct fct_str decoded(struct fct_call *call, const struct fct_part *part,
                              bool (*how)(struct fct_str, const struct mime_part *, struct buf *))
{
    struct mock *m = call->mock;
    struct buf out = BUF_INIT(4 * part->body_length + 64);
    struct fct_str kept;

    how(m->message, &m->tree.part[part - m->part], &out);
    kept = arena_str(m->arena, out.p ? buf_str(&out) : (struct fct_str){"", 0});
    buf_free(&out);
    return kept;
}

static struct fct_str part_bytes(struct fct_call *call, const struct fct_part *part)
{
    return decoded(call, part, mime_part_bytes);
}

static struct fct_str part_text(struct fct_call *call, const struct fct_part *part)
{
    return decoded(call, part, mime_part_text);
}

static bool symbol(struct fct_call *call, const char *name, double factor, struct fct_str detail)
{
    struct mock *m = call->mock;

    if (m->over || (call->hook > FCT_HOOK_scan && call->hook != FCT_HOOK_tls))
        return false;
    for (size_t i = 0; i < m->nfound; i++)
        if (strcmp(m->found[i], name) == 0)
            return true;
    snprintf(m->found[m->nfound++], sizeof m->found[0], "%s", name);
    note(m->hits, sizeof m->hits, "%s%s", *m->hits ? " " : "", name);
    if (factor > 1)
        note(m->hits, sizeof m->hits, "*%.0f", factor);
    note(m->hits, sizeof m->hits, "=%.*s", FCT_FMT(detail));
    return true;
}

static const char *symbol_at(struct fct_call *call, size_t nth, double *score)
{
    *score = 1.5;
    return nth < call->mock->nfound ? call->mock->found[nth] : NULL;
}

static bool has_symbol(struct fct_call *call, const char *name, double *score)
{
    for (size_t i = 0; i < call->mock->nfound; i++)
        if (strcmp(call->mock->found[i], name) == 0) {
            *score = 1.5;
            return true;
        }
    return false;
}

static bool reply(struct fct_call *call, unsigned code, const char *enhanced, const char *text)
{
    if (!utf8_is_valid(str_from(text)))
        return false;
    snprintf(call->mock->reply, sizeof call->mock->reply, "%u %s %s", code,
             enhanced ? enhanced : "-", text);
    return true;
}

static bool mailbox(struct fct_call *call, struct fct_str name)
{
    note(call->mock->edits, sizeof call->mock->edits, "mailbox %.*s\n", FCT_FMT(name));
    return name.n > 0;
}

static bool keyword(struct fct_call *call, struct fct_str name)
{
    note(call->mock->edits, sizeof call->mock->edits, "keyword %.*s\n", FCT_FMT(name));
    return name.n > 0;
}

static bool may_edit(const struct fct_call *call, struct fct_str name, struct fct_str value)
{
    struct buf out = BUF_INIT(65536);
    struct fct_err err = {0};
    bool ok = !call->mock->over && call->hook != FCT_HOOK_scan &&
              header_field_format(name, value, &out, &err);

    buf_free(&out);
    return ok;
}

static bool header_add(struct fct_call *call, enum fct_where where, struct fct_str name,
                       struct fct_str value)
{
    if (!may_edit(call, name, value))
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "add %s %.*s: %.*s\n",
         where == FCT_TOP ? "top" : "end", FCT_FMT(name), FCT_FMT(value));
    return true;
}

static bool header_set(struct fct_call *call, const struct fct_header *h, struct fct_str value)
{
    if (!may_edit(call, h->name, value))
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "set %.*s: %.*s\n", FCT_FMT(h->name),
         FCT_FMT(value));
    return true;
}

static bool header_remove(struct fct_call *call, const struct fct_header *h)
{
    if (call->mock->over || call->hook == FCT_HOOK_scan)
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "remove %.*s:%.*s\n", FCT_FMT(h->name),
         FCT_FMT(h->value));
    return true;
}

static bool header_insert(struct fct_call *call, enum fct_where where,
                          const struct fct_header *beside, struct fct_str name,
                          struct fct_str value)
{
    if (!may_edit(call, name, value))
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "add %s %.*s %.*s: %.*s\n",
         where == FCT_BEFORE ? "before" : "after", FCT_FMT(beside->name), FCT_FMT(name),
         FCT_FMT(value));
    return true;
}

static bool part_patch(struct fct_call *call, const struct fct_part *part, size_t offset,
                       size_t length, struct fct_str with)
{
    if (call->mock->over || call->hook == FCT_HOOK_scan)
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "patch %td %zu+%zu: %.*s\n",
         part - call->mock->part, offset, length, FCT_FMT(with));
    return true;
}

static bool body_replace(struct fct_call *call, struct fct_str body)
{
    if (call->mock->over || call->hook == FCT_HOOK_scan)
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "body %.*s\n", FCT_FMT(body));
    return true;
}

/* Values with an x are refused. */
static bool set(struct fct_call *call, const char *name, struct fct_str value)
{
    if (memchr(value.p, 'x', value.n))
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "set %s=%.*s\n", name, FCT_FMT(value));
    return true;
}

static bool force(struct fct_call *call, enum fct_action action, uint32_t rank, struct fct_str why)
{
    if (call->hook > FCT_HOOK_verdict)
        return false;
    note(call->mock->edits, sizeof call->mock->edits, "force %d %u %.*s\n", action, rank,
         FCT_FMT(why));
    return true;
}

/* ---- HTML and URLs, by the server's own ---- */

static size_t html(struct fct_call *call, const struct fct_part *part,
                   const struct fct_html_token **first)
{
    struct html_tokens tokens;

    *first = NULL;
    if (!str_equal(part->type, FCT_STR("text/html")))
        return 0;
    html_tokenize(call->mock->arena, part_bytes(call, part), part->charset, 100000, &tokens);
    *first = tokens.token;
    return tokens.n;
}

static size_t links(struct fct_call *call, const struct fct_link **first)
{
    struct mock *m = call->mock;
    struct link_list list = {.max = 1000};

    for (size_t i = 0; i < m->tree.n; i++) {
        const struct link_source source = {
            .part = &m->part[i], .bytes = part_bytes(call, &m->part[i]), .charset = {"utf-8", 5}};
        struct html_tokens tokens;

        if (str_equal(m->part[i].type, FCT_STR("text/html"))) {
            html_tokenize(m->arena, source.bytes, source.charset, 100000, &tokens);
            links_from_html(m->arena, &source, &tokens, &list);
        } else if (str_equal(m->part[i].type, FCT_STR("text/plain"))) {
            links_from_text(m->arena, &source, &list);
        }
    }
    for (size_t i = 0; i < list.n; i++)
        list.link[i].url.org = psl_org(list.link[i].url.host);
    *first = list.link;
    return list.n;
}

static struct fct_str text(struct fct_call *call, uint32_t which)
{
    struct mock *m = call->mock;
    struct fct_str kept;
    struct shown_text t;

    shown_text_init(&t, 1u << 20);
    for (size_t i = 0; i < m->tree.n; i++) {
        const struct fct_html_token *token;

        if (str_equal(m->part[i].type, FCT_STR("text/plain")))
            shown_text_add_plain(&t, part_text(call, &m->part[i]));
        else if (html(call, &m->part[i], &token) > 0)
            shown_text_add_html(&t, token, html(call, &m->part[i], &token));
    }
    kept = arena_str(m->arena, buf_str(which == FCT_TEXT_HIDDEN ? &t.hidden.out : &t.shown.out));
    shown_text_free(&t);
    return kept;
}

static bool parse_url(struct fct_call *call, struct fct_str text, struct fct_url *out)
{
    if (!url_parse(call->mock->arena, text, out))
        return false;
    out->org = psl_org(out->host);
    return true;
}

static struct fct_str org_domain(struct fct_call *call, struct fct_str host)
{
    (void)call;
    return psl_org(host);
}

/* ---- waiting ---- */

static struct fct_token start(struct fct_call *call, void (*work)(struct fct_call *call, void *arg),
                              void *arg)
{
    if (call->mock->over)
        return (struct fct_token){0, 0};
    if (call->mock->starts)
        return call->mock->starts(call, work, arg);
    work(call, arg);
    return (struct fct_token){1, 1};
}

static bool wait_all(struct fct_call *call, const struct fct_token *token, size_t n)
{
    return call->mock->waits ? call->mock->waits(call, token, n) : !call->mock->over;
}

static bool sleep_ms(struct fct_call *call, uint32_t ms)
{
    if (call->mock->sleeps)
        call->mock->sleeps(call->mock, call, ms);
    return !call->mock->over;
}

static uint32_t time_left_ms(struct fct_call *call)
{
    return call->mock->over ? 0 : 5000;
}

static struct fct_str server_name(struct fct_call *call)
{
    (void)call;
    return FCT_STR("mx.example.org");
}

/* ---- composites and trials ---- */

static bool add_composite(struct fct_self *self, const struct fct_composite *composite,
                          struct fct_err *err)
{
    note(starting->composites, sizeof starting->composites, "%s: %s%s\n", composite->symbol.name,
         composite->expression, composite->consume ? " (consumes)" : "");
    return add_symbol(self, &composite->symbol, err);
}

/* A mock of its own, for its message. */
static struct fct_call *trial_begin(struct fct_self *self, const struct fct_trial *trial,
                                    struct fct_err *err)
{
    struct fct_call *call = calloc(1, sizeof *call);
    char *text = strndup(trial->message.p, trial->message.n);

    (void)self;
    if (!call || !text || !(call->mock = calloc(1, sizeof *call->mock))) {
        (void)fct_fail(err, FCT_TEMP, "out of memory");
        return NULL;
    }
    call->mock->conn = *trial->conn;
    call->mock->envelope = *trial->envelope;
    call->hook = FCT_HOOK_scan;
    mock_message(call->mock, text);
    free(text);
    return call;
}

static void trial_end(struct fct_call *call)
{
    arena_free(&call->mock->arena);
    free(call->mock);
    free(call);
}

const struct fct_host mock_functions = {
    .size = sizeof mock_functions,
    .abi_major = FCT_ABI_MAJOR,
    .abi_minor = FCT_ABI_MINOR,
    .add_hook = add_hook,
    .add_symbol = add_symbol,
    .alloc = alloc_bytes,
    .log = say,
    .count = count,
    .conn = conn,
    .envelope = envelope,
    .raw = raw,
    .headers = headers,
    .header = header,
    .header_text = text_of,
    .parts = parts,
    .part_bytes = part_bytes,
    .part_text = part_text,
    .symbol = symbol,
    .has_symbol = has_symbol,
    .reply = reply,
    .mailbox = mailbox,
    .keyword = keyword,
    .header_add = header_add,
    .header_set = header_set,
    .header_remove = header_remove,
    .sleep_ms = sleep_ms,
    .time_left_ms = time_left_ms,
    .server_name = server_name,
    .symbol_at = symbol_at,
    .header_insert = header_insert,
    .part_patch = part_patch,
    .body_replace = body_replace,
    .set = set,
    .force = force,
    .html = html,
    .links = links,
    .url_parse = parse_url,
    .org_domain = org_domain,
    .text = text,
    .start = start,
    .wait_all = wait_all,
    .add_composite = add_composite,
    .trial_begin = trial_begin,
    .trial_end = trial_end,
};

/* ---- settings ---- */

static uint64_t number(const char *value, uint64_t *factor)
{
    static const struct {
        const char *unit;
        uint64_t factor;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"K", 1 << 10}, {"M", 1 << 20}, {"", 1}};
    char *end;
    uint64_t n = strtoull(value, &end, 10);

    for (size_t i = 0; i < FCT_COUNT(units); i++)
        if (strcmp(end, units[i].unit) == 0) {
            *factor = units[i].factor;
            return n;
        }
    ck_abort_msg("cannot read %s", value);
    return 0;
}

static void store(struct mock *m, const struct fct_conf_key *key, const char *value)
{
    void *at = m->conf + key->offset;
    uint64_t factor = 1;

    ck_assert_uint_lt(key->offset + sizeof(struct fct_strings), sizeof m->conf);
    switch (key->kind) {
    case FCT_CONF_STR:
        *(const char **)at = value;
        break;
    case FCT_CONF_U32:
        *(uint32_t *)at = (uint32_t)number(value, &factor);
        break;
    case FCT_CONF_DURATION:
    case FCT_CONF_SIZE:
        *(uint64_t *)at = number(value, &factor);
        *(uint64_t *)at *= factor;
        break;
    case FCT_CONF_STRINGS:
        *(struct fct_strings *)at = strcmp(key->name, "file") == 0
                                        ? (struct fct_strings){m->files, 0}
                                        : (struct fct_strings){m->options, 0};
        break;
    case FCT_CONF_BOOL:
        *(bool *)at = strcmp(value, "yes") == 0;
        break;
    case FCT_CONF_REAL:
    case FCT_CONF_RATE:
        ck_abort_msg("%s: a kind that the mock does not know", key->name);
    }
}

void mock_set(struct mock *m, const char *name, const char *value)
{
    for (const struct fct_conf_key *k = m->plugin->keys; k->name; k++)
        if (strcmp(k->name, name) == 0) {
            store(m, k, value);
            return;
        }
    ck_abort_msg("no setting %s", name);
}

static struct fct_strings *strings_of(struct mock *m, const char *name)
{
    for (const struct fct_conf_key *k = m->plugin->keys; k->name; k++)
        if (strcmp(k->name, name) == 0)
            return (struct fct_strings *)(void *)(m->conf + k->offset);
    ck_abort_msg("no setting for files");
    return NULL;
}

static struct fct_strings *files_of(struct mock *m)
{
    return strings_of(m, "file");
}

void mock_option(struct mock *m, const char *line)
{
    struct fct_strings *options = strings_of(m, "option");

    ck_assert_uint_lt(options->n, FCT_COUNT(m->options));
    m->options[options->n++] = line;
}

void mock_shadow(struct mock *m, const char *path)
{
    struct fct_strings *files = strings_of(m, "shadow");

    m->shadow[0] = path;
    *files = (struct fct_strings){m->shadow, 1};
}

/* ---- life ---- */

void mock_open(struct mock *m)
{
    const char *build = getenv("FCT_BUILD");
    char path[4096];

    *m = (struct mock){0};
    ck_assert_msg(build, "FCT_BUILD is not set (ctest sets it)");
    snprintf(path, sizeof path, "%s/plugins/lua.so", build);
    m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(m->library, "%s", dlerror());
    m->plugin = dlsym(m->library, "fct_plugin");
    ck_assert_ptr_nonnull(m->plugin);
    ck_assert_uint_le(m->plugin->conf_size, sizeof m->conf);
    for (const struct fct_conf_key *k = m->plugin->keys; k->name; k++)
        store(m, k, k->def);
    snprintf(m->folder, sizeof m->folder, "/tmp/fct-lua-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(m->folder));
    m->conn = (struct fct_conn){
        .size = sizeof m->conn,
        .role = FCT_ROLE_MX,
        .id = FCT_STR("k3f9"),
        .client_ip = FCT_STR("192.0.2.1"),
        .local_ip = FCT_STR("192.0.2.25"),
        .client_port = 4025,
        .local_port = 25,
        .helo = FCT_STR("client.example"),
    };
    m->envelope = (struct fct_envelope){.size = sizeof m->envelope, .id = FCT_STR("k3f9.1")};
}

void mock_close(struct mock *m)
{
    char command[128];

    mock_stop(m);
    arena_free(&m->arena);
    for (size_t i = 0; i < FCT_COUNT(m->files); i++)
        if (m->files[i] && strncmp(m->files[i], m->folder, strlen(m->folder)) == 0)
            free((void *)(uintptr_t)m->files[i]);
    snprintf(command, sizeof command, "rm -rf '%s'", m->folder);
    ck_assert_int_eq(system(command), 0);
}

const char *mock_write(struct mock *m, const char *name, const char *text)
{
    char *path = NULL, *slash;
    FILE *f;

    ck_assert_int_gt(asprintf(&path, "%s/%s", m->folder, name), 0);
    slash = strrchr(path, '/');
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
    f = fopen(path, "we");
    ck_assert_msg(f, "%s", path);
    fputs(text, f);
    fclose(f);
    return path;
}

void mock_rules(struct mock *m, const char *name, const char *text)
{
    struct fct_strings *files = files_of(m);

    ck_assert_uint_lt(files->n, FCT_COUNT(m->files));
    m->files[files->n++] = text ? mock_write(m, name, text) : name;
}

bool mock_start(struct mock *m)
{
    starting = m;
    m->err = (struct fct_err){0};
    for (const struct fct_symbol *s = m->plugin->symbols; s->name; s++)
        m->symbol[m->symbols++] = *s;
    return m->plugin->start(NULL, &mock_functions, m->conf, &m->state, &m->err);
}

void mock_stop(struct mock *m)
{
    if (m->state)
        m->plugin->stop(m->state);
    m->state = NULL;
    m->rows = m->symbols = 0;
}

/* ---- messages ---- */

void mock_message(struct mock *m, const char *text)
{
    static const struct header_limits limits = {10000, 1 << 20};

    arena_free(&m->arena);
    m->arena = arena_new(NULL);
    m->message = arena_str(m->arena, str_from(text));
    header_list_parse(m->arena, m->message, &limits, &m->headers);
    mime_scan(m->arena, m->message, &mime_default_limits, &m->tree);
    m->part = arena_alloc(m->arena, (m->tree.n + 1) * sizeof *m->part);
    for (size_t i = 0; i < m->tree.n; i++)
        m->part[i] = m->tree.part[i].is;
}

/* Line ends become CRLF, as they come over SMTP. */
void mock_message_file(struct mock *m, const char *path)
{
    struct buf text = BUF_INIT(1 << 20);
    FILE *f = fopen(path, "re");
    int c;

    ck_assert_msg(f, "%s", path);
    while ((c = fgetc(f)) != EOF) {
        if (c == '\n')
            ck_assert(buf_put_char(&text, '\r'));
        ck_assert(buf_put_char(&text, (char)c));
    }
    fclose(f);
    ck_assert(buf_put_char(&text, '\0'));
    mock_message(m, text.p);
    buf_free(&text);
}

void mock_clear(struct mock *m)
{
    m->nfound = 0;
    m->hits[0] = m->edits[0] = m->log[0] = m->reply[0] = '\0';
}

enum fct_verdict mock_run_row(struct mock *m, const struct fct_hook_row *row, const void *event)
{
    static const uint64_t zero[16];
    struct fct_call call = {m, row, row->hook};

    ck_assert(row->generic);
    return row->fn.any(&call, row->hook, event ? event : zero, row->state);
}

enum fct_verdict mock_run(struct mock *m, enum fct_hook hook, const void *event)
{
    enum fct_verdict strongest = FCT_NEXT;

    for (size_t i = 0; i < m->rows; i++) {
        enum fct_verdict v = FCT_NEXT;
        if (m->row[i].hook == hook && (m->row[i].roles == 0 || (m->row[i].roles & m->conn.role)))
            v = mock_run_row(m, &m->row[i], event);
        if (v > strongest)
            strongest = v;
    }
    return strongest;
}

const char *mock_eval(struct mock *m, const char *message, const char *body)
{
    static char result[8192];
    char *rules = NULL;
    const char *failed;

    mock_stop(m);
    mock_clear(m);
    files_of(m)->n = 0;
    ck_assert_int_gt(asprintf(&rules, "rule { \"EVAL\", function(m)\n%s\nend }\n", body), 0);
    mock_rules(m, "eval.lua", rules);
    free(rules);
    if (mock_start(m)) {
        mock_message(m, message);
        mock_run(m, FCT_HOOK_scan, NULL);
        failed = strstr(m->log, "rule_failed EVAL: ");
        snprintf(result, sizeof result, "%s%s", failed ? "failed: " : "",
                 failed ? strchr(failed, ':') + 2 : m->hits);
    } else {
        snprintf(result, sizeof result, "not loaded: %s", m->err.text);
    }
    mock_stop(m);
    free((void *)(uintptr_t)m->files[0]);
    m->files[0] = NULL;
    files_of(m)->n = 0;
    return result;
}
