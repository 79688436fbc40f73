/* image_cache.h - pictures that were fetched, as files of one folder, and what could not be had, in
 * memory. Bounded by size: those not asked for longest go first. Everything in it can be fetched
 * again, so nothing is synced and a damaged file is simply thrown away. */
#ifndef PROTOCOLS_IMAGES_IMAGE_CACHE_H
#define PROTOCOLS_IMAGES_IMAGE_CACHE_H

#include "core/base/err.h"
#include "core/fiber/fiber.h"

enum { IMAGE_NAME = 64 }; /* hexadecimal digits of SHA-256 over the URL: the file's name */

struct image_cache;
struct image_cache_conf {
    const char *folder;
    uint64_t size, max_file;
    uint64_t keep_s, keep_failure_s;
};

/* With the folder's owner's rights or better, before the sandbox closes; it must be there. Reads
 * what an earlier process left. */
FCT_MUST_CHECK bool image_cache_open(const struct image_cache_conf *conf, struct image_cache **out,
                                     struct fct_err *err);
void image_cache_free(struct image_cache **cache);

void image_cache_name(struct fct_str url, char name[IMAGE_NAME + 1]);

enum image_kept { IMAGE_UNKNOWN, IMAGE_KEPT, IMAGE_FAILED_BEFORE };
/* *status of IMAGE_FAILED_BEFORE: what was said then. */
enum image_kept image_cache_find(struct image_cache *cache, const char *name, unsigned *status);
/* malloc'd bytes, the caller's; false: it is gone meanwhile. */
FCT_MAY_WAIT bool image_cache_read(struct image_cache *cache, const char *name, char **bytes,
                                   size_t *n);
FCT_MAY_WAIT void image_cache_put(struct image_cache *cache, const char *name,
                                  struct fct_str bytes);
void image_cache_put_failure(struct image_cache *cache, const char *name, unsigned status);
void image_cache_drop(struct image_cache *cache, const char *name);

struct image_cache_stats {
    uint64_t bytes, entries, evicted, write_errors;
};
struct image_cache_stats image_cache_stats(const struct image_cache *cache);

#endif
