/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tries out what these keys may do, and changes nothing by it:
 *
 *	lists, HeadObject, GetObjectTagging	read, of the first object
 *	UploadPart, ListParts,			of an upload that there is
 *	AbortMultipartUpload			not: there is none to go on
 *						with, so no version comes
 *	PutObjectTagging			of an object that there is not:
 *						tags have nothing to stand at
 *	DeleteObject of a version		of an object and a version that
 *						there are not, where it has been
 *						seen that the server knows ids
 *
 * DeleteObject without a version is never tried: under a condition as well it
 * leaves a delete marker with servers that do not look at the condition, or
 * take it as met where there is no object.
 *
 * A server that does not allow them says so (403) before it looks for what is
 * not there; Ceph looks for the object first where tags and parts are asked
 * for, so nothing is known of these.
 *
 * No lock held. 0, -EINTR when the caller's cancel was set.
 */
#ifndef VERS3_SRC_UPKEEP_DOCTOR_TRY_H
#define VERS3_SRC_UPKEEP_DOCTOR_TRY_H

#include "doctor_facts.h"

struct mount;
struct store_reply;

/* Fills in facts->rights; the rest of the facts is there. */
int doctor_try(struct mount *mount, struct doctor_facts *facts);
/* What the end of a try says; pure. code: the server's. */
enum doctor_tried doctor_read_try(enum doctor_right right, bool amazon, int rc,
				  const char *code);
/* The server's words on what failed: status, code, message, request's id. */
void doctor_words(const struct store_reply *reply, int rc,
		  char words[DOCTOR_WORDS]);

#endif
