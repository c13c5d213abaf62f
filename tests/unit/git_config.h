/* SPDX-License-Identifier: Apache-2.0 */
/* Asks git(1) what a text in git-config syntax says, for unit tests. */
#ifndef VERS3_TESTS_UNIT_GIT_CONFIG_H
#define VERS3_TESTS_UNIT_GIT_CONFIG_H

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static inline int have_git(void)
{
	return system("git --version >/dev/null 2>&1") == 0;
}

/* Runs git config with its output in buf; its exit status, or -1. */
static inline int run_git_config(const char *file, const char *name, char *buf,
				 size_t size)
{
	int pipe_fds[2];
	size_t len = 0;
	ssize_t n;
	int status;
	pid_t pid;

	if (pipe(pipe_fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		execlp("git", "git", "config", "-z", "-f", file, "--get-all",
		       name, (char *)NULL);
		_exit(127);
	}
	close(pipe_fds[1]);
	while (pid > 0 && len + 1 < size &&
	       (n = read(pipe_fds[0], buf + len, size - len - 1)) > 0)
		len += (size_t)n;
	close(pipe_fds[0]);
	/* Values end in NUL; several are told apart by "|". */
	while (len && !buf[len - 1])
		len--;
	buf[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (!buf[i])
			buf[i] = '|';
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * The value, or the values with "|" between them, that git reads for a name
 * in a text. git's exit status: 0, 1 when there is none; -1 without git.
 */
static inline int git_config_get(const char *text, const char *name, char *buf,
				 size_t size)
{
	char path[] = "/tmp/vers3-gitconfig-XXXXXX";
	size_t len = strlen(text);
	int status = -1;
	int fd = mkstemp(path);

	buf[0] = '\0';
	if (fd < 0)
		return -1;
	if (write(fd, text, len) == (ssize_t)len)
		status = run_git_config(path, name, buf, size);
	close(fd);
	unlink(path);
	return status;
}

#endif
