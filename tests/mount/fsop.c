/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One system call, or a short exchange of them, for the mount tests: what no
 * common command line tool does. Each operation says on stderr what was not
 * as it should be and exits with 1; an error of the system is printed by its
 * name.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK 4096

static int wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("fsop: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

static int failed(const char *call)
{
	return wrong("%s: %s", call, strerrorname_np(errno));
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		exit(failed(path));
	return fd;
}

/* FLAG OLD NEW; FLAG: noreplace, exchange or none */
static int op_rename(char **arg)
{
	unsigned flags = 0;

	if (strcmp(arg[0], "noreplace") == 0)
		flags = RENAME_NOREPLACE;
	else if (strcmp(arg[0], "exchange") == 0)
		flags = RENAME_EXCHANGE;
	if (renameat2(AT_FDCWD, arg[1], AT_FDCWD, arg[2], flags) < 0)
		return failed("renameat2");
	return 0;
}

/*
 * FILE OFFSET TEXT: writes TEXT through a shared mapping, and sees it by
 * read(2) after msync(2).
 */
static int op_mmap_shared(char **arg)
{
	off_t offset = atoll(arg[1]);
	size_t len = strlen(arg[2]);
	char got[256] = "";
	struct stat st;
	int rc = 0;

	int fd = open_file(arg[0], O_RDWR);
	if (fstat(fd, &st) < 0)
		return failed("fstat");
	if (len >= sizeof(got) || offset + (off_t)len > st.st_size)
		return wrong("text does not fit");
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return failed("mmap");
	memcpy(map + offset, arg[2], len);
	if (msync(map, (size_t)st.st_size, MS_SYNC) < 0)
		rc = failed("msync");
	else if (pread(fd, got, len, offset) != (ssize_t)len)
		rc = failed("pread");
	else if (memcmp(got, arg[2], len) != 0)
		rc = wrong("read gives '%s' after a mapped write", got);
	munmap(map, (size_t)st.st_size);
	close(fd);
	return rc;
}

/*
 * FILE OFFSET TEXT: writes TEXT through a shared mapping, says so, and keeps
 * the mapping until it is killed.
 */
static int op_mmap_hold(char **arg)
{
	off_t offset = atoll(arg[1]);
	size_t len = strlen(arg[2]);
	struct stat st;

	int fd = open_file(arg[0], O_RDWR);
	if (fstat(fd, &st) < 0)
		return failed("fstat");
	if (offset + (off_t)len > st.st_size)
		return wrong("text does not fit");
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return failed("mmap");
	close(fd);
	memcpy(map + offset, arg[2], len);
	puts("mapped");
	fflush(stdout);
	pause();
	return 0;
}

/*
 * FILE TEXT: writes it to the beginning of each page through a mapping, says
 * so, and waits for its end.
 */
static int op_mmap_fill(char **arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), len = strlen(arg[1]);
	struct stat st;

	int fd = open_file(arg[0], O_RDWR);
	if (fstat(fd, &st) < 0)
		return failed("fstat");
	if ((size_t)st.st_size % page || len > page)
		return wrong("whole pages are wanted, and a text for one");
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return failed("mmap");
	close(fd);
	for (size_t at = 0; at < (size_t)st.st_size; at += page)
		memcpy(map + at, arg[1], len);
	puts("mapped");
	fflush(stdout);
	pause();
	return 0;
}

/* FILE: what is written through a private mapping stays out of the file. */
static int op_mmap_private(char **arg)
{
	char before, after;
	struct stat st;
	int rc = 0;

	int fd = open_file(arg[0], O_RDONLY);
	if (fstat(fd, &st) < 0 || pread(fd, &before, 1, 0) != 1)
		return failed("read");
	char *map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return failed("mmap");
	if (map[0] != before)
		rc = wrong("the mapping and read(2) differ");
	map[0] = (char)~before;
	if (pread(fd, &after, 1, 0) != 1)
		rc = failed("pread");
	else if (after != before)
		rc = wrong("a private mapping changed the file");
	munmap(map, (size_t)st.st_size);
	close(fd);
	return rc;
}

