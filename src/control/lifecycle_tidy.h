/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes the rules for files that expire (expire_rule.h) which nobody needs
 * any more. Costs a request for each version in the bucket, unless each rule is
 * found to be needed before.
 *
 * Any thread, no lock held. 0 or -errno. S3 API: ListObjectVersions,
 * GetObjectTagging, HeadObject, and what an edit of the rules takes.
 */
#ifndef VERS3_SRC_CONTROL_LIFECYCLE_TIDY_H
#define VERS3_SRC_CONTROL_LIFECYCLE_TIDY_H

#include <stdbool.h>
#include <stdint.h>

#include "vers3/s3/lifecycle.h"
#include "vers3/util/answer_stream.h"

#define TIDY_YOUNG_NS (INT64_C(86400) * 1000000000)

struct control;
struct tidy;

/* dry_run: says what would go. Borrows control. 0 or -ENOMEM. */
int tidy_new(struct control *control, bool dry_run, struct tidy **ret_tidy);
/* Works and answers: a run of struct long_command; tidy is one of those. */
int tidy_run(void *tidy, struct answer_stream *answer);
void tidy_free(void *tidy);

/*
 * Whether a rule is one that was made for files that expire, and does nothing
 * else. ret_text (EXPIRE_TEXT_MAX bytes): its days; *ret_made_ns: when, 0: it
 * does not say. Pure.
 */
bool tidy_is_ours(const struct lifecycle_rule *rule, char *ret_text,
		  int64_t *ret_made_ns);

#endif
