/* dmarc_collect.c - see dmarc_collect.h. */
#include "dmarc_collect.h"

#include "report_line.h"

#include <stdlib.h>
#include <time.h>

#define INTERVAL_MS 1000u
#define BYTES_MAX   ((size_t)4 << 20) /* of rows that wait here */
#define BATCH       200u              /* lines of one call to Redis */
#define POLICY_MAX  4096u             /* of a record's text */
#define DAY_SIZE    sizeof "20260105"
#define LOST        "reports_lost"

/* ---- the script ----
 *
 * KEYS  the day, the day and domain
 * ARGV  domain, ttl in s, most domains, most lines of the domain, most lines of the day, policy,
 *       method, then line and count, again and again
 * Gives how many messages found no place. */
static const struct fct_redis_script keep_script = {
    "dmarc-keep",
    "local day, of = KEYS[1], KEYS[2]\n"
    "local lost = 0\n"
    "if redis.call('HEXISTS', day, ARGV[1]) == 0 and redis.call('HLEN', day) > tonumber(ARGV[3]) "
    "then\n"
    "  for i = 8, #ARGV, 2 do lost = lost + tonumber(ARGV[i + 1]) end\n"
    "  return lost\n"
    "end\n"
    "local lines = tonumber(redis.call('HGET', day, ARGV[1]) or '0')\n"
    "local all = tonumber(redis.call('HGET', day, '" REPORT_ALL "') or '0')\n"
    "local new = 0\n"
    "for i = 8, #ARGV, 2 do\n"
    "  local known = redis.call('HEXISTS', of, ARGV[i]) == 1\n"
    "  if known or (lines + new < tonumber(ARGV[4]) and all + new < tonumber(ARGV[5])) then\n"
    "    redis.call('HINCRBY', of, ARGV[i], ARGV[i + 1])\n"
    "    if not known then new = new + 1 end\n"
    "  else\n"
    "    redis.call('HINCRBY', of, '" REPORT_LEFT_OUT "', ARGV[i + 1])\n"
    "    lost = lost + tonumber(ARGV[i + 1])\n"
    "  end\n"
    "end\n"
    "redis.call('HSET', of, '" REPORT_POLICY "', ARGV[6], '" REPORT_METHOD "', ARGV[7])\n"
    "redis.call('HINCRBY', day, ARGV[1], new)\n"
    "redis.call('HINCRBY', day, '" REPORT_ALL "', new)\n"
    "redis.call('EXPIRE', of, ARGV[2])\n"
    "redis.call('EXPIRE', day, ARGV[2])\n"
    "return lost\n",
};
#define FIXED_ARGS 7

/* ---- what waits here ---- */

struct line {
    struct line *next;
    uint64_t hash, count;
    size_t n;
    char text[];
};

/* The lines of one day and policy domain. */
struct group {
    struct group *next;
    uint64_t hash;
    char day[DAY_SIZE];
    struct dmarc_domain domain;
    enum dmarc_discovery discovery;
    struct line *line;
    size_t policy_n;
    char policy[POLICY_MAX]; /* as last seen */
};

struct dmarc_collect {
    const struct fct_host *host;
    const struct dmarc_conf *conf;
    struct group *group;
    size_t bytes;
    bool away; /* it was said */
};

/* FNV-1a: the lines of a second are few, and their number is limited. */
static uint64_t hash_of(struct fct_str s)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    return h;
}

static void free_group(struct dmarc_collect *c, struct group *group)
{
    for (struct line *line = group->line, *next; line; line = next) {
        next = line->next;
        c->bytes -= sizeof *line + line->n;
        free(line);
    }
    c->bytes -= sizeof *group;
    free(group);
}

static struct group *find_group(const struct dmarc_collect *c, const char *day,
                                struct fct_str domain)
{
    uint64_t hash = hash_of(domain);
    struct group *group = c->group;

    while (group && (group->hash != hash || strcmp(group->day, day) != 0 ||
                     !dmarc_domain_same(dmarc_domain_str(&group->domain), domain)))
        group = group->next;
    return group;
}

