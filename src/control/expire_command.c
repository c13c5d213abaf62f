/* SPDX-License-Identifier: Apache-2.0 */
/* expire PATH [AGE|never] of the control file. */
#include "expire_command.h"

#include <errno.h>
#include <string.h>

#include "vers3/control/expire_rule.h"
#include "vers3/core/mount.h"
#include "vers3/object/expire.h"
#include "vers3/tree/dir.h"
#include "vers3/tree/tree.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define DOCUMENT_MAX (4 << 20)
#define ANSWER_MAX   (16 << 10)

/* Looks names up that nobody has looked up yet, too. */
static int find(struct control *control, const char *path,
		struct meta_inode *inode)
{
	uint64_t ino = META_ROOT_INO;
	char name[META_NAME_MAX + 1];
	int rc = *path ? 0 : -EOPNOTSUPP;

	while (!rc && *path) {
		size_t len = strcspn(path, "/");

		if (len > META_NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		rc = dir_lookup(control->tree, ino, name, inode);
		ino = inode->ino;
		path += len + (path[len] == '/');
		if (!rc && *path && !S_ISDIR(inode->mode))
			rc = -ENOTDIR;
	}
	return rc;
}

/* The rule that is known for it, or that there is none. */
static int write_rule(struct control *control, const char *text,
		      struct buf *answer)
{
	const struct lifecycle_rule *rule = NULL;
	struct lifecycle l = {.count = 0};
	char reason[CONTROL_REASON_MAX];
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	rc = bucket_config_get(control->mount->bucket, BUCKET_LIFECYCLE, &doc,
			       reason, sizeof(reason));
	if (!rc && doc.len)
		rc = lifecycle_parse(doc.data, doc.len, &l);
	if (!rc)
		rule = expire_rule_find(&l, text);
	/* What cannot be known is not told. */
	rc = rc ? 0 : gitconfig_value(answer, "rule", rule ? rule->id : "");
	lifecycle_release(&l);
	buf_release(&doc);
	return rc;
}

/* Whether it is to come with the next save: its version does not have it. */
static int write_pending(struct control *control,
			 const struct meta_inode *inode, struct buf *answer)
{
	struct buf value;
	int rc;

	if (!S_ISREG(inode->mode))
		return 0;
	buf_init(&value, 4096);
	rc = meta_lock(control->meta);
	if (!rc) {
		rc = expire_known(control->mount, inode, &value);
		meta_unlock(control->meta);
	}
	buf_release(&value);
	if (rc && rc != -ENODATA && rc != -ENOENT)
		return rc;
	return gitconfig_bool(answer, "pending", !rc);
}

static int tell(struct control *control, const char *path,
		const struct meta_inode *inode, struct buf *answer)
{
	struct buf value;
	int rc;

	buf_init(&value, 4096);
	rc = tree_getxattr(control->tree, inode->ino, "user.s3.expire", &value);
	if (rc == -ENODATA)
		rc = buf_puts(&value, "never");
	if (!rc)
		rc = gitconfig_section(answer, "expire", NULL);
	if (!rc)
		rc = gitconfig_value(answer, "path", path);
	if (!rc)
		rc = gitconfig_bool(answer, "directory", S_ISDIR(inode->mode));
	if (!rc)
		rc = gitconfig_value(answer, "expire", value.data);
	if (!rc)
		rc = write_pending(control, inode, answer);
	if (!rc && strcmp(value.data, "never") != 0)
		rc = write_rule(control, value.data, answer);
	buf_release(&value);
	return rc;
}

int expire_command(struct control *control, const char *path, const char *value,
		   struct buf *answer)
{
	char reason[CONTROL_REASON_MAX] = "";
	struct meta_inode inode = {.ino = 0};
	struct buf text;
	int rc = find(control, path, &inode);

	buf_init(&text, ANSWER_MAX);
	if (!rc && value)
		rc = expire_rule_set(control, inode.ino, value, strlen(value),
				     reason, sizeof(reason));
	if (!rc)
		rc = tell(control, path, &inode, &text);
	if (!rc)
		rc = buf_add(answer, text.data, text.len);
	else if (rc == -EINVAL && value)
		rc = gitconfig_say(answer, rc, value, reason);
	else
		rc = gitconfig_say(
			answer, rc, *path ? path : "/",
			*reason ? reason
			: rc == -EOPNOTSUPP
				? "is neither a file nor a directory "
				  "below the root of the mount"
				: errtext(rc));
	buf_release(&text);
	return rc;
}
