/* sandbox.c - one table says what each role's process may touch; two functions make it so.
 *
 * Refused calls: a call that only an attacker makes (exec, ptrace, mount, module, namespaces) kills
 * the process at once, so that a probe cannot be repeated. Every other call outside the list fails
 * with EPERM: libraries probe for calls and fall back, and a kill would turn an update of libc into
 * an outage. clone3 says ENOSYS, because its flags cannot be inspected: libc then uses clone. */
#include "core/supervisor/sandbox.h"

#include "core/base/str.h"
#include "core/supervisor/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- lists of system calls ---- */

#define CALL(name) SCMP_SYS(name)
/* clang-format off */

/* What any event loop with memory, threads and descriptors needs. */
static const int calls_common[] = {
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(preadv), CALL(pwritev),
    CALL(recvmsg), CALL(sendmsg), CALL(recvfrom), CALL(sendto), CALL(recvmmsg), CALL(sendmmsg), CALL(shutdown), CALL(close), CALL(lseek),
    CALL(getsockopt), CALL(setsockopt), CALL(getsockname), CALL(getpeername), CALL(fstat), CALL(ioctl), CALL(fcntl), CALL(dup), CALL(dup2), CALL(dup3),
    CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait), CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6),
    CALL(eventfd2), CALL(pipe2), CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime),
    CALL(setitimer), CALL(timer_create), CALL(timer_settime), CALL(timer_delete),
    CALL(munmap), CALL(mremap), CALL(madvise), CALL(brk), CALL(mincore),
    CALL(futex), CALL(set_robust_list), CALL(rseq), CALL(membarrier), CALL(sched_yield), CALL(sched_getaffinity), CALL(getcpu),
    CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep), CALL(nanosleep), CALL(gettimeofday), CALL(time), CALL(times),
    CALL(getrandom), CALL(getpid), CALL(getppid), CALL(gettid), CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(uname), CALL(sysinfo),
    CALL(getrusage), CALL(getrlimit), CALL(exit), CALL(exit_group), CALL(tgkill), CALL(restart_syscall),
    CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(sigaltstack), CALL(rt_sigtimedwait),
    CALL(memfd_create), CALL(ftruncate), CALL(fallocate), CALL(sendfile), CALL(copy_file_range), CALL(splice),
};

static const int calls_accept[] = {CALL(accept), CALL(accept4)};

static const int calls_read_files[] = {
    CALL(access), CALL(faccessat), CALL(faccessat2), CALL(stat), CALL(lstat), CALL(newfstatat), CALL(statx), CALL(readlink), CALL(readlinkat),
    CALL(getcwd), CALL(getdents64), CALL(fadvise64), CALL(readahead), CALL(fstatfs), CALL(statfs),
};

static const int calls_write_files[] = {
    CALL(openat), CALL(open), CALL(creat), CALL(mkdir), CALL(mkdirat), CALL(unlink), CALL(unlinkat), CALL(rmdir), CALL(rename), CALL(renameat), CALL(renameat2),
    CALL(link), CALL(linkat), CALL(fsync), CALL(fdatasync), CALL(sync_file_range), CALL(syncfs), CALL(truncate), CALL(flock), CALL(fchmod), CALL(chmod),
    CALL(utimensat), CALL(umask), CALL(msync), CALL(mlock), CALL(munlock), CALL(setpriority), CALL(getpriority), CALL(ioprio_set), CALL(ioprio_get),
    CALL(sched_setaffinity), CALL(sched_setscheduler), CALL(sched_getscheduler), CALL(sched_getparam), CALL(pwritev2), CALL(preadv2),
};

/* One folder of small files: listing it, filling it, throwing away. */
static const int calls_cache_files[] = {CALL(openat), CALL(newfstatat), CALL(statx), CALL(getdents64), CALL(unlink), CALL(unlinkat), CALL(rename), CALL(renameat)};

/* To others, never listening: listen and accept are not here. */
static const int calls_connect[] = {CALL(connect), CALL(bind)};

static const int calls_load_code[] = {CALL(mmap), CALL(mprotect)};

/* An attacker's calls: the process dies. */
static const int calls_fatal[] = {
    CALL(execve), CALL(execveat), CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev), CALL(mount), CALL(umount2), CALL(pivot_root), CALL(chroot),
    CALL(unshare), CALL(setns), CALL(init_module), CALL(finit_module), CALL(delete_module), CALL(kexec_load), CALL(bpf), CALL(perf_event_open),
    CALL(userfaultfd), CALL(keyctl), CALL(add_key), CALL(request_key), CALL(open_by_handle_at), CALL(swapon), CALL(reboot),
};

