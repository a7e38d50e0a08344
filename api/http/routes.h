/*
 * routes - every endpoint, one line each. A line's last word is the operationId,
 * the handler's name, and that of its statement where it has one.
 *
 * R(method, path, needs, operation)
 * needs  ANYONE, or the permissions of auth/permission.h that the bearer must have; of a
 *        write also those of what its answer shows (a contact shows its client's name)
 */
#define ROUTES(R)                                                                                  \
	R(POST, "/v1/sessions", ANYONE, session_create)                                            \
	R(POST, "/v1/sessions/refresh", ANYONE, session_refresh)                                   \
	R(GET, "/v1/sessions/current", MAY_SESSION, session_get)                                   \
	R(DELETE, "/v1/sessions/current", MAY_SESSION, session_delete)                             \
	R(PUT, "/v1/sessions/current/password", MAY_SESSION, password_put)                         \
	R(GET, "/v1/clients", MAY_CLIENT_READ, client_search)                                      \
	R(POST, "/v1/clients", MAY_CLIENT_WRITE, client_create)                                    \
	R(GET, "/v1/clients/{client_id}", MAY_CLIENT_READ, client_get)                             \
	R(PATCH, "/v1/clients/{client_id}", MAY_CLIENT_READ | MAY_CLIENT_WRITE, client_update)     \
	R(POST, "/v1/clients/{client_id}/erasure", MAY_PRIVACY_MANAGE, client_erase)               \
	R(GET, "/v1/clients/{client_id}/personal-data", MAY_PRIVACY_MANAGE, client_personal_data)  \
	R(GET, "/v1/clients/{client_id}/opportunities", MAY_OPPORTUNITY_READ,                      \
	    client_opportunity_list)                                                               \
	R(GET, "/v1/clients/{client_id}/contacts", MAY_CLIENT_READ | MAY_CONTACT_READ,             \
	    contact_list)                                                                          \
	R(POST, "/v1/clients/{client_id}/contacts", MAY_CLIENT_READ | MAY_CONTACT_WRITE,           \
	    contact_create)                                                                        \
	R(GET, "/v1/clients/{client_id}/consents", MAY_CLIENT_READ, client_consent_list)           \
	R(GET, "/v1/contacts/{contact_id}", MAY_CLIENT_READ | MAY_CONTACT_READ, contact_get)       \
	R(GET, "/v1/opportunities", MAY_OPPORTUNITY_READ, opportunity_list)                        \
	R(POST, "/v1/opportunities", MAY_OPPORTUNITY_WRITE, opportunity_create)                    \
	R(GET, "/v1/opportunities/{opportunity_id}", MAY_OPPORTUNITY_READ, opportunity_get)        \
	R(PATCH, "/v1/opportunities/{opportunity_id}", MAY_OPPORTUNITY_WRITE, opportunity_update)  \
	R(GET, "/v1/opportunities/{opportunity_id}/actions", MAY_OPPORTUNITY_READ, action_list)    \
	R(POST, "/v1/opportunities/{opportunity_id}/actions", MAY_OPPORTUNITY_WRITE,               \
	    action_create)                                                                         \
	R(GET, "/v1/opportunities/{opportunity_id}/actions/{action_id}", MAY_OPPORTUNITY_READ,     \
	    action_get)                                                                            \
	R(PATCH, "/v1/opportunities/{opportunity_id}/actions/{action_id}", MAY_OPPORTUNITY_WRITE,  \
	    action_update)                                                                         \
	R(DELETE, "/v1/opportunities/{opportunity_id}/actions/{action_id}", MAY_OPPORTUNITY_WRITE, \
	    action_delete)                                                                         \
	R(GET, "/v1/opportunities/{opportunity_id}/diagnosis", MAY_OPPORTUNITY_READ,               \
	    diagnosis_get)                                                                         \
	R(PUT, "/v1/opportunities/{opportunity_id}/diagnosis", MAY_OPPORTUNITY_WRITE,              \
	    diagnosis_put)                                                                         \
	R(GET, "/v1/opportunities/{opportunity_id}/competitor-offer", MAY_OPPORTUNITY_READ,        \
	    competitor_offer_get)                                                                  \
	R(PUT, "/v1/opportunities/{opportunity_id}/competitor-offer", MAY_OPPORTUNITY_WRITE,       \
	    competitor_offer_put)                                                                  \
	R(GET, "/v1/opportunities/{opportunity_id}/closure", MAY_OPPORTUNITY_READ, closure_get)    \
	R(PUT, "/v1/opportunities/{opportunity_id}/closure", MAY_OPPORTUNITY_WRITE, closure_put)   \
	R(PUT, "/v1/opportunities/{opportunity_id}/typification", MAY_OPPORTUNITY_WRITE,           \
	    typification_put)                                                                      \
	R(POST, "/v1/opportunities/{opportunity_id}/reopening", MAY_OPPORTUNITY_REOPEN,            \
	    opportunity_reopen)                                                                    \
	R(POST, "/v1/typifications", MAY_CLIENT_WRITE | MAY_CONTACT_WRITE | MAY_OPPORTUNITY_WRITE, \
	    typification_create)                                                                   \
	R(GET, "/v1/audit", MAY_AUDIT_READ, audit_list)                                            \
	R(GET, "/v1/audit/reads", MAY_AUDIT_READ, audit_read_list)                                 \
	R(GET, "/v1/clients/{client_id}/reads", MAY_AUDIT_READ, client_read_list)                  \
	R(GET, "/v1/clients/{client_id}/audit", MAY_AUDIT_READ, client_audit_list)                 \
	R(GET, "/v1/opportunities/{opportunity_id}/audit", MAY_AUDIT_READ, opportunity_audit_list) \
	R(GET, "/v1/catalogs", MAY_CATALOG_READ, catalog_list)                                     \
	R(GET, "/v1/catalogs/{catalog}", MAY_CATALOG_READ, catalog_get)                            \
	R(GET, "/v1/advisors", MAY_ADVISOR_MANAGE, advisor_list)                                   \
	R(POST, "/v1/advisors", MAY_ADVISOR_MANAGE, advisor_create)                                \
	R(GET, "/v1/advisors/{advisor_id}", MAY_ADVISOR_MANAGE, advisor_get)                       \
	R(PATCH, "/v1/advisors/{advisor_id}", MAY_ADVISOR_MANAGE, advisor_update)                  \
	R(PUT, "/v1/advisors/{advisor_id}/password", MAY_ADVISOR_MANAGE, advisor_password_put)     \
	R(GET, "/livez", ANYONE, livez)                                                            \
	R(GET, "/readyz", ANYONE, readyz)                                                          \
	R(GET, "/metrics", ANYONE, metrics)                                                        \
	R(GET, "/openapi.yaml", ANYONE, openapi_yaml)                                              \
	R(GET, "/openapi.json", ANYONE, openapi_json)                                              \
	R(GET, "/docs", ANYONE, docs_page)                                                         \
	R(GET, "/docs/docs.css", ANYONE, docs_style)                                               \
	R(GET, "/docs/docs.js", ANYONE, docs_script)
