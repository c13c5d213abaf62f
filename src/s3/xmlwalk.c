/* SPDX-License-Identifier: Apache-2.0 */
/* libxml2's push parser, fenced in. */
#include "xmlwalk.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "vers3/util/buf.h"

#define DEPTH_MAX 12
#define TEXT_MAX  ((size_t)64 << 10)

struct xml_walk {
	const struct xmlwalk_ops *ops;
	void *ctx;
	xmlParserCtxt *parser; /* owned */
	struct buf text; /* of the innermost element so far */
	unsigned depth; /* of the next element to start */
	bool damaged; /* the text is */
	bool ended; /* the root element has */
	int err; /* the first failure; the walk is then over */
};

static pthread_once_t xml_once = PTHREAD_ONCE_INIT;

static void walk_fail(struct xml_walk *w, int err)
{
	if (!w->err)
		w->err = err;
	xmlStopParser(w->parser);
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int namespaces,
		     const xmlChar **namespace_list, int attributes,
		     int defaulted, const xmlChar **attribute_list)
{
	struct xml_walk *w = arg;
	int ret = -EIO;

	(void)prefix;
	(void)uri;
	(void)namespaces;
	(void)namespace_list;
	(void)attributes;
	(void)defaulted;
	(void)attribute_list;
	if (w->err)
		return;
	if (w->depth < DEPTH_MAX && !w->ended)
		ret = w->ops->start(w->ctx, w->depth, (const char *)name);
	if (ret < 0) {
		walk_fail(w, ret);
		return;
	}
	w->depth++;
	buf_reset(&w->text);
	w->damaged = false;
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct xml_walk *w = arg;
	struct xmlwalk_text text;
	int ret;

	(void)prefix;
	(void)uri;
	if (w->err)
		return;
	w->depth--;
	w->ended = !w->depth;
	text.data = w->text.data;
	text.len = w->text.len;
	text.damaged = w->damaged;
	ret = w->ops->end(w->ctx, w->depth, (const char *)name, &text);
	if (ret < 0)
		walk_fail(w, ret);
	buf_reset(&w->text);
	w->damaged = false;
}

static void on_text(void *arg, const xmlChar *data, int len)
{
	struct xml_walk *w = arg;
	int ret;

	if (w->err || len <= 0)
		return;
	ret = buf_add(&w->text, data, (size_t)len);
	if (ret)
		walk_fail(w, ret == -EFBIG ? -EIO : ret);
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *public_id,
		       const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	walk_fail(arg, -EIO);
}

/* No entity but XML's own five exists here, so a reference is an error. */
static xmlEntity *on_entity(void *arg, const xmlChar *name)
{
	(void)arg;
	return xmlGetPredefinedEntity(name);
}

/* libxml2 made the error constant in 2.12. */
#if LIBXML_VERSION >= 21200
#define ERROR_CONST const
#else
#define ERROR_CONST
#endif

static void on_error(void *arg, ERROR_CONST xmlError *error)
{
	struct xml_walk *w = arg;

	if (error->level < XML_ERR_ERROR)
		return;
	if (error->code == XML_ERR_INVALID_CHAR && w->depth && !w->ended) {
		w->damaged = true;
		return;
	}
	/* S3's namespace is an URL; what libxml2 thinks of URIs is no matter */
	if (error->domain == XML_FROM_NAMESPACE)
		return;
	walk_fail(w, error->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EIO);
}

/*
 * S3 speaks UTF-8 alone. libxml2 would take what is not UTF-8 for Latin-1
 * while it recovers, and give us other keys than there are.
 */
static bool is_utf8(const char *doc, size_t len)
{
	const unsigned char *p = (const unsigned char *)doc;

	for (size_t i = 0; i < len;) {
		int n = len - i > 4 ? 4 : (int)(len - i);

		if (p[i] < 0x80) {
			i++;
			continue;
		}
		if (xmlGetUTF8Char(p + i, &n) < 0)
			return false;
		i += (size_t)n;
	}
	return true;
}

int xmlwalk(const char *doc, size_t len, const struct xmlwalk_ops *ops,
	    void *ctx)
{
	struct xml_walk w = {.ops = ops, .ctx = ctx};
	xmlSAXHandler sax;
	int ret;

	if (!len || len > INT_MAX || !is_utf8(doc, len))
		return -EIO;
	pthread_once(&xml_once, xmlInitParser);
	memset(&sax, 0, sizeof(sax));
	sax.initialized = XML_SAX2_MAGIC;
	sax.startElementNs = on_start;
	sax.endElementNs = on_end;
	sax.characters = on_text;
	sax.ignorableWhitespace = on_text;
	sax.cdataBlock = on_text;
	sax.internalSubset = on_doctype;
	sax.getEntity = on_entity;
	sax.serror = on_error;
	buf_init(&w.text, TEXT_MAX);
	w.parser = xmlCreatePushParserCtxt(&sax, &w, NULL, 0, NULL);
	if (!w.parser)
		return -ENOMEM;
	/* To recover from one kind of error; on_error() ends at the rest. */
	xmlCtxtUseOptions(w.parser, XML_PARSE_NONET | XML_PARSE_RECOVER);
	xmlParseChunk(w.parser, doc, (int)len, 1);
	ret = w.err;
	if (!ret && !w.ended)
		ret = -EIO;
	xmlFreeParserCtxt(w.parser);
	buf_release(&w.text);
	return ret;
}
