/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line to a server that is far away: passes TCP connections on, with what
 * the distance costs.
 *
 *	b_line PORT [LATENCY-MS [RATE-MBIT]]
 *
 * Listens on a free port of 127.0.0.1, prints it, and passes each connection
 * on to PORT there. What a client sends arrives LATENCY-MS later, answers at
 * once: so each request, and each body that waits for its "100 Continue",
 * takes that much longer, however many are under way. All connections
 * together get RATE-MBIT each way, in pieces that are shared out fairly.
 * Without the two it only passes on. Ends by a signal.
 *
 * One thread: the bytes of a connection wait in pieces, in order, each until
 * its time has come.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINKS     1024u
#define PIECE_BYTES   (256u << 10)
#define SHARED_BYTES  (32u << 10) /* a piece where the rate is bounded */
#define MAX_UNDER_WAY (64u << 20) /* of one connection, one way */
#define LATE_NS	      10000000u
#define NEVER	      UINT64_MAX

struct piece {
	STAILQ_ENTRY(piece) entry;
	uint64_t due_ns;
	size_t at, end;
	char bytes[];
};

/* One direction of all connections. */
struct line {
	uint64_t delay_ns;
	uint64_t free_ns; /* when it has carried what it was given */
	double ns_a_byte; /* 0: no bound */
};

struct way {
	STAILQ_HEAD(, piece) pieces;
	size_t bytes; /* in `pieces` */
	struct line *line;
	int from, to;
	bool ended; /* `from` sends no more */
	bool shut; /* and `to` knows */
	bool full; /* `to` takes no more for now */
};

struct link {
	struct way up, down;
};

static struct link links[MAX_LINKS];
static size_t link_count;
static struct line up_line, down_line;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void way_init(struct way *w, int from, int to, struct line *line)
{
	memset(w, 0, sizeof(*w));
	STAILQ_INIT(&w->pieces);
	w->from = from;
	w->to = to;
	w->line = line;
}

static void way_release(struct way *w)
{
	struct piece *p;

	while ((p = STAILQ_FIRST(&w->pieces))) {
		STAILQ_REMOVE_HEAD(&w->pieces, entry);
		free(p);
	}
}

/* Takes what `from` has; false when the connection is broken. */
static bool way_take(struct way *w, uint64_t now)
{
	static char bytes[PIECE_BYTES];
	size_t piece = w->line->ns_a_byte > 0 ? SHARED_BYTES : PIECE_BYTES;
	struct piece *p;
	ssize_t n;

	n = recv(w->from, bytes, piece, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0) {
		w->ended = true;
		return true;
	}
	p = malloc(sizeof(*p) + (size_t)n);
	if (!p)
		return false;
	p->due_ns = now + w->line->delay_ns;
	p->at = 0;
	p->end = (size_t)n;
	memcpy(p->bytes, bytes, (size_t)n);
	STAILQ_INSERT_TAIL(&w->pieces, p, entry);
	w->bytes += (size_t)n;
	return true;
}

/* When the first piece may go. */
static uint64_t way_due_ns(const struct way *w)
{
	const struct piece *p = STAILQ_FIRST(&w->pieces);

	if (!p || w->full)
		return NEVER;
	return p->due_ns > w->line->free_ns ? p->due_ns : w->line->free_ns;
}

/*
 * Notes that the line has to carry `n` bytes more. What it has missed because
 * this process was late, it makes good.
 */
static void line_carry(struct line *line, size_t n, uint64_t now)
{
	if (line->free_ns + LATE_NS < now)
		line->free_ns = now - LATE_NS;
	line->free_ns += (uint64_t)((double)n * line->ns_a_byte);
}

/* Gives `to` what is due, a piece at a time where the rate is bounded. */
static bool way_give(struct way *w, uint64_t now)
{
	while (way_due_ns(w) <= now) {
		struct piece *p = STAILQ_FIRST(&w->pieces);
		ssize_t n = send(w->to, p->bytes + p->at, p->end - p->at,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0) {
			w->full = true;
			break;
		}
		line_carry(w->line, (size_t)n, now);
		w->bytes -= (size_t)n;
		p->at += (size_t)n;
		if (p->at == p->end) {
			STAILQ_REMOVE_HEAD(&w->pieces, entry);
			free(p);
		}
	}
	if (w->ended && !w->shut && STAILQ_EMPTY(&w->pieces)) {
		shutdown(w->to, SHUT_WR);
		w->shut = true;
	}
	return true;
}

