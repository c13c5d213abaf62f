/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that means ill, between the mount and a true one: what the form
 * at hand does not lie about is passed on.
 *
 *	liar PORT-OF-THE-TRUE-ONE FILE
 *
 * Prints its own port. FILE holds the form's name, read at each request; one
 * that has no name here, or no file, lies about nothing. Each lie is a byte on
 * stderr.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 65536
#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"

static int upstream_port;
static const char *form_file;

struct request {
	int fd;
	char head[HEAD_MAX]; /* with its empty line; NUL behind it */
	size_t have, head_len; /* more than the head may have come */
	char method[16], target[8192];
};

struct form {
	const char *name;
	bool (*is_meant)(const struct request *r);
	void (*lie)(struct request *r);
};

/* False: the client has gone. */
static bool say_bytes(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		data += sent;
		len -= (size_t)sent;
	}
	return true;
}

static bool say(int fd, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static bool say(int fd, const char *format, ...)
{
	char *text;
	va_list args;
	bool ok;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0)
		return false;
	ok = say_bytes(fd, text, (size_t)len);
	free(text);
	return ok;
}

/* The head of an answer whose end is the connection's. */
static bool say_head(struct request *r, const char *status)
{
	return say(r->fd,
		   "HTTP/1.1 %s\r\nContent-Type: application/xml\r\n"
		   "Connection: close\r\n\r\n",
		   status);
}

static void nap(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000,
			     .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}

static void drip(struct request *r)
{
	while (say_bytes(r->fd, "<", 1))
		nap(1000);
}

static void flood(struct request *r)
{
	static char many[65536];

	memset(many, 'x', sizeof(many));
	while (say_bytes(r->fd, many, sizeof(many)))
		;
}

/* What is asked for. */

static bool has(const struct request *r, const char *text)
{
	return strstr(r->target, text) != NULL;
}

static bool is_versions(const struct request *r)
{
	return !strcmp(r->method, "GET") && has(r, "versions=");
}

static bool is_list(const struct request *r)
{
	return is_versions(r) ||
	       (!strcmp(r->method, "GET") && has(r, "list-type="));
}

/* An object's own requests. */
static bool is_object(const struct request *r)
{
	const char *slash = strchr(r->target + 1, '/');

	return slash && slash[1] && slash[1] != '?';
}

static bool is_read(const struct request *r)
{
	return is_object(r) && !strcmp(r->method, "GET");
}

static bool is_head(const struct request *r)
{
	return is_object(r) && !strcmp(r->method, "HEAD");
}

static bool is_write(const struct request *r)
{
	return is_object(r) &&
	       (!strcmp(r->method, "PUT") || !strcmp(r->method, "POST"));
}

static bool is_any(const struct request *r)
{
	return is_list(r) || is_object(r);
}

/* The value of a parameter of the query, as it is encoded. */
static void param(const struct request *r, const char *name, char *to,
		  size_t size)
{
	const char *at = strchr(r->target, '?');
	size_t len = strlen(name);

	*to = '\0';
	for (; at; at = strchr(at + 1, '&')) {
		if (strncmp(at + 1, name, len) || at[1 + len] != '=')
			continue;
		at += len + 2;
		len = strcspn(at, "&");
		if (len < size) {
			memcpy(to, at, len);
			to[len] = '\0';
		}
		return;
	}
}

/* Lists. */

static bool say_entry(struct request *r, const char *key, unsigned n,
		      const char *size, const char *date, const char *version)
{
	const char *tag = is_versions(r) ? "Version" : "Contents";

	return say(r->fd,
		   "<%s><Key>%s</Key><VersionId>%s%u</VersionId>"
		   "<IsLatest>true</IsLatest><LastModified>%s</LastModified>"
		   "<ETag>\"0123456789abcdef0123456789abcdef\"</ETag>"
		   "<Size>%s</Size><StorageClass>STANDARD</StorageClass></%s>",
		   tag, key, version, n, date, size, tag);
}

static const char *root_of(const struct request *r)
{
	return is_versions(r) ? "ListVersionsResult" : "ListBucketResult";
}

static bool begin_list(struct request *r)
{
	return say_head(r, "200 OK") &&
	       say(r->fd, XML_HEAD "<%s><EncodingType>url</EncodingType>",
		   root_of(r));
}

/* next: the token or the marker; NULL: the last page. */
static void end_list(struct request *r, const char *next)
{
	if (next && is_versions(r))
		say(r->fd,
		    "<IsTruncated>true</IsTruncated><NextKeyMarker>%s"
		    "</NextKeyMarker><NextVersionIdMarker>%s"
		    "</NextVersionIdMarker>",
		    next, next);
	else if (next)
		say(r->fd,
		    "<IsTruncated>true</IsTruncated><NextContinuationToken>%s"
		    "</NextContinuationToken>",
		    next);
	else
		say(r->fd, "<IsTruncated>false</IsTruncated>");
	say(r->fd, "</%s>", root_of(r));
}

