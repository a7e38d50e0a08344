/*
 * catalog - what changes of catalogues share.
 */
#ifndef RESOURCE_CATALOG_H
#define RESOURCE_CATALOG_H

#include "http/request.h"

/* catalog_renew - after a change that was stored: brings this process's catalogues up to date. */
void catalog_renew(struct request *rq);

#endif
