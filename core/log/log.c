/* log.c - lines are collected in one bounded buffer and leave in one write per loop turn. */
#include "core/log/log.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log_fields.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    enum fct_level level;
    const char *doc;
} events[] = {
#define EVENT(id, name, level, doc) {#name, level, doc},
#include "core/log/events.def"
};

static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* One log per process, set up once at its start: the only state of its kind in the tree. */
static struct {
    int fd;
    char role[16];
    enum fct_level least;
    struct buf pending;
    void (*schedule)(void *arg);
    void *schedule_arg;
    uint64_t counts[EV_COUNT], lines_pending, lost;
} the = {.fd = STDERR_FILENO, .role = "facteur", .least = FCT_INFO, .pending = {.max = 256 << 10}};

void log_setup(int fd, const char *role, enum fct_level least)
{
    log_flush();
    the.fd = fd;
    the.least = least;
    str_copy_c(the.role, sizeof the.role, str_from(role));
}

void log_set_scheduler(void (*schedule)(void *arg), void *arg)
{
    the.schedule = schedule;
    the.schedule_arg = arg;
}

bool log_wanted(enum log_event event)
{
    return events[event].level >= the.least;
}

/* The date part changes once a second; formatting it is the dearest part of a line. */
static void put_time(struct buf *out)
{
    static char text[32];
    static time_t second;
    int64_t now = clock_wall_us();
    time_t t = (time_t)(now / 1000000);

    if (t != second) {
        struct tm tm;

        gmtime_r(&t, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        second = t;
    }
    buf_printf(out, "%s.%03dZ ", text, (int)(now / 1000 % 1000));
}

static void put_line(enum log_event event, struct fct_str id, const struct log_field *fields,
                     size_t n)
{
    struct buf *out = &the.pending;

    put_time(out);
    buf_printf(out, "%s %s", level_names[events[event].level], the.role);
    if (id.n) {
        buf_put_char(out, '[');
        buf_put_str(out, str_head(id, 64));
        buf_put_char(out, ']');
    }
    buf_put_char(out, ' ');
    buf_put_c(out, events[event].name);
    for (size_t i = 0; i < n; i++)
        log_field_print(&fields[i], out);
    buf_put_char(out, '\n');
}

void log_write(enum log_event event, struct fct_str id, const struct log_field *fields, size_t n)
{
    size_t before = the.pending.n;

    the.counts[event]++;
    if (!log_wanted(event))
        return;
    put_line(event, id, fields, n);
    if (the.pending.overflow) {
        the.pending.n = before;
        the.pending.overflow = false;
        the.lost++;
        log_flush();
        return;
    }
    the.lines_pending++;
    if (!the.schedule || events[event].level >= FCT_WARNING || the.pending.n > the.pending.max / 2)
        log_flush();
    else if (before == 0)
        the.schedule(the.schedule_arg);
}

/* What a full disk or a closed pipe refuses is dropped and counted: the log never stops mail. */
void log_flush(void)
{
    size_t at = 0;

    while (at < the.pending.n) {
        ssize_t done = write(the.fd, the.pending.p + at, the.pending.n - at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            the.lost += the.lines_pending;
            break;
        }
        at += (size_t)done;
    }
    buf_clear(&the.pending);
    the.lines_pending = 0;
}

uint64_t log_lost(void)
{
    return the.lost;
}

uint64_t log_count(enum log_event event)
{
    return the.counts[event];
}

void log_print_markdown(struct buf *out)
{
    buf_put_c(out, "# Log events\n\nGenerated from core/log/events.def.\n\n"
                   "A line is `TIME LEVEL ROLE[ID] EVENT field=value …`. The id is made when a "
                   "client connects; a message adds `.1`, `.2` …\n"
                   "and keeps it through filter and store (`facteurctl trace ID`). Values from the "
                   "network are quoted and escaped, and cut at 1 KiB.\n\n"
                   "| event | level | meaning |\n|---|---|---|\n");
    for (size_t i = 0; i < FCT_COUNT(events); i++)
        buf_printf(out, "| %s | %s | %s |\n", events[i].name, level_names[events[i].level],
                   events[i].doc);
}