static struct group *add_group(struct dmarc_collect *c, const char *day, struct fct_str domain)
{
    struct group *group = c->bytes < BYTES_MAX ? calloc(1, sizeof *group) : NULL;

    if (!group)
        return NULL;
    memcpy(group->day, day, sizeof group->day);
    memcpy(group->domain.text, domain.p, domain.n);
    group->domain.n = domain.n;
    group->hash = hash_of(domain);
    group->next = c->group;
    c->group = group;
    c->bytes += sizeof *group;
    return group;
}

static bool count_line(struct dmarc_collect *c, struct group *group, struct fct_str text,
                       uint64_t count)
{
    uint64_t hash = hash_of(text);
    struct line *line = group->line;

    while (line &&
           (line->hash != hash || line->n != text.n || memcmp(line->text, text.p, text.n) != 0))
        line = line->next;
    if (!line) {
        line = c->bytes < BYTES_MAX ? malloc(sizeof *line + text.n) : NULL;
        if (!line)
            return false;
        *line = (struct line){.next = group->line, .hash = hash, .n = text.n};
        memcpy(line->text, text.p, text.n);
        group->line = line;
        c->bytes += sizeof *line + text.n;
    }
    line->count += count;
    return true;
}

/* A text that is too long ends behind one of its tags: half an address would be another one. */
static void take_policy(struct group *group, const struct dmarc_row *row)
{
    struct fct_str text = row->policy_text;

    if (text.n > sizeof group->policy) {
        const char *end = memrchr(text.p, ';', sizeof group->policy);

        text.n = end ? (size_t)(end - text.p) : 0;
    }
    if (text.n > 0)
        memcpy(group->policy, text.p, text.n);
    group->policy_n = text.n;
    group->discovery = row->discovery;
}

/* ---- counting ---- */

/* What somebody tries with facteurctl did not come by mail. */
static bool is_mail(const struct fct_conn *conn)
{
    static const char *const others[] = {"scan", "replay"};

    for (size_t i = 0; i < FCT_COUNT(others); i++)
        if (conn->frontend.n == strlen(others[i]) &&
            memcmp(conn->frontend.p, others[i], conn->frontend.n) == 0)
            return false;
    return true;
}

static void today(char out[DAY_SIZE])
{
    time_t now = time(NULL);
    struct tm tm;

    (void)gmtime_r(&now, &tm);
    (void)strftime(out, DAY_SIZE, "%Y%m%d", &tm);
}

void dmarc_collect_row(struct dmarc_collect *c, struct fct_call *call, const struct dmarc_row *row)
{
    char line[REPORT_LINE_MAX + 1], day[DAY_SIZE];
    struct group *group;
    size_t n;

    if (!c || !is_mail(c->host->conn(call)) || !row->policy->has_rua || row->policy_domain.n == 0 ||
        row->policy_domain.n > DMARC_NAME_MAX)
        return;
    today(day);
    n = report_line_put(row, line);
    group = find_group(c, day, row->policy_domain);
    if (!group)
        group = add_group(c, day, row->policy_domain);
    if (group)
        take_policy(group, row);
    if (!group || !count_line(c, group, (struct fct_str){line, n}, 1))
        c->host->count(call, LOST, 1);
}

/* ---- writing ---- */

static struct fct_str number(char room[24], uint64_t n)
{
    int length = snprintf(room, 24, "%llu", (unsigned long long)n);

    return (struct fct_str){room, (size_t)length};
}