static const char now[] = "2026-11-21T23:50:08.000Z";

static void lie_token(struct request *r)
{
	char prefix[4096], key[5000];

	param(r, "prefix", prefix, sizeof(prefix));
	snprintf(key, sizeof(key), "%sname", prefix);
	if (begin_list(r) && say_entry(r, key, 1, "3", now, "v"))
		end_list(r, key);
}

/* A thousand names, behind those of the page before. */
static void lie_pages(struct request *r)
{
	char prefix[4096], token[4096], key[9000];
	unsigned long n = 0;
	char *digits;

	param(r, "prefix", prefix, sizeof(prefix));
	param(r, is_versions(r) ? "key-marker" : "continuation-token", token,
	      sizeof(token));
	digits = strrchr(token, '-');
	if (digits)
		n = strtoul(digits + 1, NULL, 10);
	if (!begin_list(r))
		return;
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%sname-%012lu", prefix, ++n);
		if (!say_entry(r, key, 1, "3", now, "v"))
			return;
	}
	end_list(r, key);
}

static void lie_empty(struct request *r)
{
	char token[64];
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(token, sizeof(token), "t%010ld%09ld", (long)t.tv_sec,
		 t.tv_nsec);
	if (begin_list(r))
		end_list(r, token);
}

static void lie_order(struct request *r)
{
	char prefix[4096], key[5000];

	param(r, "prefix", prefix, sizeof(prefix));
	if (!begin_list(r))
		return;
	for (unsigned i = 9; i; i--) {
		snprintf(key, sizeof(key), "%sname-%u", prefix, i);
		say_entry(r, key, i, "3", now, "v");
	}
	end_list(r, NULL);
}

static void lie_prefix(struct request *r)
{
	if (begin_list(r) && say_entry(r, "a", 1, "3", now, "v") &&
	    say_entry(r, "b", 2, "3", now, "v"))
		end_list(r, NULL);
}

/* Sizes and dates that no object has, ids that fit nowhere. */
static void lie_values(struct request *r)
{
	static const char *const sizes[] = {"-1", "9223372036854775807",
					    "9223372036854775808",
					    "18446744073709551616", "1e9"};
	static const char *const dates[] = {"9999-12-31T23:59:59Z",
					    "0000-00-00T00:00:00Z",
					    "1601-01-01T00:00:00.000Z",
					    "2262-04-11T23:47:17Z", "never"};
	char prefix[4096], key[5000], *id = malloc(10241);
	unsigned n = 0;

	param(r, "prefix", prefix, sizeof(prefix));
	memset(id, 'v', 10240);
	id[10240] = '\0';
	if (begin_list(r)) {
		for (; n < 5; n++) {
			snprintf(key, sizeof(key), "%sname-%u", prefix, n);
			say_entry(r, key, n, sizes[n], now, "v");
		}
		for (; n < 10; n++) {
			snprintf(key, sizeof(key), "%sname-%u", prefix, n);
			say_entry(r, key, n, "3", dates[n - 5], "v");
		}
		snprintf(key, sizeof(key), "%sname-a", prefix);
		say_entry(r, key, n, "3", now, id);
		end_list(r, NULL);
	}
	free(id);
}

static void lie_attributes(struct request *r)
{
	if (!say_head(r, "200 OK") || !say(r->fd, "<%s ", root_of(r)))
		return;
	for (int i = 0; i < 300000; i += 10)
		if (!say(r->fd,
			 "a%d='' a%d='' a%d='' a%d='' a%d='' "
			 "a%d='' a%d='' a%d='' a%d='' a%d='' ",
			 i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7,
			 i + 8, i + 9))
			return;
	say(r->fd, "><IsTruncated>false</IsTruncated></%s>", root_of(r));
}

static void lie_deep(struct request *r)
{
	char many[3000];

	for (size_t i = 0; i < sizeof(many); i += 3)
		memcpy(many + i, "<a>", 3);
	if (!say_head(r, "200 OK") || !say(r->fd, "<%s>", root_of(r)))
		return;
	for (int i = 0; i < 1000; i++)
		if (!say_bytes(r->fd, many, sizeof(many)))
			return;
}

/* Answers of any kind. */

static void lie_drip(struct request *r)
{
	if (say(r->fd, "HTTP/1.1 200 OK\r\nETag: \"0123456789abcdef\"\r\n"
		       "Content-Length: 1000000\r\n\r\n"))
		drip(r);
}

static void lie_slow_error(struct request *r)
{
	if (say_head(r, "503 Slow Down"))
		drip(r);
}

