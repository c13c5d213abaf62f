/* SPDX-License-Identifier: Apache-2.0 */
/* Many writers at once. */
#include "../vfs_rig.h"

#include "syncer_rig.h"

struct worker {
	struct rig *r;
	uint64_t seed;
	unsigned number;
};

static void random_name(struct worker *w, char *path, size_t size)
{
	unsigned n = (unsigned)(rig_random(&w->seed) % 6);

	/* Some names are everybody's. */
	snprintf(path, size, "%s%u", n < 2 ? "all" : "own",
		 n < 2 ? n : n + 10 * w->number);
}

static void random_change(struct worker *w)
{
	struct vfs *v = w->r->f.v;
	char a[16], b[16], text[32];
	struct vfs_file *file;
	struct vfs_open how;
	struct vfs_entry e;
	struct stat st = {.st_mode = 0600};

	random_name(w, a, sizeof(a));
	random_name(w, b, sizeof(b));
	switch (rig_random(&w->seed) % 8) {
	case 0:
		vfs_unlink(v, META_ROOT_INO, a);
		break;
	case 1:
	case 2:
		vfs_rename(v, META_ROOT_INO, a, META_ROOT_INO, b, 0);
		break;
	case 3:
		if (!vfs_lookup(v, META_ROOT_INO, a, &e))
			vfs_setattr(v, e.ino, &st, VFS_SET_MODE, &e.st);
		break;
	default:
		if (vfs_create(v, META_ROOT_INO, a, 0640, O_RDWR | O_TRUNC,
			       &vfs_fixture_caller, &e, &file, &how))
			break;
		snprintf(text, sizeof(text), "%s-%u-%u", a, w->number,
			 (unsigned)rig_random(&w->seed));
		vfs_write(v, file, 0, text, strlen(text));
		if (rig_random(&w->seed) % 4 == 0)
			vfs_fsync(v, file);
		vfs_release(v, file);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 300; i++) {
		random_change(w);
		if (i % 16 == 0)
			usleep(2000);
	}
	return NULL;
}

static size_t read_file(struct rig *r, const char *path, char *buf, size_t size)
{
	struct vfs_file *file = rig_open(r, path, O_RDONLY);

	assert_int_equal(vfs_fixture_pread(&r->f, file, 0, buf, size), 0);
	vfs_release(r->f.v, file);
	return strlen(buf);
}

/* Many at once: in the end the bucket holds what this mount shows. */
static void test_parallel(void **state)
{
	struct rig *r = *state;
	struct worker workers[4];
	pthread_t threads[4];
	char names[4096], again[4096], text[64], *rest = NULL, *name;

	r->f.config.commit_ns = 5 * NS_PER_MS;
	rig_restart(r);
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){r, i + 1, i};
		assert_int_equal(pthread_create(&threads[i], NULL, work,
						&workers[i]),
				 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	rig_sync(r);
	assert_int_equal(rig_list(r, "", false, names, sizeof(names)), 0);
	memcpy(again, names, sizeof(names));
	for (name = strtok_r(again, " ", &rest); name;
	     name = strtok_r(NULL, " ", &rest)) {
		read_file(r, name, text, sizeof(text));
		rig_holds(r, name, text);
	}
	rig_forget(r);
	rig_lists(r, "", names);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_parallel),
		TEST_UNVERSIONED(test_parallel),

	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
