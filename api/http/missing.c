#include "http/missing.h"

#include <stdlib.h>
#include <string.h>

#include "spec/validate.h"

void
missing_add(struct faults *fs, const char *pointer, const char *what)
{
	static const struct {
		const char *what;
		enum text text;
	} parts[] = {
		{ "actions", TEXT_missing_actions },
		{ "diagnosis", TEXT_missing_diagnosis },
		{ "competitor_offer", TEXT_missing_competitor_offer },
		{ "advertising_acceptance", TEXT_missing_advertising_acceptance },
	};
	const char *at = arena_printf(fs->arena, "%s/%s", pointer, what);

	for (size_t i = 0; i < NITEMS(parts); i++) {
		if (strcmp(parts[i].what, what) == 0) {
			faults_add(fs, at, parts[i].text);
			return;
		}
	}
	/* People count rows from one. */
	faults_add(fs, at, TEXT_missing_final_state,
	    arena_printf(fs->arena, "%d", atoi(what + strcspn(what, "0123456789")) + 1));
}
