/* SPDX-License-Identifier: Apache-2.0 */
/* The small documents: what is written, and what is read but the lists. */
#include "vers3/s3/xml.h"

#include <errno.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlstring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vers3/util/buf.h"
#include "xmlwalk.h"

#define VALUE_MAX ((size_t)16 << 10)
#define NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

/* Error, CopyObjectResult and their like. */

struct result_field {
	const char *name;
	char *value;
	size_t size;
};

#define RESULT_FIELDS 7

struct result_walk {
	struct xml_result *result;
	struct result_field fields[RESULT_FIELDS];
};

static void put(char *to, size_t size, const char *data, size_t len)
{
	if (len >= size)
		len = 0;
	memcpy(to, data, len);
	to[len] = '\0';
}

static int result_start(void *ctx, unsigned depth, const char *name)
{
	struct result_walk *w = ctx;

	if (!depth)
		put(w->result->root, sizeof(w->result->root), name,
		    strlen(name));
	return 0;
}

static int result_end(void *ctx, unsigned depth, const char *name,
		      const struct xmlwalk_text *text)
{
	struct result_walk *w = ctx;
	const char *data = text->data;
	size_t len = text->len;

	if (depth != 1 || text->damaged)
		return 0;
	if (!strcmp(name, "ETag") && len >= 2 && data[0] == '"' &&
	    data[len - 1] == '"') {
		data++;
		len -= 2;
	}
	for (size_t i = 0; i < RESULT_FIELDS; i++)
		if (!strcmp(w->fields[i].name, name))
			put(w->fields[i].value, w->fields[i].size, data, len);
	return 0;
}

int xml_parse_result(const char *doc, size_t len, struct xml_result *ret)
{
	static const struct xmlwalk_ops ops = {result_start, result_end};
	struct xml_result *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	struct result_walk w = {
		.result = r,
		.fields = {
			{"Code", r->code, sizeof(r->code)},
			{"Message", r->message, sizeof(r->message)},
			{"Region", r->region, sizeof(r->region)},
			{"RequestId", r->request_id, sizeof(r->request_id)},
			{"ETag", r->etag, sizeof(r->etag)},
			{"LastModified", r->last_modified,
			 sizeof(r->last_modified)},
			{"UploadId", r->upload_id, sizeof(r->upload_id)},
		}};
	while (len &&
	       (*doc == ' ' || *doc == '\n' || *doc == '\r' || *doc == '\t')) {
		doc++;
		len--;
	}
	err = xmlwalk(doc, len, &ops, &w);
	if (!err)
		*ret = *r;
	free(r);
	return err;
}

/* Configurations. */

static int rules_start(void *ctx, unsigned depth, const char *name)
{
	bool *has_rules = ctx;

	if (depth == 1 && !strcmp(name, "Rule"))
		*has_rules = true;
	return 0;
}

static int rules_end(void *ctx, unsigned depth, const char *name,
		     const struct xmlwalk_text *text)
{
	(void)ctx;
	(void)depth;
	(void)name;
	(void)text;
	return 0;
}

int xml_has_rules(const char *doc, size_t len, bool *ret_has_rules)
{
	static const struct xmlwalk_ops ops = {rules_start, rules_end};
	bool has_rules = false;
	int ret = xmlwalk(doc, len, &ops, &has_rules);

	if (!ret)
		*ret_has_rules = has_rules;
	return ret;
}

/* DeleteResult. */

struct deleted_walk {
	xml_deleted_fn fn;
	void *ctx;
	bool in_entry;
	bool bad; /* the key is damaged */
	struct buf key, version_id, marker, code, message;
};

static int deleted_start(void *ctx, unsigned depth, const char *name)
{
	struct deleted_walk *w = ctx;

	if (!depth)
		return strcmp(name, "DeleteResult") &&
				       strcmp(name, "DeleteObjectsOutput")
			       ? -EIO
			       : 0;
	if (depth != 1 || (strcmp(name, "Deleted") && strcmp(name, "Error")))
		return 0;
	w->in_entry = true;
	w->bad = false;
	buf_reset(&w->key);
	buf_reset(&w->version_id);
	buf_reset(&w->marker);
	buf_reset(&w->code);
	buf_reset(&w->message);
	/* An error without a code is an error all the same. */
	return strcmp(name, "Error") ? 0 : buf_puts(&w->code, "InternalError");
}

static int deleted_field(struct deleted_walk *w, const char *name,
			 const struct xmlwalk_text *text)
{
	const struct {
		const char *name;
		struct buf *to;
	} fields[] = {
		{"Key", &w->key},
		{"VersionId", &w->version_id},
		{"DeleteMarkerVersionId", &w->marker},
		{"Code", &w->code},
		{"Message", &w->message},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(fields[i].name, name)) {
			w->bad = w->bad || (!i && text->damaged);
			buf_reset(fields[i].to);
			return buf_add(fields[i].to, text->data, text->len);
		}
	return 0;
}

