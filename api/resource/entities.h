/*
 * entities - the records that have entity tags, and the members that each tag covers.
 *
 * E(name, parts): an entity tag is computed from the parts, separated by blanks. A part is what one
 * kind of change overwrites: names of members of the record's JSON, separated by commas; a.b is
 * member b of member a. "": the whole record.
 *
 * The database computes the same tags from its columns (fragments client_own and opportunity_head,
 * statements x_match), so the order matters. Records that are never changed have no tag.
 */
#ifndef RESOURCE_ENTITIES_H
#define RESOURCE_ENTITIES_H

#define ENTITIES(E)                                                                                \
	E(OTHER, "")                                                                               \
	E(CLIENT, "name,document_type,document_number,external_id,phone,email,gender,birth_date,"  \
		  "legal_representative,sales,summary_360,experience.expiring_points,"             \
		  "experience.overdue_payment,experience.latam_partner")                           \
	E(CONTACT, "ownership_check")                                                              \
	E(ADVISOR, "full_name,role,rights,active")                                                 \
	E(OPPORTUNITY,                                                                             \
	    "sub_campaign,service,follow_up actions diagnosis competitor_offer closure")           \
	E(ACTION, "")                                                                              \
	E(ACTIONS, "")                                                                             \
	E(DIAGNOSIS, "")                                                                           \
	E(COMPETITOR_OFFER, "")                                                                    \
	E(CLOSURE, "")                                                                             \
	E(DRAFT, "")                                                                               \
	E(CATALOG, "name,levels")                                                                  \
	E(WEBHOOK, "url,types,ordering,description,state")                                         \
	E(CATALOG_ITEM,                                                                            \
	    "label,position,valid_from,valid_until,replaced_by,operator_code,sunat_code")

#endif
