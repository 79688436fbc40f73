/* lua_answers.c - dns, redis, http, kv and limits of a trial: answered from the table of the test
 * case, which docs/lua-tutorial.md describes. What it does not name is not there. */
#include "lua_trial.h"

#include <stdlib.h>

/* Pushes answers[table][key] on the test's stack, or nil; false: nil. */
static bool push_answer(const char *table, struct fct_str key)
{
    struct lua_trial *t = lua_trial_now;
    lua_State *L = t->L;

    if (!L)
        return false;
    lua_checkstack(L, 8);
    lua_pushstring(L, table);
    if (lua_rawget(L, t->answers) != LUA_TTABLE) {
        lua_pop(L, 1);
        return false;
    }
    lua_str_push(L, key);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (!lua_isnil(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

/* Bytes that live as long as the message. */
static struct fct_str keep(struct fct_call *call, const char *p, size_t n)
{
    char *copy = lua_trial_now->real->alloc(call, n + 1);

    if (!copy)
        return (struct fct_str){"", 0};
    memcpy(copy, p, n);
    copy[n] = '\0';
    return (struct fct_str){copy, n};
}

/* The string or number on top. */
static struct fct_str keep_top(struct fct_call *call)
{
    size_t n = 0;
    const char *p = lua_tolstring(lua_trial_now->L, -1, &n);

    return keep(call, p ? p : "", n);
}

/* ---- dns = { ["a example.org"] = { "192.0.2.1" }, ["mx example.org"] = { "10 mx.example.org" } }
 */

static const struct {
    enum fct_dns_type type;
    const char *name;
} types[] = {{FCT_DNS_A, "a"},        {FCT_DNS_AAAA, "aaaa"}, {FCT_DNS_MX, "mx"},
             {FCT_DNS_TXT, "txt"},    {FCT_DNS_PTR, "ptr"},   {FCT_DNS_TLSA, "tlsa"},
             {FCT_DNS_CNAME, "cname"}};

/* "3 1 1 abcd": RFC 6698 2.2. */
static struct fct_str tlsa_bytes(struct fct_call *call, struct fct_str text)
{
    unsigned usage = 0, selector = 0, matching = 0, byte;
    char *out = lua_trial_now->real->alloc(call, text.n + 3);
    int at = 0;
    size_t n = 3;

    if (!out || sscanf(text.p, "%u %u %u %n", &usage, &selector, &matching, &at) < 3)
        return (struct fct_str){"", 0};
    out[0] = (char)usage;
    out[1] = (char)selector;
    out[2] = (char)matching;
    for (const char *hex = text.p + at; sscanf(hex, "%2x", &byte) == 1; hex += 2)
        out[n++] = (char)byte;
    return (struct fct_str){out, n};
}

static void read_record(struct fct_call *call, enum fct_dns_type type, struct fct_dns_record *out)
{
    struct fct_str text = keep_top(call);

    *out = (struct fct_dns_record){.data = text};
    if (type == FCT_DNS_TLSA)
        out->data = tlsa_bytes(call, text);
    if (type == FCT_DNS_MX) {
        char *end;

        out->preference = (uint32_t)strtoul(text.p, &end, 10);
        end += *end == ' ';
        out->data = (struct fct_str){end, text.n - (size_t)(end - text.p)};
    }
}

static uint32_t status_of(const char *word)
{
    static const char *const words[] = {"", "no_name", "no_data", "failed", "bogus", "refused"};

    for (uint32_t i = 1; i < FCT_COUNT(words); i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return FCT_DNS_FAILED;
}

static bool dns(struct fct_call *call, enum fct_dns_type type, struct fct_str name,
                struct fct_dns_answer *out)
{
    lua_State *L = lua_trial_now->L;
    struct fct_dns_record *record;
    char key[300] = "";

    *out = (struct fct_dns_answer){.size = sizeof *out, .status = FCT_DNS_NO_NAME, .ttl = 300};
    for (size_t i = 0; i < FCT_COUNT(types); i++)
        if (types[i].type == type)
            snprintf(key, sizeof key, "%s %.*s", types[i].name, FCT_FMT(name));
    out->canonical = name;
    if (!push_answer("dns", (struct fct_str){key, strlen(key)}))
        return false;
    if (lua_istable(L, -1)) {
        out->n = (size_t)lua_rawlen(L, -1);
        record = lua_trial_now->real->alloc(call, (out->n + 1) * sizeof *record);
        for (size_t i = 0; record && i < out->n; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            read_record(call, type, &record[i]);
            lua_pop(L, 1);
        }
        out->record = record;
        out->status = FCT_DNS_OK;
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        out->status = status_of(lua_tostring(L, -1));
        out->why = keep_top(call);
    }
    lua_pop(L, 1);
    return out->status == FCT_DNS_OK && out->n > 0;
}

/* ---- redis = { ["GET key"] = "value" }; a script's key begins with its name ---- */

static const struct fct_redis_reply *reply_of_top(struct fct_call *call)
{
    lua_State *L = lua_trial_now->L;
    struct fct_redis_reply *r = lua_trial_now->real->alloc(call, sizeof *r), *item;

    if (!r)
        return NULL;
    *r = (struct fct_redis_reply){.kind = FCT_REDIS_NIL};
    if (lua_isinteger(L, -1)) {
        r->kind = FCT_REDIS_INTEGER;
        r->integer = lua_tointeger(L, -1);
    } else if (lua_isstring(L, -1)) {
        r->kind = FCT_REDIS_STRING;
        r->string = keep_top(call);
    } else if (lua_istable(L, -1) && lua_checkstack(L, 4)) {
        r->kind = FCT_REDIS_ARRAY;
        r->n = (size_t)lua_rawlen(L, -1);
        item = lua_trial_now->real->alloc(call, (r->n + 1) * sizeof *item);
        for (size_t i = 0; item && i < r->n; i++) {
            const struct fct_redis_reply *inner;

            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            inner = reply_of_top(call);
            item[i] = inner ? *inner : (struct fct_redis_reply){.kind = FCT_REDIS_NIL};
            lua_pop(L, 1);
        }
        r->item = item;
    }
    return r;
}

static void join(char *out, size_t size, const struct fct_str *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(out);

        snprintf(out + used, size - used, "%s%.*s", used ? " " : "", FCT_FMT(word[i]));
    }
}

static const struct fct_redis_reply *redis_answer(struct fct_call *call, const char *key,
                                                  struct fct_err *err)
{
    const struct fct_redis_reply *r;
    lua_State *L = lua_trial_now->L;

    if (!push_answer("redis", (struct fct_str){key, strlen(key)})) {
        lua_fail(err, FCT_TEMP, "the test has no answer for \"%.150s\"", key);
        return NULL;
    }
    if (lua_istable(L, -1)) {
        if (lua_getfield(L, -1, "error") != LUA_TNIL) {
            lua_fail(err, FCT_TEMP, "%s", lua_tostring(L, -1));
            lua_pop(L, 2);
            return NULL;
        }
        lua_pop(L, 1);
    }
    r = reply_of_top(call);
    lua_pop(L, 1);
    return r;
}

static const struct fct_redis_reply *redis(struct fct_call *call, const struct fct_str *word,
                                           size_t n, struct fct_err *err)
{
    char key[1024] = "";

    join(key, sizeof key, word, n);
    return redis_answer(call, key, err);
}

static const struct fct_redis_reply *redis_script(struct fct_call *call,
                                                  const struct fct_redis_script *script,
                                                  const struct fct_str *key, size_t keys,
                                                  const struct fct_str *arg, size_t args,
                                                  struct fct_err *err)
{
    char all[1024] = "";

    snprintf(all, sizeof all, "%s", script->name);
    join(all, sizeof all, key, keys);
    join(all, sizeof all, arg, args);
    return redis_answer(call, all, err);
}

/* ---- http = { ["GET https://x/"] = { status = 200, body = "", headers = { name = "value" } } } */

static void read_headers(struct fct_call *call, struct fct_http_reply *reply)
{
    lua_State *L = lua_trial_now->L;
    struct fct_str *header = lua_trial_now->real->alloc(call, 32 * sizeof *header);

    reply->header = header;
    if (lua_getfield(L, -1, "headers") == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
            if (header && reply->headers < 32 && lua_type(L, -2) == LUA_TSTRING &&
                lua_type(L, -1) == LUA_TSTRING) {
                char line[1024];
                int n =
                    snprintf(line, sizeof line, "%s: %s", lua_tostring(L, -2), lua_tostring(L, -1));

                if (n > 0 && (size_t)n < sizeof line)
                    header[reply->headers++] = keep(call, line, (size_t)n);
            }
    lua_pop(L, 1);
}

static bool http(struct fct_call *call, const struct fct_http_request *request,
                 struct fct_http_reply *reply, struct fct_err *err)
{
    lua_State *L = lua_trial_now->L;
    char key[2100];

    snprintf(key, sizeof key, "%s %.*s", request->method, FCT_FMT(request->url));
    *reply = (struct fct_http_reply){.size = sizeof *reply, .status = 200, .body = {"", 0}};
    if (!push_answer("http", (struct fct_str){key, strlen(key)})) {
        return lua_fail(err, FCT_TEMP, "the test has no answer for \"%.150s\"", key);
    }
    if (!lua_istable(L, -1)) {
        lua_fail(err, FCT_TEMP, "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "no table");
        lua_pop(L, 1);
        return false;
    }
    if (lua_getfield(L, -1, "status") == LUA_TNUMBER)
        reply->status = (unsigned)lua_tointeger(L, -1);
    lua_pop(L, 1);
    if (lua_getfield(L, -1, "body") == LUA_TSTRING)
        reply->body = keep_top(call);
    lua_pop(L, 1);
    read_headers(call, reply);
    lua_pop(L, 1);
    return true;
}

/* ---- kv = { key = "value" }: what is set during the test is there afterwards ---- */

/* answers.kv on the stack, made when it is missing; false: there are no answers. */
static bool push_kv(void)
{
    struct lua_trial *t = lua_trial_now;

    if (!t->L || !lua_checkstack(t->L, 8))
        return false;
    luaL_getsubtable(t->L, t->answers, "kv");
    return true;
}

static void kv_store(struct fct_str key)
{
    lua_State *L = lua_trial_now->L;

    lua_str_push(L, key);
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static bool kv_get(struct fct_call *call, struct fct_str key, struct fct_str *value)
{
    bool found = push_answer("kv", key);

    if (!found)
        return false;
    *value = keep_top(call);
    lua_pop(lua_trial_now->L, 1);
    return true;
}

static bool kv_set(struct fct_call *call, struct fct_str key, struct fct_str value, uint32_t ttl_s)
{
    (void)call;
    (void)ttl_s;
    if (!push_kv())
        return false;
    lua_str_push(lua_trial_now->L, value);
    kv_store(key);
    return true;
}

static int64_t kv_add(struct fct_call *call, struct fct_str key, int64_t by, uint32_t ttl_s)
{
    lua_State *L = lua_trial_now->L;
    int64_t sum = by;

    (void)call;
    (void)ttl_s;
    if (push_answer("kv", key)) {
        sum += (int64_t)lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    if (push_kv()) {
        lua_pushinteger(L, sum);
        kv_store(key);
    }
    return sum;
}

static bool kv_seen(struct fct_call *call, struct fct_str key, uint32_t ttl_s)
{
    bool seen = push_answer("kv", key);

    (void)call;
    (void)ttl_s;
    if (seen)
        lua_pop(lua_trial_now->L, 1);
    if (push_kv()) {
        lua_pushboolean(lua_trial_now->L, 1);
        kv_store(key);
    }
    return seen;
}

/* limits = { ["user:a@example.org"] = 30 }: empty, 30 seconds to wait; others are never empty. */
static bool limit_take(struct fct_call *call, struct fct_str key, const struct fct_rate *rate,
                       uint32_t amount, uint32_t *wait_ms)
{
    (void)call;
    (void)rate;
    (void)amount;
    if (!push_answer("limits", key))
        return true;
    *wait_ms = (uint32_t)(lua_tonumber(lua_trial_now->L, -1) * 1000);
    lua_pop(lua_trial_now->L, 1);
    return false;
}

static struct fct_str setting(struct fct_call *call, const char *name)
{
    struct fct_str value;

    if (!push_answer("settings", (struct fct_str){name, strlen(name)}))
        return (struct fct_str){"", 0};
    value = keep_top(call);
    lua_pop(lua_trial_now->L, 1);
    return value;
}

void lua_answers_install(struct fct_host *host)
{
    host->dns = dns;
    host->redis = redis;
    host->redis_script = redis_script;
    host->http = http;
    host->kv_get = kv_get;
    host->kv_set = kv_set;
    host->kv_add = kv_add;
    host->kv_seen = kv_seen;
    host->limit_take = limit_take;
    host->setting = setting;
}
