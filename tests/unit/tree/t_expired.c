/* SPDX-License-Identifier: Apache-2.0 */
/* Directories whose objects a rule has taken. */
#include "../vfs_fixture.h"

#include "../../../src/tree/expired.h"
#include "vers3/meta/dirty.h"
#include "vers3/meta/inode.h"
#include "vers3/store/metrics.h"
#include "vers3/tree/revive.h"

#define DIRS 3

static void give_rule(struct vfs_fixture *f)
{
	static const char document[] =
		"<LifecycleConfiguration><Rule><ID>tmp</ID><Status>Enabled"
		"</Status><Filter><Prefix>" VFS_FIXTURE_PREFIX "d0/</Prefix>"
		"</Filter><Expiration><Date>2020-01-01T00:00:00Z</Date>"
		"</Expiration></Rule></LifecycleConfiguration>";
	struct store_request r;

	store_request_init(&r, STORE_PUT_LIFECYCLE);
	r.body.mem = document;
	r.body.length = sizeof(document) - 1;
	assert_int_equal(store_call(f->store, &r), 0);
	store_request_release(&r);
}

/* A directory that is there because of what is in it. */
static struct meta_inode taken_dir(struct vfs_fixture *f, const char *name)
{
	struct meta_inode inode;
	struct vfs_entry e;

	assert_int_equal(vfs_mkdir(f->v, META_ROOT_INO, name, 0755,
				   &vfs_fixture_caller, &e),
			 0);
	assert_int_equal(vfs_drain(f->v), 0);
	assert_int_equal(meta_lock(f->meta), 0);
	assert_int_equal(meta_inode_get(f->meta, e.ino, &inode), 0);
	inode.flags &= ~(uint32_t)META_I_EXPLICIT;
	assert_int_equal(meta_inode_put(f->meta, &inode), 0);
	meta_unlock(f->meta);
	return inode;
}

static bool is_dirty(struct vfs_fixture *f, const char *key)
{
	int64_t due_ns;
	int rc;

	assert_int_equal(meta_lock(f->meta), 0);
	rc = meta_dirty_due(f->meta, key, &due_ns);
	meta_unlock(f->meta);
	return !rc;
}

static uint64_t rules_asked(struct vfs_fixture *f)
{
	struct metrics_snapshot m;

	metrics_store_read(f->store, &m);
	return m.ops[STORE_GET_LIFECYCLE].calls;
}

/* The rules are asked for once in ttl, however many directories go. */
static void test_rules_once(void **state)
{
	struct vfs_fixture *f = *state;
	uint64_t before;

	vfs_fixture_stop(f);
	f->config.ttl_ns = 600 * NS_PER_S;
	give_rule(f);
	vfs_fixture_start(f);
	before = rules_asked(f);
	for (int i = 0; i < DIRS; i++) {
		char name[8], key[12];
		struct meta_inode inode;

		snprintf(name, sizeof(name), "d%d", i);
		snprintf(key, sizeof(key), "%s/", name);
		inode = taken_dir(f, name);
		expired_note(f->v->tree, &inode, name);
		revive_expired(f->v->tree);
		assert_int_equal(is_dirty(f, key), i == 0);
	}
	assert_int_equal(rules_asked(f), before + 1);
}

/* Where nobody could tell the rules it is looked at after the next list. */
static void test_rules_not_known(void **state)
{
	struct vfs_fixture *f = *state;
	struct meta_inode inode;

	vfs_fixture_stop(f);
	give_rule(f);
	vfs_fixture_start(f);
	inode = taken_dir(f, "d0");
	atomic_store(&f->silent, true);
	expired_note(f->v->tree, &inode, "d0");
	revive_expired(f->v->tree);
	assert_false(is_dirty(f, "d0/"));
	atomic_store(&f->silent, false);
	while (!is_dirty(f, "d0/")) { /* or until the alarm */
		revive_expired(f->v->tree);
		usleep(50000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		VFS_FIXTURE_TEST(test_rules_once),
		VFS_FIXTURE_TEST(test_rules_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
