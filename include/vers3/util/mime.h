/* SPDX-License-Identifier: Apache-2.0 */
/* Media types by file name extension, from /etc/mime.types. */
#ifndef VERS3_UTIL_MIME_H
#define VERS3_UTIL_MIME_H

/*
 * The media type of a file name's extension, in any case; NULL when there is
 * none or it is not known. name may have directories before it. Any thread;
 * the first call reads the table, which stays as long as the process.
 */
const char *mime_type(const char *name);

/* The type of an extension in lower case by our own table alone, or NULL. */
const char *mime_common_type(const char *ext);

#endif
