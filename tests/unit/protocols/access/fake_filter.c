/* fake_filter.c - see fake_filter.h. */
#include "fake_filter.h"

#include "core/base/str.h"
#include "core/fiber/fiber.h"

#include <stdlib.h>
#include <unistd.h>

#define RULES 32

static struct {
    enum fct_hook hook;
    enum fct_verdict verdict;
    const char *text;
    struct filter_change change[4];
    size_t changes;
} rules[RULES];
static size_t nrules;
static bool wanted[FCT_HOOK_COUNT], could_write;
static unsigned asked;
static struct buf said = {.max = 1u << 20};

void fake_filter_reset(void)
{
    nrules = 0;
    asked = 0;
    could_write = false;
    memset(wanted, 0, sizeof wanted);
    buf_clear(&said);
}

void fake_filter_want(enum fct_hook hook)
{
    wanted[hook] = true;
}

void fake_filter_answer(enum fct_hook hook, enum fct_verdict verdict, const char *text)
{
    FCT_ASSERT(nrules < RULES);
    wanted[hook] = true;
    rules[nrules].hook = hook;
    rules[nrules].verdict = verdict;
    rules[nrules].text = text;
    rules[nrules++].changes = 0;
}

void fake_filter_change(enum fct_hook hook, const char *name, const char *value)
{
    size_t i = 0;

    while (i < nrules && rules[i].hook != hook)
        i++;
    if (i == nrules)
        fake_filter_answer(hook, FCT_NEXT, "");
    FCT_ASSERT(rules[i].changes < FCT_COUNT(rules[i].change));
    rules[i].change[rules[i].changes++] = (struct filter_change){str_from(name), str_from(value)};
}

const char *fake_filter_said(void)
{
    buf_put_char(&said, 0);
    said.n--;
    return said.p;
}

unsigned fake_filter_asked(void)
{
    return asked;
}

bool fake_filter_could_write(void)
{
    return could_write;
}

/* ---- names ---- */

const char *hook_name(enum fct_hook hook)
{
    static const char *const names[] = {
#define HOOK(name, text, kind, verdicts, doc) text,
#include <facteur/hooks.def>
    };

    return names[hook];
}

const char *verdict_name(enum fct_verdict verdict)
{
    (void)verdict;
    return "verdict";
}

/* ---- the transcript ---- */

static void put_STR(const char *name, struct fct_str value)
{
    buf_printf(&said, " %s=%.*s", name, FCT_FMT(value));
}

static void put_U64(const char *name, uint64_t value)
{
    if (strcmp(name, "bytes_in") != 0 && strcmp(name, "bytes_out") != 0 &&
        strcmp(name, "seconds") != 0)
        buf_printf(&said, " %s=%llu", name, (unsigned long long)value);
}

static void put_BOOL(const char *name, bool value)
{
    buf_printf(&said, " %s=%s", name, value ? "yes" : "no");
}

static void put_LIST(const char *name, struct fct_list value)
{
    buf_printf(&said, " %s=(", name);
    for (size_t i = 0; i < value.n; i++)
        buf_printf(&said, "%s%.*s", i ? " " : "", FCT_FMT(value.item[i]));
    buf_put_char(&said, ')');
}

/* One function per point that writes its fields. */
#define HOOK(name, text, kind, verdicts, doc)  \
    static void put_ev_##name(const void *any) \
    {                                          \
        const struct fct_ev_##name *ev = any;  \
        (void)ev;
#define FIELD(hook, name, type, doc) put_##type(#name, ev->name);
#define END(name)                    }
#include <facteur/hooks.def>

static void put_event(enum fct_hook hook, const void *ev)
{
    static void (*const put[])(const void *) = {
#define HOOK(name, text, kind, verdicts, doc) put_ev_##name,
#include <facteur/hooks.def>
    };

    put[hook](ev);
}

static void put_message(int fd, uint64_t size)
{
    char *bytes = malloc(size + 1);

    FCT_ASSERT(bytes && pread(fd, bytes, size + 1, 0) == (ssize_t)size);
    buf_printf(&said, " <%.*s>", (int)size, bytes);
    could_write |= pwrite(fd, bytes, size, 0) > 0;
    free(bytes);
}

static void transcribe(const char *how, const struct filter_context *ctx, enum fct_hook hook,
                       const void *ev, int fd, uint64_t size)
{
    FCT_ASSERT(ctx->conn.id.n > 0 && ctx->conn.client_ip.n > 0);
    buf_printf(&said, "%s %s", how, hook_name(hook));
    put_event(hook, ev);
    if (fd >= 0)
        put_message(fd, size);
    buf_put_char(&said, '\n');
}

/* ---- the interface ---- */

bool filter_wants(const struct filter_client *fc, enum fct_hook hook, uint32_t role)
{
    (void)fc, (void)role;
    return wanted[hook];
}

bool filter_changed(const struct filter_answer *answer, const char *name, size_t nth,
                    struct fct_str *value)
{
    for (size_t i = 0; i < answer->changes; i++)
        if (str_equal(answer->change[i].name, str_from(name)) && nth-- == 0) {
            *value = answer->change[i].value;
            return true;
        }
    return false;
}

void filter_hook_message(struct filter_client *fc, const struct filter_context *ctx,
                         enum fct_hook hook, const void *ev, int fd, uint64_t size,
                         struct arena *arena, struct filter_answer *answer)
{
    (void)fc, (void)arena;
    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    asked++;
    transcribe("ask", ctx, hook, ev, fd, size);
    if (fiber_sleep(2) == FIBER_CANCELLED)
        answer->verdict = FCT_TEMPFAIL;
    for (size_t i = 0; i < nrules; i++)
        if (rules[i].hook == hook)
            *answer = (struct filter_answer){.verdict = rules[i].verdict,
                                             .text = str_from(rules[i].text),
                                             .change = rules[i].change,
                                             .changes = rules[i].changes};
}

void filter_hook(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev, struct arena *arena, struct filter_answer *answer)
{
    filter_hook_message(fc, ctx, hook, ev, -1, 0, arena, answer);
}

void filter_tell_message(struct filter_client *fc, const struct filter_context *ctx,
                         enum fct_hook hook, const void *ev, int fd, uint64_t size)
{
    (void)fc;
    if (wanted[hook])
        transcribe("tell", ctx, hook, ev, fd, size);
}

void filter_tell(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev)
{
    filter_tell_message(fc, ctx, hook, ev, -1, 0);
}
