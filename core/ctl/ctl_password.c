/* ctl_password.c - reads a line, without echo when a person types it. */
#include "core/ctl/ctl_password.h"

#include "core/base/str.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#define MAX_PASSWORD 1024

static struct termios before;

/* Ctrl-C at the prompt must not leave a terminal that shows nothing. */
static void restore_and_die(int signal_number)
{
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

static bool read_line(char *line, size_t room, size_t *n, struct fct_err *err)
{
    char c;
    ssize_t got;

    *n = 0;
    while ((got = read(STDIN_FILENO, &c, 1)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fct_fail(err, FCT_TEMP, "standard input: %s", strerror(errno));
        if (c == '\n')
            break;
        if (*n == room)
            return fct_fail(err, FCT_LIMIT, "a password may have %zu bytes", room);
        line[(*n)++] = c;
    }
    if (*n > 0 && line[*n - 1] == '\r')
        (*n)--;
    if (memchr(line, '\0', *n))
        return fct_fail(err, FCT_SYNTAX, "a password cannot hold a NUL byte");
    return *n > 0 ||
           fct_fail(
               err, FCT_SYNTAX,
               "no password was given: type it at the prompt, or send one line on standard input");
}

static bool ask(const char *prompt, const char *account, char *line, size_t *n, struct fct_err *err)
{
    struct termios silent = before;
    bool ok;

    silent.c_lflag &= ~(tcflag_t)ECHO;
    (void)signal(SIGINT, restore_and_die);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    (void)fprintf(stderr, "%s %s: ", prompt, account); /* not before it is silent */
    ok = read_line(line, MAX_PASSWORD, n, err);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    (void)signal(SIGINT, SIG_DFL);
    (void)fputc('\n', stderr);
    return ok;
}

bool ctl_password_read(struct arena *arena, const char *account, struct fct_str *out,
                       struct fct_err *err)
{
    char first[MAX_PASSWORD], second[MAX_PASSWORD];
    size_t n, again;
    bool ok;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0) {
        ok = read_line(first, sizeof first, &n, err);
    } else {
        ok = ask("New password for", account, first, &n, err) &&
             ask("Once more for", account, second, &again, err);
        if (ok && !str_equal((struct fct_str){first, n}, (struct fct_str){second, again}))
            ok = fct_fail(err, FCT_SYNTAX, "the two passwords differ; nothing was changed");
    }
    if (ok)
        *out = arena_str(arena, (struct fct_str){first, n});
    explicit_bzero(first, sizeof first);
    explicit_bzero(second, sizeof second);
    return ok;
}

bool ctl_confirm(const char *question)
{
    char answer[16];

    if (!isatty(STDIN_FILENO))
        return true;
    (void)fprintf(stderr, "%s [y/N] ", question);
    return fgets(answer, sizeof answer, stdin) && char_lower(answer[0]) == 'y';
}
