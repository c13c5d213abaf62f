/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage classes by their names; see "Understanding and managing Amazon S3
 * storage classes". Pure, any thread.
 */
#ifndef VERS3_S3_STORAGE_CLASS_H
#define VERS3_S3_STORAGE_CLASS_H

#include <stdbool.h>

/* Objects of it cannot be read before they are restored. NULL: no. */
bool storage_class_is_archive(const char *name);

#endif
