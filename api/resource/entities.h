/*
 * entities - the records that have entity tags, and what of each a change could overwrite.
 *
 * E(name, parts): a part is what one kind of change overwrites, written as the names of its
 * members in the record's JSON, joined by commas, a dot before a member of a member; parts are
 * joined by blanks. The database makes the same of its columns (fragments client_own and
 * opportunity_head, and the statements called x_match), so the order matters.
 *
 * "": the whole record. Records that only grow have no line here.
 */
#ifndef RESOURCE_ENTITIES_H
#define RESOURCE_ENTITIES_H

#define ENTITIES(E)                                                                                \
	E(OTHER, "")                                                                               \
	E(CLIENT, "name,document_type,document_number,phone,email,gender,birth_date,"              \
		  "legal_representative,sales,summary_360,experience.expiring_points,"             \
		  "experience.overdue_payment,experience.latam_partner")                           \
	E(CONTACT, "ownership_check")                                                              \
	E(ADVISOR, "full_name,role,rights,active")                                                 \
	E(OPPORTUNITY, "sub_campaign,service actions diagnosis competitor_offer closure")          \
	E(ACTION, "")                                                                              \
	E(ACTIONS, "")                                                                             \
	E(DIAGNOSIS, "")                                                                           \
	E(COMPETITOR_OFFER, "")                                                                    \
	E(CLOSURE, "")

#endif
