/* SPDX-License-Identifier: Apache-2.0 */
/* How many files to have fetched ahead of who reads them in turn. Pure. */
#ifndef VERS3_SRC_TREE_READ_ROW_VERDICT_H
#define VERS3_SRC_TREE_READ_ROW_VERDICT_H

#include <stdbool.h>

#define READ_ROW_FIRST 8 /* at the second file in turn */
#define READ_ROW_MAX   64
#define READ_ROW_PASS  16 /* names passed over: it is another place then */
#define READ_ROW_FEW   3 /* files passed over by several readers of one row */

/*
 * The window after a read, from what it was: next: this file comes after the
 * one before it; passed: so many that could have been fetched lie between.
 */
unsigned read_row_window(unsigned window, bool next, unsigned passed);
/*
 * How many more files to fetch now, where `ahead` are: none until it is worth
 * while, so that it is looked for them seldom.
 */
unsigned read_row_more(unsigned window, unsigned ahead);

#endif