/* Up to BATCH lines. NULL: Redis did not take them. */
static FCT_MAY_WAIT const struct fct_redis_reply *
write_lines(struct dmarc_collect *c, struct fct_call *call, const struct group *group,
            const struct line *line, struct fct_err *err)
{
    const struct dmarc_conf *conf = c->conf;
    const char *method = report_method_word(group->discovery);
    struct fct_str key[2], arg[FIXED_ARGS + 2 * BATCH];
    char day[REPORT_KEY_MAX], domain[REPORT_KEY_MAX], room[4][24], count[BATCH][24];
    size_t n = 0;

    key[0] = (struct fct_str){day, report_key(day, group->day, (struct fct_str){"", 0})};
    key[1] =
        (struct fct_str){domain, report_key(domain, group->day, dmarc_domain_str(&group->domain))};
    arg[n++] = dmarc_domain_str(&group->domain);
    arg[n++] = number(room[0], conf->report_keep.ms / 1000);
    arg[n++] = number(room[1], conf->report_domains);
    arg[n++] = number(room[2], conf->report_lines);
    arg[n++] = number(room[3], conf->report_day_lines);
    arg[n++] = (struct fct_str){group->policy, group->policy_n};
    arg[n++] = (struct fct_str){method, strlen(method)};
    for (size_t i = 0; line && i < BATCH; i++, line = line->next) {
        arg[n++] = (struct fct_str){line->text, line->n};
        arg[n++] = number(count[i], line->count);
    }
    return c->host->redis_script(call, &keep_script, key, FCT_COUNT(key), arg, n, err);
}

static void forget_lines(struct dmarc_collect *c, struct group *group, size_t n)
{
    for (size_t i = 0; group->line && i < n; i++) {
        struct line *line = group->line;

        group->line = line->next;
        c->bytes -= sizeof *line + line->n;
        free(line);
    }
}

/* False: Redis is away. */
static FCT_MAY_WAIT bool write_group(struct dmarc_collect *c, struct fct_call *call,
                                     struct group *group, struct fct_err *err)
{
    while (group->line) {
        const struct fct_redis_reply *reply = write_lines(c, call, group, group->line, err);

        if (!reply)
            return false;
        if (reply->kind == FCT_REDIS_INTEGER && reply->integer > 0)
            c->host->count(call, LOST, (double)reply->integer);
        forget_lines(c, group, BATCH);
    }
    return true;
}

static struct group *take_first(struct dmarc_collect *c)
{
    struct group *group = c->group;

    c->group = group->next;
    group->next = NULL;
    return group;
}

/* Meanwhile there may be a newer group of the same day and domain: its policy is the last seen. */
static void put_back(struct dmarc_collect *c, struct fct_call *call, struct group *group)
{
    struct group *newer = find_group(c, group->day, dmarc_domain_str(&group->domain));

    if (!newer) {
        group->next = c->group;
        c->group = group;
        return;
    }
    for (const struct line *line = group->line; line; line = line->next)
        if (!count_line(c, newer, (struct fct_str){line->text, line->n}, line->count))
            c->host->count(call, LOST, (double)line->count);
    free_group(c, group);
}

static void say_away(struct dmarc_collect *c, struct fct_call *call, const struct fct_err *err)
{
    if (!c->away)
        c->host->log(call, FCT_WARNING,
                     "DMARC aggregate reports: nothing is collected for now (%s)", err->text);
    c->away = true;
}

static FCT_MAY_WAIT enum fct_verdict on_tick(struct fct_call *call, const struct fct_ev_tick *ev,
                                             void *state)
{
    struct dmarc_collect *c = state;
    struct fct_err err = {0};

    (void)ev;
    while (c->group) {
        struct group *group = take_first(c);

        if (!write_group(c, call, group, &err)) {
            put_back(c, call, group);
            say_away(c, call, &err);
            return FCT_NEXT;
        }
        free_group(c, group);
        c->away = false;
    }
    return FCT_NEXT;
}

/* ---- life ---- */

bool dmarc_collect_start(struct fct_self *self, const struct fct_host *host,
                         const struct dmarc_conf *conf, struct dmarc_collect **out,
                         struct fct_err *err)
{
    struct fct_hook_row tick = FCT_ON(tick, on_tick, .interval_ms = INTERVAL_MS, .scope = FCT_EACH,
                                      .label = "dmarc.reports");

    *out = conf->reports ? calloc(1, sizeof **out) : NULL;
    if (!*out)
        return !conf->reports;
    **out = (struct dmarc_collect){.host = host, .conf = conf};
    tick.state = *out;
    if (host->add_hook(self, &tick, err))
        return true;
    dmarc_collect_free(out);
    return false;
}

void dmarc_collect_free(struct dmarc_collect **collect)
{
    struct dmarc_collect *c = *collect;

    while (c && c->group)
        free_group(c, take_first(c));
    free(c);
    *collect = NULL;
}
