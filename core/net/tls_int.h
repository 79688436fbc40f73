/* tls_int.h - what stream_io.c needs of a TLS context. For this folder only. */
#ifndef CORE_NET_TLS_INT_H
#define CORE_NET_TLS_INT_H

#include "core/net/tls.h"

#include <openssl/ssl.h>

SSL *tls_session_new(struct tls_context *tls, int fd); /* NULL: no memory */
/* The reason of the oldest queued OpenSSL error, "" when there is none; empties the queue. */
const char *tls_error(void);

#endif
