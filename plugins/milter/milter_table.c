/* milter_table.c - see milter_table.h. */
#include "milter_table.h"

#include <stdlib.h>
#include <time.h>

#define FORGOTTEN_MS (30u * 60 * 1000) /* a connection whose end we were never told */

struct handle {
    uint32_t index, generation;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void release(struct milter_entry *entry)
{
    milter_session_drop(&entry->session);
    entry->used = false;
    entry->generation++;
}

/* Entries are allocated one by one: sessions are pointed to while the table grows. */
static struct milter_entry *add_entry(struct milter_table *table)
{
    struct milter_entry **grown = realloc(table->entry, (table->n + 1) * sizeof *grown),
                        *entry = calloc(1, sizeof *entry);

    if (grown)
        table->entry = grown;
    if (!grown || !entry) {
        free(entry);
        return NULL;
    }
    table->entry[table->n++] = entry;
    return entry;
}

static struct milter_entry *free_entry(struct milter_table *table, uint32_t *index)
{
    uint64_t now = now_ms();

    for (*index = 0; *index < table->n; (*index)++) {
        struct milter_entry *entry = table->entry[*index];

        if (entry->used && entry->session.used_ms + FORGOTTEN_MS < now)
            release(entry);
        if (!entry->used)
            return entry;
    }
    return add_entry(table);
}

struct milter_session *milter_table_find(struct milter_table *table, struct fct_call *call)
{
    void **slot = table->filter->host->slot(call);
    const struct handle *handle = slot ? *slot : NULL;
    struct milter_entry *entry;

    if (!handle || handle->index >= table->n)
        return NULL;
    entry = table->entry[handle->index];
    return entry->used && entry->generation == handle->generation ? &entry->session : NULL;
}

struct milter_session *milter_table_session(struct milter_table *table, struct fct_call *call)
{
    struct milter_session *known = milter_table_find(table, call);
    void **slot = table->filter->host->slot(call);
    struct milter_entry *entry;
    struct handle *handle;
    uint32_t index;

    if (known || !slot)
        return known;
    handle = *slot ? *slot : calloc(1, sizeof *handle);
    entry = handle ? free_entry(table, &index) : NULL;
    if (!entry) {
        if (!*slot)
            free(handle);
        return NULL;
    }
    entry->used = true;
    *handle = (struct handle){index, entry->generation};
    *slot = handle;
    milter_session_init(&entry->session, table->filter);
    return &entry->session;
}

void milter_table_release(struct milter_table *table, struct milter_session *session)
{
    for (size_t i = 0; i < table->n; i++)
        if (&table->entry[i]->session == session)
            release(table->entry[i]);
}

void milter_table_free(struct milter_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        release(table->entry[i]);
        free(table->entry[i]);
    }
    free(table->entry);
}
