/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the rows: where somebody reads in a directory, in which order, how far
 * it was fetched ahead for him. read_row_verdict.h says how far it is to be.
 *
 * A row costs the reader nothing before his answer: it is noted after that was
 * asked for. Names and versions are copied under meta_lock(), and fetched
 * without it.
 */
#include "vers3/tree/read_row.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dir_impl.h"
#include "read_row_verdict.h"
#include "tree_impl.h"
#include "vers3/meta/dentry.h"
#include "vers3/read/reader.h"
#include "vers3/s3/archive.h"

#define ROWS   16 /* directories that are read in at a time */
#define LOOK   256 /* names looked at for the next files */
#define BEHIND 8 /* reads before the last one: others were faster */

enum order {
	BY_COOKIE, /* as readdir(3) gives them */
	BY_NAME,
	ORDERS,
};

/* A place among a directory's names, in both orders. */
struct place {
	uint64_t cookie;
	char name[META_NAME_MAX + 1];
};

struct row {
	uint64_t ino; /* of the directory; 0: none */
	uint64_t file; /* the one read last */
	struct place at; /* its name */
	struct place upto; /* fetched ahead up to here, in its order */
	enum order order; /* what it was found to be */
	unsigned window; /* files to have ahead; 0: it is no row */
	unsigned ahead; /* files that are */
	unsigned behind; /* reads of files before it, since the last */
	bool filling; /* somebody fetches for it */
};

struct read_rows {
	pthread_mutex_t mutex; /* a leaf; of all below */
	struct row rows[ROWS];
	unsigned next; /* the one that gives way next */
};

/* From the file of a row to the one that is read now. */
struct step {
	struct place at;
	enum order order;
	bool next; /* it comes soon after, in that order */
	bool behind; /* it comes soon before, and it is a row */
	unsigned passed; /* others that could be fetched, between */
};

/* The files to fetch, copied from the tables. */
struct batch {
	unsigned count;
	struct file {
		struct place place;
		struct meta_version version;
	} files[READ_ROW_MAX];
	struct place end; /* the last name looked at */
};

int read_rows_new(struct read_rows **ret_rows)
{
	struct read_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	pthread_mutex_init(&rows->mutex, NULL);
	*ret_rows = rows;
	return 0;
}

void read_rows_free(struct read_rows *rows)
{
	if (!rows)
		return;
	pthread_mutex_destroy(&rows->mutex);
	free(rows);
}

/* The next name of a directory in an order; with meta_lock() held. */
static int next_name(struct tree *tree, uint64_t dir, enum order order,
		     struct place *at, uint64_t *ret_ino)
{
	struct meta_dentry de;
	int rc =
		order == BY_COOKIE
			? meta_dentry_next(tree->meta, dir, at->cookie, &de)
			: meta_dentry_next_name(tree->meta, dir, at->name, &de);

	if (rc)
		return rc;
	at->cookie = de.cookie;
	strcpy(at->name, de.name);
	*ret_ino = de.ino;
	return 0;
}

/* Of an object that cannot be read before it is restored. */
static bool is_archived(struct tree *tree, const struct meta_inode *inode)
{
	struct kvlist head;
	bool archived;

	kvlist_init(&head);
	archived = !meta_head_get(tree->meta, inode->ino, &head) &&
		   archive_is_closed(&head);
	kvlist_release(&head);
	return archived;
}

/*
 * Whether an inode is one to fetch ahead: all that is known, small, and it can
 * be read. With meta_lock() held.
 */
static bool is_fetchable(struct tree *tree, const struct meta_inode *inode)
{
	return S_ISREG(inode->mode) && (inode->flags & META_I_ATTRS) &&
	       !(inode->flags & META_I_REFUSED) && inode->size_bytes &&
	       inode->size_bytes <= READER_WHOLE_MAX &&
	       meta_inode_is_base(inode) && !is_archived(tree, inode);
}

/*
 * Whether a file comes soon after a place in an order, and how many others that
 * could be fetched come before it. With meta_lock() held.
 */
static bool comes_after(struct tree *tree, uint64_t dir, enum order order,
			const struct place *from, uint64_t file,
			unsigned *ret_passed)
{
	uint64_t inos[READ_ROW_PASS + 1];
	struct place at = *from;
	struct meta_inode inode;
	unsigned count = 0, passed = 0;

	do {
		if (count > READ_ROW_PASS ||
		    next_name(tree, dir, order, &at, &inos[count]))
			return false;
	} while (inos[count++] != file);
	for (unsigned i = 0; i + 1 < count; i++)
		if (!meta_inode_get(tree->meta, inos[i], &inode))
			passed += is_fetchable(tree, &inode);
	*ret_passed = passed;
	return true;
}

/* The row of a directory; NULL: none. Mutex held. */
static struct row *find_row(struct read_rows *rows, uint64_t dir)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows->rows[i].ino == dir)
			return &rows->rows[i];
	return NULL;
}

/* A new row that begins with this file. Mutex held. */
static void begin_row(struct read_rows *rows, uint64_t dir, uint64_t file,
		      const struct place *at)
{
	struct row *row = &rows->rows[rows->next++ % ROWS];

	*row = (struct row){.ino = dir, .file = file, .at = *at, .upto = *at};
}

/*
 * Moves a row on to a file, as far as others have not moved it meanwhile.
 * Returns how many files more are to be fetched, from *ret_from on.
 */
