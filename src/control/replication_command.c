/* SPDX-License-Identifier: Apache-2.0 */
/* replication check, replication wait and sync replica: their words. */
#include "replication_command.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/upkeep/replication_check.h"
#include "vers3/upkeep/replication_wait.h"
#include "vers3/util/duration.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

static int check_path(struct control *control, const char *path,
		      struct buf *answer)
{
	if (strlen(path) <= META_KEY_MAX &&
	    !mount_is_history(control->mount, path))
		return 0;
	return gitconfig_say(answer, -EINVAL, path,
			     "is no path of a file or directory");
}

int replication_command_check(struct control *control, const char *path,
			      char **args, size_t count, struct buf *answer,
			      struct long_command *command)
{
	struct replication_check *c = NULL;
	char reason[CONTROL_REASON_MAX];
	int rc = path ? check_path(control, path, answer) : 0;

	if (!rc && count && (count > 1 || strcmp(args[0], "quick") != 0))
		rc = gitconfig_say(answer, -EINVAL, args[count - 1],
				   "want quick, once");
	if (rc)
		return rc;
	rc = replication_check_new(control->mount, control->view,
				   path ? path : "", count > 0, &c, reason,
				   sizeof(reason));
	if (rc) {
		buf_printf(answer, "%s\n", reason);
		return rc;
	}
	*command = (struct long_command){"replication check",
					 replication_check_run,
					 replication_check_free, c};
	return 0;
}

static int take_timeout(const char *word, int64_t *ret_ns, struct buf *answer)
{
	if (strncmp(word, "timeout=", 8) != 0)
		return gitconfig_say(answer, -EINVAL, word, "want timeout=T");
	if (!duration_parse(word + 8, ret_ns) && *ret_ns > 0)
		return 0;
	return gitconfig_say(answer, -EINVAL, word,
			     "want a time such as 90s or 5m");
}

int replication_command_wait(struct control *control, const char *name,
			     const char *path, char **args, size_t count,
			     struct buf *answer, struct long_command *command)
{
	struct replication_wait *w = NULL;
	int64_t timeout_ns = 0;
	int rc = path ? check_path(control, path, answer) : 0;

	if (!rc && count > 1)
		rc = gitconfig_say(answer, -EINVAL, args[1],
				   "want [PATH] [timeout=T]");
	if (!rc && count)
		rc = take_timeout(args[0], &timeout_ns, answer);
	if (rc)
		return rc;
	if (mount_replica_stands_in(control->mount)) {
		buf_printf(answer, "the replica stands in for the bucket: "
				   "there is no other to wait for before "
				   "vers3ctl failback\n");
		return -EINVAL;
	}
	rc = replication_wait_new(control->mount, control->syncer,
				  control->view, path ? path : "", timeout_ns,
				  &w);
	if (rc) {
		buf_printf(answer, "%s\n", errtext(rc));
		return rc;
	}
	*command = (struct long_command){name, replication_wait_run,
					 replication_wait_free, w};
	return 0;
}
