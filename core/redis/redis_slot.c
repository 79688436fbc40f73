/* redis_slot.c - where a cluster keeps a key, and where it says it does (Redis Cluster
 * specification). */
#include "core/redis/redis_int.h"

#include "core/base/str.h"

/* CRC-16/XMODEM, bit by bit: keys are short, and this is far below the cost of a round trip. */
static uint16_t crc16(struct fct_str s)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < s.n; i++) {
        crc = (uint16_t)(crc ^ (uint16_t)((unsigned char)s.p[i] << 8));
        for (unsigned bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? (unsigned)crc << 1 ^ 0x1021u : (unsigned)crc << 1);
    }
    return crc;
}

unsigned redis_slot_of(struct fct_str key)
{
    ptrdiff_t open = str_find_char(key, '{');

    if (open >= 0) {
        struct fct_str rest = str_skip(key, (size_t)open + 1);
        ptrdiff_t close = str_find_char(rest, '}');

        if (close > 0)
            key = str_head(rest, (size_t)close);
    }
    return crc16(key) % REDIS_SLOTS;
}

bool redis_redirection_parse(struct fct_str text, struct redis_redirection *out)
{
    struct fct_str word = str_split(&text, ' '), slot;
    ptrdiff_t colon;
    uint32_t number, port;

    out->ask = str_equal(word, FCT_STR("ASK"));
    if (!out->ask && !str_equal(word, FCT_STR("MOVED")))
        return false;
    slot = str_split(&text, ' ');
    colon = text.p ? str_find_last_char(text, ':') : -1;
    if (colon < 0 || !str_to_u32(slot, &number) || number >= REDIS_SLOTS ||
        !str_to_u32(str_skip(text, (size_t)colon + 1), &port) || port == 0 || port > UINT16_MAX)
        return false;
    out->slot = number;
    out->to = (struct dial_address){.host = str_head(text, (size_t)colon), .port = (uint16_t)port};
    return true;
}

static bool is_number(const struct fct_redis_reply *item, int64_t least, int64_t most)
{
    return item->kind == FCT_REDIS_INTEGER && item->integer >= least && item->integer <= most;
}

bool redis_slot_range_parse(const struct fct_redis_reply *row, struct redis_slot_range *out)
{
    const struct fct_redis_reply *master;

    if (row->kind != FCT_REDIS_ARRAY || row->n < 3 ||
        !is_number(&row->item[0], 0, REDIS_SLOTS - 1) ||
        !is_number(&row->item[1], row->item[0].integer, REDIS_SLOTS - 1))
        return false;
    master = &row->item[2];
    if (master->kind != FCT_REDIS_ARRAY || master->n < 2 ||
        !is_number(&master->item[1], 1, UINT16_MAX))
        return false;
    *out = (struct redis_slot_range){
        .first = (unsigned)row->item[0].integer,
        .last = (unsigned)row->item[1].integer,
        .at = {.host = master->item[0].string, .port = (uint16_t)master->item[1].integer}};
    return true;
}
