/*
 * missing - what a final stage still needs, as faults: the same words whether the
 * request itself tells, or the database.
 */
#ifndef RESOURCE_MISSING_H
#define RESOURCE_MISSING_H

struct faults;

/*
 * missing_add - adds the fault of `what`: actions, actions/0/final_state, diagnosis,
 * competitor_offer or advertising_acceptance, as the fragment `missing` of opportunity.sql
 * has it. The pointer is where the request's body holds what is missing, or else the stage.
 */
void missing_add(struct faults *fs, const char *what);

#endif
