/* arena.h - memory with one lifetime: connection, transaction or call. Freeing the arena frees
 * everything in it.
 *
 * Use it for what lives as long as a session step; not for caches or for things that grow and
 * shrink (struct buf). */
#ifndef CORE_BASE_ARENA_H
#define CORE_BASE_ARENA_H

#include <facteur/base.h>

struct arena;

/* A child is freed with its parent at the latest. parent may be NULL. Costs no block until the
 * first allocation. */
struct arena *arena_new(struct arena *parent);
void arena_free(struct arena **arena); /* runs deferred functions, newest first; accepts NULL */
void arena_reset(struct arena *arena); /* as free and new, keeps one block */
/* From here on this thread keeps some of the blocks it frees, for itself; for threads that live as
 * long as the process. */
void arena_keep_spare(void);

/* Never NULL: out of memory aborts the process (limits are what bounds input). Zeroed, aligned for
 * any type. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_grow(struct arena *arena, void *old, size_t old_bytes, size_t new_bytes);
struct fct_str arena_str(struct arena *arena, struct fct_str s); /* copy; a NUL follows the view */
const char *arena_cstr(struct arena *arena, struct fct_str s);
struct fct_str arena_printf(struct arena *arena, const char *fmt, ...) FCT_PRINTF(2, 3);
#define ARENA_NEW(arena, T)      ((T *)arena_alloc((arena), sizeof(T)))
#define ARENA_ARRAY(arena, T, n) ((T *)arena_alloc((arena), sizeof(T) * (n)))

/* Release something else together with the arena. */
void arena_defer(struct arena *arena, void (*release)(void *arg), void *arg);
size_t arena_bytes(const struct arena *arena); /* allocated so far, children not counted */

#endif
