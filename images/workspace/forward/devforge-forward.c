/*
 * devforge-forward PORT SOCKET   relays connections to 127.0.0.1:PORT to a Unix socket: the gateway of a workspace
 * devforge-forward SOCKET        relays its input and output to a Unix socket: the gateway's control
 * devforge-forward relay         relays between pairs of sockets that the gateway, its parent, passes to it: as Node.js does
 *                                over the channel of a child process, with { "relay": N } twice for each pair, the client's
 *                                socket first. With "bytes" it carries so many from the second socket to the first, and what
 *                                the first sends goes nowhere. { "end": N } ends one; { "ended": N }
 *                                reports each that has ended
 *
 * One process and one thread for all connections, with memory only for what a slow receiver has not taken yet. Bytes go
 * from socket to socket through one pipe, so they are not copied. While the gateway restarts, connections wait for it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, MAX_EVENTS = 64, RETRY_MS = 50, MAX_WAIT_MS = 15000, BACKLOG = 512 };

struct connection;

/* One of the two sockets of a connection. */
struct end {
  struct connection *connection;
  int fd;
  uint32_t events;
  int ended;      /* it sends no more */
  int shut;       /* it receives no more */
  char *pending;  /* what it has not taken yet */
  size_t from, to;
};

struct connection {
  struct end client, gateway;
  long since;
  long relay; /* its number, 0 for those of a workspace */
  int is_one_way;
  long long left; /* of a connection with one way: what the client may still get */
  int dead;
  struct connection *next;
};

static int epoll_fd, pipe_fd[2];
static char buffer[CHUNK];
static struct sockaddr_un gateway_address = {.sun_family = AF_UNIX};
/* Connections that wait for the gateway, and those to be freed after the events at hand. */
static struct connection *waiting, *dead;
/* Of a relay: the parent, its messages so far, and everything that is open. */
static int channel = -1;
static struct connection *relays;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static struct end *other(struct end *end) {
  struct connection *connection = end->connection;
  return end == &connection->client ? &connection->gateway : &connection->client;
}

static void report_end(struct connection *connection) {
  struct connection **at = &relays;
  while (*at != connection) at = &(*at)->next;
  *at = connection->next;
  char message[64];
  int length = snprintf(message, sizeof message, "{\"ended\":%ld}\n", connection->relay);
  if (send(channel, message, length, MSG_NOSIGNAL) < 0) exit(0);
}

static void close_connection(struct connection *connection) {
  if (connection->relay != 0) report_end(connection);
  connection->dead = 1;
  close(connection->client.fd);
  if (connection->gateway.fd >= 0) close(connection->gateway.fd);
  free(connection->client.pending);
  free(connection->gateway.pending);
  connection->next = dead;
  dead = connection;
}

static void free_dead(void) {
  while (dead != NULL) {
    struct connection *next = dead->next;
    free(dead);
    dead = next;
  }
}

/* An end without events is not watched at all, since its hang-up would be reported again and again. */
static int watch(struct end *end, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = end};
  uint32_t before = end->events;
  if (before == events) return 0;
  end->events = events;
  return epoll_ctl(epoll_fd, events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, end->fd, &event);
}

/* An end is read only while the other one takes everything. */
static void watch_both(struct connection *connection) {
  struct end *client = &connection->client, *gateway = &connection->gateway;
  watch(client, (client->ended || gateway->pending ? 0 : EPOLLIN) | (client->pending ? EPOLLOUT : 0));
  watch(gateway, (gateway->ended || client->pending ? 0 : EPOLLIN) | (gateway->pending ? EPOLLOUT : 0));
}

/* Passes the end of the stream on when everything before it was taken. */
static void finish(struct end *source, struct end *target) {
  struct connection *connection = source->connection;
  if (!source->ended || target->pending != NULL || target->shut) return;
  if (connection->is_one_way && source == &connection->client) {
    if (source->shut) close_connection(connection);
    return;
  }
  target->shut = 1;
  shutdown(target->fd, SHUT_WR);
  /* Closing at once would take the last bytes from a client that is still sending. */
  if (connection->is_one_way) shutdown(source->fd, SHUT_RDWR);
  if (target->ended) close_connection(connection);
}

