/* hook_bench.c - what the hook engine itself costs, without processes, sockets or disks.
 *
 * hook_bench WHAT N [PLUGIN_DIR]: does WHAT N times and prints nanoseconds for one. Counted under
 * valgrind with two values of N, the difference is the instructions of one (bench/hooks).
 *
 *   c        one point with one C callback that does nothing
 *   c-scan   the same at scan, where callbacks run beside each other
 *   c-work   the same with three header look-ups and a symbol
 *   c-wait   a C callback that waits once: a fiber put away and resumed by the loop
 *   offload  a C callback that has a thread do nothing
 *   lua      one point with one Lua callback that does nothing
 *   lua-work the same with three header reads and a symbol
 *   lua-wait a Lua callback that waits once
 *   letter   20 KiB of usual words that nobody looks at
 *   rules    the same through the rules of lua/filters; rules-4k: 4 KiB
 *   spam     20 KiB of words that rules look for; spam-4k
 *   page     20 KiB of an HTML newsletter; page-4k
 *   message  16 points, 12 C plugins, 100 Lua rules, a message of 20 fields and 20 KiB
 *   bare     the same message with nobody hooked: what of `message` is not the engine's
 *   html     tokens of 100 KiB of HTML, a newsletter
 *   edits    121 edits over 100 KiB, sorted and walked */
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_watch.h"
#include "core/hook/message_run.h"
#include "core/log/log.h"
#include "core/message/edit_list.h"
#include "core/message/html_tokens.h"
#include "core/plugin/plugin_conf.h"
#include "letters.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PLUGINS 12
#define RULES   100

static const struct fct_host *host;

static bool start(struct fct_self *self, const struct fct_host *given, const void *conf,
                  void **state, struct fct_err *err)
{
    (void)self, (void)conf, (void)state, (void)err;
    host = given;
    return true;
}

/* ---- callbacks ---- */

static enum fct_verdict nothing(struct fct_call *call, enum fct_hook hook, const void *ev,
                                void *state)
{
    (void)call, (void)hook, (void)ev, (void)state;
    return FCT_NEXT;
}

static enum fct_verdict some_work(struct fct_call *call, enum fct_hook hook, const void *ev,
                                  void *state)
{
    (void)hook, (void)ev, (void)state;
    if (host->header(call, "Subject", 0) && host->header(call, "From", 0) &&
        !host->header(call, "X-None", 0))
        host->symbol(call, "BENCH", 1.0, FCT_STR("found"));
    return FCT_NEXT;
}

static enum fct_verdict waiting(struct fct_call *call, enum fct_hook hook, const void *ev,
                                void *state)
{
    (void)hook, (void)ev, (void)state;
    return host->sleep_ms(call, 0) ? FCT_NEXT : FCT_TEMPFAIL;
}

static void no_work(void *arg)
{
    (void)arg;
}

static enum fct_verdict offloading(struct fct_call *call, enum fct_hook hook, const void *ev,
                                   void *state)
{
    (void)hook, (void)ev, (void)state;
    return host->offload(call, no_work, NULL) ? FCT_NEXT : FCT_TEMPFAIL;
}

/* clang-format off */
#define ROW(point, f) {.hook = FCT_HOOK_##point, .generic = true, .fn.any = (f)}
static const struct {
    const char *what;
    struct fct_hook_row row;
} alone[] = {
    {"c", ROW(headers, nothing)}, {"c-scan", ROW(scan, nothing)}, {"c-work", ROW(headers, some_work)},
    {"c-wait", ROW(headers, waiting)}, {"offload", ROW(headers, offloading)},
};
/* Plugin i takes the four points from i * 4 / 3 on: each of the 16 has three. */
static const struct fct_hook_row all_rows[] = {
    ROW(connect, nothing), ROW(helo, nothing), ROW(tls, nothing), ROW(auth, nothing), ROW(mail, nothing), ROW(rcpt, nothing),
    ROW(data, nothing), ROW(headers, nothing), ROW(scan, nothing), ROW(verdict, nothing), ROW(edit, nothing), ROW(deliver, nothing),
    ROW(accepted, nothing), ROW(stored, nothing), ROW(disconnect, nothing), ROW(resolve, nothing),
    ROW(connect, nothing), ROW(helo, nothing), ROW(tls, nothing), ROW(auth, nothing),
};
/* clang-format on */
#define POINTS 16

static const struct fct_symbol bench_symbol[] = {{"BENCH", 1.0, "bench", "found"}, {0}};
static const char *const names[PLUGINS] = {"p00", "p01", "p02", "p03", "p04", "p05",
                                           "p06", "p07", "p08", "p09", "p10", "p11"};

