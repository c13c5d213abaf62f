/* SPDX-License-Identifier: Apache-2.0 */
/* Copies environ(7) without the variables that hold keys for S3. */
#include "vers3/util/env.h"

#include <stdlib.h>
#include <string.h>

#define KEYS "AWS_"

extern char **environ;

static int has_name(const char *var, const char *extra)
{
	return extra && !strncmp(var, extra, strcspn(extra, "=") + 1);
}

char **env_without_keys(char *extra)
{
	size_t count = 0;
	char **env;

	while (environ[count])
		count++;
	env = malloc((count + 2) * sizeof(*env));
	if (!env)
		return NULL;
	count = 0;
	for (char **e = environ; *e; e++)
		if (strncmp(*e, KEYS, strlen(KEYS)) != 0 &&
		    !has_name(*e, extra))
			env[count++] = *e;
	if (extra)
		env[count++] = extra;
	env[count] = NULL;
	return env;
}
