/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for files that expire go when nobody needs them, and no others. */
#include "../vfs_rig.h"

#include "../../../src/control/lifecycle_tidy.h"
#include "../control_rig.h"
#include "vers3/core/tagset.h"
#include "vers3/object/expire.h"

#define TEXT_MAX 4096

#define RULE(id, value, days)                                                  \
	"<Rule><ID>" id                                                        \
	"</ID><Filter><Tag><Key>vers3-expire</Key><Value>" value               \
	"</Value></Tag></Filter><Status>Enabled</Status><Expiration>"          \
	"<Days>" days "</Days></Expiration></Rule>"
#define OLD(days) RULE("vers3-expire-" days "d-2020-01-01", days "d", days)

static void set_tag(struct rig *r, const char *key, const char *value)
{
	struct kvlist tags;

	kvlist_init(&tags);
	assert_int_equal(kvlist_add(&tags, EXPIRE_TAG, value), 0);
	assert_int_equal(tagset_put(r->bucket, key, NULL, &tags), 0);
	kvlist_release(&tags);
}

/* The ids of the rules, a blank behind each. */
static void rules_are(struct rig *r, const char *want)
{
	struct lifecycle l = {.count = 0};
	struct store_request q;
	char ids[512] = "";

	store_request_init(&q, STORE_GET_LIFECYCLE);
	if (!store_call(r->bucket, &q))
		assert_int_equal(lifecycle_parse(q.reply.body.data,
						 q.reply.body.len, &l),
				 0);
	store_request_release(&q);
	for (size_t i = 0; i < l.count; i++)
		strcat(strcat(ids, l.rules[i].id), " ");
	lifecycle_release(&l);
	assert_string_equal(ids, want);
}

static void test_is_ours(void **state)
{
	static const struct {
		const char *rule, *text; /* NULL: it is not */
		int64_t made_ns;
	} table[] = {
		{RULE("vers3-expire-7d-2020-01-02", "7d", "7"), "7d",
		 INT64_C(1577923200) * NS_PER_S},
		{RULE("vers3-expire-7d", "7d", "7"), "7d", 0},
		{RULE("vers3-expire-7d-soon", "7d", "7"), NULL, 0},
		{RULE("vers3-expire-7d", "8d", "7"), NULL, 0},
		{RULE("vers3-expire-7d", "7d", "8"), NULL, 0},
		{RULE("vers3-expire-", "7d", "7"), NULL, 0},
		{RULE("vers3-expire-7", "7", "7"), NULL, 0},
		{RULE("mine", "7d", "7"), NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		char doc[1024], text[EXPIRE_TEXT_MAX] = "";
		struct lifecycle l;
		int64_t made = -1;
		bool ours;

		snprintf(doc, sizeof(doc),
			 "<LifecycleConfiguration>%s</LifecycleConfiguration>",
			 table[i].rule);
		assert_int_equal(lifecycle_parse(doc, strlen(doc), &l), 0);
		ours = tidy_is_ours(&l.rules[0], text, &made);
		lifecycle_release(&l);
		if (ours != (table[i].text != NULL) ||
		    (ours && (strcmp(text, table[i].text) != 0 ||
			      made != table[i].made_ns)))
			fail_msg("%s", table[i].rule);
	}
}

static const char rules[] = "<LifecycleConfiguration>" OLD("1") OLD("2")
	OLD("3") OLD("4") RULE("mine", "9d", "9") "</LifecycleConfiguration>";

static void test_removes(void **state)
{
	struct rig *r = *state;
	char answer[TEXT_MAX];

	rig_set_rules(r, rules);
	/* An old version, what another mount's prefix has, a directory. */
	rig_put_text(r, "f", "text");
	set_tag(r, VFS_FIXTURE_PREFIX "f", "1d");
	rig_put_text(r, "f", "other");
	rig_remove(r, "f");
	{
		struct store_request q;

		store_request_init(&q, STORE_PUT);
		q.key = "elsewhere";
		q.body = (struct store_body){.mem = "x", .length = 1};
		assert_int_equal(store_call(r->bucket, &q), 0);
		store_request_release(&q);
	}
	set_tag(r, "elsewhere", "2d");
	rig_mkdir(r, "d");
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "d"), "user.s3.expire",
				      "3d", 2, 0),
			 0);
	rig_write(r, "d/unsent", "text");
	assert_int_equal(control_run(r->f.v, "lifecycle tidy dry-run", answer,
				     sizeof(answer)),
			 0);
	assert_non_null(strstr(answer, "[rule \"vers3-expire-4d-2020-01-01\"]"
				       "\n\texpire = 4d\n\tstate = unused\n"));
	assert_non_null(strstr(answer, "\tremoved = 0\n"));
	assert_int_equal(control_run(r->f.v, "lifecycle tidy", answer,
				     sizeof(answer)),
			 0);
	assert_non_null(strstr(answer, "\tstate = removed\n[tidy]\n"));
	assert_non_null(strstr(answer, "\tremoved = 1\n"));
	rules_are(r, "vers3-expire-1d-2020-01-01 vers3-expire-2d-2020-01-01 "
		     "vers3-expire-3d-2020-01-01 mine ");
}

