/* reputation_asn.c - see reputation_asn.h. */
#include "reputation_asn.h"

#include <maxminddb.h>
#include <stdlib.h>

struct reputation_asn {
    MMDB_s db;
};

struct reputation_asn *reputation_asn_open(const char *path, struct fct_err *err)
{
    struct reputation_asn *asn = calloc(1, sizeof *asn);
    int status = asn ? MMDB_open(path, MMDB_MODE_MMAP, &asn->db) : MMDB_OUT_OF_MEMORY_ERROR;

    if (status == MMDB_SUCCESS)
        return asn;
    err->class = FCT_DENIED;
    (void)snprintf(err->text, sizeof err->text, "asn_database: %.100s: %s", path,
                   MMDB_strerror(status));
    free(asn);
    return NULL;
}

void reputation_asn_close(struct reputation_asn *asn)
{
    if (!asn)
        return;
    MMDB_close(&asn->db);
    free(asn);
}

bool reputation_asn_find(struct reputation_asn *asn, const char *address, uint32_t *out)
{
    int no_address, wrong;
    MMDB_lookup_result_s found = MMDB_lookup_string(&asn->db, address, &no_address, &wrong);
    MMDB_entry_data_s value;

    if (no_address != 0 || wrong != MMDB_SUCCESS || !found.found_entry ||
        MMDB_get_value(&found.entry, &value, "autonomous_system_number", (const char *)NULL) !=
            MMDB_SUCCESS ||
        !value.has_data || value.type != MMDB_DATA_TYPE_UINT32)
        return false;
    *out = value.uint32;
    return true;
}
