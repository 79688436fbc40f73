/* landlock.c - see landlock.h. The constants are our own: Debian 12's headers know version 1 and 2
 * only. */
#include "core/supervisor/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE       445
#define CALL_RESTRICT_SELF  446
#define CREATE_VERSION      1u
#define RULE_PATH_BENEATH   1

#define FS_EXECUTE    (UINT64_C(1) << 0)
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE  (UINT64_C(1) << 2)
#define FS_READ_DIR   (UINT64_C(1) << 3)
#define FS_REMOVE     (UINT64_C(3) << 4) /* folders and files */
#define FS_MAKE       (UINT64_C(3) << 7) /* folders and plain files; no devices, sockets, links */
#define FS_MAKE_SOCK  (UINT64_C(1) << 9)
#define FS_VERSION_1  ((UINT64_C(1) << 13) - 1)
#define FS_REFER      (UINT64_C(1) << 13) /* version 2: rename across folders */
#define FS_TRUNCATE   (UINT64_C(1) << 14) /* version 3 */
#define FS_IOCTL_DEV  (UINT64_C(1) << 15) /* version 5 */
#define NET_BIND      1u                  /* version 4, TCP only */
#define NET_CONNECT   2u
#define SCOPE_ALL     3u /* version 6: abstract Unix sockets, signals */

struct ruleset {
    uint64_t files, net, scoped;
};
struct __attribute__((packed)) path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
};

int landlock_version(void)
{
    long v = syscall(CALL_CREATE_RULESET, NULL, 0, CREATE_VERSION);

    return v > 0 ? (int)v : 0;
}

/* Everything this version can forbid is forbidden unless a rule allows it. */
static struct ruleset all_of(int version, bool connects)
{
    struct ruleset r = {.files = FS_VERSION_1};

    if (version >= 2)
        r.files |= FS_REFER;
    if (version >= 3)
        r.files |= FS_TRUNCATE;
    if (version >= 4)
        r.net = connects ? NET_BIND : NET_BIND | NET_CONNECT;
    if (version >= 5)
        r.files |= FS_IOCTL_DEV;
    if (version >= 6)
        r.scoped = SCOPE_ALL;
    return r;
}

static size_t size_of(int version)
{
    if (version >= 6)
        return sizeof(struct ruleset);
    return version >= 4 ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

static uint64_t rights(unsigned access, uint64_t handled)
{
    uint64_t r = 0;

    if (access & LANDLOCK_READ)
        r |= FS_READ_FILE | FS_READ_DIR;
    if (access & LANDLOCK_EXECUTE)
        r |= FS_EXECUTE;
    if (access & LANDLOCK_WRITE)
        r |= FS_WRITE_FILE | FS_REFER | FS_TRUNCATE | FS_REMOVE | FS_MAKE;
    if (access & LANDLOCK_MEET)
        r |= FS_MAKE_SOCK;
    return r & handled;
}

/* The other rights are a folder's, and a rule for a file must not name them. */
static uint64_t rights_of(int fd, unsigned access, uint64_t handled)
{
    uint64_t r = rights(access, handled);
    struct stat st;

    return fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)
               ? r & (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
               : r;
}

static bool add_rule(int ruleset, const struct landlock_rule *rule, uint64_t handled,
                     struct fct_err *err)
{
    struct path_beneath beneath = {0};
    long done;

    beneath.parent_fd = open(rule->path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0)
        return errno == ENOENT || errno == EACCES || /* out of reach for this user as it is */
               fct_fail(err, FCT_TEMP, "landlock: open %s: %s", rule->path, strerror(errno));
    beneath.allowed = rights_of(beneath.parent_fd, rule->access, handled);
    done = syscall(CALL_ADD_RULE, ruleset, RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
    return done == 0 ||
           fct_fail(err, FCT_TEMP, "landlock: rule for %s: %s", rule->path, strerror(errno));
}

bool landlock_restrict(const struct landlock_rule *rule, size_t n, bool connects,
                       struct fct_err *err)
{
    int version = landlock_version();
    struct ruleset all = all_of(version, connects);
    bool ok = true;
    int fd;

    if (version == 0)
        return fct_fail(err, FCT_TEMP, "this kernel has no Landlock");
    fd = (int)syscall(CALL_CREATE_RULESET, &all, size_of(version), 0);
    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "landlock: create: %s", strerror(errno));
    for (size_t i = 0; ok && i < n; i++)
        ok = add_rule(fd, &rule[i], all.files, err);
    if (ok && syscall(CALL_RESTRICT_SELF, fd, 0) != 0)
        ok = fct_fail(err, FCT_TEMP, "landlock: restrict: %s", strerror(errno));
    close(fd);
    return ok;
}
