/* SPDX-License-Identifier: Apache-2.0 */
/* What an S3 error means as an errno: the one table of that. */
#ifndef VERS3_S3_ERROR_H
#define VERS3_S3_ERROR_H

/*
 * The -errno that store_call() documents for an HTTP status and an S3 error
 * code ("" where the answer had none, as to a HEAD); 0 for a 2xx without a
 * code. A known code outranks the status: some servers send 200 with it.
 */
int s3_error_errno(int status, const char *code);
/*
 * The status that the code is sent with when it comes alone, so that a 200
 * with an error inside can be told by its status; 500 for an unknown one.
 */
int s3_error_status(const char *code);

#endif