/* MODE FILE OFFSET LENGTH; MODE: alloc, keep, punch or zero */
static int op_fallocate(char **arg)
{
	int mode = 0;

	if (strcmp(arg[0], "keep") == 0)
		mode = FALLOC_FL_KEEP_SIZE;
	else if (strcmp(arg[0], "punch") == 0)
		mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	else if (strcmp(arg[0], "zero") == 0)
		mode = FALLOC_FL_ZERO_RANGE;
	int fd = open_file(arg[1], O_RDWR);
	if (fallocate(fd, mode, atoll(arg[2]), atoll(arg[3])) < 0)
		return failed("fallocate");
	if (close(fd) < 0)
		return failed("close");
	return 0;
}

/* Whether [from, to) reads as zeros. */
static bool all_zero(int fd, off_t from, off_t to)
{
	char block[BLOCK];

	while (from < to) {
		size_t want = to - from < BLOCK ? (size_t)(to - from) : BLOCK;
		ssize_t n = pread(fd, block, want, from);
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++) {
			if (block[i] != 0)
				return false;
		}
		from += n;
	}
	return true;
}

/*
 * FILE: walks the file by SEEK_DATA and SEEK_HOLE. The walk must move on and
 * end at the size, holes must read as zeros, and behind the end is ENXIO.
 */
static int op_holes(char **arg)
{
	off_t at = 0;
	struct stat st;

	int fd = open_file(arg[0], O_RDONLY);
	if (fstat(fd, &st) < 0)
		return failed("fstat");
	while (at < st.st_size) {
		off_t data = lseek(fd, at, SEEK_DATA);
		if (data < 0 && errno != ENXIO)
			return failed("SEEK_DATA");
		off_t end = data < 0 ? st.st_size : data;
		if (end < at || !all_zero(fd, at, end))
			return wrong("no hole at %lld", (long long)at);
		if (data < 0)
			break;
		at = lseek(fd, data, SEEK_HOLE);
		if (at <= data || at > st.st_size)
			return wrong("data at %lld ends at %lld",
				     (long long)data, (long long)at);
		printf("data %lld %lld\n", (long long)data, (long long)at);
	}
	if (lseek(fd, st.st_size, SEEK_DATA) >= 0 || errno != ENXIO)
		return wrong("SEEK_DATA at the end is not ENXIO");
	if (lseek(fd, st.st_size + 1, SEEK_HOLE) >= 0 || errno != ENXIO)
		return wrong("SEEK_HOLE behind the end is not ENXIO");
	close(fd);
	return 0;
}

/* SOURCE FROM DEST TO LENGTH: by copy_file_range(2) alone */
static int op_copy_range(char **arg)
{
	off_t from = atoll(arg[1]), to = atoll(arg[3]);
	size_t left = (size_t)atoll(arg[4]);

	int in = open_file(arg[0], O_RDONLY);
	int out = open_file(arg[2], O_WRONLY | O_CREAT);
	while (left > 0) {
		ssize_t n = copy_file_range(in, &from, out, &to, left, 0);
		if (n < 0)
			return failed("copy_file_range");
		if (n == 0)
			return wrong("copy_file_range ended early");
		left -= (size_t)n;
	}
	if (close(out) < 0)
		return failed("close");
	close(in);
	return 0;
}

static int set_lock(int fd, short type, off_t start, off_t len)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = start,
		.l_len = len,
	};

	return fcntl(fd, F_SETLK, &lock);
}

/* In a process of its own: locks bytes 50..99, is refused bytes 0..9. */
static int second_locker(const char *path)
{
	int fd = open_file(path, O_RDWR);

	if (set_lock(fd, F_WRLCK, 50, 50) < 0)
		return failed("lock of a free range");
	if (set_lock(fd, F_WRLCK, 5, 5) == 0)
		return wrong("two processes hold one range");
	if (errno != EAGAIN && errno != EACCES)
		return failed("lock of a held range");
	if (set_lock(fd, F_RDLCK, 5, 5) == 0)
		return wrong("a read lock beside a write lock");
	return 0;
}

