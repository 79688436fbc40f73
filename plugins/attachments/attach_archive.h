/* attach_archive.h - lists an archive in memory, by libarchive, within limits of time and bytes.
 * Nothing is written anywhere, and of a member no more is unpacked than its reader can use. */
#ifndef PLUGINS_ATTACHMENTS_ATTACH_ARCHIVE_H
#define PLUGINS_ATTACHMENTS_ATTACH_ARCHIVE_H

#include <facteur/base.h>

/* What one message may cost, all its archives together. Members that are counted down are changed
 * while it is used up. */
struct attach_budget {
    uint64_t entries;  /* members that may still be listed */
    uint64_t unpack;   /* bytes that may still be unpacked */
    uint64_t member;   /* of a member that holds others, so many are unpacked */
    uint64_t until_ms; /* of the monotonic clock */
};

struct attach_member {
    struct fct_str name;  /* as stored; may be empty */
    struct fct_str bytes; /* the beginning, or all of a container; empty when not known */
    uint64_t size;        /* as stored, 0 when not known */
    bool encrypted;
    bool folder;
};

struct attach_listing {
    uint64_t entries;
    uint64_t size;   /* of all members, as stored or as unpacked */
    bool encrypted;  /* a member, or the table of members itself */
    bool unreadable; /* broken, or of a kind that libarchive does not know */
    bool unfinished; /* a limit was reached */
};

typedef void attach_on_member(void *ctx, const struct attach_member *member);

/* `stream`: one compressed file perhaps, not only an archive. */
void attach_archive_list(struct fct_str bytes, bool stream, struct attach_budget *budget,
                         attach_on_member *on_member, void *ctx, struct attach_listing *out);

uint64_t attach_now_ms(void);

#endif
