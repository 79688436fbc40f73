/* lua_trial.h - rules on trial: a stand-in for the host, on a message that nobody sent.
 *
 * What reads (headers, parts, HTML, URLs) is the server's own (fct_host.trial_begin). What decides,
 * edits or asks others is written down, or answered from a table of the test. Nothing waits. One
 * trial at a time, in one thread: the stand-in finds it by lua_trial_now. */
#ifndef LUA_TRIAL_H
#define LUA_TRIAL_H

#include "lua_engine.h"

/* A line of what happened. */
struct lua_line {
    struct lua_line *next;
    char text[];
};
struct lua_lines {
    struct lua_line *first, **end;
    size_t n;
};

struct lua_trial_symbol {
    const char *name; /* of the engine, or kept by `has` */
    double score;     /* default, of one hit */
    bool given;       /* found before by somebody else */
    bool found;
    double added;
    char detail[LUA_DETAIL_MAX + 1];
};

#define LUA_TRIAL_ROWS    1024
#define LUA_TRIAL_SYMBOLS 4096

struct lua_trial {
    struct fct_host host; /* what the engine sees */
    const struct fct_host *real;
    struct lua_engine *engine;
    struct fct_call *call; /* of the real host */
    struct fct_conn conn;
    struct fct_envelope envelope;
    struct fct_str *recipient; /* malloc'd, of envelope; or NULL */
    /* Lists that grow (lua_trial_room), to LUA_TRIAL_ROWS and LUA_TRIAL_SYMBOLS. */
    struct fct_hook_row *row;
    struct fct_composite *composite;
    struct lua_trial_symbol *symbol;
    size_t rows, composites, symbols;
    size_t declared;    /* symbols of the rules: the first ones */
    enum fct_hook hook; /* that is being run */
    /* Answers: the table of the case at index `answers` of `L`; NULL: there are none. */
    lua_State *L;
    int answers;
    /* What happened. */
    struct lua_lines added, edits, keywords, changes, log;
    char mailbox[1001], forced[80], reply[480];
};

extern struct lua_trial *lua_trial_now;

/* A trial of the engine's rules; takes no ownership. NULL: err. */
struct lua_trial *lua_trial_new(const struct fct_host *real, struct fct_err *err);
void lua_trial_free(struct lua_trial **trial);
/* The engine was opened with trial->host: its rows, symbols and composites come here. */
FCT_MUST_CHECK bool lua_trial_adopt(struct lua_trial *t, struct lua_engine *e, struct fct_err *err);
/* From here on there is a message; conn and envelope are filled in before. `message` must live
 * until lua_trial_free. `self` may be NULL. */
FCT_MUST_CHECK bool lua_trial_message(struct lua_trial *t, struct fct_self *self,
                                      struct fct_str message, struct fct_err *err);
/* The rows of one point; the strongest verdict. */
enum fct_verdict lua_trial_run(struct lua_trial *t, enum fct_hook hook, const void *event);
/* The same with an event made of what the connection, the envelope and the symbols say; recipient
 * and its number are for rcpt and deliver. */
enum fct_verdict lua_trial_point(struct lua_trial *t, enum fct_hook hook, struct fct_str recipient,
                                 size_t number);
extern const enum fct_hook lua_trial_order[8];  /* a message's way */
void lua_trial_composites(struct lua_trial *t); /* after scan */
void lua_trial_reset(struct lua_trial *t);      /* ready for another message */
/* As lua_trial_adopt left it, and the one of its thread: ready for another test. */
void lua_trial_again(struct lua_trial *t);
/* The list of `n` entries with room for one more; NULL: there are `most` of them, or no memory, and
 * the list is as it was. */
void *lua_trial_room(void *list, size_t n, size_t entry_size, size_t most);
struct lua_trial_symbol *lua_trial_symbol(struct lua_trial *t, const char *name);
/* Found by somebody else. */
void lua_trial_give(struct lua_trial *t, const char *name, double score);
FCT_PRINTF(2, 3) void lua_lines_add(struct lua_lines *lines, const char *fmt, ...);

/* Runs the file and leaves the table it returns at index 1 of e->L. */
FCT_MUST_CHECK bool lua_answers_load(struct lua_engine *e, const char *path, struct fct_err *err);
/* lua_trial_host.c: what rules do. */
void lua_trial_install(struct fct_host *host);
/* lua_answers.c: dns, redis, http, kv, limit from the table of the case. */
void lua_answers_install(struct fct_host *host);

#endif
