/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a page of versions and delete markers. AWS and Ceph mix both:
 * by key, each key's newest first. Others tell all versions first and then all
 * markers, or the other way round, and who looks for what a key holds, or held,
 * would take an older version for the newest, or find a key twice.
 *
 * Pure. S3 API: ListObjectVersions.
 */
#ifndef VERS3_SRC_STORE_PAGE_ORDER_H
#define VERS3_SRC_STORE_PAGE_ORDER_H

#include <stddef.h>

#include "vers3/store/store.h"

/*
 * Puts a page's entries in that order where markers are told apart: both in
 * their own order, mixed by key, latest and date. A page that mixes them is
 * left as it is, whatever its dates: they go back by a second on servers whose
 * clocks differ, and the server's order is right. Prefixes stay behind.
 * 0 or -ENOMEM.
 */
int page_order(const struct store_entry **entries, size_t count);

#endif
