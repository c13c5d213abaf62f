/* SPDX-License-Identifier: Apache-2.0 */
/* Lifecycle documents for tests. */
#ifndef VERS3_TESTS_UNIT_S3_LIFECYCLE_DOCUMENT_H
#define VERS3_TESTS_UNIT_S3_LIFECYCLE_DOCUMENT_H

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define XMLNS	      " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

/* One rule of each form, and elements that are not known here. */
static const char document[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<LifecycleConfiguration" XMLNS ">\n"
	"  <!-- by hand -->\n"
	"  <Future mode=\"x\"><Deep>1</Deep></Future>\n"
	"  <Rule>\n"
	"    <ID>old form</ID>\n"
	"    <Prefix>logs/</Prefix>\n"
	"    <Status>Enabled</Status>\n"
	"    <Expiration><Days>30</Days><Later>y</Later></Expiration>\n"
	"  </Rule>\n"
	"  <Rule><ID>all</ID><Filter><And><Prefix>a &amp; b/</Prefix>"
	"<Tag><Key>k</Key><Value>v</Value></Tag>"
	"<Tag><Key>K</Key><Value>w x</Value></Tag>"
	"<ObjectSizeGreaterThan>10</ObjectSizeGreaterThan>"
	"<ObjectSizeLessThan>1000</ObjectSizeLessThan></And></Filter>"
	"<Status>Disabled</Status>"
	"<Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass>"
	"</Transition><Transition><Date>2027-06-01T00:00:00.000Z</Date>"
	"<StorageClass>GLACIER</StorageClass></Transition>"
	"<Expiration><Date>2028-01-01T00:00:00.000Z</Date></Expiration>"
	"<NoncurrentVersionTransition><NoncurrentDays>9</NoncurrentDays>"
	"<StorageClass>GLACIER</StorageClass></NoncurrentVersionTransition>"
	"<NoncurrentVersionExpiration><NoncurrentDays>60</NoncurrentDays>"
	"<NewerNoncurrentVersions>3</NewerNoncurrentVersions>"
	"</NoncurrentVersionExpiration>"
	"<AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
	"</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>\n"
	"  <Rule><ID>markers</ID><Filter/><Status>Enabled</Status><Expiration>"
	"<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
	"</Expiration></Rule>\n"
	"</LifecycleConfiguration>\n";

#define RULE(id, rest)                                                         \
	"<Rule><ID>" id "</ID><Filter><Prefix>p/</Prefix></Filter><Status>"    \
	"Enabled</Status><Expiration><Days>1</Days></Expiration>" rest         \
	"</Rule>"
#define RULE_2(id)                                                             \
	"<Rule><ID>" id "</ID><Filter><Prefix>p/</Prefix></Filter><Status>"    \
	"Enabled</Status><Expiration><Days>2</Days></Expiration></Rule>"
#define DOC(rules) "<LifecycleConfiguration>" rules "</LifecycleConfiguration>"

/* As Ceph 16 writes it: the prefix of two tags' rule beside the And. */
#define BESIDE                                                                 \
	"<LifecycleConfiguration" XMLNS "><Rule><ID>b</ID><Filter>"            \
	"<Prefix>tmp/</Prefix><And><Tag><Key>a</Key><Value>1</Value></Tag>"    \
	"<Tag><Key>b</Key><Value>2</Value></Tag></And></Filter>"               \
	"<Status>Enabled</Status><Expiration><Days>1</Days></Expiration>"      \
	"</Rule><Rule><ID>c</ID><Filter><Prefix>c/</Prefix></Filter><Status>"  \
	"Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>"       \
	"</LifecycleConfiguration>"

#endif
