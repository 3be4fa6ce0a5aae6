// TCP load with as little of its own as possible: what it reports is the kernel's cost.
//
//   load serve MODE ADDRESS PORT           until killed
//   load drive MODE ADDRESS PORT SECONDS [RATE or SOCKETS]
//
// drive prints what it got done: bytes (bulk), connections (connect; RATE a second, 0: as fast as
// they go), exchanges of 64 bytes each way (request). hold opens SOCKETS connections, says "held",
// and speaks on each of them once a second.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 18, MESSAGE = 64, EVENTS = 256 };

static char block[BLOCK];

static void must(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static struct sockaddr_in address_of(char **arguments) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    must(inet_pton(AF_INET, arguments[0], &address.sin_addr) == 1, "address");
    return address;
}

static int open_socket(void) {
    int one = 1, made = socket(AF_INET, SOCK_STREAM, 0);
    must(made >= 0, "socket");
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return made;
}

static int dial(struct sockaddr_in *to) {
    int made = open_socket();
    must(!connect(made, (struct sockaddr *)to, sizeof(*to)), "connect");
    return made;
}

// The server closes first, so that TIME_WAIT does not use up the client's ports.
static void serve_connects(int listener) {
    for (;;)
        close(accept(listener, NULL, NULL));
}

// Reads what comes; answers in mode "request".
static void serve_streams(int listener, int answers) {
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = listener};
    int poll = epoll_create1(0);
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int from = events[i].data.fd;
            if (from == listener) {
                event.data.fd = accept(listener, NULL, NULL);
                epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
                continue;
            }
            ssize_t got = read(from, block, BLOCK);
            if (got <= 0)
                close(from);
            else if (answers)
                must(write(from, block, got) == got, "answer");
        }
    }
}

static void serve(const char *mode, struct sockaddr_in *at) {
    int listener = open_socket();
    must(!bind(listener, (struct sockaddr *)at, sizeof(*at)), "bind");
    must(!listen(listener, 4096), "listen");
    puts("listening");
    fflush(stdout);
    if (!strcmp(mode, "connect"))
        serve_connects(listener);
    serve_streams(listener, !strcmp(mode, "request"));
}

static long drive_bulk(int to, double until) {
    long sent = 0;
    while (now() < until) {
        ssize_t wrote = write(to, block, BLOCK);
        must(wrote > 0, "write");
        sent += wrote;
    }
    return sent;
}

static long drive_requests(int to, double until) {
    long done = 0;
    for (; now() < until; done++) {
        must(write(to, block, MESSAGE) == MESSAGE, "request");
        must(recv(to, block, MESSAGE, MSG_WAITALL) == MESSAGE, "answer");
    }
    return done;
}

static long drive_connects(struct sockaddr_in *to, double until, long rate) {
    double start = now();
    long done = 0;
    for (; now() < until; done++) {
        int made = dial(to);
        must(read(made, block, 1) == 0, "end of stream");
        close(made);
        while (rate && done > rate * (now() - start))
            usleep(500);
    }
    return done;
}

static long hold(struct sockaddr_in *to, double seconds, int sockets) {
    int *held = calloc(sockets, sizeof(int));
    for (int i = 0; i < sockets; i++)
        held[i] = dial(to);
    puts("held");
    fflush(stdout);
    for (double until = now() + seconds; now() < until; sleep(1))
        for (int i = 0; i < sockets; i++)
            must(write(held[i], block, 1) == 1, "write");
    return sockets;
}

int main(int count, char **arguments) {
    must(count >= 5, "usage: load serve|drive MODE ADDRESS PORT [SECONDS [RATE or SOCKETS]]");
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    must(!setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
    struct sockaddr_in address = address_of(arguments + 3);
    const char *mode = arguments[2];
    if (!strcmp(arguments[1], "serve"))
        serve(mode, &address);
    double seconds = atof(arguments[5]), until = now() + seconds;
    long amount = count > 6 ? atol(arguments[6]) : 0, done;
    if (!strcmp(mode, "connect"))
        done = drive_connects(&address, until, amount);
    else if (!strcmp(mode, "hold"))
        done = hold(&address, seconds, amount);
    else if (!strcmp(mode, "bulk"))
        done = drive_bulk(dial(&address), until);
    else
        done = drive_requests(dial(&address), until);
    printf("%ld\n", done);
}