static int connect_to(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void link_new(int listener, int port)
{
	struct link *l = &links[link_count];
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC), server;
	int one = 1;

	if (client < 0)
		return;
	server = connect_to(port);
	if (server < 0) {
		close(client);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	way_init(&l->up, client, server, &up_line);
	way_init(&l->down, server, client, &down_line);
	link_count++;
}

static void link_end(size_t i)
{
	struct link *l = &links[i], *last = &links[--link_count];

	close(l->up.from);
	close(l->up.to);
	way_release(&l->up);
	way_release(&l->down);
	if (l == last)
		return;
	*l = *last;
	/* The lists of pieces end in the struct that was copied. */
	if (STAILQ_EMPTY(&l->up.pieces))
		STAILQ_INIT(&l->up.pieces);
	if (STAILQ_EMPTY(&l->down.pieces))
		STAILQ_INIT(&l->down.pieces);
}

static bool wants(const struct way *w)
{
	return !w->ended && w->bytes < MAX_UNDER_WAY;
}

static void watch(struct pollfd *p, int fd, bool in, bool out)
{
	p->fd = in || out ? fd : -1; /* else its end would be told for ever */
	p->events = (short)((in ? POLLIN : 0) | (out ? POLLOUT : 0));
	p->revents = 0;
}

/* Fills the poll set; returns when a piece is due. */
static uint64_t watch_all(struct pollfd *set, int listener)
{
	uint64_t due = NEVER;

	watch(&set[0], listener, link_count < MAX_LINKS, false);
	for (size_t i = 0; i < link_count; i++) {
		struct link *l = &links[i];
		uint64_t up = way_due_ns(&l->up);
		uint64_t down = way_due_ns(&l->down);

		watch(&set[1 + 2 * i], l->up.from, wants(&l->up), l->down.full);
		watch(&set[2 + 2 * i], l->up.to, wants(&l->down), l->up.full);
		if (up < due)
			due = up;
		if (down < due)
			due = down;
	}
	return due;
}

static void wait_for(struct pollfd *set, uint64_t due)
{
	uint64_t now = now_ns(), ns = due > now ? due - now : 0;
	struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u),
			     .tv_nsec = (long)(ns % 1000000000u)};

	if (ppoll(set, 1 + 2 * link_count, due == NEVER ? NULL : &t, NULL) < 0)
		for (size_t i = 0; i <= 2 * link_count; i++)
			set[i].revents = 0;
}

/* What poll said of a link; false when it is over. */
static bool link_heard(struct link *l, const struct pollfd *set, uint64_t now)
{
	const short in = POLLIN | POLLHUP | POLLERR;
	const short out = POLLOUT | POLLHUP | POLLERR;

	if (set[0].revents & out)
		l->down.full = false;
	if (set[1].revents & out)
		l->up.full = false;
	if ((set[0].revents & in) && wants(&l->up) && !way_take(&l->up, now))
		return false;
	if ((set[1].revents & in) && wants(&l->down) &&
	    !way_take(&l->down, now))
		return false;
	return true;
}

static bool link_carry(struct link *l, uint64_t now)
{
	return way_give(&l->up, now) && way_give(&l->down, now) &&
	       !(l->up.shut && l->down.shut);
}

static void serve(int listener, int port)
{
	static struct pollfd set[1 + 2 * MAX_LINKS];
	static bool over[MAX_LINKS];
	size_t first = 0;

	for (;;) {
		size_t n = link_count;
		uint64_t now;

		wait_for(set, watch_all(set, listener));
		now = now_ns();
		for (size_t i = 0; i < n; i++)
			over[i] = !link_heard(&links[i], &set[1 + 2 * i], now);
		/* Another one is the first each time, so that all get some. */
		for (size_t i = 0; i < n; i++) {
			size_t k = (first + i) % n;

			over[k] = over[k] || !link_carry(&links[k], now);
		}
		first++;
		/* From the end: the last takes the place of one that goes. */
		for (size_t i = n; i-- > 0;)
			if (over[i])
				link_end(i);
		if (set[0].revents & POLLIN)
			link_new(listener, port);
	}
}

static int listen_anywhere(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(fd, 1024) ||
	    getsockname(fd, (struct sockaddr *)&at, &length)) {
		perror("b_line");
		exit(1);
	}
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static double number(const char *text)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || *end || v < 0 || v > 1e6) {
		fprintf(stderr, "b_line: %s is no number\n", text);
		exit(2);
	}
	return v;
}

int main(int argc, char **argv)
{
	double mbit;
	int port;

	if (argc < 2 || argc > 4) {
		fprintf(stderr,
			"usage: b_line PORT [LATENCY-MS [RATE-MBIT]]\n");
		return 2;
	}
	port = (int)number(argv[1]);
	up_line.delay_ns = argc > 2 ? (uint64_t)(number(argv[2]) * 1e6) : 0;
	mbit = argc > 3 ? number(argv[3]) : 0;
	up_line.ns_a_byte = mbit > 0 ? 8e3 / mbit : 0;
	down_line.ns_a_byte = up_line.ns_a_byte;
	signal(SIGPIPE, SIG_IGN);
	serve(listen_anywhere(), port);
}