static int deleted_end(void *ctx, unsigned depth, const char *name,
		       const struct xmlwalk_text *text)
{
	struct deleted_walk *w = ctx;
	struct xml_deleted deleted;

	if (depth == 2 && w->in_entry)
		return deleted_field(w, name, text);
	if (depth != 1 || !w->in_entry)
		return 0;
	w->in_entry = false;
	if (w->bad)
		return 0;
	deleted.key = w->key.data;
	deleted.version_id = w->version_id.data;
	deleted.marker_version = w->marker.data;
	deleted.code = w->code.data;
	deleted.message = w->message.data;
	return w->fn(w->ctx, &deleted);
}

int xml_parse_deleted(const char *doc, size_t len, xml_deleted_fn fn, void *ctx)
{
	static const struct xmlwalk_ops ops = {deleted_start, deleted_end};
	struct deleted_walk w = {.fn = fn, .ctx = ctx};
	struct buf *bufs[] = {&w.key, &w.version_id, &w.marker, &w.code,
			      &w.message};
	int ret;

	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_init(bufs[i], VALUE_MAX);
	ret = xmlwalk(doc, len, &ops, &w);
	for (size_t i = 0; i < sizeof(bufs) / sizeof(*bufs); i++)
		buf_release(bufs[i]);
	return ret == -EFBIG ? -EIO : ret;
}

/* The parts of an upload. */

#define PARTS_MAX 10000 /* numbers that S3 has for them */

static int parts_start(void *ctx, unsigned depth, const char *name)
{
	(void)ctx;
	return !depth && strcmp(name, "ListPartsResult") ? -EIO : 0;
}

/* Digits and nothing else, up to most. */
static int parts_number(const char *text, uint64_t most, uint64_t *ret_number)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EIO;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno || *end || *ret_number > most ? -EIO : 0;
}

static int parts_end(void *ctx, unsigned depth, const char *name,
		     const struct xmlwalk_text *text)
{
	struct xml_parts *p = ctx;
	uint64_t number = 0;
	int ret = 0;

	if (depth == 2 && !strcmp(name, "Size")) {
		ret = parts_number(text->data, INT64_MAX, &number);
		if (!ret && number > INT64_MAX - p->bytes)
			ret = -EIO;
		if (!ret)
			p->bytes += number;
	} else if (depth == 1 && !strcmp(name, "IsTruncated")) {
		p->truncated = !strcmp(text->data, "true");
	} else if (depth == 1 && !strcmp(name, "NextPartNumberMarker") &&
		   *text->data) {
		ret = parts_number(text->data, PARTS_MAX, &number);
		p->next = (unsigned)number;
	}
	return ret;
}

int xml_parse_parts(const char *doc, size_t len, struct xml_parts *ret_parts)
{
	static const struct xmlwalk_ops ops = {parts_start, parts_end};
	struct xml_parts parts = {.bytes = 0};
	int ret = xmlwalk(doc, len, &ops, &parts);

	if (!ret)
		*ret_parts = parts;
	return ret == -EFBIG ? -EIO : ret;
}

/* Writing. */

bool xml_can_hold(const char *key)
{
	const xmlChar *p = (const xmlChar *)key;

	while (*p) {
		int len = 4;
		int c = xmlGetUTF8Char(p, &len);

		if (c < 0 || !IS_CHAR(c))
			return false;
		p += len;
	}
	return true;
}

/* <name>text</name> */
static int add_element(struct buf *b, const char *name, const char *text)
{
	xmlChar *escaped = xmlEncodeSpecialChars(NULL, (const xmlChar *)text);
	int ret = -ENOMEM;

	if (escaped)
		ret = buf_printf(b, "<%s>%s</%s>", name, (char *)escaped, name);
	xmlFree(escaped);
	return ret;
}

int xml_write_deletes(struct buf *b, const struct store_delete *deletes,
		      size_t count)
{
	int ret = buf_puts(b, "<Delete xmlns=\"" NAMESPACE "\">");
	char etag[300];

	for (size_t i = 0; i < count && !ret; i++) {
		if (!xml_can_hold(deletes[i].key))
			continue;
		ret = buf_puts(b, "<Object>");
		if (!ret)
			ret = add_element(b, "Key", deletes[i].key);
		if (!ret && deletes[i].version_id)
			ret = add_element(b, "VersionId",
					  deletes[i].version_id);
		if (!ret && deletes[i].if_match) {
			snprintf(etag, sizeof(etag), "\"%s\"",
				 deletes[i].if_match);
			ret = add_element(b, "ETag", etag);
		}
		if (!ret)
			ret = buf_puts(b, "</Object>");
	}
	return ret ? ret : buf_puts(b, "</Delete>");
}

int xml_write_parts(struct buf *b, const struct store_part *parts, size_t count)
{
	int ret = buf_puts(b,
			   "<CompleteMultipartUpload xmlns=\"" NAMESPACE "\">");
	char etag[300];

	for (size_t i = 0; i < count && !ret; i++) {
		snprintf(etag, sizeof(etag), "\"%s\"", parts[i].etag);
		ret = buf_printf(b, "<Part><PartNumber>%u</PartNumber>",
				 parts[i].number);
		if (!ret)
			ret = add_element(b, "ETag", etag);
		if (!ret)
			ret = buf_puts(b, "</Part>");
	}
	return ret ? ret : buf_puts(b, "</CompleteMultipartUpload>");
}
