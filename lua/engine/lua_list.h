/* lua_list.h - a list in a file, and the kinds there are. */
#ifndef LUA_LIST_H
#define LUA_LIST_H

#include "lua_ip.h"
#include "lua_regex.h"
#include <sys/stat.h>

struct lua_engine;

struct lua_list_regex {
    struct lua_regex *regex;
    const char *text;
};
struct lua_list_net {
    struct lua_net net;
    const char *text;
};

/* What was read; replaced as a whole. Members of the kinds that do not need them are empty. */
struct lua_list_body {
    size_t n;
    struct lua_list_text {
        struct lua_list_text *next;
        char text[];
    } * text;          /* owns every entry */
    const char **slot; /* hash table of domains and words, a power of two; NULL: free */
    size_t slots, taken;
    struct lua_list_net *net; /* sorted by `from` */
    struct lua_list_regex *regex;
    struct lua_regex_engine *regex_engine;
    size_t size;    /* places in net or regex */
    bool has_below; /* some entry begins with a dot */
};

struct lua_list_kind {
    const char *name; /* the file's extension */
    /* One entry; false: `why`. */
    bool (*add)(struct lua_list_body *body, struct fct_str entry, char *why, size_t size);
    void (*finish)(struct lua_list_body *body); /* may be NULL */
    /* The entry that the value matches, or NULL. */
    const char *(*has)(const struct lua_list_body *body, struct fct_str value);
};
extern const struct lua_list_kind lua_list_domains, lua_list_nets, lua_list_words, lua_list_regexes;

struct lua_list {
    struct lua_list *next;
    struct lua_engine *engine;
    const struct lua_list_kind *kind;
    const char *path;
    struct stat seen;
    bool gone; /* the log has it */
    struct lua_list_body *body;
};

void lua_list_body_free(struct lua_list_body **body);

#endif
