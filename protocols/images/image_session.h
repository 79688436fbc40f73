/* image_session.h - one reader's connection: requests one after the other (RFC 9112), answers that
 * a browser cannot mistake for a page. Knows nobody: no address is logged or passed on. */
#ifndef PROTOCOLS_IMAGES_IMAGE_SESSION_H
#define PROTOCOLS_IMAGES_IMAGE_SESSION_H

#include "core/net/stream.h"
#include "plugins/lib/image_link.h"
#include "protocols/images/image_source.h"

struct image_session;

/* What the connections of a process share. */
struct image_front {
    struct event_base *base;
    const struct images_conf *conf;
    struct image_keys keys;
    struct image_source *source;
    struct image_session *sessions;
    uint32_t open;
    bool draining;
    void (*idle)(void *arg); /* draining, and the last one has gone */
    void *arg;
    struct {
        uint64_t connections, requests, refused, bytes;
    } count;
};

/* Takes fd. `tls` may be NULL; `proxy`: a PROXY header comes first. */
void image_session_accept(struct image_front *front, int fd, struct tls_context *tls, bool proxy);
/* No further requests; ends them that rest. */
void image_front_drain(struct image_front *front);

#endif
