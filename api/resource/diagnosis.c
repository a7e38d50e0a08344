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
	return reply_written(rq, &sql_diagnosis_put);
}
