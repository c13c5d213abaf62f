/* SPDX-License-Identifier: Apache-2.0 */
/* What the control file answers, looked at, over a bucket in memory. */
#ifndef VERS3_TESTS_UNIT_UPKEEP_ANSWER_RIG_H
#define VERS3_TESTS_UNIT_UPKEEP_ANSWER_RIG_H

#include "../vfs_rig.h"

#include "../control_rig.h"

#define TEXT_MAX (256 << 10)

/* The answer of a line that is carried out, malloc'd. */
static inline char *ask(struct rig *r, const char *line)
{
	char *answer = malloc(TEXT_MAX);

	assert_non_null(answer);
	if (control_run(r->f.v, line, answer, TEXT_MAX))
		fail_msg("%s: %s", line, answer);
	return answer;
}

/* Each of the texts, one after the other, stands in the answer. */
static inline void says(struct rig *r, const char *line,
			const char *const *wants)
{
	char *answer = ask(r, line), *at = answer;

	for (; *wants; wants++) {
		char *found = strstr(at, *wants);

		if (!found)
			fail_msg("%s: no \"%s\" in\n%s", line, *wants, answer);
		at = found;
	}
	free(answer);
}

#define SAYS(r, line, ...)                                                     \
	says(r, line, (const char *const[]){__VA_ARGS__, NULL})

/* The line, or its answer's end, says rc, and the text is in its answer. */
static inline void fails(struct rig *r, const char *line, int rc,
			 const char *has)
{
	char *answer = malloc(TEXT_MAX);
	int got;

	assert_non_null(answer);
	got = control_ask(r->f.v, line, answer, TEXT_MAX);
	if (got != rc || !strstr(answer, has))
		fail_msg("%s: %d: %s", line, got, answer);
	free(answer);
}

#endif
