#include "resource/missing.h"

#include <stdlib.h>
#include <string.h>

#include "spec/validate.h"

/* The pointer if the request's body has no place for the missing field: the stage requires it. */
#define STAGE "#/stage"

void
missing_add(struct faults *fs, const char *what)
{
	static const struct {
		const char *what, *field;
		enum text text;
	} parts[] = {
		{ "actions", "actions", TEXT_missing_actions },
		{ "diagnosis", "diagnosis.reason", TEXT_missing_diagnosis },
		{ "competitor_offer", "competitor_offer.phone_to_manage",
		    TEXT_missing_competitor_offer },
		{ "advertising_acceptance", "closure.advertising_acceptance",
		    TEXT_missing_advertising_acceptance },
	};
	int row;

	for (size_t i = 0; i < NITEMS(parts); i++) {
		if (strcmp(parts[i].what, what) == 0) {
			faults_add_field(fs, parts[i].field, STAGE, parts[i].text);
			return;
		}
	}
	row = atoi(what + strcspn(what, "0123456789"));
	/* The text counts rows from 1. */
	faults_add_field(fs, arena_printf(fs->arena, "actions.%d.final_state", row), STAGE,
	    TEXT_missing_final_state, arena_printf(fs->arena, "%d", row + 1));
}
