/* images_role.h - the role `images`: pictures in mail, fetched for readers. A process of its own,
 * because it talks to servers that strangers name: it has its cache and nothing else of ours. Runs
 * only where a listener has `protocol = images`. */
#ifndef PROTOCOLS_IMAGES_IMAGES_ROLE_H
#define PROTOCOLS_IMAGES_IMAGES_ROLE_H

#include "core/supervisor/role.h"

extern const struct role images_role;

#endif
