/* SPDX-License-Identifier: Apache-2.0 */
/* An errno for people: what is wrong, and what to do where that is known. */
#ifndef VERS3_UTIL_ERRTEXT_H
#define VERS3_UTIL_ERRTEXT_H

/*
 * As strerror() of rc, an errno or its negative; of those by which a server
 * cannot be reached, and others that say little, more. The text lives until
 * the thread's next call. Any thread.
 */
const char *errtext(int rc);

#endif
