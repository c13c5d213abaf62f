/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the command's words and has the S3 client sign; says what the URL does
 * not give: changes that are not sent, and time past the credentials' end.
 */
#include "presign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/control/control_state.h"
#include "vers3/core/mount.h"
#include "vers3/history/named_object.h"
#include "vers3/s3/s3.h"
#include "vers3/util/clock.h"
#include "vers3/util/duration.h"
#include "vers3/util/errtext.h"
#include "vers3/util/gitconfig.h"

#define DEFAULT_S 3600

/* What is wrong with a word; NULL: nothing. */
static const char *take_word(const char *word, struct s3_presign *what)
{
	int64_t ns;

	if (!strcmp(word, "put")) {
		what->put = true;
		return NULL;
	}
	if (!strncmp(word, "version=", 8)) {
		what->version_id = word + 8;
		return word[8] && strlen(word + 8) <= META_VERSION_MAX
			       ? NULL
			       : "no version has such an id";
	}
	if (strncmp(word, "expires=", 8) != 0)
		return "want expires=TIME, put or version=ID";
	if (duration_parse(word + 8, &ns) || ns < NS_PER_S)
		return "want a time such as 90s, 30m, 2h or 7d";
	if (ns > S3_PRESIGN_MAX_S * NS_PER_S)
		return "no URL is good for more than 7 days";
	what->seconds = (unsigned)(ns / NS_PER_S);
	return NULL;
}

static int take_words(const char *const *words, size_t count,
		      struct s3_presign *what, struct buf *answer)
{
	const char *wrong = NULL;
	size_t i;

	for (i = 0; i < count && !wrong; i++)
		wrong = take_word(words[i], what);
	if (wrong)
		return gitconfig_say(answer, -EINVAL, words[i - 1], wrong);
	if (what->put && what->version_id)
		return gitconfig_say(answer, -EINVAL, "put",
				     "makes a new version, and takes no id of "
				     "an old one");
	return 0;
}

/* Of what is named: whether it can have a URL. */
static int check(const struct named_object *of, const struct s3_presign *what,
		 const char *path, struct buf *answer)
{
	if (of->directory || !*of->path)
		return gitconfig_say(answer, -EISDIR, *path ? path : "/",
				     "is a directory; a URL is of one file");
	if (of->version && (what->put || what->version_id))
		return gitconfig_say(answer, -EINVAL, path,
				     "is a version already: it takes neither "
				     "put nor version=");
	return 0;
}

static int find(struct control *control, const char *path,
		const struct s3_presign *what, struct named_object *ret,
		struct buf *answer)
{
	struct named_object found = {.held = true};
	struct buf why;
	int rc;

	buf_init(&why, CONTROL_TEXT_MAX);
	rc = named_object_find(control->view, path, &found, &why);
	/* What is to be made need not be there, nor the file of a version. */
	if (rc == -ENOENT && (what->put || what->version_id) &&
	    mount_name_ok(NULL, basename(path)) &&
	    !mount_is_history(control->mount, path) &&
	    strlen(path) <= META_KEY_MAX) {
		strcpy(found.path, path);
		rc = 0;
	}
	if (rc)
		buf_add(answer, why.data, why.len);
	else
		rc = check(&found, what, path, answer);
	buf_release(&why);
	if (!rc)
		*ret = found;
	return rc;
}

/* What whoever gets the URL does not get by it. */
static int add_warnings(const struct named_object *of,
			const struct s3_presign *what,
			const struct s3_presigned *made, struct buf *answer)
{
	bool early =
		made->cred_until_ns && made->cred_until_ns < made->until_ns;
	int rc = 0;

	if (early)
		rc = gitconfig_time(answer, "credentialsEnd",
				    made->cred_until_ns);
	if (!rc && early)
		rc = gitconfig_value(answer, "warning",
				     "the credentials that sign it end "
				     "earlier, and the URL with them");
	if (!rc && made->bucket_sse)
		rc = gitconfig_value(answer, "warning",
				     "what is put by it is encrypted as the "
				     "bucket has it, not as sse= has");
	if (rc || !of->unsent || what->put)
		return rc;
	return gitconfig_value(
		answer, "warning",
		of->held ? "changes of the file are not in the bucket yet: the "
			   "URL is of what the bucket has (`vers3ctl sync`)"
			 : "the file is not in the bucket yet: the URL gives "
			   "nothing until it is (`vers3ctl sync`)");
}

static const char *why_not(const struct control *control, int rc)
{
	if (rc == -EACCES)
		return "there are no credentials to sign a URL with";
	if (rc == -EOPNOTSUPP && control->mount->s3)
		return "no URL can hold the key that sse=c needs";
	return errtext(rc);
}

int presign(struct control *control, const char *path, const char *const *words,
	    size_t count, struct buf *answer)
{
	struct s3_presign what = {.seconds = DEFAULT_S};
	struct s3_presigned made = {.url = NULL};
	char key[META_KEY_MAX + 1];
	struct named_object of;
	int rc = take_words(words, count, &what, answer);

	if (!rc && what.put && !mount_takes_changes(control->mount))
		rc = gitconfig_say(answer, -EROFS, "put",
				   "the mount is read-only");
	if (!rc)
		rc = find(control, path, &what, &of, answer);
	if (rc)
		return rc;
	rc = mount_key(control->mount, of.path, key);
	what.key = key;
	if (!rc && of.version_id[0])
		what.version_id = of.version_id;
	if (!rc)
		rc = control->mount->s3 ? s3_store_presign(control->mount->s3,
							   &what, &made)
					: -EOPNOTSUPP;
	if (rc)
		return gitconfig_say(answer, rc, path, why_not(control, rc));
	rc = gitconfig_section(answer, "presign", NULL);
	if (!rc)
		rc = gitconfig_value(answer, "url", made.url);
	if (!rc)
		rc = gitconfig_value(answer, "method",
				     what.put ? "PUT" : "GET");
	if (!rc)
		rc = gitconfig_time(answer, "until", made.until_ns);
	if (!rc)
		rc = add_warnings(&of, &what, &made, answer);
	free(made.url);
	return rc;
}