/* clang-format on */

/* A call that is allowed only with certain arguments: `arg & mask == value`, and likewise `also`,
 * where a mask of 0 says nothing. */
struct call_if {
    int call;
    unsigned arg;
    uint64_t mask, value;
    unsigned also;
    uint64_t also_mask, also_value;
};

#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | __O_TMPFILE)

static const struct call_if when_common[] = {
    {CALL(clone), 0, CLONE_THREAD, CLONE_THREAD, 0, 0, 0}, /* threads, never processes */
    {CALL(prctl), 0, ~UINT64_C(0), PR_SET_NAME, 0, 0, 0},
    {CALL(prctl), 0, ~UINT64_C(0), 0x53564d41, 0, 0,
     0},                                            /* PR_SET_VMA: glibc and RocksDB name memory */
    {CALL(prlimit64), 2, ~UINT64_C(0), 0, 0, 0, 0}, /* ask, never set */
    {CALL(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH, 0, 0, 0}, /* fstat() */
};
static const struct call_if when_reads_files[] = {
    {CALL(openat), 2, OPEN_WRITES, O_RDONLY, 0, 0, 0},
    {CALL(open), 1, OPEN_WRITES, O_RDONLY, 0, 0, 0},
};
/* No memory becomes executable: nothing is loaded once the process serves. */
static const struct call_if when_no_new_code[] = {
    {CALL(mmap), 2, PROT_EXEC, 0, 0, 0, 0},
    {CALL(mprotect), 2, PROT_EXEC, 0, 0, 0, 0},
};

#define ANY_FLAG ~(uint64_t)(SOCK_NONBLOCK | SOCK_CLOEXEC)

/* Streams to whom the configuration names, datagrams to resolvers. No raw, netlink or packet
 * sockets. bind is for the source port of a question; TCP cannot be bound (Landlock) nor listened
 * on. */
static const struct call_if when_connects[] = {
    {CALL(socket), 0, ~UINT64_C(0), AF_UNIX, 1, ANY_FLAG, SOCK_STREAM},
    {CALL(socket), 0, ~UINT64_C(0), AF_INET, 1, ANY_FLAG, SOCK_STREAM},
    {CALL(socket), 0, ~UINT64_C(0), AF_INET, 1, ANY_FLAG, SOCK_DGRAM},
    {CALL(socket), 0, ~UINT64_C(0), AF_INET6, 1, ANY_FLAG, SOCK_STREAM},
    {CALL(socket), 0, ~UINT64_C(0), AF_INET6, 1, ANY_FLAG, SOCK_DGRAM},
    {CALL(socketpair), 0, ~UINT64_C(0), AF_UNIX, 0, 0, 0}, /* libraries wake their threads so */
};

struct call_list {
    const int *call;
    size_t n;
};
struct when_list {
    const struct call_if *when;
    size_t n;
};
#define CALLS(a)        \
    {                   \
        a, FCT_COUNT(a) \
    }

/* ---- the table ---- */

struct sandbox_row {
    const char *role;
    bool drops_first; /* user and Landlock before the role's `prepare` */
    bool connects;    /* to others; the rest has no network but what it is given */
    bool keeps_dac;   /* as root without a user of its own: may still open what belongs to others */
    unsigned access[PLACE_COUNT]; /* of the role's folders, LANDLOCK_… */
    struct call_list calls[4];
    struct when_list when[4];
};

/* clang-format off */
static const struct sandbox_row rows[ROLE_COUNT] = {
    [ROLE_EDGE] =
        {
            .role = "edge",
            .calls = {CALLS(calls_common), CALLS(calls_accept)},
            .when = {CALLS(when_common), CALLS(when_no_new_code)},
        },
    [ROLE_FILTER] =
        {
            .role = "filter",
            .connects = true,
            .access =
                {
                    [PLACE_PLUGINS] = LANDLOCK_READ | LANDLOCK_EXECUTE,
                    [PLACE_LUA] = LANDLOCK_READ | LANDLOCK_EXECUTE,
                },
            .calls = {CALLS(calls_common), CALLS(calls_read_files), CALLS(calls_load_code),
                      CALLS(calls_connect)},
            .when = {CALLS(when_common), CALLS(when_reads_files), CALLS(when_connects)},
        },
    [ROLE_MILTER] =
        {
            .role = "milter",
            .calls = {CALLS(calls_common), CALLS(calls_accept)},
            .when = {CALLS(when_common), CALLS(when_no_new_code)},
        },
    [ROLE_RELAY] =
        {
            .role = "relay",
            .connects = true,
            .calls = {CALLS(calls_common), CALLS(calls_connect)},
            .when = {CALLS(when_common), CALLS(when_no_new_code), CALLS(when_connects)},
        },
    [ROLE_IMAGES] =
        {
            .role = "images",
            .connects = true,
            .calls = {CALLS(calls_common), CALLS(calls_accept), CALLS(calls_connect),
                      CALLS(calls_cache_files)},
            .when = {CALLS(when_common), CALLS(when_no_new_code), CALLS(when_connects)},
        },
    [ROLE_STORE] =
        {
            .role = "store",
            .drops_first = true,
            .keeps_dac = true,
            .access = {[PLACE_DATA] = LANDLOCK_READ | LANDLOCK_WRITE},
            .calls = {CALLS(calls_common), CALLS(calls_read_files), CALLS(calls_write_files)},
            .when = {CALLS(when_common), CALLS(when_no_new_code)},
        },
};
/* clang-format on */

bool sandbox_drops_first(enum role_kind kind)
{
    return rows[kind].drops_first;
}

static void say(struct sandbox_report *report, const char *fmt, ...) FCT_PRINTF(2, 3);
static void say(struct sandbox_report *report, const char *fmt, ...)
{
    size_t used = strlen(report->text);
    va_list ap;

    if (used && used + 1 < sizeof report->text)
        report->text[used++] = ' ';
    va_start(ap, fmt);
    (void)vsnprintf(report->text + used, sizeof report->text - used, fmt, ap);
    va_end(ap);
}

/* ---- first step: user and files ---- */

static bool take_user(const struct sandbox_request *req, struct sandbox_report *report,
                      struct fct_err *err)
{
    const struct passwd *pw = req->group_of ? getpwnam(req->group_of) : NULL;
    gid_t group = pw ? pw->pw_gid : 0;
    size_t groups = pw ? 1 : 0;

    if (geteuid() != 0 || !req->user || !req->user[0]) {
        say(report, "user=kept");
        return true;
    }
    pw = getpwnam(req->user);
    if (!pw) {
        say(report, "user=kept(no-user-%s)", req->user);
        report->missing++;
        return true;
    }
    if (setgroups(groups, &group) != 0 || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
        setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
        return fct_fail(err, FCT_TEMP, "become user %s: %s", req->user, strerror(errno));
    say(report, "user=%s", req->user);
    return true;
}

#define MAY_READ_MOST 32

static void close_files(const struct sandbox_request *req, struct sandbox_report *report)
{
    const struct sandbox_row *row = &rows[req->kind];
    struct landlock_rule rule[PLACE_COUNT + MAY_READ_MOST + 1];
    struct fct_err err = {0};
    size_t n = 0;

    for (size_t i = 0; i < PLACE_COUNT; i++)
        if (row->access[i] && req->place[i])
            rule[n++] = (struct landlock_rule){req->place[i], row->access[i]};
    for (size_t i = 0; i < req->nmay_read && i < MAY_READ_MOST; i++)
        rule[n++] = (struct landlock_rule){req->may_read[i], LANDLOCK_READ};
    if (req->may_write)
        rule[n++] = (struct landlock_rule){req->may_write, LANDLOCK_READ | LANDLOCK_WRITE};
    if (landlock_restrict(rule, n, row->connects, &err)) {
        say(report, "landlock=%d", landlock_version());
        return;
    }
    report->missing++;
    say(report, "landlock=off");
}

bool sandbox_drop(const struct sandbox_request *req, struct sandbox_report *report,
                  struct fct_err *err)
{
    if (!take_user(req, report, err))
        return false;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        say(report, "no_new_privs=on");
    else
        report->missing++;
    if (req->relaxed)
        say(report, "landlock=relaxed");
    else
        close_files(req, report);
    return true;
}

/* ---- second step: capabilities, limits, system calls ---- */

static void drop_capabilities(const struct sandbox_request *req, struct sandbox_report *report)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    bool keep = rows[req->kind].keeps_dac && geteuid() == 0;

    if (keep) {
        data[0].permitted = 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER;
        data[0].effective = data[0].permitted;
    }
    if (syscall(SYS_capset, &head, data) == 0) {
        say(report, "caps=%s", keep ? "dac" : "none");
        return;
    }
    say(report, "caps=kept");
    report->missing++;
}

static void set_limits(const struct sandbox_request *req, struct sandbox_report *report)
{
    if (req->traceable) {
        say(report, "traceable=yes");
        return;
    }
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)prctl(PR_SET_DUMPABLE, 0);
    say(report, "traceable=no");
}

