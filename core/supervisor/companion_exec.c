/* companion_exec.c - the way of a program that is not ours into its place: folders, predecessor,
 * user, Landlock, exec.
 *
 * The lock file has two POSIX record locks: the supervisor's, and one that the child takes before
 * it becomes the program. They stay over exec, end with the process, and the kernel tells who holds
 * them. (They end as well when their process closes the file: each opens it once.) */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/supervisor/companion_int.h"
#include "core/supervisor/landlock.h"
#include "core/supervisor/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK_FILE      "lock"
#define STALE_TERM_MS  3000u /* to write what it has, then killed */
#define STALE_KILL_MS  1000u
#define STALE_ASK_MS   20u
#define EXEC_FAILED    127
#define LAST_OWN_FILES 3 /* standard input, output, error */

enum locked_byte { OF_PROGRAM, OF_SUPERVISOR };

struct owner {
    uid_t uid;
    gid_t gid;
    bool changes; /* root becomes somebody */
    char name[64];
};

/* Its own user; without one that of those who use it; without that one, ours. */
static struct owner owner_of(const struct companion_start *start)
{
    const char *const wanted[] = {start->group_of, start->user};
    struct owner o = {.uid = geteuid(), .gid = getegid()};

    for (size_t i = 0; i < FCT_COUNT(wanted) && geteuid() == 0; i++) {
        const struct passwd *pw = *wanted[i] ? getpwnam(wanted[i]) : NULL;

        if (!pw)
            continue;
        o.uid = pw->pw_uid;
        o.gid = o.changes ? o.gid : pw->pw_gid;
        o.changes = true;
        str_copy_c(o.name, sizeof o.name, str_from(wanted[i]));
    }
    return o;
}

/* ---- folders and file ---- */

static bool make_folder(const char *path, const struct owner *owner, mode_t mode,
                        struct fct_err *err)
{
    struct stat st;

    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return fct_fail(err, FCT_TEMP, "create folder %s: %s", path, strerror(errno));
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return fct_fail(err, FCT_TEMP, "%s is no folder", path);
    if (owner->changes && lchown(path, owner->uid, owner->gid) != 0)
        return fct_fail(err, FCT_TEMP, "give %s away: %s", path, strerror(errno));
    return true;
}

