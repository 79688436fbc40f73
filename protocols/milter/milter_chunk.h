/* milter_chunk.h - the point `chunk`: pieces of the message as they arrive. */
#ifndef PROTOCOLS_MILTER_MILTER_CHUNK_H
#define PROTOCOLS_MILTER_MILTER_CHUNK_H

#include "protocols/milter/milter_session.h"

/* The header, once it is whole, then each piece of the body. Anything but SMFIS_CONTINUE ends the
 * message. */
sfsistat milter_chunk_header(struct milter_session *s);
sfsistat milter_chunk_body(struct milter_session *s, struct fct_str bytes);

#endif