static void lie_error_page(struct request *r)
{
	if (say_head(r, "500 Internal Server Error"))
		flood(r);
}

static void lie_endless(struct request *r)
{
	if (say_head(r, "200 OK"))
		flood(r);
}

static void lie_headers(struct request *r)
{
	if (!say(r->fd, "HTTP/1.1 200 OK\r\n"))
		return;
	for (int i = 0; say(r->fd, "x-amz-meta-%d: 0123456789\r\n", i); i++)
		;
}

static void lie_silence(struct request *r)
{
	char byte;

	while (recv(r->fd, &byte, 1, 0) > 0)
		;
}

static void lie_date(struct request *r)
{
	static const char error[] =
		"<Error><Code>RequestTimeTooSkewed</Code></Error>";

	say(r->fd,
	    "HTTP/1.1 403 Forbidden\r\nDate: Tue, 01 Jan 2036 00:00:00 GMT\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    sizeof(error) - 1, error);
}

static void lie_short(struct request *r)
{
	say(r->fd, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nConnection: close\r\n"
		   "Content-Length: 100000000000\r\n\r\nabc");
}

static void lie_long(struct request *r)
{
	say(r->fd, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nConnection: close\r\n"
		   "Content-Length: 1\r\n\r\nabcdef");
}

static void lie_success(struct request *r)
{
	if (say_head(r, "200 OK"))
		say(r->fd, XML_HEAD "<Error><Code>InternalError</Code>"
				    "<Message>no</Message></Error>");
}

static void lie_etag(struct request *r)
{
	char *id = malloc(10241);

	memset(id, 'v', 10240);
	id[10240] = '\0';
	say(r->fd,
	    "HTTP/1.1 200 OK\r\nETag: \"\"\"\\\xff%%s%%n<>\r\n"
	    "x-amz-version-id: %s\r\nLast-Modified: Fri, 31 Dec 9999 "
	    "23:59:59 GMT\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
	    id);
	free(id);
}

static void lie_redirect(struct request *r)
{
	say(r->fd,
	    "HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\n"
	    "x-amz-bucket-region: evil.example.org/?\r\nConnection: close\r\n"
	    "Content-Length: 0\r\n\r\n",
	    r->target);
}

static void lie_elsewhere(struct request *r)
{
	say(r->fd, "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:9/x\r\n"
		   "x-amz-bucket-region: other-1\r\nConnection: close\r\n"
		   "Content-Length: 0\r\n\r\n");
}

/*
 * An archive, in which every object is: "frozen" takes requests to restore it,
 * "thawing" is at it, from "thawed" it can be read.
 */

static bool is_archived(const struct request *r)
{
	return is_read(r) || is_head(r) || has(r, "restore=");
}

static void forward_with(struct request *r, const char *header);

/* header: what a HEAD tells; answer: to who asks for it. */
static void lie_archive(struct request *r, const char *header,
			const char *answer, bool open)
{
	static const char closed[] =
		"403 Forbidden\r\n\r\n<Error><Code>InvalidObjectState</Code>"
		"</Error>";

	if (is_head(r) || (open && is_read(r)))
		forward_with(r, header);
	else
		say(r->fd, "HTTP/1.1 %s", is_read(r) ? closed : answer);
}

static void lie_frozen(struct request *r)
{
	lie_archive(r, "", "202 Accepted\r\nContent-Length: 0\r\n\r\n", false);
}

static void lie_thawing(struct request *r)
{
	lie_archive(r, "x-amz-restore: ongoing-request=\"true\"\r\n",
		    "409 Conflict\r\n\r\n<Error><Code>"
		    "RestoreAlreadyInProgress</Code></Error>",
		    false);
}

static void lie_thawed(struct request *r)
{
	lie_archive(r,
		    "x-amz-restore: ongoing-request=\"false\", expiry-date="
		    "\"Sun, 01 Jan 2090 00:00:00 GMT\"\r\n",
		    "200 OK\r\nContent-Length: 0\r\n\r\n", true);
}

static const struct form forms[] = {
	{"frozen", is_archived, lie_frozen},
	{"thawing", is_archived, lie_thawing},
	{"thawed", is_archived, lie_thawed},
	{"token", is_list, lie_token},
	{"pages", is_list, lie_pages},
	{"empty", is_list, lie_empty},
	{"order", is_list, lie_order},
	{"prefix", is_list, lie_prefix},
	{"values", is_list, lie_values},
	{"attributes", is_list, lie_attributes},
	{"deep", is_list, lie_deep},
	{"drip", is_any, lie_drip},
	{"slow-error", is_any, lie_slow_error},
	{"error-page", is_any, lie_error_page},
	{"endless", is_any, lie_endless},
	{"headers", is_any, lie_headers},
	{"silence", is_any, lie_silence},
	{"date", is_any, lie_date},
	{"short", is_any, lie_short},
	{"long", is_any, lie_long},
	{"success", is_write, lie_success},
	{"etag", is_any, lie_etag},
	{"redirect", is_any, lie_redirect},
	{"elsewhere", is_any, lie_elsewhere},
	{"read-drip", is_read, lie_drip},
	{"head-drip", is_head, lie_drip},
	{"write-drip", is_write, lie_drip},
	{"write-silence", is_write, lie_silence},
};

/* The form at hand, if it is about this request. */
static const struct form *find_form(const struct request *r)
{
	char name[64] = "";
	int fd = open(form_file, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);

	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return NULL;
	name[strcspn(name, "\n")] = '\0';
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		if (!strcmp(forms[i].name, name))
			return forms[i].is_meant(r) ? &forms[i] : NULL;
	return NULL;
}

/* The bytes of both sides until one of them ends. */
static void relay(int from, int to)
{
	char bytes[65536];
	ssize_t got;

	while ((got = recv(from, bytes, sizeof(bytes), 0)) > 0 &&
	       say_bytes(to, bytes, (size_t)got))
		;
}

static size_t body_length(const struct request *r)
{
	const char *at = strcasestr(r->head, "\r\ncontent-length:");

	return at ? strtoul(at + 17, NULL, 10) : 0;
}

/* Passes the body on; or away, to -1. */
static bool pass_body(struct request *r, int to)
{
	size_t left = body_length(r), begun = r->have - r->head_len;
	char bytes[65536];

	if (begun > left)
		begun = left;
	if (to >= 0 && !say_bytes(to, r->head + r->head_len, begun))
		return false;
	for (left -= begun; left;) {
		size_t want = left < sizeof(bytes) ? left : sizeof(bytes);
		ssize_t got = recv(r->fd, bytes, want, 0);

		if (got <= 0 || (to >= 0 && !say_bytes(to, bytes, (size_t)got)))
			return false;
		left -= (size_t)got;
	}
	return true;
}

/* The same, with a header more. */
static void relay_with(int from, int to, const char *header)
{
	char bytes[65536], *end = NULL;
	size_t have = 0;

	while (!end && have < sizeof(bytes) - 1) {
		ssize_t got =
			recv(from, bytes + have, sizeof(bytes) - 1 - have, 0);

		if (got <= 0)
			return;
		have += (size_t)got;
		bytes[have] = '\0';
		end = strstr(bytes, "\r\n");
	}
	if (!end)
		return;
	end += 2;
	if (say_bytes(to, bytes, (size_t)(end - bytes)) &&
	    say_bytes(to, header, strlen(header)) &&
	    say_bytes(to, end, have - (size_t)(end - bytes)))
		relay(from, to);
}

/* The true server's answer, with headers more: one a connection. */
static void forward_with(struct request *r, const char *header)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)upstream_port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && !connect(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
	    say_bytes(fd, r->head, r->head_len - 2) &&
	    say(fd, "Connection: close\r\n\r\n") && pass_body(r, fd))
		relay_with(fd, r->fd, header);
	if (fd >= 0)
		close(fd);
}

