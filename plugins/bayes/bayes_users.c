/* bayes_users.c - see bayes_users.h. */
#include "bayes_users.h"

#include <stdlib.h>

enum { PLACES = 256 };

struct user {
    char name[sizeof(((struct bayes_db *)0)->name)];
    struct bayes_cache *cache;
    uint64_t asked; /* number of the last question */
    struct user *next;
};

struct bayes_users {
    size_t most, n;
    uint64_t questions;
    struct user *place[PLACES];
};

/* Besides its buckets: itself, and two tables of pointers to them. */
enum { USER_BYTES = sizeof(struct user) + 2 * BAYES_USER_BUCKETS * sizeof(void *) + 200 };

struct bayes_users *bayes_users_new(size_t most)
{
    struct bayes_users *users = calloc(1, sizeof *users);

    if (users)
        users->most = most;
    return users;
}

static void drop(struct bayes_users *users, struct user **at)
{
    struct user *gone = *at;

    *at = gone->next;
    bayes_cache_free(&gone->cache);
    free(gone);
    users->n--;
}

void bayes_users_free(struct bayes_users **users)
{
    for (size_t i = 0; *users && i < PLACES; i++)
        while ((*users)->place[i])
            drop(*users, &(*users)->place[i]);
    free(*users);
    *users = NULL;
}

size_t bayes_users_bytes(const struct bayes_users *users)
{
    size_t bytes = users->n * USER_BYTES;

    for (size_t i = 0; i < PLACES; i++)
        for (const struct user *u = users->place[i]; u; u = u->next)
            bytes += bayes_cache_bytes(u->cache);
    return bytes;
}

/* Names are hashes: their letters are spread evenly. */
static size_t place_of(const struct bayes_db *db)
{
    size_t n = 0;

    for (size_t i = 1; i < 9 && db->name[i]; i++)
        n = n * 31 + (unsigned char)db->name[i];
    return n % PLACES;
}

static struct user *find(const struct bayes_users *users, const struct bayes_db *db)
{
    struct user *u = users->place[place_of(db)];

    while (u && strcmp(u->name, db->name) != 0)
        u = u->next;
    return u;
}

bool bayes_users_has(const struct bayes_users *users, const struct bayes_db *db)
{
    return users && find(users, db);
}

static struct user *add(struct bayes_users *users, const struct bayes_db *db)
{
    struct user **place = &users->place[place_of(db)], *u = calloc(1, sizeof *u);

    if (!u)
        return NULL;
    u->cache = bayes_cache_new(0, db->buckets);
    if (!u->cache) {
        free(u);
        return NULL;
    }
    memcpy(u->name, db->name, sizeof u->name);
    u->next = *place;
    *place = u;
    users->n++;
    return u;
}

static struct user **longest_unasked(struct bayes_users *users)
{
    struct user **oldest = NULL;

    for (size_t i = 0; i < PLACES; i++)
        for (struct user **at = &users->place[i]; *at; at = &(*at)->next)
            if (!oldest || (*at)->asked < (*oldest)->asked)
                oldest = at;
    return oldest;
}

/* Half of all room is for the one who has mail now, if need be. */
struct bayes_cache *bayes_users_cache(struct bayes_users *users, const struct bayes_db *db)
{
    struct user *u = users ? find(users, db) : NULL;
    size_t others;

    if (!users || (!u && !(u = add(users, db))))
        return NULL;
    u->asked = ++users->questions;
    for (;;) {
        others = bayes_users_bytes(users) - bayes_cache_bytes(u->cache);
        if (others <= users->most / 2 || users->n == 1)
            break;
        drop(users, longest_unasked(users));
    }
    bayes_cache_limit(u->cache, others < users->most ? users->most - others : 0);
    return u->cache;
}
