/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of one I/O thread, which curl opens through here: close-on-exec,
 * and known by their local port, as curl does not tell the socket of a
 * transfer under way. Private to this folder; one thread at a time.
 */
#ifndef VERS3_SRC_NET_SOCKETS_H
#define VERS3_SRC_NET_SOCKETS_H

#include <curl/curl.h>
#include <stddef.h>

struct sockets {
	int *fds; /* owned; the sockets are curl's */
	size_t count, size;
};

/* All zeroes is an empty table. */
void sockets_release(struct sockets *s);
/* CURLOPT_OPENSOCKETFUNCTION and CURLOPT_CLOSESOCKETFUNCTION; ctx is s. */
curl_socket_t sockets_open(void *ctx, curlsocktype purpose,
			   struct curl_sockaddr *addr);
int sockets_close(void *ctx, curl_socket_t fd);
/*
 * How many bytes the kernel still has to get rid of for the connection from
 * that local port; -1 when that is not known.
 */
int sockets_unsent(const struct sockets *s, int local_port);

#endif