static int would_block(void) {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static int keep(struct end *target, size_t length) {
  target->pending = malloc(length);
  if (target->pending == NULL) return -1;
  target->from = 0;
  target->to = length;
  return 0;
}

/* @returns -1 when the connection broke */
static int drain_pipe(struct end *target, size_t length) {
  while (length > 0) {
    ssize_t sent = splice(pipe_fd[0], NULL, target->fd, NULL, length, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (sent > 0) {
      length -= sent;
      continue;
    }
    /* The pipe serves all connections, so nothing may stay in it. */
    int broken = sent < 0 && !would_block();
    if (keep(target, length) < 0) exit(1);
    for (size_t at = 0; at < length;) {
      ssize_t got = read(pipe_fd[0], target->pending + at, length - at);
      if (got <= 0) exit(1);
      at += got;
    }
    return broken ? -1 : 0;
  }
  return 0;
}

/* Reads what goes nowhere: unread, it would turn the end of the connection into an error. */
static int discard(struct end *source) {
  ssize_t length = recv(source->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (length < 0) return would_block() ? 0 : -1;
  if (length == 0) source->ended = 1;
  return 0;
}

static int pass_on(struct end *source, struct end *target) {
  struct connection *connection = source->connection;
  size_t most = CHUNK;
  if (connection->is_one_way) {
    if (source == &connection->client) return discard(source);
    if (connection->left < CHUNK) most = connection->left;
  }
  ssize_t length = splice(source->fd, NULL, pipe_fd[1], NULL, most, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  if (length < 0) return would_block() ? 0 : -1;
  if (length == 0) source->ended = 1;
  if (connection->is_one_way && (connection->left -= length) == 0) source->ended = 1;
  return length == 0 ? 0 : drain_pipe(target, length);
}

static int flush(struct end *target) {
  while (target->from < target->to) {
    ssize_t sent = send(target->fd, target->pending + target->from, target->to - target->from, MSG_NOSIGNAL);
    if (sent < 0) return would_block() ? 0 : -1;
    target->from += sent;
  }
  free(target->pending);
  target->pending = NULL;
  return 0;
}

static void on_event(struct end *end, uint32_t events) {
  struct connection *connection = end->connection;
  struct end *peer = other(end);
  if (connection->dead) return;
  if (events & EPOLLERR) {
    close_connection(connection);
    return;
  }
  if (events & EPOLLOUT && end->pending != NULL && flush(end) < 0) {
    close_connection(connection);
    return;
  }
  if (events & (EPOLLIN | EPOLLHUP) && !end->ended && peer->pending == NULL && pass_on(end, peer) < 0) {
    close_connection(connection);
    return;
  }
  finish(end, peer);
  if (!connection->dead) finish(peer, end);
  if (connection->dead) return;
  if (events & EPOLLHUP && end->ended && end->pending == NULL && peer->pending == NULL) {
    close_connection(connection);
    return;
  }
  watch_both(connection);
}

static int reach_gateway(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&gateway_address, sizeof gateway_address) == 0) return fd;
  close(fd);
  return -1;
}

static int join(struct connection *connection) {
  int fd = reach_gateway();
  if (fd < 0) return -1;
  connection->gateway.fd = fd;
  if (watch(&connection->gateway, EPOLLIN) < 0 || watch(&connection->client, EPOLLIN) < 0) close_connection(connection);
  return 0;
}

static void give_up(struct connection *connection) {
  static const char answer[] =
      "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
      "DevForge: the egress gateway does not run.\n";
  if (send(connection->client.fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0) perror("devforge-forward: answer");
  close_connection(connection);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
      close(fd);
      continue;
    }
    connection->client = (struct end){.connection = connection, .fd = fd};
    connection->gateway = (struct end){.connection = connection, .fd = -1};
    connection->since = now_ms();
    if (join(connection) == 0) continue;
    connection->next = waiting;
    waiting = connection;
  }
}

static void retry_waiting(void) {
  struct connection **at = &waiting;
  while (*at != NULL) {
    struct connection *connection = *at;
    struct connection *next = connection->next;
    int has_joined = join(connection) == 0;
    if (!has_joined && now_ms() - connection->since <= MAX_WAIT_MS) {
      at = &connection->next;
      continue;
    }
    *at = next;
    if (!has_joined) give_up(connection);
  }
}

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) fail("devforge-forward: socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) fail("devforge-forward: bind");
  if (listen(fd, BACKLOG) < 0) fail("devforge-forward: listen");
  return fd;
}

static void open_loop(int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (pipe2(pipe_fd, O_NONBLOCK | O_CLOEXEC) < 0) fail("devforge-forward: pipe");
  fcntl(pipe_fd[1], F_SETPIPE_SZ, CHUNK);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) fail("devforge-forward: epoll");
}

static void run_loop(void (*on_input)(int), int fd) {
  struct epoll_event events[MAX_EVENTS];
  for (;;) {
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, waiting != NULL ? RETRY_MS : -1);
    if (count < 0 && errno != EINTR) fail("devforge-forward: epoll_wait");
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) on_input(fd);
      else on_event(events[i].data.ptr, events[i].events);
    }
    free_dead();
    if (waiting != NULL) retry_waiting();
  }
}

