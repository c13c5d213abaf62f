/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first that holds counts.
 *
 *	a listed key					the local state
 *	is clean					follows
 *	nothing is said of the key itself		stands
 *	shows another object than the known one		stands, is suspect
 *	is known, but not when it was written		stands, is dated
 *	else						stands
 *
 *	a listed file					its name
 *	is not known					is added
 *	is a directory's				stays; it is hidden
 *	shows another version than the known one	takes it
 *	is known, but not when it was written		is dated
 *	else						stays
 */
#include "merge_verdict.h"

#include <string.h>

#include "vers3/util/clock.h"

/* Whether two name the same version, as far as they name one. */
static bool same_id(const struct meta_version *ver, const struct merge_item *it)
{
	return !ver->version_id[0] || !it->version_id[0] ||
	       !strcmp(ver->version_id, it->version_id);
}

/* Whether a list shows another object than the known one. */
static bool is_another(const struct meta_version *known,
		       const struct merge_item *it)
{
	if (strcmp(it->etag, known->key[0] ? known->etag : "") != 0)
		return true;
	if (!same_id(known, it))
		return true;
	return known->last_modified_ns && it->last_modified_ns &&
	       known->last_modified_ns / NS_PER_S !=
		       it->last_modified_ns / NS_PER_S;
}

enum merge_local merge_local(const struct meta_version *known,
			     const struct merge_item *it)
{
	if (!known)
		return MERGE_LOCAL_FOLLOWS;
	if (!it)
		return MERGE_LOCAL_STANDS;
	if (is_another(known, it))
		return MERGE_LOCAL_SUSPECT;
	return known->key[0] && !known->last_modified_ns ? MERGE_LOCAL_DATED
							 : MERGE_LOCAL_STANDS;
}

static bool same_version(const struct meta_version *ver,
			 const struct merge_item *it)
{
	return !strcmp(ver->etag, it->etag) &&
	       ver->size_bytes == it->size_bytes && same_id(ver, it) &&
	       (ver->last_modified_ns
			? ver->last_modified_ns == it->last_modified_ns
			: !it->others);
}

enum merge_file merge_file(const struct merge_file_facts *f,
			   const struct merge_item *it)
{
	if (!f->there)
		return MERGE_FILE_ADD;
	if (f->dir)
		return MERGE_FILE_HIDE;
	if (!f->known || !same_version(f->known, it))
		return MERGE_FILE_TAKE;
	return f->known->last_modified_ns ? MERGE_FILE_KEEP : MERGE_FILE_DATE;
}