static void test_young(void **state)
{
	struct rig *r = *state;
	char answer[TEXT_MAX];

	rig_write(r, "f", "text");
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, "f"), "user.s3.expire",
				      "7d", 2, 0),
			 0);
	assert_int_equal(
		vfs_removexattr(r->f.v, rig_ino(r, "f"), "user.s3.expire"), 0);
	rig_forget_requests(r);
	assert_int_equal(control_run(r->f.v, "lifecycle tidy", answer,
				     sizeof(answer)),
			 0);
	assert_non_null(strstr(answer, "\tstate = young\n"));
	assert_int_equal(rig_count(r, "ListObjectVersions"), 0);
	rig_changed(r, "");
}

static void tell_another(struct rig *r)
{
	struct vfs_entry e;

	if (!vfs_lookup(r->f.v, META_ROOT_INO, "g", &e))
		vfs_setxattr(r->f.v, e.ino, "user.s3.expire", "4d", 2, 0);
}

/* Nothing goes where anything is not known. */
static void test_refused(void **state)
{
	struct rig *r = *state;
	struct control_session *s;
	char text[TEXT_MAX];
	size_t got, len;

	rig_set_rules(r, rules);
	rig_write(r, "g", "text");
	rig_put_text(r, "f", "text");
	rig_sync(r);
	for (int i = 0; i < 2; i++) {
		int rc;

		if (i)
			rig_hook(r, "ListObjectVersions", tell_another, 1);
		else
			rig_fail(r, "GetObjectTagging", RIG_BEFORE, -EACCES, 1);
		assert_int_equal(control_open(r->f.v->control, &s), 0);
		assert_int_equal(control_write(s, "lifecycle tidy\n", 15), 0);
		len = got = 0;
		while (!(rc = control_read_now(s, len, text + len,
					       sizeof(text) - len, &got)) &&
		       got)
			len += got;
		control_close(s);
		assert_int_equal(rc, i ? -EBUSY : -EACCES);
	}
	rules_are(r, "vers3-expire-1d-2020-01-01 vers3-expire-2d-2020-01-01 "
		     "vers3-expire-3d-2020-01-01 vers3-expire-4d-2020-01-01 "
		     "mine ");
	r->f.v->mount->config.read_only = true;
	assert_int_equal(control_run(r->f.v, "lifecycle tidy", text,
				     sizeof(text)),
			 -EROFS);
	assert_int_equal(control_run(r->f.v, "lifecycle tidy all", text,
				     sizeof(text)),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_ours),
		RIG_TEST(test_removes),
		RIG_TEST(test_young),
		RIG_TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
