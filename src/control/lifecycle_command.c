/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle list, set and remove of the control file. */
#include "lifecycle_command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lifecycle_change.h"
#include "vers3/core/bucket_config.h"
#include "vers3/core/mount.h"
#include "vers3/s3/lifecycle.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define DOCUMENT_MAX (4 << 20)

/* What is to become of the lifecycle. */
struct change {
	const char *id;
	const struct lifecycle_spec *spec; /* NULL: the rule goes */
	bool dry_run;
};

static int say(struct buf *answer, int rc, const char *text)
{
	int full = buf_printf(answer, "%s\n", text);

	return rc ? rc : full;
}

static int edit_rules(void *ctx, const char *doc, size_t len, struct buf *out,
		      char *reason, size_t size)
{
	const struct change *ch = ctx;
	int rc;

	if (ch->spec)
		return lifecycle_set(doc, len, ch->id, ch->spec, out, reason,
				     size);
	rc = doc ? lifecycle_remove(doc, len, ch->id, out) : -ENOENT;
	if (rc == -ENOENT)
		snprintf(reason, size,
			 "no rule has this id; `vers3ctl lifecycle` lists "
			 "those there are");
	return rc;
}

static int show_difference(struct control *control, const struct change *ch,
			   struct buf *answer)
{
	char reason[CONTROL_REASON_MAX];
	struct buf diff;
	int rc;

	buf_init(&diff, 2 * DOCUMENT_MAX);
	rc = lifecycle_change_preview(control->mount->store, edit_rules,
				      (void *)ch, &diff, reason,
				      sizeof(reason));
	if (!rc && diff.len)
		rc = buf_add(answer, diff.data, diff.len);
	else if (!rc)
		rc = gitconfig_say(answer, 0, ch->id,
				   "the rules say that already");
	else {
		buf_puts(answer, "lifecycle ");
		rc = gitconfig_say(answer, rc, ch->id, reason);
	}
	buf_release(&diff);
	return rc;
}

static int change_rules(struct control *control, const struct change *ch,
			struct buf *answer)
{
	char how[CONTROL_REASON_MAX];
	int rc;

	if (ch->dry_run)
		return show_difference(control, ch, answer);
	rc = lifecycle_change_bucket(control->mount->bucket,
				     control->mount->store, ch->id, edit_rules,
				     (void *)ch, how, sizeof(how));
	buf_puts(answer, "lifecycle ");
	if (rc)
		return gitconfig_say(answer, rc, ch->id, how);
	/* Counted from the mount's root: what that comes to in the bucket. */
	if (ch->spec && ch->spec->prefix && *ch->spec->root) {
		rc = gitconfig_quote(answer, ch->id);
		if (!rc)
			rc = buf_printf(answer,
					": set, for the bucket's keys that "
					"begin with %s\n",
					ch->spec->prefix);
	} else {
		rc = gitconfig_say(answer, 0, ch->id,
				   ch->spec ? "set" : "removed");
	}
	return rc ? rc : say(answer, 0, how);
}

/*
 * Which classes there are is the server's to say: some are tiers that take no
 * uploads (MinIO), and some servers keep rules for classes that there are not,
 * and do nothing (Ceph).
 */
static void tell_classes(struct control *control, const char *word,
			 const struct lifecycle_transitions *list,
			 struct buf *answer)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *class = list->items[i].storage_class;

		if (!class ||
		    caps_class(control->meta, control->mount->store,
			       control->mount->config.prefix, class) != -EINVAL)
			continue;
		buf_printf(answer,
			   "%s=%s: the server takes no uploads of this "
			   "class; unless it is a tier of its own, the rule "
			   "does nothing\n",
			   word, class);
	}
}

/* Takes the word dry-run out of the others, in place: whether it was there. */
static bool take_dry_run(char **args, size_t *count)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++)
		if (strcmp(args[i], "dry-run") != 0)
			args[kept++] = args[i];
	if (kept == *count)
		return false;
	*count = kept;
	return true;
}

int lifecycle_command_set(struct control *control, char **args, size_t count,
			  struct buf *answer)
{
	char reason[CONTROL_REASON_MAX];
	struct lifecycle_spec spec;
	struct change ch = {.id = args[0], .spec = &spec};
	size_t words = count - 1;
	int rc;

	ch.dry_run = take_dry_run(args + 1, &words);
	rc = lifecycle_spec_parse((const char *const *)args + 1, words, &spec,
				  reason, sizeof(reason));
	if (rc)
		return say(answer, rc,
			   rc == -ENOMEM ? strerror(ENOMEM) : reason);
	rc = lifecycle_spec_below(&spec, control->mount->config.prefix);
	if (!rc)
		rc = change_rules(control, &ch, answer);
	if (!rc && !ch.dry_run) {
		tell_classes(control, "class", &spec.transitions, answer);
		tell_classes(control, "noncurrent-class",
			     &spec.noncurrent_transitions, answer);
	}
	lifecycle_spec_release(&spec);
	return rc;
}

int lifecycle_command_remove(struct control *control, char **args, size_t count,
			     struct buf *answer)
{
	struct change ch = {.id = args[0]};
	size_t words = count - 1;

	ch.dry_run = take_dry_run(args + 1, &words);
	if (words)
		return gitconfig_say(answer, -EINVAL, args[1],
				     "want nothing or dry-run");
	return change_rules(control, &ch, answer);
}

int lifecycle_command_list(struct control *control, struct buf *answer)
{
	char reason[CONTROL_REASON_MAX] = "";
	struct lifecycle l = {.count = 0};
	struct buf doc;
	int rc;

	buf_init(&doc, DOCUMENT_MAX);
	rc = bucket_config_get(control->mount->bucket, BUCKET_LIFECYCLE, &doc,
			       reason, sizeof(reason));
	if (!rc && doc.len)
		rc = lifecycle_parse(doc.data, doc.len, &l);
	buf_release(&doc);
	if (rc)
		return say(answer, rc, *reason ? reason : errtext(rc));
	rc = lifecycle_write(&l, control->mount->config.prefix, answer);
	lifecycle_release(&l);
	return rc;
}
