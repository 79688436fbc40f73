/* server.h - the store process: what its parts share. One loop thread owns all of it; no locks. */
#ifndef STORE_SERVER_H
#define STORE_SERVER_H

#include "core/base/buf.h"
#include "core/base/map.h"
#include "store/commit.h"
#include "store/store_conf.h"

struct account;
struct client;
struct event;
struct feed;
struct forward;
struct hot_bodies;
struct learning;
struct mail_cache;
struct passwords;
struct queue;

/* Places that fibers take in turn: one for admin changes (each reads what the one before made
 * durable), a few for hashing. */
struct turn {
    unsigned places, taken;
    struct fiber_token *waiting;
    size_t n, room;
};

struct server {
    struct event_base *base;
    bool awaits_links;             /* processes of before may come yet (role.linked) */
    void (*on_drained)(void *arg); /* may be NULL */
    void *on_drained_arg;
    const struct store_conf *conf;
    char *dir;
    bool dev;
    struct driver *driver;
    struct commit *commit;
    struct event *tick;   /* once a second */
    struct map *accounts; /* loaded ones, by number */
    struct map *blobs;    /* that a batch on its way names (blob.c) */
    struct map *domains;  /* that were asked for (directory.c) */
    struct map *records;  /* of addresses that mail came for, with their settings (directory.c) */
    struct feed *feed;
    struct learning *learning;
    struct queue *queue;
    struct queue_history *history; /* NULL: none */
    struct queue_rules *rules;
    struct hot_bodies *hot;  /* of the queue */
    struct forward *forward; /* NULL: nothing is rewritten (forward.h) */
    struct passwords *passwords;
    struct mail_cache *mails;
    struct client *clients;
    uint32_t connections; /* numbers them: lessee of the queue's leases */
    struct turn admin, maintenance;
    struct map *dirty;                 /* accounts with expunged messages that were not swept yet */
    struct fiber_token *index_waiting; /* for the loading of a mailbox index */
    size_t nindex_waiting, index_waiting_room;
    uint64_t clock;       /* counts uses, for forgetting what was not used for longest */
    uint64_t index_bytes; /* of the loaded mailbox indexes */
    uint64_t big_bytes;   /* bodies being read in */
    uint8_t blob_key[32];
    uint64_t next_sweep, next_collect; /* clock_ms */
    bool draining, drained, disk_low, sweeping, collecting;
    uint64_t next_digest; /* likewise */
    bool digesting;
};

/* dir is made when missing. dev: cheap password hashes. conf must stay. */
FCT_MUST_CHECK bool server_open(struct event_base *base, const struct store_conf *conf,
                                const char *dir, bool dev, struct server **out,
                                struct fct_err *err);
void server_close(struct server **s); /* no fiber may be running in it */
/* Folders, format mark and key of the installation. */
FCT_MUST_CHECK bool server_prepare_dir(const char *dir, uint8_t key[32], struct fct_err *err);
/* No new requests; on_drained is called, from the loop, when nothing runs any more. */
void server_drain(struct server *s);
/* Give back the space of dead bodies now. text may be NULL. */
FCT_MAY_WAIT FCT_MUST_CHECK bool server_collect(struct server *s, struct buf *text,
                                                struct fct_err *err);
void server_statistics(struct server *s, struct buf *out);

/* Waits for a place, first come first served. False: too many wait already. */
FCT_MAY_WAIT FCT_MUST_CHECK bool turn_take(struct turn *t, struct fct_err *err);
void turn_give(struct turn *t);

#endif
