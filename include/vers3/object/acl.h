/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists (POSIX.1e draft 17) in the form in which Linux hands
 * them over as extended attributes (linux/posix_acl_xattr.h). Pure; any
 * thread. The kernel enforces them; what is here keeps list and mode in step.
 *
 * A list and a mode tell the same of the owner, of others, and of the most
 * that all the rest get (the mask; without one the owning group). Of these the
 * mode is always right: whatever changes it, here or in the bucket, a list is
 * handed out with the mode's bits in it.
 *
 * Lists are the caller's; sizes in bytes. 0 or -errno.
 */
#ifndef VERS3_OBJECT_ACL_H
#define VERS3_OBJECT_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether it is the name of an attribute that holds a list (linux/xattr.h). */
bool acl_is(const char *name);
/* One that decides what somebody may do: a list, or capabilities. */
bool acl_is_right(const char *name);
/* 0, or -EINVAL for what is no list. An empty one is: nobody is named. */
int acl_check(const void *acl, size_t size);
/* Whether nobody is named at all: the same as no list. */
bool acl_is_empty(size_t size);
/* The permission bits that a valid list stands for. */
uint32_t acl_mode(const void *acl, size_t size);
/* Whether a valid list says no more than a mode could. */
bool acl_is_mode(const void *acl, size_t size);
/* Puts a mode's permission bits into a valid list. */
void acl_set_mode(void *acl, size_t size, uint32_t mode);
/*
 * The mode for a reader that does not see the list: it gives nobody what the
 * list refuses, and less than the list to some whom that names.
 */
uint32_t acl_strict_mode(const void *acl, size_t size, uint32_t mode);

#endif
