/* images_key.c - see images_key.h. */
#include "protocols/images/images_key.h"

#include "core/base/err.h"
#include "core/base/id.h"
#include "core/log/log.h"
#include "protocols/edge_conf.h"
#include "protocols/images/images_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "images"

enum { KEY_BYTES = 32 };

static bool put_path(char out[PATH_MAX], const char *dir, const char *file, struct fct_err *err)
{
    int n = snprintf(out, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", file);

    return (n >= 0 && n < PATH_MAX) || fct_fail(err, FCT_LIMIT, "%s: this path is too long", file);
}

bool images_key_path(const struct config *conf, char out[PATH_MAX], struct fct_err *err)
{
    const struct images_conf *images = config_get(conf, &images_block);
    const struct server_conf *server = config_get(conf, &server_block);

    return images->key_file[0] ? put_path(out, "", images->key_file, err)
                               : put_path(out, server->data_dir, FOLDER "/key", err);
}

static bool is_wanted(const struct config *conf)
{
    const struct listener_conf *l;

    for (size_t i = 0; (l = config_each(conf, &listener_block, i, NULL)); i++)
        if (listener_kind(l) == LISTENER_IMAGES)
            return true;
    return false;
}

/* Ours alone, like that of the certificate: data_dir belongs to the store's user. */
static bool make_folder(const struct config *conf, struct fct_err *err)
{
    const struct server_conf *server = config_get(conf, &server_block);
    char path[PATH_MAX];
    struct stat st;

    if (!put_path(path, server->data_dir, FOLDER, err))
        return false;
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create folder %s: %s", path, strerror(errno));
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return fct_fail(err, FCT_DENIED, "%s is not a folder of this server's supervisor", path);
    return true;
}

static bool write_key(const char *path, struct fct_err *err)
{
    unsigned char key[KEY_BYTES];
    char text[2 * KEY_BYTES + 2];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good;

    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "create %s: %s", path, strerror(errno));
    random_bytes(key, sizeof key);
    for (size_t i = 0; i < sizeof key; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", key[i]);
    text[sizeof text - 2] = '\n';
    good = write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1 && fsync(fd) == 0;
    if (!good) {
        fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(errno));
        (void)unlink(path);
    }
    close(fd);
    return good;
}

bool images_key_provide(const struct config *conf, struct fct_err *err)
{
    const struct images_conf *images = config_get(conf, &images_block);
    char path[PATH_MAX];

    if (!is_wanted(conf))
        return true;
    if (!images_key_path(conf, path, err))
        return false;
    if (access(path, F_OK) == 0)
        return true;
    return (images->key_file[0] || make_folder(conf, err)) && write_key(path, err);
}
