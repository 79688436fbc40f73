/* log.h - one line per event: an event name from events.def, the id of the connection, fields.
 *
 *   2026-01-05T10:11:12.345Z info smtp[k3f9x0c2m1ab] rcpt_refused rcpt="a@b" by=greylist why="seen
 * 12s ago"
 *
 * Bytes from the network are escaped by the field printer, values are cut at 1 KiB: a line cannot
 * be forged. No passwords, no bodies. Lines are collected and written once per loop turn; warnings
 * and errors at once. A log that cannot be written loses lines, which are counted, and never stops
 * mail. */
#ifndef CORE_LOG_LOG_H
#define CORE_LOG_LOG_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include <facteur/plugin.h>

enum log_event {
#define EVENT(id, name, level, doc) EV_##id,
#include "core/log/events.def"
    EV_COUNT
};

struct log_field {
    const char *name;
    enum { LOG_STR, LOG_U64, LOG_I64, LOG_BOOL } kind;
    struct fct_str str;
    uint64_t number;
};
/* NULL is an empty text. */
static inline struct fct_str log_text(const char *c)
{
    return (struct fct_str){c, c ? strlen(c) : 0};
}
#define F_STR(n, s) ((struct log_field){.name = (n), .kind = LOG_STR, .str = (s)})
#define F_C(n, c)   ((struct log_field){.name = (n), .kind = LOG_STR, .str = log_text(c)})
#define F_U64(n, v) ((struct log_field){.name = (n), .kind = LOG_U64, .number = (uint64_t)(v)})
#define F_I64(n, v) \
    ((struct log_field){.name = (n), .kind = LOG_I64, .number = (uint64_t)(int64_t)(v)})
#define F_BOOL(n, v) ((struct log_field){.name = (n), .kind = LOG_BOOL, .number = (v)})

/* Once per process: descriptor to write to (kept open by the caller), the role's name, least
 * level written. */
void log_setup(int fd, const char *role, enum fct_level least);
bool log_wanted(enum log_event event);
/* id: connection or message id, may be empty. */
void log_write(enum log_event event, struct fct_str id, const struct log_field *fields, size_t n);
#define log_event(event, id, ...)                                     \
    log_write((event), (id), (const struct log_field[]){__VA_ARGS__}, \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* Without a scheduler every line is written at once. With one, `schedule` is called when the first
 * line of a turn was collected; it arranges for log_flush at the end of the turn. */
void log_set_scheduler(void (*schedule)(void *arg), void *arg);
void log_flush(void);                     /* end of a loop turn, and before exit */
uint64_t log_lost(void);                  /* lines that could not be written */
uint64_t log_count(enum log_event event); /* how often in this process: metrics */

/* docs/log.md from the table. */
void log_print_markdown(struct buf *out);

#endif
