/* mock_host.h - a host for lua.so in tests: loads the real plugin by dlopen, runs its rows one
 * after another over a message that core/message parses, and writes down as text what came of it.
 */
#ifndef TESTS_MOCK_HOST_H
#define TESTS_MOCK_HOST_H

#include "core/base/arena.h"
#include "core/message/mime.h"
#include <facteur/plugin.h>

#define MOCK_ROWS 256

struct mock;
struct fct_call {
    struct mock *mock;
    const struct fct_hook_row *row;
    enum fct_hook hook;
};

struct mock {
    const struct fct_plugin *plugin;
    void *library, *state;
    char conf[1024] __attribute__((aligned(16)));
    const char *files[8], *options[8], *shadow[1];
    char folder[64];    /* of the rule files */
    struct fct_err err; /* of start() */
    struct fct_symbol symbol[MOCK_ROWS];
    struct fct_hook_row row[MOCK_ROWS];
    size_t symbols, rows;
    struct fct_conn conn;
    struct fct_envelope envelope;
    struct arena *arena; /* of the message */
    struct fct_str message;
    struct header_list headers;
    struct mime_tree tree;
    struct fct_part *part;
    bool over; /* the callback's time is over: host functions fail */
    void (*sleeps)(struct mock *m, struct fct_call *call,
                   uint32_t ms); /* may be NULL: time stands still */
    /* Fibers beside a callback; NULL: begun and ended at once. */
    struct fct_token (*starts)(struct fct_call *call,
                               void (*work)(struct fct_call *call, void *arg), void *arg);
    bool (*waits)(struct fct_call *call, const struct fct_token *token, size_t n);
    char composites[1024]; /* "NAME: expression\n" */
    /* What callbacks did, since mock_clear. */
    char found[64][96]; /* symbols */
    size_t nfound;
    char hits[4096];  /* "NAME=detail NAME2*3=" */
    char edits[4096]; /* "add top X-A: b\n", "set Subject: b\n", "remove X-A: old\n", "mailbox M\n",
                         "keyword K\n" */
    char log[16384];
    char reply[512]; /* "550 5.7.1 text" */
};

/* Once per test: loads lua.so from the build folder and takes its defaults. */
void mock_open(struct mock *m);
void mock_close(struct mock *m);
/* One setting, as in the configuration: mock_set(m, "budget", "100ms"). */
void mock_set(struct mock *m, const char *key, const char *value);
/* A key of the block of rules: "PATTERN\nKEY\nPLACE\nVALUE". */
void mock_option(struct mock *m, const char *line);
void mock_shadow(struct mock *m, const char *path); /* one more rule file, in shadow */
extern const struct fct_host mock_functions;
/* Writes a rule file into the mock's folder; `mock_start` loads those that mock_rules wrote. */
const char *mock_write(struct mock *m, const char *name, const char *text);
void mock_rules(struct mock *m, const char *name, const char *text);
bool mock_start(struct mock *m);
void mock_stop(struct mock *m);
void mock_message(struct mock *m, const char *text);
void mock_message_file(struct mock *m, const char *path);
void mock_clear(struct mock *m);
/* All rows of a hook; the strongest verdict. `event` may be NULL: all fields zero. */
enum fct_verdict mock_run(struct mock *m, enum fct_hook hook, const void *event);
enum fct_verdict mock_run_row(struct mock *m, const struct fct_hook_row *row, const void *event);
/* One rule around `body`, in a state of its own, over `message`: what was hit as "NAME=detail", or
 * "failed: …". */
const char *mock_eval(struct mock *m, const char *message, const char *body);

#endif
