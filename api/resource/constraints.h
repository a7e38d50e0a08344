/*
 * constraints - what clients get when one of the schema's named constraints refuses a write:
 * C(constraint, problem, field, text).
 *
 * problem      the code of the problem; or NULL for a 422
 * field, text  the 422's fault: its text, and its field (spec/field_name.h), which gives the pointer; or the problem's text (TEXT_NONE: its usual one)
 * A constraint that only a program error can violate is not listed: it is answered with 500 and
 * logged.
 */
#define CONSTRAINTS(C)                                                                             \
	C(advisor_username_key, "advisor_exists", NULL, TEXT_NONE)                                 \
	C(advisor_credentials, NULL, "role", TEXT_role_of_integration)                             \
	C(advisor_username_form, NULL, "role", TEXT_role_of_integration)                           \
	C(advisor_rights_of_integrations, NULL, "rights", TEXT_rights_of_integrations)             \
	C(client_document_key, "client_exists", NULL, TEXT_NONE)                                   \
	C(client_external_id_key, "client_exists", NULL, TEXT_external_id_taken)                   \
	C(client_external_id_form, NULL, "client.external_id", TEXT_field_characters)              \
	C(opportunity_contact_key, "contact_has_opportunity", NULL, TEXT_NONE)                     \
	C(client_document_number_valid, NULL, "client.document_number", TEXT_document_unfit)       \
	C(client_birth_date_past, NULL, "client.birth_date", TEXT_birth_date_future)               \
	C(client_name_form, NULL, "client.name", TEXT_field_characters)                            \
	C(client_legal_representative_form, NULL, "client.legal_representative",                   \
	    TEXT_field_characters)                                                                 \
	C(catalog_item_code_key, "code_taken", NULL, TEXT_NONE)                                    \
	C(catalog_item_code_form, NULL, "code", TEXT_code_needed)                                  \
	C(catalog_item_code_free, NULL, "code", TEXT_code_none)                                    \
	C(catalog_item_label_form, NULL, "label", TEXT_field_characters)                           \
	C(catalog_item_depth, NULL, "parent", TEXT_too_deep)                                       \
	C(catalog_item_validity, NULL, "valid_until", TEXT_validity_reversed)                      \
	C(catalog_item_replaced_by_acyclic, NULL, "by", TEXT_successor_cycle)                      \
	C(catalog_name_form, NULL, "name", TEXT_field_characters)                                  \
	C(catalog_levels_form, NULL, "levels", TEXT_field_characters)                              \
	C(advisor_full_name_form, NULL, "full_name", TEXT_field_characters)                        \
	C(contact_ownership_check_whole, NULL, "contact.ownership_check", TEXT_required)           \
	C(contact_right_range, NULL, "contact.ownership_check.right", TEXT_right_range)