static void object(struct fct_plugin *p, const char *name, const struct fct_hook_row *rows,
                   size_t n)
{
    *p = (struct fct_plugin){.head = FCT_PLUGIN_HEAD,
                             .name = name,
                             .version = "1",
                             .summary = "bench",
                             .license = "",
                             .hooks = rows,
                             .nhooks = n,
                             .start = start};
}

/* ---- the engine ---- */

struct bench {
    struct event_base *base;
    struct config *conf;
    struct hook_engine engine;
    struct plugin_origin origin;
    struct fct_plugin plugin[PLUGINS];
    struct arena *arena;
    struct fct_str message, html;
    const char *what;
    unsigned long n;
    double ns;
};

static void must(bool ok, const struct fct_err *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "hook_bench: %s\n", err->text);
    exit(1);
}

static bool is(const struct bench *b, const char *what)
{
    return strcmp(b->what, what) == 0;
}

static const struct {
    const char *what, *rule;
} lua_alone[] = {
    {"lua", "hook { \"headers\", function(m) end }\n"},
    {"lua-work", "rule { \"BENCH\", score = 1, on = \"headers\", function(m) return "
                 "m:header(\"Subject\") "
                 "and m:header(\"From\") and not m:header(\"X-None\") end }\n"},
    {"lua-wait", "hook { \"headers\", function(m) sleep_ms(0) end }\n"},
};

static bool has_rules(const struct bench *b)
{
    return strncmp(b->what, "lua", 3) == 0 || is(b, "message");
}

/* Rules as people write them: a header, a word. */
static void write_rules(const struct bench *b, FILE *f)
{
    for (size_t i = 0; i < FCT_COUNT(lua_alone); i++)
        if (is(b, lua_alone[i].what))
            (void)fputs(lua_alone[i].rule, f);
    for (int i = 0; is(b, "message") && i < RULES; i++)
        (void)fprintf(f,
                      "rule { \"BENCH_%d\", score = 0.1, function(m) return "
                      "m.subject:find(\"word%d\", 1, true) end }\n",
                      i, i);
}

/* Messages that are more than lines: what is in them, and whether rules look at it. */
static const struct letter {
    const char *what;
    bool rules;
    size_t size;
    void (*put)(struct buf *out, size_t size);
    const char *type;
} letters[] = {
    {"letter", false, 20u << 10, put_usual_words, "text/plain"},
    {"rules", true, 20u << 10, put_usual_words, "text/plain"},
    {"rules-4k", true, 4u << 10, put_usual_words, "text/plain"},
    {"spam", true, 20u << 10, put_spam_words, "text/plain"},
    {"spam-4k", true, 4u << 10, put_spam_words, "text/plain"},
    {"page", true, 20u << 10, put_newsletter, "text/html"},
    {"page-4k", true, 4u << 10, put_newsletter, "text/html"},
};

static const struct letter *letter_of(const struct bench *b)
{
    for (size_t i = 0; i < FCT_COUNT(letters); i++)
        if (is(b, letters[i].what))
            return &letters[i];
    return NULL;
}

static void load_config(struct bench *b)
{
    static const struct conf_block *const blocks[] = {
        &plugin_block, &lua_block, &filter_block, &profile_block, &composite_block, NULL};
    char folder[] = "/tmp/facteur-bench-XXXXXX", conf[64], rules[64];
    struct buf errors = BUF_INIT(4096);
    struct fct_err err = {0};
    const char *file = conf;
    FILE *f;

    if (!mkdtemp(folder))
        exit(1);
    snprintf(conf, sizeof conf, "%s/conf", folder);
    snprintf(rules, sizeof rules, "%s/rules.lua", folder);
    f = fopen(rules, "we");
    write_rules(b, f);
    fclose(f);
    f = fopen(conf, "we");
    if (has_rules(b))
        (void)fprintf(f, "lua { file = \"%s\" }\n", rules);
    if (letter_of(b) && letter_of(b)->rules)
        (void)fputs("plugin lua { tests = no }\nlua { file = \"" FILTERS "/[0-9]*.lua\" }\n", f);
    fclose(f);
    must(config_load(&file, 1, blocks, &b->conf, &errors, &err), &err);
    b->origin.conf = b->conf;
    b->engine.conf = config_get(b->conf, &filter_block);
    must(plugin_set_load(&b->engine.set, &b->origin, &err), &err);
    (void)unlink(conf);
    (void)unlink(rules);
    (void)rmdir(folder);
}

