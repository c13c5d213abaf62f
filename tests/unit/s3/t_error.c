/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vers3/s3/error.h"

static void test_errno(void **state)
{
	static const struct {
		int status;
		const char *code;
		int err;
	} cases[] = {
		{200, "", 0},
		{204, "", 0},
		{206, "", 0},
		{404, "NoSuchKey", -ENOENT},
		{404, "NoSuchVersion", -ENOENT},
		{404, "NoSuchBucket", -ENOENT},
		{404, "NoSuchUpload", -ENOENT},
		{404, "", -ENOENT},
		{404, "NoSuchLifecycleConfiguration", -ENODATA},
		{404, "ReplicationConfigurationNotFoundError", -ENODATA},
		{404, "NoSuchTagSet", -ENODATA},
		{403, "AccessDenied", -EACCES},
		{403, "SignatureDoesNotMatch", -EACCES},
		{403, "RequestTimeTooSkewed", -EACCES},
		{400, "ExpiredToken", -EACCES},
		{400, "AuthorizationHeaderMalformed", -EACCES},
		{403, "", -EACCES},
		{401, "", -EACCES},
		{403, "InvalidObjectState", -EREMOTE},
		{412, "PreconditionFailed", -EBUSY},
		{412, "", -EBUSY},
		{409, "OperationAborted", -EBUSY},
		{409, "ConcurrentModification", -EBUSY},
		{409, "", -EBUSY},
		{304, "", -EBUSY},
		{416, "InvalidRange", -ERANGE},
		{416, "", -ERANGE},
		{500, "InternalError", -EIO},
		{503, "SlowDown", -EIO},
		{503, "", -EIO},
		{400, "RequestTimeout", -EIO},
		{400, "BadDigest", -EIO},
		{429, "", -EIO},
		{301, "PermanentRedirect", -EIO},
		{302, "", -EIO},
		{400, "InvalidArgument", -EINVAL},
		{400, "MetadataTooLarge", -EINVAL},
		{400, "EntityTooSmall", -EINVAL},
		{400, "SomethingNew", -EINVAL},
		{400, "", -EINVAL},
		{403, "SomethingNew", -EACCES},
		{403, "QuotaExceeded", -EDQUOT},
		{405, "MethodNotAllowed", -EOPNOTSUPP},
		{501, "NotImplemented", -EOPNOTSUPP},
		{501, "", -EOPNOTSUPP},
		{599, "", -EIO},
		{0, "", -EIO},
		/* An error inside of a 200 is one. */
		{200, "InternalError", -EIO},
		{200, "NoSuchKey", -ENOENT},
		{200, "SomethingNew", -EIO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (s3_error_errno(cases[i].status, cases[i].code) !=
		    cases[i].err)
			fail_msg("%d %s", cases[i].status, cases[i].code);
}

static void test_status(void **state)
{
	(void)state;
	assert_int_equal(s3_error_status("SlowDown"), 503);
	assert_int_equal(s3_error_status("InternalError"), 500);
	assert_int_equal(s3_error_status("NoSuchKey"), 404);
	assert_int_equal(s3_error_status("SomethingNew"), 500);
	assert_int_equal(s3_error_status(""), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
