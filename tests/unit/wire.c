/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define STEPS_MAX  64
#define SLOW_BYTES ((size_t)8 << 10)
#define ASKED_MAX  ((size_t)8 << 20)

struct wire {
	const struct wire_step *steps; /* borrowed */
	size_t count;
	int listener;
	char url[64];
	pthread_t thread;

	pthread_mutex_t mutex; /* protects the rest */
	bool stop;
	size_t next; /* the step to play */
	size_t connections;
	char *asked[STEPS_MAX]; /* owned */
};

static bool stopped(struct wire *w)
{
	bool stop;

	pthread_mutex_lock(&w->mutex);
	stop = w->stop;
	pthread_mutex_unlock(&w->mutex);
	return stop;
}

/* Waits until the socket has something. False: stopped. */
static bool ready(struct wire *w, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (!stopped(w))
		if (poll(&p, 1, 20) > 0)
			return true;
	return false;
}

/* How much to read at a time of the request of the next step. */
static size_t pace(struct wire *w, size_t room)
{
	bool slow;

	pthread_mutex_lock(&w->mutex);
	slow = w->next < w->count && w->steps[w->next].then == WIRE_SLOW;
	pthread_mutex_unlock(&w->mutex);
	if (!slow)
		return room;
	usleep(20000);
	return room < SLOW_BYTES ? room : SLOW_BYTES;
}

/* A request as a string to be freed; NULL when the client has gone. */
static char *read_request(struct wire *w, int fd)
{
	char *text = malloc(ASKED_MAX);
	size_t have = 0, need = 0;

	assert_non_null(text);
	while (ready(w, fd)) {
		ssize_t got =
			recv(fd, text + have, pace(w, ASKED_MAX - 1 - have), 0);
		char *end, *length;

		if (got <= 0)
			break;
		have += (size_t)got;
		text[have] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (end && !need) {
			need = (size_t)(end - text) + 4;
			length = strcasestr(text, "\r\ncontent-length:");
			if (length && length < end)
				need += strtoul(length + 17, NULL, 10);
		}
		if (need && have >= need)
			return text;
	}
	free(text);
	return NULL;
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		data += sent;
		len -= (size_t)sent;
	}
}

static void send_answer(int fd, const char *answer)
{
	const char *code;

	if (!strncmp(answer, "%D", 2)) {
		send_all(fd, "HTTP/1.1 ", 9);
		answer += 2;
	}
	while ((code = strstr(answer, "%E"))) {
		send_all(fd, answer, (size_t)(code - answer));
		send_all(fd, "\r\n\r\n", 4);
		answer = code + 2;
	}
	send_all(fd, answer, strlen(answer));
}

/* Says the same byte for ever, until the client goes. */
static void send_endlessly(struct wire *w, int fd, char byte, bool drip)
{
	char many[4096];
	size_t len = drip ? 1 : sizeof(many);

	memset(many, byte, sizeof(many));
	while (!stopped(w) && send(fd, many, len, MSG_NOSIGNAL) > 0)
		if (drip)
			usleep(100000);
}

/* Plays one step. False: the connection is to be closed. */
static bool play(struct wire *w, int fd)
{
	static const struct linger hard = {.l_onoff = 1, .l_linger = 0};
	const struct wire_step *step = NULL;
	char *asked = read_request(w, fd);
	char byte;

	if (!asked)
		return false;
	pthread_mutex_lock(&w->mutex);
	if (w->next < w->count) {
		step = &w->steps[w->next];
		w->asked[w->next++] = asked;
		asked = NULL;
	}
	pthread_mutex_unlock(&w->mutex);
	free(asked);
	if (!step)
		return false;
	if (step->answer)
		send_answer(fd, step->answer);
	if (step->then == WIRE_STALL && ready(w, fd))
		(void)!recv(fd, &byte, 1, 0);
	if (step->then == WIRE_DRIP || step->then == WIRE_FLOOD)
		send_endlessly(w, fd, step->answer[strlen(step->answer) - 1],
			       step->then == WIRE_DRIP);
	if (step->then == WIRE_RESET)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	return step->then == WIRE_KEEP;
}

static void *wire_main(void *arg)
{
	struct wire *w = arg;

	while (ready(w, w->listener)) {
		int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		pthread_mutex_lock(&w->mutex);
		w->connections++;
		pthread_mutex_unlock(&w->mutex);
		while (play(w, fd))
			;
		close(fd);
	}
	return NULL;
}

struct wire *wire_new(const struct wire_step *steps, size_t count)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	struct wire *w = calloc(1, sizeof(*w));
	int small = 64 << 10;

	assert_non_null(w);
	assert_true(count <= STEPS_MAX);
	w->steps = steps;
	w->count = count;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(w->listener >= 0);
	/* So that what is not read yet stays on the sender's side. */
	if (count && steps[0].then == WIRE_SLOW)
		setsockopt(w->listener, SOL_SOCKET, SO_RCVBUF, &small,
			   sizeof(small));
	assert_int_equal(bind(w->listener, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(w->listener, 16), 0);
	assert_int_equal(
		getsockname(w->listener, (struct sockaddr *)&addr, &len), 0);
	snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u",
		 ntohs(addr.sin_port));
	pthread_mutex_init(&w->mutex, NULL);
	assert_int_equal(pthread_create(&w->thread, NULL, wire_main, w), 0);
	return w;
}

void wire_free(struct wire *w)
{
	size_t next;

	pthread_mutex_lock(&w->mutex);
	w->stop = true;
	pthread_mutex_unlock(&w->mutex);
	pthread_join(w->thread, NULL);
	close(w->listener);
	pthread_mutex_destroy(&w->mutex);
	for (size_t i = 0; i < w->count; i++)
		free(w->asked[i]);
	next = w->count - w->next;
	free(w);
	assert_int_equal(next, 0);
}

const char *wire_url(struct wire *w)
{
	return w->url;
}

const char *wire_asked(struct wire *w, size_t step)
{
	const char *asked;

	pthread_mutex_lock(&w->mutex);
	asked = w->asked[step] ? w->asked[step] : "";
	pthread_mutex_unlock(&w->mutex);
	return asked;
}

size_t wire_connections(struct wire *w)
{
	size_t n;

	pthread_mutex_lock(&w->mutex);
	n = w->connections;
	pthread_mutex_unlock(&w->mutex);
	return n;
}
