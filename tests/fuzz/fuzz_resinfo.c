/* fuzz_resinfo.c - results of authentication with words of strangers in them: as they are written
 * into Authentication-Results, and as DMARC reads them. */
#include "plugins/authres/authres_resinfo.h"
#include "plugins/dmarc/dmarc_facts.h"
#include "plugins/dmarc/dmarc_list.h"

#include <stdlib.h>

/* Folded lines put together again (RFC 5322 2.2.3). */
static size_t unfold(char *p, size_t n)
{
    size_t to = 0;

    for (size_t i = 0; i < n; i++)
        if (p[i] != '\r' && p[i] != '\n')
            p[to++] = p[i];
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char out[16384];
    struct fct_str text = {(const char *)data, size < 4000 ? size : 4000};
    struct dmarc_domain list;
    struct dmarc_fact fact;
    struct dmarc_seal seal;
    unsigned instance;
    size_t n;

    if (dmarc_fact_parse(text, &fact) && (fact.domain.n == 0) != (fact.property == DMARC_NOBODY))
        abort();
    if (dmarc_recorded_parse(text, &instance, &fact) && (instance == 0 || instance > 99))
        abort();
    if (dmarc_seal_parse(text, &seal) && (seal.instance == 0 || seal.domain.n == 0))
        abort();
    if (dmarc_list_id(text, &list) && list.n == 0)
        abort();
    if (!authres_is_resinfo(text))
        return 0;
    n = authres_format(FCT_STR("id"), &text, 1, out, sizeof out);
    if (n == 0)
        abort();
    n = unfold(out, n);
    if (n != text.n + 4 || memcmp(out, "id;\t", 4) != 0 || memcmp(out + 4, text.p, text.n) != 0)
        abort();
    return 0;
}