static unsigned move_row(struct read_rows *rows, const struct row *was,
			 uint64_t file, const struct step *step,
			 struct place *ret_from)
{
	const struct place *at = &step->at;
	unsigned passed = step->passed;
	struct row *row;
	unsigned more = 0;

	pthread_mutex_lock(&rows->mutex);
	row = find_row(rows, was->ino);
	if (!row || row->file != was->file)
		goto out;
	if (step->behind && row->behind++ < BEHIND)
		goto out;
	row->window = read_row_window(row->window, step->next, passed);
	if (!row->window || step->order != row->order || row->ahead <= passed) {
		row->ahead = 0;
		row->upto = *at;
	} else {
		row->ahead -= passed + 1;
	}
	row->file = file;
	row->at = *at;
	row->order = step->order;
	row->behind = 0;
	more = row->filling ? 0 : read_row_more(row->window, row->ahead);
	row->filling = row->filling || more;
	*ret_from = row->upto;
out:
	pthread_mutex_unlock(&rows->mutex);
	return more;
}

/*
 * The next files to fetch, up to the first of which nothing is known yet: that
 * one, and what comes after it, is looked at again when it is.
 */
static void gather(struct tree *tree, uint64_t dir, enum order order,
		   const struct place *from, unsigned count, struct batch *b)
{
	struct place at = *from;
	struct meta_inode inode;
	uint64_t ino;

	b->count = 0;
	b->end = *from;
	if (meta_lock(tree->meta))
		return;
	for (int i = 0; i < LOOK && b->count < count; i++) {
		if (next_name(tree, dir, order, &at, &ino))
			break;
		if (!meta_inode_get(tree->meta, ino, &inode)) {
			if (S_ISREG(inode.mode) &&
			    !dir_attrs_do(tree, &inode, true))
				break;
			if (is_fetchable(tree, &inode)) {
				b->files[b->count].place = at;
				b->files[b->count++].version = inode.base;
			}
		}
		b->end = at;
	}
	meta_unlock(tree->meta);
}

/* What was fetched belongs to the row, if it still is there. */
static void fill_end(struct read_rows *rows, uint64_t dir, enum order order,
		     unsigned count, const struct place *upto)
{
	struct row *row;

	pthread_mutex_lock(&rows->mutex);
	row = find_row(rows, dir);
	if (row && row->filling) {
		row->filling = false;
		if (row->window && row->order == order) {
			row->ahead += count;
			row->upto = *upto;
		}
	}
	pthread_mutex_unlock(&rows->mutex);
}

static void fill(struct tree *tree, uint64_t dir, enum order order,
		 const struct place *from, unsigned count)
{
	struct batch *b = malloc(sizeof(*b));
	struct place upto = *from;
	unsigned done = 0;

	if (b) {
		gather(tree, dir, order, from, count, b);
		while (done < b->count &&
		       reader_fetch_ahead(tree->reader,
					  &b->files[done].version))
			done++;
		if (done == b->count)
			upto = b->end;
		else if (done)
			upto = b->files[done - 1].place;
	}
	fill_end(tree->read_rows, dir, order, done, &upto);
	free(b);
}

/* Where a file is; with meta_lock() held. */
static int find_place(struct tree *tree, uint64_t ino, uint64_t *ret_dir,
		      struct place *ret_at)
{
	struct meta_dentry de;
	int rc = meta_name_next(tree->meta, ino, 0, "", &de);

	if (!rc)
		rc = meta_dentry_get(tree->meta, de.parent, de.name, &de);
	if (rc)
		return rc;
	*ret_dir = de.parent;
	ret_at->cookie = de.cookie;
	strcpy(ret_at->name, de.name);
	return 0;
}

/* How a file stands to a row's; with meta_lock() held. */
static void measure(struct tree *tree, const struct row *was, uint64_t file,
		    struct step *step)
{
	unsigned passed;

	/* The order that it was found to be comes first. */
	for (unsigned i = 0; i < ORDERS && !step->next; i++) {
		step->order = (enum order)((was->order + i) % ORDERS);
		step->next = comes_after(tree, was->ino, step->order, &was->at,
					 file, &step->passed);
	}
	step->behind = !step->next && was->window &&
		       comes_after(tree, was->ino, was->order, &step->at,
				   was->file, &passed);
}

void read_row_note(struct tree *tree, const struct meta_inode *inode)
{
	struct read_rows *rows = tree->read_rows;
	struct row *row, was = {.ino = 0};
	struct step step = {.passed = 0};
	struct place from;
	unsigned more;
	uint64_t dir;

	if (meta_lock(tree->meta))
		return;
	if (find_place(tree, inode->ino, &dir, &step.at))
		goto out;
	pthread_mutex_lock(&rows->mutex);
	row = find_row(rows, dir);
	if (row)
		was = *row;
	else
		begin_row(rows, dir, inode->ino, &step.at);
	pthread_mutex_unlock(&rows->mutex);
	if (was.file == inode->ino)
		was.ino = 0;
	if (was.ino)
		measure(tree, &was, inode->ino, &step);
out:
	meta_unlock(tree->meta);
	if (!was.ino)
		return;
	more = move_row(rows, &was, inode->ino, &step, &from);
	if (!more)
		return;
	if (outage_holds(tree))
		fill_end(rows, dir, step.order, 0, &from);
	else
		fill(tree, dir, step.order, &from, more);
}