/* Calls that this architecture does not have are left out by libseccomp. */
static void add_rules(scmp_filter_ctx filter, const struct sandbox_row *row)
{
    for (size_t i = 0; i < FCT_COUNT(calls_fatal); i++)
        (void)seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, calls_fatal[i], 0);
    (void)seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
    for (size_t i = 0; i < FCT_COUNT(row->calls); i++)
        for (size_t j = 0; j < row->calls[i].n; j++)
            (void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, row->calls[i].call[j], 0);
    for (size_t i = 0; i < FCT_COUNT(row->when); i++)
        for (size_t j = 0; j < row->when[i].n; j++) {
            const struct call_if *w = &row->when[i].when[j];

            (void)seccomp_rule_add(
                filter, SCMP_ACT_ALLOW, w->call, w->also_mask ? 2 : 1,
                SCMP_CMP(w->arg, SCMP_CMP_MASKED_EQ, w->mask, w->value),
                SCMP_CMP(w->also, SCMP_CMP_MASKED_EQ, w->also_mask, w->also_value));
        }
}

/* All threads at once: some roles start theirs in `prepare`. */
static bool close_calls(const struct sandbox_row *row)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    bool ok;

    if (!filter)
        return false;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    add_rules(filter, row);
    ok = seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

bool sandbox_seal_foreign(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok;

    if (!filter)
        return false;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
    for (size_t i = 0; i < FCT_COUNT(calls_fatal); i++)
        if (calls_fatal[i] != CALL(execve) && calls_fatal[i] != CALL(execveat))
            (void)seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, calls_fatal[i], 0);
    (void)seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), CALL(socket), 1,
                           SCMP_CMP(0, SCMP_CMP_NE, AF_UNIX, 0));
    ok = seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

