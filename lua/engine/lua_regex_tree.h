/* lua_regex_tree.h - a regular expression as a tree: what may stand one behind the other.
 *
 * For finding words that a match must have (lua_literals.h). It may know less than PCRE2 does, it
 * never claims more: what is not understood makes the whole pattern unreadable. */
#ifndef LUA_REGEX_TREE_H
#define LUA_REGEX_TREE_H

#include <facteur/base.h>

#define LUA_TREE_UNBOUNDED UINT32_MAX

enum lua_node_kind {
    LUA_NODE_EDGE,   /* nothing wide: begins or ends of words, lines; what looks around */
    LUA_NODE_CHAR,   /* one character of a set */
    LUA_NODE_ALL,    /* children one behind the other */
    LUA_NODE_ONE,    /* one of the children */
    LUA_NODE_REPEAT, /* the child, min to max times */
};

struct lua_node {
    uint8_t kind;
    bool word;            /* EDGE: \b */
    bool whole;           /* CHAR: the strings are whole characters, not only their begin */
    uint16_t first, next; /* children: a list, 0 at its end */
    uint16_t string, n;   /* CHAR: its strings; n 0: any character */
    uint32_t min, max;    /* CHAR: bytes; REPEAT: times */
};

/* The first bytes of a character, as lua_fold() makes them. */
struct lua_char {
    uint8_t n;
    unsigned char bytes[4];
};

struct lua_tree {
    uint16_t root; /* 0: unreadable */
    bool in_line;  /* no match reaches beyond a line end */
    uint16_t nodes, chars;
    struct lua_node *node; /* the first is none */
    struct lua_char *ch;
};

/* Of "/pattern/flags". False: unreadable, or no memory; there is nothing to free then. */
FCT_MUST_CHECK bool lua_tree_read(struct fct_str regex, struct lua_tree *out);
void lua_tree_free(struct lua_tree *tree);
/* Bytes that a match of this node has at most. */
uint32_t lua_tree_width(const struct lua_tree *tree, uint16_t node);

#endif