static const struct fct_hook_row *row_alone(const struct bench *b)
{
    for (size_t i = 0; i < FCT_COUNT(alone); i++)
        if (is(b, alone[i].what))
            return &alone[i].row;
    return NULL;
}

static void load_plugins(struct bench *b)
{
    struct fct_err err = {0};
    const struct fct_hook_row *row = row_alone(b);
    size_t n = row ? 1 : is(b, "message") ? PLUGINS : 0;

    for (size_t i = 0; i < n; i++) {
        object(&b->plugin[i], names[i], row ? row : all_rows + i * 4 / 3, row ? 1 : 4);
        b->plugin[i].symbols = is(b, "c-work") ? bench_symbol : NULL;
        must(plugin_adopt(&b->engine.set, &b->origin, &b->plugin[i], NULL, NULL, 0, &err), &err);
    }
    if (!b->engine.set.arena) {
        object(&b->plugin[0], "none", NULL, 0);
        must(plugin_adopt(&b->engine.set, &b->origin, &b->plugin[0], NULL, NULL, 0, &err), &err);
    }
    must(hook_plan_build(b->engine.set.arena, &b->engine.set, &b->engine.plan, &err), &err);
    must(judging_build(&b->engine.set, b->conf, &b->engine.judging, &err), &err);
}

static void make_message(struct bench *b)
{
    const struct letter *letter = letter_of(b);
    struct buf out = BUF_INIT(1u << 20);

    buf_put_c(&out, "Received: from a by b\r\nFrom: <a@example.org>\r\nTo: "
                    "<b@example.net>\r\nSubject: an ordinary subject\r\n");
    for (int i = 0; i < 16; i++)
        buf_printf(&out, "X-Field-%d: some value of usual length %d\r\n", i, i);
    if (letter)
        buf_printf(&out, "Content-Type: %s; charset=utf-8\r\n", letter->type);
    buf_put_c(&out, "\r\n");
    if (letter)
        letter->put(&out, letter->size);
    while (!letter && out.n < 20u << 10)
        buf_put_c(&out, "A line of the body, as long as lines of a body usually are.\r\n");
    b->message = arena_str(b->engine.set.arena, buf_str(&out));
    buf_free(&out);
}

/* ---- one round ---- */

static const struct header_limits limits = {10000, 1u << 20};

struct round {
    struct fct_conn conn;
    struct fct_envelope envelope;
    struct call_message message;
    struct transaction tx;
};

static void begin(struct bench *b, struct round *r)
{
    r->conn = (struct fct_conn){.size = sizeof r->conn, .role = FCT_ROLE_MX, .id = FCT_STR("c1")};
    r->envelope = (struct fct_envelope){.size = sizeof r->envelope, .id = FCT_STR("m1")};
    r->message = (struct call_message){
        .bytes = b->message, .header_limits = &limits, .mime_limits = &mime_default_limits};
    hook_transaction_init(&b->engine, &r->tx, b->arena, &r->conn, &r->envelope);
    r->tx.message = &r->message;
}

static FCT_MAY_WAIT void point(struct bench *b, struct round *r, enum fct_hook hook, const void *ev)
{
    struct hook_decision d;

    hook_run(&b->engine, &r->tx, hook, ev, NULL, NULL, &d);
}

/* A crossing alone: the message was read before. */
static FCT_MAY_WAIT void crossings(struct bench *b)
{
    struct round r;

    begin(b, &r);
    for (unsigned long i = 0; i < b->n; i++) {
        if (is(b, "c-scan"))
            point(b, &r, FCT_HOOK_scan, &(struct fct_ev_scan){b->message.n});
        else
            point(b, &r, FCT_HOOK_headers, &(struct fct_ev_headers){b->message.n});
        if ((i & 255) == 255) {
            arena_reset(b->arena);
            begin(b, &r);
        }
    }
}

