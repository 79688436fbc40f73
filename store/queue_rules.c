/* queue_rules.c - see queue_rules.h. */
#include "store/queue_rules.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "store/io.h"
#include "store/queue.h"
#include "store/queue_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_NAME "queue-rules"
#define NEW_NAME  "queue-rules.new"
#define FILE_MAX  (2u << 20)
#define WORD_MAX  1000u

struct queue_rules {
    struct arena *arena;
    struct queue_rule *rule;
    size_t n;
    uint64_t generation;
};

/* ---- lines: pattern, held, until, host, per minute, made, why; tabs between ---- */

static bool read_number(struct fct_str *line, uint64_t *n)
{
    return line->p && str_to_u64(str_split(line, '\t'), n);
}

static bool read_line(struct fct_str line, struct queue_rule *out)
{
    uint64_t held, until, rate, made;

    if (str_find_char(line, '\0') >= 0) /* it could not be written back */
        return false;
    out->pattern = str_split(&line, '\t');
    if (!read_number(&line, &held) || !read_number(&line, &until) || !line.p)
        return false;
    out->host = str_split(&line, '\t');
    if (!read_number(&line, &rate) || !read_number(&line, &made) || rate > UINT32_MAX)
        return false;
    out->held = held == 1;
    out->until = (int64_t)(until & INT64_MAX);
    out->per_minute = (uint32_t)rate;
    out->made = (int64_t)(made & INT64_MAX);
    out->why = line.p ? line : FCT_STR("");
    return out->pattern.n > 0;
}

static void put_line(const struct queue_rule *r, struct buf *out)
{
    buf_printf(out, "%.*s\t%d\t%lld\t%.*s\t%u\t%lld\t%.*s\n", FCT_FMT(r->pattern), r->held,
               (long long)r->until, FCT_FMT(r->host), r->per_minute, (long long)r->made,
               FCT_FMT(r->why));
}

static void path_of(const struct server *s, const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", s->dir, name);
}

/* ---- the file ---- */

static void take_text(struct queue_rules *rules, struct fct_str text)
{
    while (text.p && text.n > 0 && rules->n < QUEUE_RULES_MAX) {
        struct queue_rule rule = {0};

        if (read_line(str_split(&text, '\n'), &rule))
            rules->rule[rules->n++] = rule;
    }
}

bool queue_rules_open(struct server *s, struct fct_err *err)
{
    struct queue_rules *rules = calloc(1, sizeof *rules);
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    char path[PATH_MAX], block[65536];
    ssize_t n = 0;
    int fd;

    FCT_ASSERT(rules);
    s->rules = rules;
    rules->arena = arena_new(NULL);
    rules->generation = (uint64_t)clock_wall() << 20; /* another one than before a restart */
    rules->rule = ARENA_ARRAY(rules->arena, struct queue_rule, QUEUE_RULES_MAX + 1);
    path_of(s, FILE_NAME, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || fct_fail(err, FCT_TEMP, "%s: %s", path, strerror(errno));
    while ((n = read(fd, block, sizeof block)) > 0)
        buf_put(&text, block, (size_t)n);
    close(fd);
    if (n < 0 || text.overflow)
        return fct_fail(err, FCT_TEMP, "%s cannot be read", path);
    take_text(rules, arena_str(rules->arena, buf_str(&text)));
    return true;
}

void queue_rules_close(struct server *s)
{
    if (s->rules)
        arena_free(&s->rules->arena);
    free(s->rules);
    s->rules = NULL;
}

static bool write_rules(struct server *s, const struct queue_rules *rules, struct fct_err *err)
{
    FCT_CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX);
    char now[PATH_MAX], fresh[PATH_MAX];
    struct iovec all;
    bool ok;
    int fd;

    for (size_t i = 0; i < rules->n; i++)
        put_line(&rules->rule[i], &text);
    if (text.overflow)
        return fct_fail(err, FCT_LIMIT, "the rules are larger than %u bytes", FILE_MAX);
    path_of(s, FILE_NAME, now);
    path_of(s, NEW_NAME, fresh);
    if (!io_open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, &fd, err))
        return false;
    all = (struct iovec){text.p, text.n};
    ok = (text.n == 0 || io_write_at(fd, &all, 1, 0, err)) && io_sync(fd, err);
    close(fd);
    if (!ok)
        return false;
    if (rename(fresh, now) != 0)
        return fct_fail(err, FCT_TEMP, "%s: %s", now, strerror(errno));
    return io_sync_dir(s->dir, err);
}