static void serve(int port) {
  int listener = listen_on(port);
  open_loop(listener);
  run_loop(accept_all, listener);
}

static void end_relay(long number) {
  struct connection *connection = relays;
  while (connection != NULL && connection->relay != number) connection = connection->next;
  if (connection != NULL) close_connection(connection);
}

/* The two sockets of a relay come one after the other. */
static void take_socket(long number, int fd, const char *bytes) {
  static struct connection *half;
  if (half == NULL) {
    half = calloc(1, sizeof *half);
    if (half == NULL) fail("devforge-forward: calloc");
    half->client = (struct end){.connection = half, .fd = fd};
    return;
  }
  struct connection *connection = half;
  half = NULL;
  connection->gateway = (struct end){.connection = connection, .fd = fd};
  connection->relay = number;
  connection->is_one_way = bytes != NULL;
  connection->left = bytes != NULL ? atoll(bytes) : 0;
  connection->next = relays;
  relays = connection;
  if (watch(&connection->client, EPOLLIN) < 0 || watch(&connection->gateway, EPOLLIN) < 0) close_connection(connection);
}

static void on_message(const char *message, int fd) {
  static const char acknowledgement[] = "{\"cmd\":\"NODE_HANDLE_ACK\"}\n";
  const char *relay = strstr(message, "\"relay\":"), *end = strstr(message, "\"end\":");
  const char *bytes = strstr(message, "\"bytes\":");
  if (relay != NULL && fd >= 0) {
    if (send(channel, acknowledgement, sizeof acknowledgement - 1, MSG_NOSIGNAL) < 0) exit(0);
    take_socket(atol(relay + 8), fd, bytes == NULL ? NULL : bytes + 8);
  } else if (end != NULL) {
    end_relay(atol(end + 6));
  }
}

/* A socket comes with the first byte of its message, and never two at once. */
static void read_channel(int fd) {
  static char line[1024];
  static size_t filled;
  static int passed = -1;
  char chunk[512], control[CMSG_SPACE(sizeof(int))];
  struct iovec data = {.iov_base = chunk, .iov_len = sizeof chunk};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  if (length == 0 || (length < 0 && !would_block())) exit(0);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (length > 0 && header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(&passed, CMSG_DATA(header), sizeof passed);
  for (ssize_t at = 0; at < length; at++) {
    if (chunk[at] != '\n') {
      if (filled < sizeof line - 1) line[filled++] = chunk[at];
      continue;
    }
    line[filled] = '\0';
    filled = 0;
    on_message(line, passed);
    passed = -1;
  }
}

static void relay(void) {
  const char *number = getenv("NODE_CHANNEL_FD");
  if (number == NULL) fail("devforge-forward: NODE_CHANNEL_FD");
  channel = atoi(number);
  open_loop(channel);
  run_loop(read_channel, channel);
}

static void write_all(int fd, const char *data, ssize_t length) {
  while (length > 0) {
    ssize_t sent = write(fd, data, length);
    if (sent < 0 && errno != EINTR) exit(1);
    if (sent > 0) data += sent, length -= sent;
  }
}

/* Ends with its input, or with the gateway. */
static void connect_output(void) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&gateway_address, sizeof gateway_address) < 0) {
    perror("devforge-forward: connect");
    exit(1);
  }
  struct pollfd polls[] = {{.fd = 0, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  for (;;) {
    if (poll(polls, 2, -1) < 0 && errno != EINTR) fail("devforge-forward: poll");
    for (int i = 0; i < 2; i++) {
      if (!(polls[i].revents & (POLLIN | POLLHUP | POLLERR))) continue;
      ssize_t length = read(polls[i].fd, buffer, sizeof buffer);
      if (length == 0 || (length < 0 && errno != EINTR)) exit(0);
      if (length > 0) write_all(i == 0 ? fd : 1, buffer, length);
    }
  }
}

int main(int argc, char **argv) {
  const char *path = argc > 1 ? argv[argc - 1] : "";
  signal(SIGPIPE, SIG_IGN);
  if (argc < 2 || argc > 3 || strlen(path) >= sizeof gateway_address.sun_path) {
    fprintf(stderr, "usage: devforge-forward [PORT] SOCKET | relay\n");
    return 2;
  }
  strcpy(gateway_address.sun_path, path);
  if (strcmp(path, "relay") == 0) relay();
  else if (argc == 2) connect_output();
  else serve(atoi(argv[1]));
}
