/* run_dir.c - what a running server leaves on disk beside its mail: folders, the lock, the pid
 * file, the log. */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"
#include "core/supervisor/control.h"
#include "core/supervisor/supervisor_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE "facteur.lock"
#define PID_FILE  "facteur.pid"
#define ORPHANS_END_MS                                                         \
    5000 /* processes of a killed supervisor end by themselves: role_process.c \
          */
#define ORPHANS_ASK_EVERY 50

static void path_in(char out[PATH_MAX], const char *dir, const char *name)
{
    (void)snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

/* mkdir -p; what exists is left as it is. */
static bool make_folder(const char *path, mode_t mode, struct fct_err *err)
{
    char part[PATH_MAX];

    str_copy_c(part, sizeof part, str_from(path));
    for (char *slash = part + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(part, 0755);
        *slash = '/';
    }
    if (mkdir(part, mode) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create folder %s: %s", path, strerror(errno));
    return true;
}

/* The store's folder belongs to the store's user, when there is one. */
static bool make_data_dir(const struct supervisor *sup, struct fct_err *err)
{
    const struct server_conf *server = sup->now.server;
    const struct passwd *pw;
    bool fresh = access(server->data_dir, F_OK) != 0;

    if (!make_folder(server->data_dir, 0700, err))
        return false;
    if (!fresh || sup->setup->dev || geteuid() != 0 || !(pw = getpwnam(server->user_store)))
        return true;
    if (chown(server->data_dir, pw->pw_uid, pw->pw_gid) != 0)
        return fct_fail(err, FCT_TEMP, "give %s to %s: %s", server->data_dir, server->user_store,
                        strerror(errno));
    return true;
}

static pid_t pid_in_file(const char *path)
{
    char text[32];
    uint64_t pid = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

    if (fd >= 0)
        close(fd);
    if (n <= 0 || !str_to_u64(str_trim((struct fct_str){text, (size_t)n}), &pid) || pid > INT_MAX)
        return 0;
    return (pid_t)pid;
}

/* The lock lives as long as the last of our processes: who gets it knows that ports and store are
 * free. */
static bool take_lock(struct supervisor *sup, struct fct_err *err)
{
    const char *dir = sup->now.server->run_dir;
    uint64_t until = clock_ms() + ORPHANS_END_MS;
    char path[PATH_MAX];
    pid_t pid;

    path_in(path, dir, LOCK_FILE);
    sup->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (sup->lock_fd < 0)
        return fct_fail(err, FCT_TEMP, "open %s: %s", path, strerror(errno));
    path_in(path, dir, PID_FILE);
    while (flock(sup->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        pid = pid_in_file(path);
        if (pid && (kill(pid, 0) == 0 || errno == EPERM))
            return fct_fail(err, FCT_DENIED, "%s is in use by another server (process %d)", dir,
                            pid);
        if (clock_ms() > until)
            return fct_fail(err, FCT_DENIED, "%s is in use by another server", dir);
        (void)usleep(ORPHANS_ASK_EVERY * 1000);
    }
    return true;
}

static bool write_pid(const struct supervisor *sup, struct fct_err *err)
{
    char path[PATH_MAX];
    int fd;

    path_in(path, sup->now.server->run_dir, PID_FILE);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(errno));
    (void)dprintf(fd, "%d\n", getpid());
    close(fd);
    return true;
}

bool run_dir_take(struct supervisor *sup, struct fct_err *err)
{
    return make_folder(sup->now.server->run_dir, 0755, err) && take_lock(sup, err) &&
           make_data_dir(sup, err) && write_pid(sup, err);
}

/* The lock file stays: removing it would let two servers hold locks on two files of one name. */
void run_dir_release(struct supervisor *sup)
{
    char path[PATH_MAX];

    if (sup->lock_fd < 0)
        return;
    path_in(path, sup->now.server->run_dir, PID_FILE);
    if (pid_in_file(path) == getpid())
        (void)unlink(path);
    close(sup->lock_fd);
    sup->lock_fd = -1;
}

/* Opens the log, or opens it again after a rotation: the descriptor keeps its number, and every
 * process gets the new file. */
bool run_dir_open_log(struct supervisor *sup, const struct server_conf *server, struct fct_err *err)
{
    int fd;

    if (!server->log_file[0]) {
        if (sup->log_fd < 0)
            sup->log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    } else {
        fd = open(server->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (fd < 0)
            return fct_fail(err, FCT_TEMP, "open log %s: %s", server->log_file, strerror(errno));
        if (sup->log_fd < 0) {
            sup->log_fd = fd;
        } else {
            log_flush();
            (void)dup3(fd, sup->log_fd, O_CLOEXEC);
            close(fd);
        }
        for (struct process *p = NULL; (p = process_next(sup, p));)
            process_tell(p, CONTROL_LOG, FCT_STR(""), sup->log_fd);
    }
    log_setup(sup->log_fd, "supervisor", role_log_level(server));
    return true;
}
