/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last name of a path, and what stands before it. Of the text alone: no
 * file is asked, "." and ".." are names, and a path that ends in a slash has
 * the last name "". (basename(3) and dirname(3) know other slashes, and the
 * first is two functions, by which header was included.)
 */
#ifndef VERS3_UTIL_PATH_H
#define VERS3_UTIL_PATH_H

#include <stddef.h>

/* What stands behind the last slash, or all of it; points into path. */
const char *path_base(const char *path);
/* How many bytes stand before the last slash; 0 without one. */
size_t path_parent_len(const char *path);
/* Cuts the path there: of a path below a root that is "", the directory. */
void path_to_parent(char *path);

#endif
