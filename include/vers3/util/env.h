/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of programs that are started: environ(7). */
#ifndef VERS3_UTIL_ENV_H
#define VERS3_UTIL_ENV_H

/*
 * Ours, without the keys of AWS_*, for who does not need them. extra:
 * "NAME=value" in place of what has that name, or NULL. The array is the
 * caller's, for free(); its strings are borrowed, extra too. NULL: no memory.
 * No other thread may change the environment.
 */
char **env_without_keys(char *extra);

#endif
