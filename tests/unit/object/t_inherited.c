/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What directories hand down. The linker puts the counter below in front of
 * meta_head_get() (its option --wrap).
 */
#include "../vfs_rig.h"

#include "vers3/object/inherited.h"

#define CLASS  "user.s3.storage_class"
#define EXPIRE "user.s3.expire"

static _Atomic uint64_t counted_ino;
static atomic_uint counted;

int __real_meta_head_get(struct meta *m, uint64_t ino, struct kvlist *ret_list);
int __wrap_meta_head_get(struct meta *m, uint64_t ino, struct kvlist *ret_list);

int __wrap_meta_head_get(struct meta *m, uint64_t ino, struct kvlist *ret_list)
{
	if (ino == atomic_load(&counted_ino))
		atomic_fetch_add(&counted, 1);
	return __real_meta_head_get(m, ino, ret_list);
}

static void set(struct rig *r, const char *path, const char *name,
		const char *value)
{
	assert_int_equal(vfs_setxattr(r->f.v, rig_ino(r, path), name, value,
				      strlen(value), 0),
			 0);
}

/* NULL: the inode has no such note. */
static void notes(struct rig *r, const char *path, const char *name,
		  const char *value)
{
	uint64_t ino = rig_ino(r, path);
	struct kvlist head;
	const char *is;

	kvlist_init(&head);
	assert_int_equal(meta_lock(r->f.meta), 0);
	assert_int_equal(inherited_head(r->f.v->mount, ino, &head), 0);
	meta_unlock(r->f.meta);
	is = kvlist_get(&head, name);
	if (!is != !value || (is && strcmp(is, value) != 0))
		fail_msg("%s: %s is %s, not %s", path, name,
			 is ? is : "not there", value ? value : "nothing");
	kvlist_release(&head);
}

static void test_known(void **state)
{
	static const struct {
		const char *wanted, *carried; /* NULL: not in the head */
		const char *dir, *file; /* what is known */
	} rows[] = {
		{NULL, NULL, NULL, NULL}, {NULL, "7d", "7d", NULL},
		{"2d", NULL, "2d", "2d"}, {"2d", "7d", "2d", "2d"},
		{"", "7d", "", ""},	  {NULL, "", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *of[2], *want[2] = {rows[i].dir, rows[i].file};
		struct kvlist head;

		kvlist_init(&head);
		if (rows[i].wanted)
			assert_int_equal(kvlist_add(&head, EXPIRE_WANTED,
						    rows[i].wanted),
					 0);
		if (rows[i].carried)
			assert_int_equal(kvlist_add(&head,
						    "x-amz-meta-" EXPIRE_META,
						    rows[i].carried),
					 0);
		of[0] = inherited_known(INHERITED_EXPIRE, S_IFDIR, &head);
		of[1] = inherited_known(INHERITED_EXPIRE, S_IFREG, &head);
		for (int k = 0; k < 2; k++)
			if (!of[k] != !want[k] ||
			    (of[k] && strcmp(of[k], want[k]) != 0))
				fail_msg("row %zu, %d: %s", i, k, of[k]);
		assert_null(inherited_known(INHERITED_CLASS, S_IFDIR, &head));
		kvlist_release(&head);
	}
}

/* How often the head of d is read by one create in it. */
static void reads_once(struct rig *r, const char *path)
{
	atomic_store(&counted, 0);
	atomic_store(&counted_ino, rig_ino(r, "d"));
	rig_write(r, path, "text");
	atomic_store(&counted_ino, 0);
	if (atomic_load(&counted) != 1)
		fail_msg("%s: %u reads", path, atomic_load(&counted));
}

static void test_one_reading(void **state)
{
	struct rig *r = *state;

	rig_mkdir(r, "d");
	rig_sync(r);
	reads_once(r, "d/neither");
	notes(r, "d/neither", CLASS_WANTED, NULL);
	notes(r, "d/neither", EXPIRE_WANTED, NULL);
	set(r, "d", CLASS, "STANDARD_IA");
	reads_once(r, "d/class");
	notes(r, "d/class", CLASS_WANTED, "STANDARD_IA");
	notes(r, "d/class", EXPIRE_WANTED, NULL);
	set(r, "d", EXPIRE, "7d");
	/* By the notes first, then by what the directory's object has. */
	reads_once(r, "d/both");
	rig_sync(r);
	reads_once(r, "d/sent");
	notes(r, "d/sent", CLASS_WANTED, "STANDARD_IA");
	notes(r, "d/sent", EXPIRE_WANTED, "7d");
	rig_mkdir(r, "d/sub");
	notes(r, "d/sub", CLASS_WANTED, "STANDARD_IA");
	notes(r, "d/sub", EXPIRE_WANTED, "7d");
	set(r, "d", EXPIRE, "never");
	reads_once(r, "d/never");
	notes(r, "d/never", EXPIRE_WANTED, NULL);
	notes(r, "d/never", CLASS_WANTED, "STANDARD_IA");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		RIG_TEST(test_one_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
