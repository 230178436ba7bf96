/* The least that forwarding can cost: bytes from each connection to the one that came with it, by epoll, looked at by nobody. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int other[1 << 16];
static char bytes[1 << 18];

int main(int count, char **words) {
  int one = 1, waiting = -1, queue = epoll_create1(0);
  int door = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(atoi(words[count - 1]))};
  place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(door, (struct sockaddr *)&place, sizeof place) || listen(door, 1024)) return 1;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = door}, events[256];
  epoll_ctl(queue, EPOLL_CTL_ADD, door, &event);
  for (;;) {
    int ready = epoll_wait(queue, events, 256, -1);
    for (int i = 0; i < ready; i++) {
      int from = events[i].data.fd;
      if (from == door) {
        int came = accept(door, 0, 0);
        setsockopt(came, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        other[came] = -1;
        /* A look whether the port answers leaves at once: it is nobody's other half. */
        char look;
        usleep(2000);
        if (recv(came, &look, 1, MSG_PEEK | MSG_DONTWAIT) == 0) { close(came); continue; }
        if (waiting < 0) waiting = came;
        else { other[waiting] = came; other[came] = waiting; waiting = -1; }
        event.data.fd = came;
        epoll_ctl(queue, EPOLL_CTL_ADD, came, &event);
        continue;
      }
      ssize_t got = recv(from, bytes, sizeof bytes, 0);
      if (got <= 0) { close(from); continue; }
      for (ssize_t sent = 0; other[from] >= 0 && sent < got;) {
        ssize_t step = send(other[from], bytes + sent, got - sent, MSG_NOSIGNAL);
        if (step < 0) break;
        sent += step;
      }
    }
  }
}
