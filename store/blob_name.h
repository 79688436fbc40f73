/* blob_name.h - what a body is called in the store: the keyed BLAKE3 of its bytes. The key belongs
 * to the installation, so nobody can probe for other people's files. Up to format 3 it was the
 * keyed BLAKE2b-256; bodies from then keep their names. */
#ifndef STORE_BLOB_NAME_H
#define STORE_BLOB_NAME_H

#include "store/batch.h"
#include "store/blake3.h"

enum blob_name_kind { BLOB_NAME_NOW, BLOB_NAME_FORMAT_3 };

struct blob_namer;

struct blob_namer *blob_namer_new(enum blob_name_kind kind, const uint8_t key[32]);
void blob_namer_free(struct blob_namer **b);
/* n is a multiple of BLAKE3_STEP, and more follows. */
void blob_namer_add(struct blob_namer *b, const void *p, size_t n);
/* The rest, once; only an empty body has none. */
void blob_namer_end(struct blob_namer *b, const void *p, size_t n, struct blob_id *out);

/* Name and checksum of a whole body of today. */
void blob_name(const uint8_t key[32], const void *p, size_t n, struct blob_id *out, uint32_t *crc);

#endif
