/* image_source.h - a picture for a URL: from the cache, or from the server that has it. Those who
 * ask for the same one at the same time share one question.
 *
 * Where it may come from is for core/http to say (public addresses only, at every redirect, no
 * cookies, one User-Agent); what it is, for its first bytes (image_type.h). */
#ifndef PROTOCOLS_IMAGES_IMAGE_SOURCE_H
#define PROTOCOLS_IMAGES_IMAGE_SOURCE_H

#include "protocols/images/image_cache.h"
#include "protocols/images/images_conf.h"

struct dns_resolver;
struct event_base;
struct image_source;

struct image {
    unsigned refs;
    unsigned status;  /* 200, or why there is none: 403 its address is refused, 502 its server has
                         none for us, 503 too much to do */
    const char *type; /* "image/png" */
    char *bytes;
    size_t n;
};
void image_unref(struct image *image);

/* Reads authorities and the cache's folder: before the sandbox closes. Takes neither dns nor
 * cache. */
FCT_MUST_CHECK bool image_source_new(struct event_base *base, const struct images_conf *conf,
                                     struct dns_resolver *dns, struct image_cache *cache,
                                     struct image_source **out, struct fct_err *err);

/* Never NULL, the caller's to unref; a cancelled fiber gets status 503. */
FCT_MAY_WAIT struct image *image_source_get(struct image_source *source, struct fct_str url);

struct image_source_stats {
    uint64_t asked, from_cache, shared, fetched, failed, bytes;
};
struct image_source_stats image_source_stats(const struct image_source *source);

#endif
