/*
 * opportunity_shown - what the API shows of opportunities: the stored documents, each with the ids of its client's other open
 * opportunities, which are other records'.
 */
#ifndef RESOURCE_OPPORTUNITY_SHOWN_H
#define RESOURCE_OPPORTUNITY_SHOWN_H

#include "base/json_text.h"
#include "db/result.h"

struct arena;

/*
 * opportunities_shown - puts together what rows of the fragment opportunity_stored (opportunity.sql) show.
 * returns  a document for each row, in the arena; NULL: there are no rows, or one must be rendered first, by the statement that renders
 */
const struct span *opportunities_shown(struct arena *arena, const struct result *rows);

#endif