static const char *network_of(const struct sandbox_row *row)
{
    for (size_t i = 0; i < FCT_COUNT(row->calls); i++)
        if (row->calls[i].call == calls_accept)
            return row->connects ? "accepts, connects" : "accepts";
    return row->connects ? "connects" : "none";
}

void sandbox_seal(const struct sandbox_request *req, struct sandbox_report *report)
{
    drop_capabilities(req, report);
    set_limits(req, report);
    say(report, "network=%s", req->relaxed ? "relaxed" : network_of(&rows[req->kind]));
    if (req->relaxed)
        say(report, "seccomp=relaxed");
    else if (close_calls(&rows[req->kind]))
        say(report, "seccomp=on");
    else {
        say(report, "seccomp=off");
        report->missing++;
    }
}

/* ---- documentation ---- */

static void print_access(unsigned access, struct buf *out)
{
    if (!access)
        buf_put_c(out, " - |");
    else
        buf_printf(out, " %s%s%s |", access & LANDLOCK_READ ? "read " : "",
                   access & LANDLOCK_WRITE ? "write " : "",
                   access & LANDLOCK_EXECUTE ? "map-code" : "");
}

void sandbox_print_markdown(struct buf *out)
{
    buf_put_c(out, "| role | data_dir | plugin_dir | lua_dir | network | system calls |\n"
                   "|---|---|---|---|---|---|\n");
    for (size_t kind = 0; kind < ROLE_COUNT; kind++) {
        const struct sandbox_row *row = &rows[kind];
        size_t calls = 0;

        if (!row->role)
            continue;
        for (size_t i = 0; i < FCT_COUNT(row->calls); i++)
            calls += row->calls[i].n;
        buf_printf(out, "| %s |", row->role);
        for (size_t i = 0; i < PLACE_COUNT; i++)
            print_access(row->access[i], out);
        buf_printf(out, " %s | %zu |\n", network_of(row), calls);
    }
}
