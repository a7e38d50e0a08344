/*
 * constraints - what a refusal by one of the schema's named constraints means
 * to a client: C(constraint, problem, field, text).
 *
 * A problem's code; or else NULL, and a fault of 422 with that text, about
 * that field (spec/field_name.h), wherever the request's body holds it. Constraints that only an error of ours can meet are not listed: they
 * answer 500 and are logged.
 */
#define CONSTRAINTS(C)                                                                             \
	C(advisor_username_key, "advisor_exists", NULL, TEXT_NONE)                                 \
	C(advisor_rights_of_integrations, NULL, "rights", TEXT_rights_of_integrations)             \
	C(client_document_key, "client_exists", NULL, TEXT_NONE)                                   \
	C(opportunity_contact_key, "contact_has_opportunity", NULL, TEXT_NONE)                     \
	C(client_document_number_valid, NULL, "client.document_number", TEXT_document_unfit)       \
	C(client_birth_date_past, NULL, "client.birth_date", TEXT_birth_date_future)               \
	C(client_name_form, NULL, "client.name", TEXT_field_characters)                            \
	C(client_legal_representative_form, NULL, "client.legal_representative",                   \
	    TEXT_field_characters)                                                                 \
	C(advisor_full_name_form, NULL, "full_name", TEXT_field_characters)                        \
	C(contact_ownership_check_whole, NULL, "contact.ownership_check", TEXT_required)           \
	C(contact_right_range, NULL, "contact.ownership_check.right", TEXT_right_range)
