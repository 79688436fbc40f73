/* fuzz_dns_list.c - rows of a table of DNS lists, and names and addresses of strangers as questions
 * to them: nothing but letters, digits, '-', '_' and dots of the right length is asked. First a
 * row, then a zero byte, then the value. */
#include "plugins/lib/dns_list.h"

#include <stdlib.h>

static const struct dns_list_item items[] = {
    {"ip", DNS_LIST_ADDRESS}, {"from", DNS_LIST_NAME}, {"mailbox", DNS_LIST_MAILBOX}, {NULL, 0}};

/* Bytes above 127 are UTF-8 that becomes A-labels when the question is asked. */
static void check_name(struct fct_str name, const char *zone)
{
    size_t label = 0, end = strlen(zone);

    if (name.n > DNS_LIST_NAME_MAX || name.n <= end + 1 ||
        memcmp(name.p + name.n - end, zone, end) != 0)
        abort();
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c == '.' && label == 0)
            abort();
        if (c <= ' ' || c == 127 || (c < 128 && strchr("\"()@\\;,<>[]:*?/", c)))
            abort();
        label = c == '.' ? 0 : label + 1;
    }
}

static void ask(const char *row, struct fct_str value)
{
    char out[DNS_LIST_NAME_MAX + 1];
    struct dns_list_table table;
    struct fct_err err = {0};
    struct fct_str name;

    if (!dns_list_table_read(&(struct fct_strings){&row, 1}, items, &table, &err)) {
        if (err.class != FCT_SYNTAX || !err.text[0])
            abort();
        return;
    }
    name = dns_list_name(&table, &table.row[0], value, out);
    if (name.n > 0)
        check_name(name, table.row[0].zone);
    (void)dns_list_judge(&table, 0, value);
    dns_list_table_free(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const rows[] = {
        "l.example ip any A 1",
        "l.example from any A 1",
        "l.example mailbox/sha256-base32 any A 1",
    };
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    struct fct_str value = {(const char *)data, size};

    for (size_t i = 0; i < FCT_COUNT(rows); i++)
        ask(rows[i], value);
    if (!zero)
        return 0;
    value = (struct fct_str){(const char *)zero + 1, size - (size_t)(zero + 1 - data)};
    ask((const char *)data, value);
    return 0;
}
