/* trackers_bench.c - what plugins/trackers costs a message, through the engine, the plugin and the
 * stored list of edits; without processes, sockets or disks.
 *
 * trackers_bench WHAT N [PLUGIN_DIR]: does WHAT N times; prints nanoseconds of CPU of the cheapest,
 * bytes of the part, edits, and bytes of their stored list. Counted under valgrind with two values
 * of N, the difference is the instructions of one (bench/trackers).
 *
 *   bare, bare-qp, bare-base64         a newsletter of 100 KiB with 120 links that nobody looks at
 *   eight, qp, base64                  the same with trackers at standard: 8bit, quoted-printable …
 *   dense                              a newsletter with twice as many tags, 8bit
 *   strict                             the same as quoted-printable at strict
 *   plain                              as long, without anything to remove
 *   SHAPE-1, SHAPE-10                  1 and 10 MiB of: long (newsletters), nested, attribute,
 *                                      comment, open, lists, quotes, entities, styles, anchors */
#include "core/base/base64.h"
#include "core/base/str.h"
#include "core/fiber/fiber.h"
#include "core/hook/filter_watch.h"
#include "core/hook/message_run.h"
#include "core/log/log.h"
#include "core/plugin/plugin_conf.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NEWSLETTER ((size_t)100 << 10)
#define LINKS      120
#define HUGE_BYTES ((size_t)40 << 20)

struct bench {
    struct event_base *base;
    struct config *conf;
    struct hook_engine engine;
    struct plugin_origin origin;
    struct fct_plugin none;
    struct arena *arena;
    struct fct_str message;
    const char *what;
    unsigned long n;
    double ns;
    size_t part, edits, list;
};

static void must(bool ok, const struct fct_err *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "trackers_bench: %s\n", err->text);
    exit(1);
}

static bool begins(const struct bench *b, const char *word)
{
    return strncmp(b->what, word, strlen(word)) == 0;
}

/* ---- parts ---- */

static void put_id(struct buf *out, uint32_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed = seed * 1664525u + 1013904223u;
        buf_printf(out, "%08x", (unsigned)seed);
    }
}

/* As dense as real newsletters of this length are, at the median: a tag for every 95 bytes, an
 * attribute for every 75. `dense`: tables in tables, with a tag for every 40. */
static void put_offer(struct buf *out, unsigned i, bool dense)
{
    /* clang-format off */
    if (dense)
        buf_put_c(out, "<tr>\r\n<td align=\"center\" valign=\"top\" style=\"padding:0 24px 16px 24px;\">\r\n<table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\">\r\n<tr>\r\n<td class=\"col\" width=\"50%\">\r\n");
    else
        buf_put_c(out, "<tr>\r\n<td align=\"left\" style=\"padding:0 24px 16px 24px; font-family:Helvetica, Arial, sans-serif; font-size:16px; line-height:24px; color:#333333; background-color:#ffffff; border-bottom:1px solid #dddddd; mso-line-height-rule:exactly;\">\r\n");
    buf_printf(out, "<a href=\"https://www.shop.example.net/offers/%u/a-name?utm_source=newsletter&amp;utm_medium=email&amp;utm_campaign=autumn-%u\" target=\"_blank\" style=\"color:#1155cc;\">", i, i % 7);
    buf_printf(out, "<img src=\"https://cdn.shop.example.net/pictures/thing-%u.png\" width=\"260\" height=\"180\" alt=\"Thing %u\" style=\"display:block; border:0;\"></a>\r\n", i, i);
    buf_printf(out, "<p style=\"margin:12px 0 4px;\">Thing number %u: a sentence that says what is cheap today &mdash; as long as sentences of newsletters are.</p>\r\n", i);
    buf_put_c(out, dense ? "<h2>More</h2>\r\n</td>\r\n</tr>\r\n</table>\r\n</td>\r\n</tr>\r\n" : "</td>\r\n</tr>\r\n");
    /* clang-format on */
}

