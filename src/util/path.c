/* SPDX-License-Identifier: Apache-2.0 */
/* Owns nothing: a path is cut at its last slash. */
#include "vers3/util/path.h"

#include <string.h>

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

size_t path_parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

void path_to_parent(char *path)
{
	path[path_parent_len(path)] = '\0';
}
