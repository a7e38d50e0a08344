/*
 * missing - the faults for what a final stage still needs; the same whether resource/rules.c or
 * the database finds them.
 */
#ifndef RESOURCE_MISSING_H
#define RESOURCE_MISSING_H

struct faults;

/*
 * missing_add - adds the fault for one missing thing.
 * what  as in the fragment `missing` of opportunity.sql: actions, actions/0/final_state (row 0),
 *       diagnosis, competitor_offer or advertising_acceptance
 * The fault's pointer is the field's place in the request's body, or the stage if it has none.
 */
void missing_add(struct faults *fs, const char *what);

#endif