static void put_newsletter(struct buf *out, size_t bytes, bool dense)
{
    size_t from = out->n;

    buf_put_c(
        out,
        "<!DOCTYPE html>\r\n<html lang=\"en\">\r\n<head>\r\n<meta "
        "charset=\"utf-8\">\r\n<title>News</title>\r\n<style "
        "type=\"text/"
        "css\">\r\nbody{margin:0;padding:0;background-color:#f4f4f4}\r\nimg{border:0;line-height:"
        "100%}\r\n@media only screen and "
        "(max-width:600px){.col{width:100%!important;display:block!important}}\r\n</style>\r\n</"
        "head>\r\n<body>\r\n<!-- the table around everything -->\r\n<table width=\"600\">\r\n");
    for (unsigned i = 0; i < LINKS; i++) {
        put_offer(out, i, dense);
        while (out->n - from < bytes / LINKS * (i + 1))
            buf_put_c(out, "<p>Some more words, for those who read that far.</p>\r\n");
    }
    buf_put_c(out, "</table>\r\n<img src=\"https://u17.ct.sendgrid.net/wf/open?upn=");
    put_id(out, 5);
    buf_put_c(out, "\" alt=\"\" width=\"1\" height=\"1\" border=\"0\">\r\n<img "
                   "src=\"https://www.shop.example.net/t/");
    put_id(out, 6);
    buf_put_c(out, ".gif\" width=\"1\" height=\"1\">\r\n</body>\r\n</html>\r\n");
}

/* What somebody might send who wants us to be slow: head, what is repeated, tail. */
static const struct shape {
    const char *name, *head, *piece, *tail;
} shapes[] = {
    {"nested", "", "<div style='display:none'>", ""},
    {"attribute", "<p title=\"", "word &amp; word ", "\">"},
    {"comment", "<!-- ", "-- ! -", ""},
    {"open", "", "<a href=\"x", ""},
    {"lists", "<img srcset=\"", "http://x.example/wf/open 1x, ", "\">"},
    {"quotes", "", "<a b='<", ""},
    {"entities", "", "&notit;&#x41;&ampx", ""},
    {"styles", "<style>", "@import 'http://x.example/a';/*", "</style>"},
    {"anchors", "", "<a href=http://x.example/?utm_a=1&b=2&utm_c=3>x</a>", ""},
    {"tags", "", "<b x=1 y=2>", ""},
};

static void put_shape(const struct bench *b, struct buf *out)
{
    size_t digit = strlen(b->what) - 1,
           bytes = (b->what[digit] == '0' ? 10u : 1u) * ((size_t)1 << 20);

    if (begins(b, "long")) {
        while (out->n < bytes)
            put_newsletter(out, NEWSLETTER, false);
        return;
    }
    for (size_t i = 0; i < FCT_COUNT(shapes); i++)
        if (begins(b, shapes[i].name)) {
            buf_put_c(out, shapes[i].head);
            while (out->n < bytes)
                buf_put_c(out, shapes[i].piece);
            buf_put_c(out, shapes[i].tail);
            return;
        }
}

static bool is_newsletter(const struct bench *b)
{
    return begins(b, "bare") || begins(b, "eight") || begins(b, "qp") || begins(b, "base64") ||
           begins(b, "strict") || begins(b, "dense");
}

static void make_part(const struct bench *b, struct buf *out)
{
    if (is_newsletter(b))
        put_newsletter(out, NEWSLETTER, begins(b, "dense"));
    else if (begins(b, "plain"))
        while (out->n < NEWSLETTER)
            buf_put_c(
                out,
                "<p>A paragraph with <a href=\"https://www.example.org/\">a link</a>.</p>\r\n");
    else
        put_shape(b, out);
}

/* As most senders' programs write it: soft breaks at 75 bytes. */
static void put_quoted(struct buf *out, struct fct_str text)
{
    unsigned column = 0;

    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\r' || text.p[i] == '\n') {
            buf_put_char(out, text.p[i]);
            column = 0;
            continue;
        }
        if (column >= 72) {
            buf_put_c(out, "=\r\n");
            column = 0;
        }
        if (text.p[i] == '=' || (unsigned char)text.p[i] >= 0x7f)
            column += 2, buf_printf(out, "=%02X", (unsigned)(unsigned char)text.p[i]);
        else
            buf_put_char(out, text.p[i]);
        column++;
    }
}

static void put_base64(struct buf *out, struct fct_str text)
{
    for (; text.n > 0; text = str_skip(text, 57)) {
        base64_encode(str_head(text, 57), out);
        buf_put_c(out, "\r\n");
    }
}

