/* SPDX-License-Identifier: Apache-2.0 */
/* Replication configurations: reading, showing, finding the rule of a key. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../git_config.h"
#include "vers3/s3/replication.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char document[] =
	"<?xml version=\"1.0\"?>\n"
	"<ReplicationConfiguration "
	"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
	"  <Role>arn:aws:iam::123456789012:role/copy</Role>\n"
	"  <Rule><ID>docs \"1\"</ID><Status>Enabled</Status>"
	"<Priority>2</Priority><DeleteMarkerReplication><Status>Disabled"
	"</Status></DeleteMarkerReplication><Filter><And><Prefix>docs/"
	"</Prefix><Tag><Key>team</Key><Value>a b</Value></Tag></And></Filter>"
	"<Destination><Bucket>arn:aws:s3:::other</Bucket><StorageClass>"
	"STANDARD_IA</StorageClass></Destination></Rule>\n"
	"  <Rule><ID>old</ID><Prefix>docs/</Prefix><Status>Enabled</Status>"
	"<Destination><Bucket>second</Bucket></Destination></Rule>\n"
	"  <Rule><ID>off</ID><Filter/><Priority>9</Priority>"
	"<Status>Disabled</Status><Destination><Bucket>third</Bucket>"
	"</Destination></Rule>\n"
	"</ReplicationConfiguration>\n";

static void parse(void **state)
{
	struct replication r;

	(void)state;
	assert_int_equal(replication_parse(document, strlen(document), &r), 0);
	assert_string_equal(r.role, "arn:aws:iam::123456789012:role/copy");
	assert_int_equal(r.count, 3);
	assert_string_equal(r.rules[0].id, "docs \"1\"");
	assert_true(r.rules[0].enabled);
	assert_true(r.rules[0].has_priority);
	assert_int_equal(r.rules[0].priority, 2);
	assert_string_equal(r.rules[0].prefix, "docs/");
	assert_int_equal(r.rules[0].tags.count, 1);
	assert_string_equal(r.rules[0].bucket, "other");
	assert_string_equal(r.rules[0].storage_class, "STANDARD_IA");
	assert_false(r.rules[0].delete_markers);
	assert_string_equal(r.rules[1].bucket, "second");
	assert_null(r.rules[1].storage_class);
	assert_false(r.rules[1].has_priority);
	assert_true(r.rules[1].delete_markers);
	assert_false(r.rules[2].enabled);
	assert_string_equal(r.rules[2].prefix, "");
	assert_false(r.rules[2].delete_markers);
	replication_release(&r);
}

static void shown(void **state)
{
	static const struct {
		const char *name, *value;
	} table[] = {
		{"replication.docs \"1\".status", "enabled"},
		{"replication.docs \"1\".priority", "2"},
		{"replication.docs \"1\".prefix", "docs/"},
		{"replication.docs \"1\".tags", "team=a b"},
		{"replication.docs \"1\".bucket", "other"},
		{"replication.docs \"1\".storageClass", "STANDARD_IA"},
		{"replication.docs \"1\".deleteMarkers", "false"},
		{"replication.old.bucket", "second"},
		{"replication.off.status", "disabled"},
		{"replication.off.prefix", ""},
	};
	struct replication r;
	struct buf b;
	char got[128];

	(void)state;
	if (!have_git())
		skip();
	buf_init(&b, 65536);
	assert_int_equal(replication_parse(document, strlen(document), &r), 0);
	assert_int_equal(replication_write(&r, &b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		assert_int_equal(git_config_get(b.data, table[i].name, got,
						sizeof(got)),
				 0);
		assert_string_equal(got, table[i].value);
	}
	replication_release(&r);
	buf_release(&b);
}

static void damaged(void **state)
{
	static const char *const table[] = {
		"",
		"text",
		"<Other/>",
		"<ReplicationConfiguration><Rule>",
		"<!DOCTYPE ReplicationConfiguration><ReplicationConfiguration/>",
		"<ReplicationConfiguration><Rule/></ReplicationConfiguration>",
		"<ReplicationConfiguration><Rule><Priority>x</Priority>"
		"<Destination><Bucket>b</Bucket></Destination></Rule>"
		"</ReplicationConfiguration>",
	};
	struct replication r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(replication_parse(table[i], strlen(table[i]),
						   &r),
				 -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(shown),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
