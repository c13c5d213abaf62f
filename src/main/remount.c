/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the flags that a mount has, applies those that the command line names,
 * and calls mount(2).
 */
#include "vers3/main/remount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#include "vers3/util/control_ioctl.h"
#include "vers3/util/mounts.h"

static const struct {
	const char *option;
	unsigned long flag;
} kept[] = {
	{"nosuid", MS_NOSUID},		 {"nodev", MS_NODEV},
	{"noexec", MS_NOEXEC},		 {"noatime", MS_NOATIME},
	{"nodiratime", MS_NODIRATIME},	 {"relatime", MS_RELATIME},
	{"sync", MS_SYNCHRONOUS},	 {"dirsync", MS_DIRSYNC},
	{"nosymfollow", MS_NOSYMFOLLOW},
};

/* The flags that the mount has now. -EINVAL: it is none of vers3. */
static int find_flags(const char *mountpoint, unsigned long *ret_flags)
{
	struct mounts_entry e;
	unsigned long flags = 0;
	int rc = mounts_find(MOUNTS_TABLE, mountpoint, &e);

	if (rc)
		return rc == -ENOENT ? -EINVAL : rc;
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		if (mounts_option(e.options, kept[i].option))
			flags |= kept[i].flag;
	if (!mounts_is_ours(&e))
		rc = -EINVAL;
	else
		*ret_flags = flags;
	mounts_release(&e);
	return rc;
}

static bool is_word(const char *word, size_t len, const char *option)
{
	return strlen(option) == len && !strncmp(word, option, len);
}

/*
 * What the command line says of them: mount(8) names what the mount has, and
 * then what is new.
 */
static void name_flags(const char *options, unsigned long *flags)
{
	const char *end, *word = options ? options : "";

	for (; *word; word = *end ? end + 1 : end) {
		end = strchrnul(word, ',');
		for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
			const char *option = kept[i].option;
			size_t len = (size_t)(end - word);

			if (is_word(word, len, option))
				*flags |= kept[i].flag;
			else if (!strncmp(option, "no", 2) &&
				 is_word(word, len, option + 2))
				*flags &= ~kept[i].flag;
		}
	}
}

int remount(const struct options *o, char *reason, size_t size)
{
	const char *path = o->mountpoint;
	unsigned long flags;
	char value[8];
	int rc = find_flags(path, &flags);

	if (rc) {
		snprintf(reason, size,
			 "%s is no mount of vers3; `findmnt -t " MOUNTS_TYPE
			 "` lists those there are",
			 path);
		return rc;
	}
	if (!o->read_only && lgetxattr(path, CONTROL_READ_ONLY_XATTR, value,
				       sizeof(value)) > 0) {
		snprintf(reason, size,
			 "%s was mounted read-only; to change it, umount it "
			 "and mount it again",
			 path);
		return -EROFS;
	}
	name_flags(o->fuse_options, &flags);
	flags |= MS_REMOUNT | (o->read_only ? MS_RDONLY : 0);
	if (!mount(NULL, path, NULL, flags, NULL))
		return 0;
	rc = -errno;
	if (rc == -EBUSY)
		snprintf(reason, size,
			 "%s: files are open for writing; close them first "
			 "(`fuser -vm %s` names who has them)",
			 path, path);
	else
		snprintf(reason, size, "%s: %s", path, strerror(-rc));
	return rc;
}
