#include "http/route.h"
#include "resource/write.h"
#include "sql.h"

int
diagnosis_get(struct request *rq)
{
	return reply_read(rq, &sql_diagnosis_get);
}

int
diagnosis_put(struct request *rq)
{
	struct call change = { &sql_diagnosis_put, { [4] = rq->body_text } };

	return reply_written(rq, &change, 1, "conflict");
}