static FCT_MAY_WAIT void whole_message(struct bench *b)
{
    static const struct filter_recipient bob = {.recipient = FCT_STR_INIT("b@example.net"),
                                                .account = FCT_STR_INIT("b@example.net")};
    struct filter_result result;
    struct round r;

    begin(b, &r);
    r.tx.message = NULL;
    point(b, &r, FCT_HOOK_connect, &(struct fct_ev_connect){0});
    point(b, &r, FCT_HOOK_helo, &(struct fct_ev_helo){0});
    point(b, &r, FCT_HOOK_tls, &(struct fct_ev_tls){0});
    point(b, &r, FCT_HOOK_auth, &(struct fct_ev_auth){0});
    point(b, &r, FCT_HOOK_mail, &(struct fct_ev_mail){0});
    point(b, &r, FCT_HOOK_resolve, &(struct fct_ev_resolve){0});
    point(b, &r, FCT_HOOK_rcpt, &(struct fct_ev_rcpt){0});
    point(b, &r, FCT_HOOK_data, &(struct fct_ev_data){0});
    r.tx.message = &r.message;
    message_run(&b->engine, &r.tx, &bob, 1, &result);
    r.tx.message = NULL;
    point(b, &r, FCT_HOOK_accepted, &(struct fct_ev_accepted){0});
    point(b, &r, FCT_HOOK_stored, &(struct fct_ev_stored){0});
    point(b, &r, FCT_HOOK_disconnect, &(struct fct_ev_disconnect){0});
    arena_reset(b->arena);
}

/* ---- a part, its edits ---- */

#define HTML_BYTES ((size_t)100 << 10)

static void make_html(struct bench *b)
{
    struct buf out = BUF_INIT(1u << 20);

    put_newsletter(&out, HTML_BYTES);
    b->html = arena_str(b->engine.set.arena, buf_str(&out));
    buf_free(&out);
}

static FCT_MAY_WAIT void tokenize_html(struct bench *b)
{
    struct html_tokens tokens;

    html_tokenize(b->arena, b->html, FCT_STR("utf-8"), 100000, &tokens);
    arena_reset(b->arena);
}

#define EDITS 121

/* As the store reads a view: pieces, not a copy. */
static FCT_MAY_WAIT void apply_edits(struct bench *b)
{
    struct edit edit[EDITS];
    struct edit_list list;
    struct edit_piece piece;
    struct edit_walk walk;
    struct fct_err err = {0};
    uint64_t size, seen = 0;

    for (size_t i = 0; i < EDITS; i++)
        edit[i] = (struct edit){
            .offset = i * 800, .remove = 40, .insert = FCT_STR("#"), .origin = FCT_STR("bench")};
    must(edit_list_build(b->arena, edit, EDITS, b->html.n, &list, NULL, NULL, &err), &err);
    size = edit_list_size(&list, b->html.n);
    walk = edit_walk_start(&list, b->html.n, 0, size);
    while (edit_walk_next(&walk, &piece))
        seen += piece.bytes.n;
    FCT_ASSERT(seen == size);
    arena_reset(b->arena);
}

/* ---- all of it ---- */

static const struct {
    const char *what;
    FCT_MAY_WAIT void (*once)(struct bench *b);
} whole[] = {
    {"message", whole_message},
    {"bare", whole_message},
    {"html", tokenize_html},
    {"edits", apply_edits},
};

static FCT_MAY_WAIT void rounds(struct bench *b)
{
    for (size_t i = 0; i < FCT_COUNT(whole); i++)
        if (is(b, whole[i].what)) {
            for (unsigned long n = 0; n < b->n; n++)
                whole[i].once(b);
            return;
        }
    for (unsigned long n = 0; letter_of(b) && n < b->n; n++)
        whole_message(b);
    if (!letter_of(b))
        crossings(b);
}

/* All of it in a fiber: valgrind cannot deliver the watchdog's signal on the main stack. */
static void run(void *arg)
{
    struct bench *b = arg;
    uint64_t started;

    load_config(b);
    load_plugins(b);
    make_message(b);
    make_html(b);
    started = clock_us();
    rounds(b);
    b->ns = (double)(clock_us() - started) * 1000 / (double)b->n;
    (void)event_base_loopbreak(b->base);
}

int main(int argc, char **argv)
{
    struct bench b = {.what = argc > 1 ? argv[1] : "",
                      .n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0};
    struct fct_err err = {0};

    if (b.n == 0) {
        (void)fprintf(stderr,
                      "usage: hook_bench WHAT N [PLUGIN_DIR]; WHAT is listed in hook_bench.c\n");
        return 64;
    }
    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "bench", FCT_ERROR);
    b.base = event_base_new();
    b.arena = arena_new(NULL);
    b.origin.plugin_dir = argc > 3 ? argv[3] : "plugins";
    b.engine.server_name = "mx.example.org";
    must(fiber_setup(b.base, 256u << 10, 64, &err), &err);
    must(filter_watch_setup(NULL, 60000, &err), &err);
    if (fiber_is_alive(fiber_start(run, &b)))
        (void)event_base_dispatch(b.base);
    printf("%.1f\n", b.ns);
    return 0;
}
