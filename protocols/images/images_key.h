/* images_key.h - the file with the key of the links (plugins/lib/image_link.h). */
#ifndef PROTOCOLS_IMAGES_IMAGES_KEY_H
#define PROTOCOLS_IMAGES_IMAGES_KEY_H

#include "core/conf/conf.h"

#include <limits.h>

/* images.key_file, or images/key in data_dir. */
FCT_MUST_CHECK bool images_key_path(const struct config *conf, char out[PATH_MAX],
                                    struct fct_err *err);

/* Make one when a listener wants it and there is none. For the supervisor, before processes start:
 * filters (plugin trackers) and the image proxy read it in their `prepare`. */
FCT_MUST_CHECK bool images_key_provide(const struct config *conf, struct fct_err *err);

#endif