/* ---- what they say ---- */

static uint64_t rule_of(void *arg, struct fct_str domain)
{
    const struct server *s = arg;
    const struct queue_rule *found = queue_rule_find(s->rules->rule, s->rules->n, domain);
    int64_t left;

    if (!found || !found->held)
        return 0;
    if (found->until == 0)
        return CLOCK_NEVER;
    left = found->until - clock_wall();
    return left > 0 ? clock_ms() + (uint64_t)left * 1000 : 0;
}

void queue_rules_apply(struct server *s)
{
    queue_index_rules(&s->queue->index, rule_of, s);
}

const struct queue_rule *queue_rules_all(const struct server *s, uint64_t *generation, size_t *n)
{
    *generation = s->rules->generation;
    *n = s->rules->n;
    return s->rules->rule;
}

uint64_t queue_rules_generation(const struct server *s)
{
    return s->rules->generation;
}

/* ---- changes ---- */

static bool is_clean(struct fct_str text, size_t most)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return text.n <= most;
}

static void copy_rule(struct arena *arena, const struct queue_rule *from, struct queue_rule *to)
{
    *to = *from;
    to->pattern = arena_str(arena, from->pattern);
    to->host = arena_str(arena, from->host);
    to->why = arena_str(arena, from->why);
}

/* All of them anew, so that what is replaced does not stay in memory. */
static void change(const struct queue_rules *old, const struct queue_rule *rule, bool keeps,
                   struct queue_rules *out, bool *found)
{
    *out = (struct queue_rules){.arena = arena_new(NULL), .generation = old->generation + 1};
    out->rule = ARENA_ARRAY(out->arena, struct queue_rule, QUEUE_RULES_MAX + 1);
    *found = false;
    for (size_t i = 0; i < old->n; i++) {
        bool same = str_equal(old->rule[i].pattern, rule->pattern);

        *found = *found || same;
        if (!same)
            copy_rule(out->arena, &old->rule[i], &out->rule[out->n++]);
    }
    if (keeps && out->n <= QUEUE_RULES_MAX)
        copy_rule(out->arena, rule, &out->rule[out->n++]);
}

bool queue_rules_set(struct server *s, const struct queue_rule *rule, struct fct_err *err)
{
    bool keeps = rule->held || rule->host.n > 0 || rule->per_minute > 0, found, ok;
    struct queue_rules fresh;

    if (rule->pattern.n == 0 || !is_clean(rule->pattern, WORD_MAX) ||
        !is_clean(rule->host, WORD_MAX) || !is_clean(rule->why, WORD_MAX))
        return fct_fail(err, FCT_SYNTAX, "a rule has words of at most %u printable characters",
                        WORD_MAX);
    change(s->rules, rule, keeps, &fresh, &found);
    if (fresh.n > QUEUE_RULES_MAX)
        ok = fct_fail(err, FCT_LIMIT, "there are %u rules already", QUEUE_RULES_MAX);
    else if (!keeps && !found)
        ok = fct_fail(err, FCT_DENIED, "there is no rule for %.*s", FCT_FMT(rule->pattern));
    else
        ok = write_rules(s, &fresh, err);
    if (!ok) {
        arena_free(&fresh.arena);
        return false;
    }
    arena_free(&s->rules->arena);
    *s->rules = fresh;
    queue_rules_apply(s);
    queue_wake(s);
    return true;
}
