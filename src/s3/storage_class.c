/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the classes that have to be restored before a read. */
#include "vers3/s3/storage_class.h"

#include <string.h>

bool storage_class_is_archive(const char *name)
{
	return name &&
	       (!strcmp(name, "GLACIER") || !strcmp(name, "DEEP_ARCHIVE"));
}
