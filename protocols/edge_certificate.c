/* edge_certificate.c - see edge_certificate.h. */
#include "protocols/edge_certificate.h"

#include "core/log/log.h"
#include "core/net/tls.h"
#include "protocols/edge_conf.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "tls"

static bool put_path(char out[PATH_MAX], const char *dir, const char *file, struct fct_err *err)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", file);

    return (n >= 0 && n < PATH_MAX) || fct_fail(err, FCT_LIMIT, "%s: this path is too long", file);
}

bool edge_certificate_find(const struct config *conf, struct edge_certificate *out,
                           struct fct_err *err)
{
    const struct tls_block_conf *tls = config_get(conf, &tls_block);
    const struct server_conf *server = config_get(conf, &server_block);

    out->is_ours = tls->certificate[0] == '\0';
    if (!out->is_ours)
        return put_path(out->certificate, "", tls->certificate, err) &&
               put_path(out->key, "", tls->key, err);
    if (tls->key[0])
        return fct_fail(err, FCT_SYNTAX, "tls.key is set, but tls.certificate is not");
    return put_path(out->certificate, server->data_dir, FOLDER "/cert.pem", err) &&
           put_path(out->key, server->data_dir, FOLDER "/key.pem", err);
}

static bool somebody_speaks_tls(const struct config *conf)
{
    const struct listener_conf *l;

    for (size_t i = 0; (l = config_each(conf, &listener_block, i, NULL)); i++)
        if (strcmp(l->tls, "none") != 0 && listener_kind(l) != LISTENER_MILTER)
            return true;
    return false;
}

/* Ours alone: data_dir belongs to the store's user, who is not to choose where a key is written. */
static bool make_folder(const char *data_dir, struct fct_err *err)
{
    char path[PATH_MAX];
    struct stat st;

    if (!put_path(path, data_dir, FOLDER, err))
        return false;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create folder %s: %s", path, strerror(errno));
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return fct_fail(err, FCT_DENIED, "%s is not a folder of this server's supervisor", path);
    return true;
}

bool edge_certificate_provide(const struct config *conf, const char *name, struct fct_err *err)
{
    const struct server_conf *server = config_get(conf, &server_block);
    struct edge_certificate c;

    if (!somebody_speaks_tls(conf))
        return true;
    if (!edge_certificate_find(conf, &c, err))
        return false;
    if (!c.is_ours)
        return true;
    if (!make_folder(server->data_dir, err) || !tls_self_sign(c.certificate, c.key, name, err))
        return false;
    log_event(EV_WARNING, FCT_STR(""),
              F_C("text", "no certificate is configured: clients are shown a self-signed one; set "
                          "tls.certificate and tls.key"),
              F_C("certificate", c.certificate));
    return true;
}
