/* driver.c - the MTA's side of the milter protocol, as Postfix speaks it: measures a filter.
 *
 *   driver PORT MESSAGES PER_CONNECTION   sends messages of 20 fields and 20 KiB, PER_CONNECTION on
 * each connection, and prints: microseconds per message, round trips per message */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ACTIONS 0x1ffu
#define STEPS   0x1fffffu

enum step { CONNECT, HELO, MAIL, RCPT, DATA, HEADER, EOH, BODY, EOM };

/* Bits of the negotiated steps: left out, or sent without waiting. */
static const struct {
    uint32_t no, no_reply;
} bits[] = {
    [CONNECT] = {0x1, 0x1000}, [HELO] = {0x2, 0x2000},    [MAIL] = {0x4, 0x4000},
    [RCPT] = {0x8, 0x8000},    [DATA] = {0x200, 0x10000}, [HEADER] = {0x20, 0x80},
    [EOH] = {0x40, 0x40000},   [BODY] = {0x10, 0x80000},  [EOM] = {0, 0},
};

static int port;
static uint32_t steps;
static unsigned long trips;
static char out[1 << 20];
static size_t pending;

static void die(const char *what)
{
    (void)fprintf(stderr, "driver: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void flush(int fd)
{
    for (size_t at = 0; at < pending;) {
        ssize_t n = write(fd, out + at, pending - at);

        if (n <= 0)
            die("write");
        at += (size_t)n;
    }
    pending = 0;
}

static void put(char command, const char *p, size_t n)
{
    uint32_t length = htonl((uint32_t)n + 1);

    memcpy(out + pending, &length, 4);
    out[pending + 4] = command;
    memcpy(out + pending + 5, p, n);
    pending += 5 + n;
}

static void read_all(int fd, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, p, n);

        if (got <= 0)
            die("read");
        p += got;
        n -= (size_t)got;
    }
}

/* The answer's first letter. */
static char answer(int fd, char *body, size_t room)
{
    uint32_t length;
    char head[5];

    flush(fd);
    trips++;
    read_all(fd, head, 5);
    memcpy(&length, head, 4);
    length = ntohl(length) - 1;
    if (length > room)
        die("answer");
    read_all(fd, body, length);
    return head[4];
}

/* False: the filter accepted, nothing more is to be sent. */
static int send_step(int fd, enum step step, char command, const char *p, size_t n)
{
    char body[4096];

    if (steps & bits[step].no)
        return 1;
    put(command, p, n);
    if (steps & bits[step].no_reply)
        return 1;
    return answer(fd, body, sizeof body) == 'c';
}

static int open_connection(int *accepted)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    uint32_t offer[3] = {htonl(6), htonl(ACTIONS), htonl(STEPS)}, got[3];
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    char body[4096];

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    put('O', (const char *)offer, sizeof offer);
    if (answer(fd, body, sizeof body) != 'O')
        die("negotiation");
    memcpy(got, body, sizeof got);
    steps = ntohl(got[2]);
    *accepted = !send_step(fd, CONNECT, 'C',
                           "client.test\0"
                           "4\0\031"
                           "127.0.0.1",
                           25) ||
                !send_step(fd, HELO, 'H', "client.test", 12);
    return fd;
}

static void send_message(int fd)
{
    static char body[20 << 10];
    char field[128];

    memset(body, 'x', sizeof body);
    (void)(send_step(fd, MAIL, 'M', "<me@outside.example>", 21) &&
           send_step(fd, RCPT, 'R', "<bob@example.test>", 19) && send_step(fd, DATA, 'T', "", 0));
    for (int i = 0; i < 20; i++) {
        int n = snprintf(field, sizeof field,
                         "X-Field-%d%c some value of a usual length, number %d", i, 0, i);

        (void)send_step(fd, HEADER, 'L', field, (size_t)n + 1);
    }
    (void)send_step(fd, EOH, 'N', "", 0);
    (void)send_step(fd, BODY, 'B', body, sizeof body);
    (void)send_step(fd, EOM, 'E', "", 0);
}

static double now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int messages = argc > 3 ? atoi(argv[2]) : 0, each = argc > 3 ? atoi(argv[3]) : 0;
    double started;

    if (messages <= 0 || each <= 0)
        return 64;
    port = atoi(argv[1]);
    started = now();
    for (int sent = 0; sent < messages;) {
        int accepted, fd = open_connection(&accepted);

        for (int i = 0; i < each && sent < messages; i++, sent++)
            if (!accepted)
                send_message(fd);
        put('Q', "", 0);
        flush(fd);
        close(fd);
    }
    printf("%.1f %.2f\n", (now() - started) * 1e6 / messages, (double)trips / messages);
    return 0;
}