static bool write_file(const char *path, struct fct_str text, struct fct_err *err)
{
    int fd = -1;
    bool ok;

    if (unlink(path) == 0 || errno == ENOENT)
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n;
    if (!ok)
        (void)fct_fail(err, FCT_TEMP, "write %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- the predecessor ---- */

static int open_lock(const struct companion_plan *plan, int flags)
{
    char path[PATH_MAX + sizeof LOCK_FILE + 1];

    (void)snprintf(path, sizeof path, "%s/" LOCK_FILE, plan->folder);
    return open(path, O_RDWR | O_CREAT | O_NOFOLLOW | flags, 0600);
}

static struct flock lock_of(enum locked_byte which)
{
    return (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)which, .l_len = 1};
}

/* 0: nobody else. */
static pid_t holder_of(int lock_fd, enum locked_byte which)
{
    struct flock lock = lock_of(which);

    if (fcntl(lock_fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 1)
        return 0;
    return lock.l_pid;
}

/* Of a supervisor that lives, nobody ends the program. */
static bool take_folder(const struct companion_start *start, int *lock_fd, struct fct_err *err)
{
    struct flock lock = lock_of(OF_SUPERVISOR);

    if (*lock_fd < 0)
        *lock_fd = open_lock(start->plan, O_CLOEXEC);
    if (*lock_fd < 0)
        return fct_fail(err, FCT_TEMP, "open %s/" LOCK_FILE ": %s", start->plan->folder,
                        strerror(errno));
    if (fcntl(*lock_fd, F_SETLK, &lock) == 0)
        return true;
    return fct_fail(err, FCT_TEMP, "%s is in use by another server (process %d)",
                    start->plan->folder, (int)holder_of(*lock_fd, OF_SUPERVISOR));
}

static bool wait_for_nobody(int lock_fd, uint64_t ms)
{
    uint64_t until = clock_ms() + ms;

    while (holder_of(lock_fd, OF_PROGRAM)) {
        if (clock_ms() > until)
            return false;
        (void)usleep(STALE_ASK_MS * 1000);
    }
    return true;
}

static bool end_predecessor(const struct companion_start *start, int lock_fd, struct fct_err *err)
{
    pid_t pid = holder_of(lock_fd, OF_PROGRAM);

    if (!pid)
        return true;
    (void)kill(pid, SIGTERM);
    if (wait_for_nobody(lock_fd, STALE_TERM_MS))
        return true;
    (void)kill(pid, SIGKILL);
    return wait_for_nobody(lock_fd, STALE_KILL_MS) ||
           fct_fail(err, FCT_TEMP, "%s: process %d holds it and does not end", start->plan->folder,
                    (int)pid);
}

bool companion_make_room(const struct companion_start *start, int *lock_fd, struct fct_err *err)
{
    const struct companion_plan *plan = start->plan;
    struct owner owner = owner_of(start);

    return make_folder(plan->folder, &owner, 0700, err) && take_folder(start, lock_fd, err) &&
           end_predecessor(start, *lock_fd, err) && make_folder(plan->meeting, &owner, 0750, err) &&
           write_file(plan->file, buf_str(&plan->text), err);
}

/* ---- in the child ---- */

static FCT_NORETURN void fail(const char *what)
{
    (void)dprintf(STDOUT_FILENO, "%s: %s\n", what, strerror(errno));
    _exit(EXEC_FAILED);
}

/* Kept open, not closed by exec: the lock lives as long as this process. */
static void take_lock(const struct companion_start *start)
{
    struct flock lock = lock_of(OF_PROGRAM);
    int fd = open_lock(start->plan, 0);

    if (fd < 0 || fcntl(fd, F_SETLK, &lock) != 0)
        fail("take the lock");
}

static void close_files(const struct companion_start *start, struct buf *report)
{
    const struct landlock_rule rules[] = {
        {start->plan->folder, LANDLOCK_READ | LANDLOCK_WRITE},
        {start->plan->meeting, LANDLOCK_READ | LANDLOCK_WRITE | LANDLOCK_MEET},
        {start->plan->program, LANDLOCK_READ | LANDLOCK_EXECUTE},
        {"/lib", LANDLOCK_READ | LANDLOCK_EXECUTE}, /* the loader is executed */
        {"/lib64", LANDLOCK_READ | LANDLOCK_EXECUTE},
        {"/usr/lib", LANDLOCK_READ | LANDLOCK_EXECUTE},
        {"/usr/lib64", LANDLOCK_READ | LANDLOCK_EXECUTE},
        {"/usr/local/lib", LANDLOCK_READ},
        {"/usr/share/zoneinfo", LANDLOCK_READ},
        {"/etc", LANDLOCK_READ},
        {"/proc", LANDLOCK_READ},
        {"/sys", LANDLOCK_READ},
        {"/dev/null", LANDLOCK_READ | LANDLOCK_WRITE},
        {"/dev/urandom", LANDLOCK_READ},
    };
    struct fct_err err = {0};

    if (landlock_restrict(rules, FCT_COUNT(rules), false, &err))
        buf_printf(report, "landlock=%d ", landlock_version());
    else
        buf_put_c(report, "landlock=off ");
}

static void become(const struct companion_start *start, struct buf *report)
{
    struct owner owner = owner_of(start);

    if (!owner.changes) {
        buf_put_c(report, "user=kept");
        return;
    }
    if (setgroups(0, NULL) != 0 || setresgid(owner.gid, owner.gid, owner.gid) != 0 ||
        setresuid(owner.uid, owner.uid, owner.uid) != 0)
        fail("change the user");
    buf_printf(report, "user=%s", owner.name);
}

/* The folder is entered, and named in the Landlock rules, before the user changes: its parents may
 * be closed to that one. Ctrl-C is for the supervisor alone, so it gets a session of its own. */
void companion_exec(const struct companion_start *start)
{
    struct buf report = BUF_INIT(512);
    char *argv[] = {str_dup_c(str_from(start->plan->program)),
                    str_dup_c(str_from(start->plan->file)), NULL};

    supervisor_leave(&start->log_fd, 1);
    if (dup2(start->log_fd, STDOUT_FILENO) < 0 || dup2(start->log_fd, STDERR_FILENO) < 0)
        _exit(EXEC_FAILED);
    (void)setsid();
    (void)umask(0077);
    take_lock(start);
    if (chdir(start->plan->folder) != 0)
        fail("enter its folder");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        buf_put_c(&report, "no_new_privs=on ");
    close_files(start, &report);
    become(start, &report);
    buf_put_c(&report, sandbox_seal_foreign() ? " seccomp=on" : " seccomp=off");
    (void)dprintf(STDOUT_FILENO, COMPANION_SANDBOX "%.*s\n", FCT_FMT(buf_str(&report)));
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != start->parent)
        _exit(EXEC_FAILED);
    if (start->log_fd >= LAST_OWN_FILES)
        close(start->log_fd);
    (void)execv(argv[0], argv);
    fail(argv[0]);
}
