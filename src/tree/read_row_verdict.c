/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns nothing:
 *
 *	read		window
 *	the next	READ_ROW_FIRST, then doubles up to READ_ROW_MAX
 *	few passed	as it is: several read the row, or some were known
 *	more passed	half of it, down to 0
 *	elsewhere	0
 */
#include "read_row_verdict.h"

unsigned read_row_window(unsigned window, bool next, unsigned passed)
{
	if (!next)
		return 0;
	if (passed > READ_ROW_FEW)
		return window / 2;
	if (passed)
		return window;
	if (!window)
		return READ_ROW_FIRST;
	return window < READ_ROW_MAX / 2 ? window * 2 : READ_ROW_MAX;
}

unsigned read_row_more(unsigned window, unsigned ahead)
{
	if (ahead >= window || (ahead && window - ahead < window / 4))
		return 0;
	return window - ahead;
}
