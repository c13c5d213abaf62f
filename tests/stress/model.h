/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one directory of a mount should hold. One thread changes it with
 * random calls; after each the model has one more state. Whatever survives a
 * crash must be one of these states, and not one before the last that was
 * certain: what the bucket holds later is compared with the list.
 */
#ifndef VERS3_TESTS_STRESS_MODEL_H
#define VERS3_TESTS_STRESS_MODEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vers3/util/map.h"

#define MODEL_PATH_MAX 64
#define MODEL_FILES    64
#define MODEL_MD5      16
#define MODEL_WRITE    (64 << 10) /* of one write at most */

/* One name, as a state has it. */
struct entry {
	char path[MODEL_PATH_MAX]; /* below the mount */
	uint32_t mode; /* st_mode */
	uint64_t size_bytes;
	unsigned char md5[MODEL_MD5]; /* of a file's content */
};

struct state {
	struct entry *entries; /* owned; sorted by path */
	size_t count;
	int64_t done_ns; /* monotonic, when its call returned; 0: it did not */
	char what[96]; /* the call, for a message */
};

/* A name with its content. */
struct node {
	struct entry entry;
	unsigned char *data; /* owned */
};

struct model_config {
	uint64_t seed;
	const char *top; /* name of its directory */
	const char *mnt;
	bool large; /* some files of more than one part */
};

struct model {
	struct model_config config;
	uint64_t random;
	struct node nodes[MODEL_FILES]; /* sorted by path */
	size_t node_count;
	struct state *states; /* owned */
	size_t state_count, state_size;
	size_t certain; /* of a state: all up to it must be there */
	size_t synced; /* likewise, of what an fsync promised alone */
	struct map *known; /* every (path, content) there ever was */
	uint64_t calls;
	/*
	 * What is written goes from here: owned, in pages that stay, since
	 * the kernel parts a write whose source it has to fault in.
	 */
	unsigned char *out;
	unsigned modes; /* chmods so far, so that none repeats the last */
	int error; /* errno of the call that failed; 0: none */
	char error_call[96];
	/* Set by others. */
	atomic_bool stop;
};

int model_init(struct model *m, const struct model_config *config);
void model_release(struct model *m);
/* Makes its directory on a mount. 0 or -errno. */
int model_begin(struct model *m);
/*
 * Random calls until stop is set, a call fails, or `calls` were made (0: no
 * limit). Returns the error of the call that failed, 0 without one.
 */
int model_run(struct model *m, uint64_t calls);
/* What ended this long before at_ns is certain. */
void model_certify(struct model *m, int64_t at_ns, int64_t grace_ns);

/*
 * Reads what stands at the mount `mnt` and finds the newest state that is
 * equal to it. On success that state is the model's only one. Else says on
 * stderr what differs from the newest certain state, and returns -EUCLEAN; or
 * -errno.
 */
int model_verify(struct model *m, const char *mnt, size_t *ret_behind);
/* Whether the path ever had this content. */
bool model_knows(const struct model *m, const char *path, uint64_t size_bytes,
		 const unsigned char *md5);

/* The next random number below limit. */
uint64_t model_random(struct model *m, uint64_t limit);

#endif
