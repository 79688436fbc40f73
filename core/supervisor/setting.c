/* setting.c - a configuration and its listening sockets. Sockets are found again by address, so
 * that a reload refuses nobody. */
#include "core/base/str.h"
#include "core/net/listener.h"
#include "core/supervisor/supervisor_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool setting_load(struct supervisor *sup, struct setting *set, struct buf *errors,
                  struct fct_err *err)
{
    const struct supervisor_setup *setup = sup->setup;

    *set = (struct setting){.generation = ++sup->generations};
    if (!config_load(setup->files, setup->nfiles, setup->blocks, &set->conf, errors, err))
        return false;
    set->server = config_get(set->conf, &server_block);
    server_paths_find(set->server, setup->argv0, &set->paths);
    if (!server_conf_check(set->server, err)) {
        buf_printf(errors, "%s\n", err->text);
        setting_free(set);
        return false;
    }
    return true;
}

bool setting_provide(const struct supervisor *sup, const struct setting *set, struct fct_err *err)
{
    return !sup->setup->provide || sup->setup->provide(set->conf, set->paths.name, err);
}

void setting_free(struct setting *set)
{
    free(set->listener);
    config_free(&set->conf);
    *set = (struct setting){0};
}

/* ---- sockets ---- */

/* The rows say where a listener listens: core knows the keys `address`, `mode` and `owner`, not the
 * rest of the block. */
static const void *value_of(const struct conf_block *block, const void *conf, const char *name,
                            enum fct_conf_kind kind)
{
    for (const struct fct_conf_key *key = block->keys; key->name; key++)
        if (key->kind == kind && str_equal(str_from(key->name), str_from(name)))
            return (const char *)conf + key->offset;
    return NULL;
}

static const struct fct_strings *addresses(const struct conf_block *block, const void *conf)
{
    static const struct fct_strings none;
    const void *value = value_of(block, conf, "address", FCT_CONF_STRINGS);

    return value ? value : &none;
}

/* Of a Unix socket, by the rows `mode` and `owner` of a block that has them. */
static const char *text_of(const struct conf_block *block, const void *conf, const char *name)
{
    const char *const *value = value_of(block, conf, name, FCT_CONF_STR);

    return value ? *value : "";
}

static enum role_kind kind_of(const struct supervisor *sup, const void *conf)
{
    return sup->setup->listener_role ? sup->setup->listener_role(conf) : ROLE_EDGE;
}

static struct open_socket *find_socket(struct supervisor *sup, const char *address)
{
    for (size_t i = 0; i < sup->sockets; i++)
        if (str_equal(str_from(sup->socket[i].address), str_from(address)))
            return &sup->socket[i];
    return NULL;
}

static struct open_socket *open_socket(struct supervisor *sup, const char *address,
                                       struct fct_err *err)
{
    struct open_socket *s = find_socket(sup, address);
    struct open_socket fresh = {0};
    void *grown;

    if (s)
        return s;
    if (!listener_is_unix(address)) {
        if (!listener_open(address, fresh.fd, &fresh.n, err))
            return NULL;
    } else {
        if (!listener_open_unix(address, &fresh.fd[0], err))
            return NULL;
        fresh.n = 1;
    }
    grown = realloc(sup->socket, (sup->sockets + 1) * sizeof *sup->socket);
    FCT_ASSERT(grown);
    sup->socket = grown;
    fresh.address = str_dup_c(str_from(address));
    sup->socket[sup->sockets] = fresh;
    return &sup->socket[sup->sockets++];
}

static void add_listener(struct setting *set, struct role_listener l)
{
    struct role_listener *grown = realloc(set->listener, (set->listeners + 1) * sizeof *grown);

    FCT_ASSERT(grown);
    set->listener = grown;
    set->listener[set->listeners++] = l;
}

static bool names_twice(const struct setting *set, int fd)
{
    for (size_t i = 0; i < set->listeners; i++)
        if (set->listener[i].fd == fd)
            return true;
    return false;
}

static bool set_access(struct supervisor *sup, const char *address, const void *conf,
                       struct fct_err *err)
{
    const struct conf_block *block = sup->setup->listeners;
    struct listener_access access = {text_of(block, conf, "mode"), text_of(block, conf, "owner")};

    return !listener_is_unix(address) || listener_set_access(address, &access, err);
}

static bool add_address(struct supervisor *sup, struct setting *set, const char *label,
                        const void *conf, const char *address, struct fct_err *err)
{
    const struct open_socket *s = open_socket(sup, address, err);

    if (!s || !set_access(sup, address, conf, err))
        return fct_fail_in(err, "listener %s", label);
    for (unsigned i = 0; i < s->n; i++) {
        if (names_twice(set, s->fd[i]))
            return fct_fail(err, FCT_SYNTAX, "listener %s: another listener has %s already", label,
                            address);
        if (set->listeners == 4 * (size_t)SERVER_MAX_PROCESSES)
            return fct_fail(err, FCT_LIMIT, "too many listening addresses");
        add_listener(set, (struct role_listener){s->fd[i], label, conf, kind_of(sup, conf)});
    }
    return true;
}

bool setting_open_sockets(struct supervisor *sup, struct setting *set, struct fct_err *err)
{
    const struct conf_block *block = sup->setup->listeners;
    const char *label = NULL;
    const void *conf;

    if (!block)
        return true;
    for (size_t i = 0; (conf = config_each(set->conf, block, i, &label)); i++) {
        const struct fct_strings *at = addresses(block, conf);

        for (size_t j = 0; j < at->n; j++)
            if (!add_address(sup, set, label ? label : "", conf, at->item[j], err))
                return false;
    }
    return true;
}

void setting_name_listeners(const struct supervisor *sup, struct setting *set)
{
    const struct conf_block *block = sup->setup->listeners;
    const char *label = NULL;
    const void *conf;

    for (size_t i = 0; block && (conf = config_each(set->conf, block, i, &label)); i++)
        add_listener(set, (struct role_listener){-1, label ? label : "", conf, kind_of(sup, conf)});
}

void setting_close_unused_sockets(struct supervisor *sup)
{
    size_t kept = 0;

    for (size_t i = 0; i < sup->sockets; i++) {
        struct open_socket *s = &sup->socket[i];

        if (s->n && names_twice(&sup->now, s->fd[0])) {
            sup->socket[kept++] = *s;
            continue;
        }
        for (unsigned j = 0; j < s->n; j++)
            close(s->fd[j]);
        listener_remove_unix(s->address);
        free(s->address);
    }
    sup->sockets = kept;
}
