/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and changes the kernel's binary form of a list; each entry is copied
 * out, since an attribute's value has no alignment.
 */
#include "vers3/object/acl.h"

#include <endian.h>
#include <linux/xattr.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stddef.h>
#include <string.h>

typedef struct posix_acl_xattr_header header_t;
typedef struct posix_acl_xattr_entry entry_t;

#define SHIFT_OWNER 6
#define SHIFT_GROUP 3
#define RWX	    7u

static size_t count_of(size_t size)
{
	return size < sizeof(header_t)
		       ? 0
		       : (size - sizeof(header_t)) / sizeof(entry_t);
}

static entry_t *entries(void *acl)
{
	return (entry_t *)((char *)acl + sizeof(header_t));
}

/* By copy: an attribute's value stands at any address. */
static entry_t entry_at(const void *acl, size_t i)
{
	entry_t e;

	memcpy(&e, (const char *)acl + sizeof(header_t) + i * sizeof(e),
	       sizeof(e));
	e.e_tag = le16toh(e.e_tag);
	e.e_perm = le16toh(e.e_perm);
	e.e_id = le32toh(e.e_id);
	return e;
}

bool acl_is(const char *name)
{
	return !strcmp(name, XATTR_NAME_POSIX_ACL_ACCESS) ||
	       !strcmp(name, XATTR_NAME_POSIX_ACL_DEFAULT);
}

bool acl_is_right(const char *name)
{
	return acl_is(name) || !strcmp(name, XATTR_NAME_CAPS);
}

bool acl_is_empty(size_t size)
{
	return size <= sizeof(header_t);
}

/* The order of tags in a list; 0: no such tag. */
static int rank(unsigned tag)
{
	static const unsigned order[] = {ACL_USER_OBJ, ACL_USER, ACL_GROUP_OBJ,
					 ACL_GROUP,    ACL_MASK, ACL_OTHER};

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (order[i] == tag)
			return (int)i + 1;
	return 0;
}

static bool is_named(unsigned tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

int acl_check(const void *acl, size_t size)
{
	unsigned seen = 0, must = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
	entry_t e, last = {0};
	header_t h;

	if (size < sizeof(h) || (size - sizeof(h)) % sizeof(entry_t))
		return -EINVAL;
	memcpy(&h, acl, sizeof(h));
	if (le32toh(h.a_version) != POSIX_ACL_XATTR_VERSION)
		return -EINVAL;
	for (size_t i = 0; i < count_of(size); i++, last = e) {
		e = entry_at(acl, i);
		if (!rank(e.e_tag) || (e.e_perm & ~RWX) ||
		    rank(e.e_tag) < rank(last.e_tag) ||
		    (is_named(e.e_tag) && e.e_id == (uint32_t)-1))
			return -EINVAL;
		/* Each user and group once, and the others once at all. */
		if (e.e_tag == last.e_tag &&
		    (!is_named(e.e_tag) || e.e_id <= last.e_id))
			return -EINVAL;
		seen |= e.e_tag;
	}
	if (!seen)
		return 0;
	if (seen & (ACL_USER | ACL_GROUP))
		must |= ACL_MASK;
	return (seen & must) == must ? 0 : -EINVAL;
}

/* The place of an entry's bits in a mode; -1: of none. */
static int shift_of(const void *acl, size_t size, unsigned tag)
{
	switch (tag) {
	case ACL_USER_OBJ:
		return SHIFT_OWNER;
	case ACL_OTHER:
		return 0;
	case ACL_MASK:
		return SHIFT_GROUP;
	case ACL_GROUP_OBJ:
		return acl_is_mode(acl, size) ? SHIFT_GROUP : -1;
	default:
		return -1;
	}
}

bool acl_is_mode(const void *acl, size_t size)
{
	for (size_t i = 0; i < count_of(size); i++) {
		unsigned tag = entry_at(acl, i).e_tag;

		if (tag == ACL_MASK || is_named(tag))
			return false;
	}
	return true;
}

uint32_t acl_mode(const void *acl, size_t size)
{
	uint32_t mode = 0;

	for (size_t i = 0; i < count_of(size); i++) {
		entry_t e = entry_at(acl, i);
		int shift = shift_of(acl, size, e.e_tag);

		if (shift >= 0)
			mode |= (uint32_t)e.e_perm << shift;
	}
	return mode;
}

void acl_set_mode(void *acl, size_t size, uint32_t mode)
{
	for (size_t i = 0; i < count_of(size); i++) {
		int shift = shift_of(acl, size, entry_at(acl, i).e_tag);
		uint16_t perm;

		if (shift < 0)
			continue;
		perm = htole16((uint16_t)(mode >> shift & RWX));
		memcpy((char *)&entries(acl)[i] + offsetof(entry_t, e_perm),
		       &perm, sizeof(perm));
	}
}

uint32_t acl_strict_mode(const void *acl, size_t size, uint32_t mode)
{
	uint32_t group = RWX, other = RWX;

	/* By the mode alone whom the list names is in the group, or another. */
	for (size_t i = 0; i < count_of(size); i++) {
		entry_t e = entry_at(acl, i);

		if (e.e_tag == ACL_USER || e.e_tag == ACL_GROUP_OBJ)
			group &= e.e_perm;
		if (is_named(e.e_tag))
			other &= e.e_perm;
	}
	/* Those whom it names get what the mask leaves of theirs. */
	if (!acl_is_mode(acl, size))
		other &= mode >> SHIFT_GROUP & RWX;
	return mode & (~077u | group << SHIFT_GROUP | other);
}
