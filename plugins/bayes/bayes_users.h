/* bayes_users.h - what a process remembers of users' own databases: of as many as there is room
 * for. Who had no mail for the longest time goes first. */
#ifndef PLUGINS_BAYES_BAYES_USERS_H
#define PLUGINS_BAYES_BAYES_USERS_H

#include "bayes_cache.h"

struct bayes_users;

/* most: bytes for all of them. NULL: no memory. */
struct bayes_users *bayes_users_new(size_t most);
void bayes_users_free(struct bayes_users **users);

/* Of this user, new if need be; good until the next call. NULL: no memory, or `users` is NULL. */
struct bayes_cache *bayes_users_cache(struct bayes_users *users, const struct bayes_db *db);
bool bayes_users_has(const struct bayes_users *users, const struct bayes_db *db);
size_t bayes_users_bytes(const struct bayes_users *users);

#endif