static void make_message(struct bench *b)
{
    struct buf part = BUF_INIT(HUGE_BYTES), out = BUF_INIT(HUGE_BYTES);
    bool quoted = strstr(b->what, "qp") || begins(b, "strict"), coded = strstr(b->what, "base64");

    make_part(b, &part);
    b->part = part.n;
    buf_printf(&out,
               "Received: from a by b\r\nFrom: <news@shop.example.net>\r\nTo: "
               "<b@example.net>\r\nSubject: news\r\nMIME-Version: 1.0\r\nContent-Type: text/html; "
               "charset=utf-8\r\nContent-Transfer-Encoding: %s\r\n\r\n",
               quoted  ? "quoted-printable"
               : coded ? "base64"
                       : "8bit");
    if (quoted)
        put_quoted(&out, buf_str(&part));
    else if (coded)
        put_base64(&out, buf_str(&part));
    else
        buf_put_str(&out, buf_str(&part));
    b->message = arena_str(b->engine.set.arena, buf_str(&out));
    buf_free(&part);
    buf_free(&out);
}

/* ---- the engine ---- */

static void load(struct bench *b)
{
    static const struct conf_block *const blocks[] = {
        &plugin_block, &lua_block, &filter_block, &profile_block, &composite_block, NULL};
    char folder[] = "/tmp/facteur-bench-XXXXXX", conf[64];
    struct buf errors = BUF_INIT(4096);
    struct fct_err err = {0};
    const char *file = conf;
    FILE *f;

    if (!mkdtemp(folder))
        exit(1);
    snprintf(conf, sizeof conf, "%s/conf", folder);
    f = fopen(conf, "we");
    if (!begins(b, "bare"))
        (void)fprintf(
            f, "plugin trackers {\n    level = %s\n    memory = 256M\n    deadline = 60s\n}\n",
            begins(b, "strict") ? "strict" : "standard");
    fclose(f);
    must(config_load(&file, 1, blocks, &b->conf, &errors, &err), &err);
    b->origin.conf = b->conf;
    b->engine.conf = config_get(b->conf, &filter_block);
    must(plugin_set_load(&b->engine.set, &b->origin, &err), &err);
    if (!b->engine.set.arena) {
        b->none = (struct fct_plugin){
            .head = FCT_PLUGIN_HEAD, .name = "none", .version = "1", .summary = "", .license = ""};
        must(plugin_adopt(&b->engine.set, &b->origin, &b->none, NULL, NULL, 0, &err), &err);
    }
    must(hook_plan_build(b->engine.set.arena, &b->engine.set, &b->engine.plan, &err), &err);
    must(judging_build(&b->engine.set, b->conf, &b->engine.judging, &err), &err);
    (void)unlink(conf);
    (void)rmdir(folder);
}

static FCT_MAY_WAIT void once(struct bench *b)
{
    static const struct filter_recipient bob = {.recipient = FCT_STR_INIT("b@example.net"),
                                                .account = FCT_STR_INIT("b@example.net")};
    static const struct header_limits limits = {10000, 1u << 20};
    struct fct_conn conn = {.size = sizeof conn, .role = FCT_ROLE_MX, .id = FCT_STR("c1")};
    struct fct_envelope envelope = {.size = sizeof envelope, .id = FCT_STR("m1")};
    struct call_message message = {
        .bytes = b->message, .header_limits = &limits, .mime_limits = &mime_default_limits};
    struct filter_result result;
    struct transaction tx;
    struct buf stored = BUF_INIT(HUGE_BYTES);

    hook_transaction_init(&b->engine, &tx, b->arena, &conn, &envelope);
    tx.message = &message;
    message_run(&b->engine, &tx, &bob, 1, &result);
    edit_list_encode(&result.outcome[0].edits, &stored);
    b->edits = result.outcome[0].edits.n;
    b->list = stored.n;
    buf_free(&stored);
    arena_reset(b->arena);
}

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The cheapest round: what others do on the machine only adds. In a fiber: valgrind cannot deliver
 * the watchdog's signal on the main stack. */
static void run(void *arg)
{
    struct bench *b = arg;

    load(b);
    make_message(b);
    for (unsigned long i = 0; i < b->n; i++) {
        double from = cpu_ns(), took;

        once(b);
        took = cpu_ns() - from;
        if (i == 0 || took < b->ns)
            b->ns = took;
    }
    (void)event_base_loopbreak(b->base);
}

int main(int argc, char **argv)
{
    struct bench b = {.what = argc > 1 ? argv[1] : "",
                      .n = argc > 2 ? strtoul(argv[2], NULL, 10) : 0};
    struct fct_err err = {0};

    if (b.n == 0) {
        (void)fprintf(
            stderr,
            "usage: trackers_bench WHAT N [PLUGIN_DIR]; WHAT is listed in trackers_bench.c\n");
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
    printf("%.1f %zu %zu %zu\n", b.ns, b.part, b.edits, b.list);
    return 0;
}
