/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of open descriptors: what curl's callbacks fill and empty, and the
 * search in it by local port.
 */
#include "sockets.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vers3/util/array.h"

void sockets_release(struct sockets *s)
{
	free(s->fds);
	memset(s, 0, sizeof(*s));
}

curl_socket_t sockets_open(void *ctx, curlsocktype purpose,
			   struct curl_sockaddr *addr)
{
	struct sockets *s = ctx;
	int fd = socket(addr->family, addr->socktype | SOCK_CLOEXEC,
			addr->protocol);

	(void)purpose;
	if (fd < 0)
		return CURL_SOCKET_BAD;
	/* Without memory this one is not known: no reason to do without it. */
	if (!array_room(s->fds, s->count, s->size))
		s->fds[s->count++] = fd;
	return fd;
}

int sockets_close(void *ctx, curl_socket_t fd)
{
	struct sockets *s = ctx;

	for (size_t i = 0; i < s->count; i++)
		if (s->fds[i] == fd) {
			s->fds[i] = s->fds[--s->count];
			break;
		}
	return close(fd);
}

static int local_port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		return -1;
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	if (addr.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&addr)->sin_port);
	return -1;
}

int sockets_unsent(const struct sockets *s, int local_port)
{
	int unsent;

	for (size_t i = 0; i < s->count; i++)
		if (local_port_of(s->fds[i]) == local_port)
			return ioctl(s->fds[i], SIOCOUTQ, &unsent) ? -1
								   : unsent;
	return -1;
}