static bool read_head(struct request *r)
{
	char *end = NULL;

	while (!end && r->have < sizeof(r->head) - 1) {
		ssize_t got = recv(r->fd, r->head + r->have,
				   sizeof(r->head) - 1 - r->have, 0);

		if (got <= 0)
			return false;
		r->have += (size_t)got;
		r->head[r->have] = '\0';
		end = strstr(r->head, "\r\n\r\n");
	}
	if (!end)
		return false;
	r->head_len = (size_t)(end - r->head) + 4;
	return sscanf(r->head, "%15s %8191s", r->method, r->target) == 2;
}

static void *serve(void *arg)
{
	struct request *r = arg;
	const struct form *form;

	if (read_head(r)) {
		form = find_form(r);
		if (!form)
			forward_with(r, "");
		else if (write(STDERR_FILENO, ".", 1) == 1 && pass_body(r, -1))
			form->lie(r);
	}
	shutdown(r->fd, SHUT_WR);
	close(r->fd);
	free(r);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int listener;

	if (argc != 3)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	upstream_port = atoi(argv[1]);
	form_file = argv[2];
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, len) ||
	    listen(listener, 64) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		return 1;
	printf("%u\n", ntohs(addr.sin_port));
	fflush(stdout);
	for (;;) {
		struct request *r = calloc(1, sizeof(*r));
		pthread_t thread;

		if (!r)
			return 1;
		r->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (r->fd < 0 || pthread_create(&thread, NULL, serve, r))
			return 1;
		pthread_detach(thread);
	}
}
