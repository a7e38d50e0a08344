/*
 * routes - every endpoint, one line each. A line's last word is the operationId,
 * the handler's name, and that of its statement where it has one.
 *
 * R(method, path, who, operation)
 * who  AUTH_NONE        anyone
 *      AUTH_ADVISOR     signed in
 *      AUTH_SUPERVISOR  signed in as supervisor or administrator
 */
#define ROUTES(R)                                                                                  \
	R(POST, "/v1/sessions", AUTH_NONE, session_create)                                         \
	R(POST, "/v1/sessions/refresh", AUTH_NONE, session_refresh)                                \
	R(GET, "/v1/sessions/current", AUTH_ADVISOR, session_get)                                  \
	R(DELETE, "/v1/sessions/current", AUTH_ADVISOR, session_delete)                            \
	R(GET, "/v1/clients", AUTH_ADVISOR, client_search)                                         \
	R(POST, "/v1/clients", AUTH_ADVISOR, client_create)                                        \
	R(GET, "/v1/clients/{client_id}", AUTH_ADVISOR, client_get)                                \
	R(PATCH, "/v1/clients/{client_id}", AUTH_ADVISOR, client_update)                           \
	R(GET, "/v1/clients/{client_id}/opportunities", AUTH_ADVISOR, client_opportunity_list)     \
	R(GET, "/v1/clients/{client_id}/contacts", AUTH_ADVISOR, contact_list)                     \
	R(POST, "/v1/clients/{client_id}/contacts", AUTH_ADVISOR, contact_create)                  \
	R(GET, "/v1/contacts/{contact_id}", AUTH_ADVISOR, contact_get)                             \
	R(GET, "/v1/opportunities", AUTH_ADVISOR, opportunity_list)                                \
	R(POST, "/v1/opportunities", AUTH_ADVISOR, opportunity_create)                             \
	R(GET, "/v1/opportunities/{opportunity_id}", AUTH_ADVISOR, opportunity_get)                \
	R(PATCH, "/v1/opportunities/{opportunity_id}", AUTH_ADVISOR, opportunity_update)           \
	R(GET, "/v1/opportunities/{opportunity_id}/actions", AUTH_ADVISOR, action_list)            \
	R(POST, "/v1/opportunities/{opportunity_id}/actions", AUTH_ADVISOR, action_create)         \
	R(GET, "/v1/opportunities/{opportunity_id}/actions/{action_id}", AUTH_ADVISOR, action_get) \
	R(PATCH, "/v1/opportunities/{opportunity_id}/actions/{action_id}", AUTH_ADVISOR,           \
	    action_update)                                                                         \
	R(DELETE, "/v1/opportunities/{opportunity_id}/actions/{action_id}", AUTH_ADVISOR,          \
	    action_delete)                                                                         \
	R(GET, "/v1/opportunities/{opportunity_id}/diagnosis", AUTH_ADVISOR, diagnosis_get)        \
	R(PUT, "/v1/opportunities/{opportunity_id}/diagnosis", AUTH_ADVISOR, diagnosis_put)        \
	R(GET, "/v1/opportunities/{opportunity_id}/competitor-offer", AUTH_ADVISOR,                \
	    competitor_offer_get)                                                                  \
	R(PUT, "/v1/opportunities/{opportunity_id}/competitor-offer", AUTH_ADVISOR,                \
	    competitor_offer_put)                                                                  \
	R(GET, "/v1/opportunities/{opportunity_id}/closure", AUTH_ADVISOR, closure_get)            \
	R(PUT, "/v1/opportunities/{opportunity_id}/closure", AUTH_ADVISOR, closure_put)            \
	R(PUT, "/v1/opportunities/{opportunity_id}/typification", AUTH_ADVISOR, typification_put)  \
	R(POST, "/v1/opportunities/{opportunity_id}/reopening", AUTH_SUPERVISOR,                   \
	    opportunity_reopen)                                                                    \
	R(POST, "/v1/typifications", AUTH_ADVISOR, typification_create)                            \
	R(GET, "/v1/audit", AUTH_SUPERVISOR, audit_list)                                           \
	R(GET, "/v1/clients/{client_id}/audit", AUTH_SUPERVISOR, client_audit_list)                \
	R(GET, "/v1/opportunities/{opportunity_id}/audit", AUTH_SUPERVISOR,                        \
	    opportunity_audit_list)                                                                \
	R(GET, "/v1/catalogs", AUTH_ADVISOR, catalog_list)                                         \
	R(GET, "/v1/catalogs/{catalog}", AUTH_ADVISOR, catalog_get)                                \
	R(GET, "/livez", AUTH_NONE, livez)                                                         \
	R(GET, "/readyz", AUTH_NONE, readyz)                                                       \
	R(GET, "/openapi.yaml", AUTH_NONE, openapi_yaml)                                           \
	R(GET, "/openapi.json", AUTH_NONE, openapi_json)                                           \
	R(GET, "/docs", AUTH_NONE, docs_page)                                                      \
	R(GET, "/docs/docs.css", AUTH_NONE, docs_style)                                            \
	R(GET, "/docs/docs.js", AUTH_NONE, docs_script)