/* FILE: POSIX record locks between two processes. */
static int op_record_locks(char **arg)
{
	int status;

	int fd = open_file(arg[0], O_RDWR);
	if (set_lock(fd, F_WRLCK, 0, 10) < 0)
		return failed("F_SETLK");
	pid_t child = fork();
	if (child < 0)
		return failed("fork");
	if (child == 0)
		_exit(second_locker(arg[0]));
	if (waitpid(child, &status, 0) < 0)
		return failed("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return 1;
	if (set_lock(fd, F_UNLCK, 0, 0) < 0)
		return failed("unlock");
	close(fd);
	return 0;
}

/* FILE: a file without a name takes and gives data until it is closed. */
static int op_unlinked(char **arg)
{
	char got[16] = "";
	struct stat st;

	int fd = open_file(arg[0], O_RDWR | O_CREAT | O_TRUNC);
	if (write(fd, "before ", 7) != 7)
		return failed("write");
	if (unlink(arg[0]) < 0)
		return failed("unlink");
	if (access(arg[0], F_OK) == 0)
		return wrong("the name is still there");
	if (write(fd, "after", 5) != 5)
		return failed("write after unlink");
	if (fstat(fd, &st) < 0)
		return failed("fstat");
	if (st.st_nlink != 0 || st.st_size != 12)
		return wrong("%lu links, %lld bytes",
			     (unsigned long)st.st_nlink, (long long)st.st_size);
	if (pread(fd, got, sizeof(got), 0) != 12 ||
	    strcmp(got, "before after") != 0)
		return wrong("read '%s'", got);
	if (close(fd) < 0)
		return failed("close");
	return 0;
}

/* FILE TEXT: writes TEXT, fsyncs, and only then returns. */
static int op_fsync(char **arg)
{
	size_t len = strlen(arg[1]);

	int fd = open_file(arg[0], O_WRONLY | O_CREAT | O_TRUNC);
	if (write(fd, arg[1], len) != (ssize_t)len)
		return failed("write");
	if (fsync(fd) < 0)
		return failed("fsync");
	close(fd);
	return 0;
}

/* FILE OFFSET TEXT: writes TEXT there in place. */
static int op_pwrite(char **arg)
{
	size_t len = strlen(arg[2]);

	int fd = open_file(arg[0], O_WRONLY | O_CREAT);
	if (pwrite(fd, arg[2], len, atoll(arg[1])) != (ssize_t)len)
		return failed("pwrite");
	if (close(fd) < 0)
		return failed("close");
	return 0;
}

/* FILE COMMAND: writes a line to it and reads the answer back from it. */
static int op_control(char **arg)
{
	char answer[4096];
	ssize_t n;

	int fd = open_file(arg[0], O_RDWR);
	if (dprintf(fd, "%s\n", arg[1]) < 0)
		return failed("write");
	while ((n = read(fd, answer, sizeof(answer))) > 0)
		fwrite(answer, 1, (size_t)n, stdout);
	if (n < 0)
		return failed("read");
	close(fd);
	return 0;
}

#define HANDLE_MAX 128

/* PATH: its handle, in hexadecimal, and the type of it. */
static int op_handle(char **arg)
{
	struct file_handle *h = calloc(1, sizeof(*h) + HANDLE_MAX);
	int mount;

	if (!h)
		return failed("calloc");
	h->handle_bytes = HANDLE_MAX;
	if (name_to_handle_at(AT_FDCWD, arg[0], h, &mount, 0) < 0)
		return failed("name_to_handle_at");
	printf("%d:", h->handle_type);
	for (unsigned i = 0; i < h->handle_bytes; i++)
		printf("%02x", h->f_handle[i]);
	putchar('\n');
	free(h);
	return 0;
}

/* What /proc says of an open file or directory, and a file's content. */
static int tell_open(int fd)
{
	char link[64], path[4096], block[BLOCK];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return failed("fstat");
	path[n] = '\0';
	if (S_ISDIR(st.st_mode)) {
		puts(path);
		return 0;
	}
	while ((n = read(fd, block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	return n < 0 ? failed("read") : 0;
}

/* MOUNTPOINT HANDLE: a directory's path, or a file's content. */
static int op_by_handle(char **arg)
{
	struct file_handle *h = calloc(1, sizeof(*h) + HANDLE_MAX);
	const char *hex = strchr(arg[1], ':');
	unsigned byte;
	int fd, rc;

	int mount = open_file(arg[0], O_RDONLY | O_DIRECTORY);
	if (!h || !hex)
		return wrong("no handle");
	h->handle_type = atoi(arg[1]);
	for (hex++; h->handle_bytes < HANDLE_MAX && hex[0] && hex[1];
	     hex += 2) {
		sscanf(hex, "%2x", &byte);
		h->f_handle[h->handle_bytes++] = (unsigned char)byte;
	}
	fd = open_by_handle_at(mount, h, O_RDONLY | O_CLOEXEC);
	rc = fd < 0 ? failed("open_by_handle_at") : tell_open(fd);
	if (fd >= 0)
		close(fd);
	close(mount);
	free(h);
	return rc;
}

#define DIRECT_BYTES ((size_t)64 * BLOCK)

/* Who reads the file through the page cache until it is killed. */
static pid_t start_reader(const char *path, char *buf)
{
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	fd = open_file(path, O_RDONLY);
	while (pread(fd, buf, DIRECT_BYTES, 0) >= 0)
		;
	_exit(1);
}

/* A direct write, asked for now and waited for then. */
static int write_direct(aio_context_t ctx, int fd, const char *buf)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (unsigned)fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = DIRECT_BYTES,
	};
	struct iocb *list = &cb;
	struct io_event event;

	if (syscall(SYS_io_submit, ctx, 1, &list) != 1)
		return failed("io_submit");
	if (syscall(SYS_io_getevents, ctx, 1, 1, &event, NULL) != 1)
		return failed("io_getevents");
	if (event.res != (long long)DIRECT_BYTES)
		return wrong("direct write: %lld", (long long)event.res);
	return 0;
}

/* FILE COUNT: what was written past the page cache is what is read in it. */
static int op_direct(char **arg)
{
	int fd = open_file(arg[0], O_RDWR | O_CREAT | O_DIRECT), rc = 0;
	char *out = aligned_alloc(BLOCK, DIRECT_BYTES);
	char *in = calloc(1, DIRECT_BYTES);
	int reading = open_file(arg[0], O_RDONLY);
	aio_context_t ctx = 0;
	pid_t reader;

	if (!out || !in || ftruncate(fd, DIRECT_BYTES) < 0 ||
	    syscall(SYS_io_setup, 1, &ctx) < 0)
		return failed("direct");
	reader = start_reader(arg[0], in);
	for (int i = 0; !rc && i < atoi(arg[1]); i++) {
		memset(out, 'a' + i % 26, DIRECT_BYTES);
		rc = write_direct(ctx, fd, out);
		if (!rc && pread(reading, in, DIRECT_BYTES, 0) !=
				   (ssize_t)DIRECT_BYTES)
			rc = failed("pread");
		if (!rc && memcmp(in, out, DIRECT_BYTES) != 0)
			rc = wrong("write %d: something older is read", i);
	}
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	syscall(SYS_io_destroy, ctx);
	close(reading);
	close(fd);
	free(in);
	free(out);
	return rc;
}

static const struct operation {
	const char *name;
	int args;
	int (*run)(char **arg);
} operations[] = {
	{"rename", 3, op_rename},	  {"mmap-shared", 3, op_mmap_shared},
	{"mmap-hold", 3, op_mmap_hold},	  {"mmap-private", 1, op_mmap_private},
	{"fallocate", 4, op_fallocate},	  {"holes", 1, op_holes},
	{"copy-range", 5, op_copy_range}, {"record-locks", 1, op_record_locks},
	{"unlinked", 1, op_unlinked},	  {"fsync", 2, op_fsync},
	{"pwrite", 3, op_pwrite},	  {"control", 2, op_control},
	{"handle", 1, op_handle},	  {"by-handle", 2, op_by_handle},
	{"direct", 2, op_direct},	  {"mmap-fill", 2, op_mmap_fill},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const struct operation *op = &operations[i];
		if (argc == op->args + 2 && strcmp(argv[1], op->name) == 0)
			return op->run(argv + 2);
	}
	fputs("usage: fsop OPERATION ARGUMENT...\n", stderr);
	return 2;
}
