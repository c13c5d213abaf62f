/* SPDX-License-Identifier: Apache-2.0 */
/* The error table; see "Error responses" of the Amazon S3 API reference. */
#include "vers3/s3/error.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct s3_error {
	const char *code;
	int status; /* as S3 sends it */
	int err;
};

static const struct s3_error errors[] = {
	{"NoSuchKey", 404, -ENOENT},
	{"NoSuchVersion", 404, -ENOENT},
	{"NoSuchBucket", 404, -ENOENT},
	{"NoSuchUpload", 404, -ENOENT},

	{"NoSuchLifecycleConfiguration", 404, -ENODATA},
	{"ReplicationConfigurationNotFoundError", 404, -ENODATA},
	{"NoSuchTagSet", 404, -ENODATA},
	{"NoSuchTagSetError", 404, -ENODATA},
	{"NoSuchConfiguration", 404, -ENODATA},
	{"NoSuchObjectLockConfiguration", 404, -ENODATA},
	{"ObjectLockConfigurationNotFoundError", 404, -ENODATA},

	{"AccessDenied", 403, -EACCES},
	{"AccountProblem", 403, -EACCES},
	{"AllAccessDisabled", 403, -EACCES},
	{"AuthorizationHeaderMalformed", 400, -EACCES},
	{"AuthorizationQueryParametersError", 400, -EACCES},
	{"ExpiredToken", 400, -EACCES},
	{"InvalidAccessKeyId", 403, -EACCES},
	{"InvalidSecurity", 403, -EACCES},
	{"InvalidToken", 400, -EACCES},
	{"NotSignedUp", 403, -EACCES},
	{"RequestTimeTooSkewed", 403, -EACCES},
	{"SignatureDoesNotMatch", 403, -EACCES},
	{"TokenRefreshRequired", 400, -EACCES},
	{"XAmzContentSHA256Mismatch", 400, -EIO}, /* damaged on the way */
	{"BadDigest", 400, -EIO}, /* likewise */

	{"InvalidObjectState", 403, -EREMOTE},
	{"ObjectNotInActiveTierError", 403, -EREMOTE},

	{"PreconditionFailed", 412, -EBUSY},
	{"NotModified", 304, -EBUSY},
	{"BucketNotEmpty", 409, -EBUSY},
	{"ConcurrentModification", 409, -EBUSY}, /* Ceph */
	{"ConditionalRequestConflict", 409, -EBUSY},
	{"InvalidBucketState", 409, -EBUSY},
	{"OperationAborted", 409, -EBUSY},
	{"RestoreAlreadyInProgress", 409, -EBUSY},

	{"InvalidRange", 416, -ERANGE},

	{"QuotaExceeded", 403, -EDQUOT},

	{"MethodNotAllowed", 405, -EOPNOTSUPP},
	{"NotImplemented", 501, -EOPNOTSUPP},

	{"InternalError", 500, -EIO},
	{"RequestTimeout", 400, -EIO},
	{"ServiceUnavailable", 503, -EIO},
	{"SlowDown", 503, -EIO},
	{"PermanentRedirect", 301, -EIO},
	{"TemporaryRedirect", 307, -EIO},
	{"IncompleteBody", 400, -EIO},
};

static const struct s3_error *find(const char *code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (!strcmp(errors[i].code, code))
			return &errors[i];
	return NULL;
}

static int errno_of_status(int status)
{
	switch (status) {
	case 304:
	case 409:
	case 412:
		return -EBUSY;
	case 401:
	case 403:
	case 407:
		return -EACCES;
	case 404:
	case 410:
		return -ENOENT;
	case 405:
	case 501:
		return -EOPNOTSUPP;
	case 408:
	case 429:
		return -EIO;
	case 416:
		return -ERANGE;
	default:
		return status >= 400 && status < 500 ? -EINVAL : -EIO;
	}
}

int s3_error_errno(int status, const char *code)
{
	const struct s3_error *e = find(code);

	if (e)
		return e->err;
	if (status >= 200 && status < 300)
		return *code ? -EIO : 0;
	return errno_of_status(status);
}

int s3_error_status(const char *code)
{
	const struct s3_error *e = find(code);

	return e ? e->status : 500;
}
