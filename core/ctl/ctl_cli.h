/* ctl_cli.h - facteurctl: the table of verbs, and what a verb is given to work with.
 *
 * A verb is one row of a table in ctl_verbs.c: its words, its options, what it needs (a
 * configuration, a server, the store, a filter) and a function. ctl_main.c reads the command line,
 * makes ready what the row needs and calls the function inside a fiber; --help, the shell
 * completion and the suggestions for misspelt words come from the same table. */
#ifndef CORE_CTL_CTL_CLI_H
#define CORE_CTL_CTL_CLI_H

#include "core/base/arena.h"
#include "core/conf/conf.h"
#include "core/supervisor/server_conf.h"

struct event_base;
struct filter_client;
struct ipc_conn;
struct store;

/* Exit status. `scan` has its own for 1 to 3, see ctl_scan.c. */
enum ctl_exit { CTL_OK = 0, CTL_NO = 1, CTL_USAGE = 2, CTL_SCAN_USAGE = 64, CTL_TEMPORARY = 75 };

enum ctl_needs {
    NEEDS_NOTHING,
    NEEDS_CONF,
    NEEDS_SERVER, /* a running one, over its control socket */
    NEEDS_STORE,  /* of the running server; without one, a store process for this command alone */
    NEEDS_FILTER, /* likewise */
    NEEDS_STORE_AND_JUDGE, /* the store, and a filter of our own with the configuration that the
                              verb's --conf names */
};

struct ctl_option {
    const char *name;  /* "--rcpt" */
    const char *value; /* what its value is called in the help; NULL: it has none */
    const char *help;
};

struct ctl;

struct ctl_verb {
    const char *noun, *verb; /* verb "": the noun says it all, as in `facteurctl status` */
    const char *words;       /* "ALIAS TARGET…", for the help */
    unsigned least, most;    /* how many words */
    const char *help;        /* one line */
    enum ctl_needs needs;
    int (*run)(struct ctl *c);        /* returns the exit status */
    const struct ctl_option *options; /* ends with a NULL name; NULL: none */
    int usage_status;                 /* 0: CTL_USAGE */
};

#define CTL_MAX_WORDS 256
#define CTL_MAX_FILES 64

struct ctl_given {
    const struct ctl_option *option;
    const char *value; /* NULL for a switch */
};

struct ctl {
    struct arena *arena; /* of the command */
    const char *argv0;
    /* the command line */
    const struct ctl_verb *verb;
    const char *word[CTL_MAX_WORDS];
    unsigned words;
    struct ctl_given given[CTL_MAX_WORDS];
    unsigned ngiven;
    const char *dir;     /* --dir: a `facteur dev` server */
    const char *run_dir; /* --run-dir, else server.run_dir */
    const char *conf[CTL_MAX_FILES];
    unsigned confs;
    bool json;
    /* made ready for the verb */
    struct config *config;
    const struct server_conf *server;
    struct server_paths paths;
    struct event_base *base;
    struct ipc_conn *control; /* NULL: no server runs */
    struct store *store;
    struct filter_client *filter;
    struct ctl *judge; /* NEEDS_STORE_AND_JUDGE: the same command with the other configuration */
};

/* ctl_verbs.c */
extern const struct ctl_verb ctl_verbs[];                          /* ends with a NULL noun */
void ctl_print_help(const struct ctl_verb *verb, struct buf *out); /* NULL: all of it */
void ctl_print_noun_help(const char *noun, struct buf *out);
/* The word of `words` nearest to `word`, NULL when none is within two letters. */
const char *ctl_nearest(const char *word, const char *const *words, size_t n);

/* ctl_args.c: fills in the command line. False: an error text for standard error; verb may be set
 * already. `help` is set when help was asked for (then verb and word[0], a noun, say for what). */
FCT_MUST_CHECK bool ctl_args_parse(struct ctl *c, int argc, char **argv, bool *help,
                                   struct fct_err *err);
/* The last value given; for a switch "" when it was given; NULL when not. */
const char *ctl_option(const struct ctl *c, const char *name);

/* ctl_place.c: which server, which configuration. Errors of the files go to `errors`, one a line.
 */
FCT_MUST_CHECK bool ctl_place_load(struct ctl *c, struct buf *errors, struct fct_err *err);

/* ctl_link.c: connections for the verb. open: before any fiber; connect: inside one. */
FCT_MUST_CHECK bool ctl_link_open(struct ctl *c, struct fct_err *err);
FCT_MAY_WAIT FCT_MUST_CHECK bool ctl_link_connect(struct ctl *c, struct fct_err *err);
void ctl_link_close(struct ctl *c);

/* ctl_output.c: one line on standard error; returns the exit status that the class means. */
int ctl_error(const struct fct_err *err);

#endif
