/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who reads the files of a directory one after the other, in the order of
 * readdir(3) or of their names: diff -r, cp -r, tar, rsync -c, grep -r, a
 * build. The next files are fetched ahead for him, many at once, as long as he
 * comes to them; what he passes over makes them fewer, down to none.
 *
 * Any thread, no lock held; returns at once. S3 API: GetObject.
 */
#ifndef VERS3_TREE_READ_ROW_H
#define VERS3_TREE_READ_ROW_H

#include "vers3/meta/inode.h"

struct read_rows;
struct tree;

int read_rows_new(struct read_rows **ret_rows);
void read_rows_free(struct read_rows *rows);

/* Somebody has begun to read this file of the live tree. */
void read_row_note(struct tree *tree, const struct meta_inode *inode);

#endif
