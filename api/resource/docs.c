#include "resource/docs.h"

#include "http/record.h"
#include "http/route.h"

/*
 * The page handles the advisor's password and an access token, so the browser may
 * run only the page's own script, which may connect only to this server.
 */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; "
			     "connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
			     "form-action 'none'; frame-ancestors 'none'";

static int
reply_file(struct request *rq, const char *type, const struct file *f)
{
	rq->reply.policy = policy;
	return reply_static(rq, type, f->text, f->length, f->tag);
}

int
docs_page(struct request *rq)
{
	return reply_file(rq, "text/html; charset=utf-8", &file_index_html);
}

int
docs_style(struct request *rq)
{
	return reply_file(rq, "text/css; charset=utf-8", &file_docs_css);
}

int
docs_script(struct request *rq)
{
	return reply_file(rq, "text/javascript; charset=utf-8", &file_docs_js);
}
