/* fuzz_known_names.c - any bytes as a field of Message-IDs and as an address, of known_senders and
 * of reputation: what is found lies inside or is in one form, and the end is reached. */
#include "plugins/known_senders/known_names.h"
#include "plugins/reputation/reputation_count.h"
#include "plugins/reputation/reputation_names.h"

#include "core/base/err.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_ids(struct fct_str text)
{
    struct fct_str field = text, id;

    while ((id = known_next_id(&field)).n > 0)
        FCT_ASSERT(id.p > text.p && id.p + id.n < text.p + text.n && id.n <= KNOWN_ID_MAX &&
                   id.p[-1] == '<' && id.p[id.n] == '>');
    FCT_ASSERT(field.n == 0);
}

static void read_address(struct fct_str text)
{
    char first[KNOWN_ADDRESS_MAX], again[KNOWN_ADDRESS_MAX];
    struct fct_str name = known_mailbox(text, first);
    char *room = malloc(text.n + 1);
    struct fct_str sender = reputation_sender(text, room);

    FCT_ASSERT(name.n <= KNOWN_ADDRESS_MAX && sender.n <= text.n);
    FCT_ASSERT(sender.n == 0 || memchr(sender.p, '@', sender.n));
    if (name.n > 0) {
        struct fct_str same = known_mailbox(name, again);

        FCT_ASSERT(same.n == name.n && memcmp(same.p, name.p, same.n) == 0);
    }
    free(room);
}

static void read_counts(struct fct_str text)
{
    struct reputation_counts counts;
    double factor;

    if (!reputation_counts_read(text, 1767225600, &counts))
        FCT_ASSERT(counts.spam[0] + counts.ham[0] + counts.spam[1] + counts.ham[1] <= 0);
    factor = reputation_factor(reputation_odds(&counts, 10));
    FCT_ASSERT(factor >= -1 && factor <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_str text = {(const char *)data, size};

    read_ids(text);
    read_address(text);
    read_counts(text);
    return 0;
}
