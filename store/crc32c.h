/* crc32c.h - CRC-32C (Castagnoli, RFC 3720 appendix B.4) over every byte that lies on disk. */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <facteur/base.h>

/* Start with crc 0; feed pieces by passing the previous result. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n); /* the same without SSE 4.2 */

#endif
