/* fuzz_lua_api.c - random calls of everything that rules can use, with random arguments, on a
 * random message: no crash, no endless loop, whatever a script makes of it.
 *
 * Input: pairs of bytes. Each pair is a step: which row of lua_api.def, and what its arguments are;
 * the rest, behind a zero byte, is the message. The script is written from them and tried by the
 * engine's own tool. */
#include "lua/engine/lua_tool.h"
#include "tests/unit/lua/mock_host.h"

#include <stdlib.h>

#define STEPS_MOST 24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct row {
    char kind; /* F field, M method, f function */
    const char *owner, *name;
};

/* Declaring works only while a file is loaded: not called here. Waits take no time in a trial. */
/* clang-format off */
static const struct row rows[] = {
#define FIELD(object, name, type, doc, example)                   {'F', #object, #name},
#define METHOD(object, name, arguments, returns, doc, example)    {'M', #object, #name},
#define FUNCTION(library, name, arguments, returns, doc, example) {'f', #library, #name},
#include "lua/engine/lua_api.def"
};

/* How to come by an object; others are found as what an earlier step gave: `v`. */
static const struct { const char *owner, *expression; } objects[] = {
    {"message", "m"}, {"conn", "c"}, {"envelope", "m.envelope"}, {"part", "m:parts()[1]"}, {"html", "m.html"}, {"ip", "c.ip"},
    {"regex", "re.compile('(a*)(b)?')"}, {"trackers", "m.html:trackers()"},
};

static const char *const arguments[] = {
    "", "nil", "true", "0", "1", "-1", "3.5", "math.maxinteger", "math.mininteger", "''", "'a'", "'text/html'", "('a'):rep(5000)", "'\\0\\255'", "'%d %s'",
    "'https://user@www.example.org:8/p?q=1&r=%20#f'", "'<a@b.example>, \"c\" <d@e>'", "'Sat, 31 Jan 2026 12:00:00 +0100'", "'10.0.0.0/8'", "'/(a+)+$/i'",
    "'=?utf-8?q?=C3=A9?='", "'{\"a\":[1,null]}'", "{}", "{1, 2, 3}", "{a = {b = {}}}", "{ext = 'html', min_size = 1}", "v", "w", "m", "c", "m.subject",
    "m.text", "m.html", "m:parts()[1]", "print", "function(...) return ... end", "function() return m.subject end", "'5m'", "'X-A'", "'standard'",
};
/* clang-format on */

static const char *object_of(const char *owner)
{
    for (size_t i = 0; i < FCT_COUNT(objects); i++)
        if (strcmp(objects[i].owner, owner) == 0)
            return objects[i].expression;
    return "v";
}

static size_t add_step(char *out, size_t size, const uint8_t step[3])
{
    const struct row *r = &rows[step[0] % FCT_COUNT(rows)];
    const char *a = arguments[step[1] % FCT_COUNT(arguments)],
               *b = arguments[step[2] % FCT_COUNT(arguments)];
    bool global = strcmp(r->owner, "global") == 0;
    char call[256];

    if (r->kind == 'F')
        snprintf(call, sizeof call, "%s.%s", object_of(r->owner), r->name);
    else if (r->kind == 'M')
        snprintf(call, sizeof call, "(%s):%s(%s%s%s)", object_of(r->owner), r->name, a,
                 *a && *b ? ", " : "", *a ? b : "");
    else
        snprintf(call, sizeof call, "%s%s%s(%s%s%s)", global ? "" : r->owner, global ? "" : ".",
                 r->name, a, *a && *b ? ", " : "", *a ? b : "");
    return (size_t)snprintf(
        out, size, "pcall(function() w = v v = %s if type(v) == 'function' then v = v() end end)\n",
        call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fct_str rcpt = FCT_STR_INIT("a@example.net");
    struct lua_tool_job job = {.size = sizeof job, .host = &mock_functions};
    struct lua_tool_mail mail = {.size = sizeof mail, .recipient = &rcpt, .recipients = 1};
    static char script[STEPS_MOST * 512];
    struct fct_err err = {0};
    char *message, *out = NULL;
    size_t n, at = 0;

    n = (size_t)snprintf(script, sizeof script, "local v, w\n");
    for (; at + 3 <= size && data[at] && at / 3 < STEPS_MOST; at += 3)
        n += add_step(script + n, sizeof script - n, data + at);
    message = malloc(size - at + 1);
    memcpy(message, data + at, size - at);
    mail.message = (struct fct_str){message, size - at};
    if (fct_lua_tool.try_expression(&job, &mail, script, &out, &err))
        free(out);
    free(message);
    return 0;
}
