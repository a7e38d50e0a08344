/*
 * routes - the table of endpoints.
 *
 * R(method, path, needs, shows, operation)
 * needs      the permissions (auth/permission.h) that the bearer must have, or ANYONE; a write also
 *            needs those for what its answer shows (a contact shows its client's name)
 * shows      the kind of record in the answer; for a list, of its items (resource/entities.h)
 * operation  the operationId, which is also the name of the handler and, if there is one, of the
 *            SQL statement
 */
#define ROUTES(R)                                                                                  \
	R(POST, "/v1/sessions", ANYONE, OTHER, session_create)                                     \
	R(POST, "/v1/sessions/refresh", ANYONE, OTHER, session_refresh)                            \
	R(POST, "/v1/oauth/token", ANYONE, OTHER, oauth_token)                                     \
	R(GET, "/v1/sessions/current", MAY_SESSION, OTHER, session_get)                            \
	R(DELETE, "/v1/sessions/current", MAY_SESSION, OTHER, session_delete)                      \
	R(PUT, "/v1/sessions/current/password", MAY_SESSION, OTHER, password_put)                  \
	R(GET, "/v1/clients", MAY_CLIENT_READ, CLIENT, client_search)                              \
	R(POST, "/v1/clients", MAY_CLIENT_WRITE, CLIENT, client_create)                            \
	R(GET, "/v1/clients/{client_id}", MAY_CLIENT_READ, CLIENT, client_get)                     \
	R(PATCH, "/v1/clients/{client_id}", MAY_CLIENT_READ | MAY_CLIENT_WRITE, CLIENT,            \
	    client_update)                                                                         \
	R(POST, "/v1/clients/{client_id}/erasure", MAY_PRIVACY_MANAGE, CLIENT, client_erase)       \
	R(GET, "/v1/clients/{client_id}/erasure", MAY_PRIVACY_MANAGE, OTHER, client_erasure_get)   \
	R(POST, "/v1/clients/{client_id}/merge", MAY_PRIVACY_MANAGE, CLIENT, client_merge)         \
	R(POST, "/v1/clients/{client_id}/merge/undo", MAY_PRIVACY_MANAGE, CLIENT,                  \
	    client_merge_undo)                                                                     \
	R(GET, "/v1/clients/{client_id}/personal-data", MAY_PRIVACY_MANAGE, OTHER,                 \
	    client_personal_data)                                                                  \
	R(GET, "/v1/clients/{client_id}/opportunities", MAY_OPPORTUNITY_READ, OPPORTUNITY,         \
	    client_opportunity_list)                                                               \
	R(GET, "/v1/clients/{client_id}/contacts", MAY_CLIENT_READ | MAY_CONTACT_READ, CONTACT,    \
	    contact_list)                                                                          \
	R(POST, "/v1/clients/{client_id}/contacts", MAY_CLIENT_READ | MAY_CONTACT_WRITE, CONTACT,  \
	    contact_create)                                                                        \
	R(GET, "/v1/clients/{client_id}/consents", MAY_CLIENT_READ, OTHER, client_consent_list)    \
	R(POST, "/v1/clients/{client_id}/consents", MAY_CLIENT_READ | MAY_CONSENT, OTHER,          \
	    client_consent_create)                                                                 \
	R(GET, "/v1/contacts", MAY_CLIENT_READ | MAY_CONTACT_READ | MAY_DESK_REVIEW, CONTACT,      \
	    contact_search)                                                                        \
	R(GET, "/v1/contacts/{contact_id}", MAY_CLIENT_READ | MAY_CONTACT_READ, CONTACT,           \
	    contact_get)                                                                           \
	R(PATCH, "/v1/contacts/{contact_id}", MAY_CLIENT_READ | MAY_CONTACT_WRITE, CONTACT,        \
	    contact_update)                                                                        \
	R(POST, "/v1/contacts/{contact_id}/voiding", MAY_CLIENT_READ | MAY_CONTACT_WRITE, CONTACT, \
	    contact_void)                                                                          \
	R(GET, "/v1/opportunities", MAY_OPPORTUNITY_READ, OPPORTUNITY, opportunity_list)           \
	R(POST, "/v1/opportunities", MAY_OPPORTUNITY_WRITE, OPPORTUNITY, opportunity_create)       \
	R(GET, "/v1/opportunities/{opportunity_id}", MAY_OPPORTUNITY_READ, OPPORTUNITY,            \
	    opportunity_get)                                                                       \
	R(PATCH, "/v1/opportunities/{opportunity_id}", MAY_OPPORTUNITY_WRITE, OPPORTUNITY,         \
	    opportunity_update)                                                                    \
	R(GET, "/v1/opportunities/{opportunity_id}/actions", MAY_OPPORTUNITY_READ, ACTION,         \
	    action_list)                                                                           \
	R(POST, "/v1/opportunities/{opportunity_id}/actions", MAY_OPPORTUNITY_WRITE, ACTION,       \
	    action_create)                                                                         \
	R(GET, "/v1/opportunities/{opportunity_id}/actions/{action_id}", MAY_OPPORTUNITY_READ,     \
	    ACTION, action_get)                                                                    \
	R(PATCH, "/v1/opportunities/{opportunity_id}/actions/{action_id}", MAY_OPPORTUNITY_WRITE,  \
	    ACTION, action_update)                                                                 \
	R(DELETE, "/v1/opportunities/{opportunity_id}/actions/{action_id}", MAY_OPPORTUNITY_WRITE, \
	    ACTION, action_delete)                                                                 \
	R(GET, "/v1/opportunities/{opportunity_id}/diagnosis", MAY_OPPORTUNITY_READ, DIAGNOSIS,    \
	    diagnosis_get)                                                                         \
	R(PUT, "/v1/opportunities/{opportunity_id}/diagnosis", MAY_OPPORTUNITY_WRITE, DIAGNOSIS,   \
	    diagnosis_put)                                                                         \
	R(DELETE, "/v1/opportunities/{opportunity_id}/diagnosis", MAY_OPPORTUNITY_WRITE,           \
	    DIAGNOSIS, diagnosis_delete)                                                           \
	R(GET, "/v1/opportunities/{opportunity_id}/competitor-offer", MAY_OPPORTUNITY_READ,        \
	    COMPETITOR_OFFER, competitor_offer_get)                                                \
	R(PUT, "/v1/opportunities/{opportunity_id}/competitor-offer", MAY_OPPORTUNITY_WRITE,       \
	    COMPETITOR_OFFER, competitor_offer_put)                                                \
	R(DELETE, "/v1/opportunities/{opportunity_id}/competitor-offer", MAY_OPPORTUNITY_WRITE,    \
	    COMPETITOR_OFFER, competitor_offer_delete)                                             \
	R(GET, "/v1/opportunities/{opportunity_id}/closure", MAY_OPPORTUNITY_READ, CLOSURE,        \
	    closure_get)                                                                           \
	R(PUT, "/v1/opportunities/{opportunity_id}/closure", MAY_OPPORTUNITY_WRITE, CLOSURE,       \
	    closure_put)                                                                           \
	R(PUT, "/v1/opportunities/{opportunity_id}/typification", MAY_OPPORTUNITY_WRITE,           \
	    OPPORTUNITY, typification_put)                                                         \
	R(GET, "/v1/opportunities/{opportunity_id}/draft", MAY_OPPORTUNITY_WRITE, DRAFT,           \
	    draft_get)                                                                             \
	R(PUT, "/v1/opportunities/{opportunity_id}/draft", MAY_OPPORTUNITY_WRITE, DRAFT,           \
	    draft_put)                                                                             \
	R(DELETE, "/v1/opportunities/{opportunity_id}/draft", MAY_OPPORTUNITY_WRITE, DRAFT,        \
	    draft_delete)                                                                          \
	R(POST, "/v1/opportunities/{opportunity_id}/reopening", MAY_OPPORTUNITY_REOPEN,            \
	    OPPORTUNITY, opportunity_reopen)                                                       \
	R(POST, "/v1/opportunities/{opportunity_id}/voiding", MAY_OPPORTUNITY_WRITE, OPPORTUNITY,  \
	    opportunity_void)                                                                      \
	R(POST, "/v1/opportunities/{opportunity_id}/transfer", MAY_OPPORTUNITY_WRITE, OPPORTUNITY, \
	    opportunity_transfer)                                                                  \
	R(PUT, "/v1/opportunities/{opportunity_id}/follow-up", MAY_OPPORTUNITY_WRITE, OPPORTUNITY, \
	    follow_up_put)                                                                         \
	R(DELETE, "/v1/opportunities/{opportunity_id}/follow-up", MAY_OPPORTUNITY_WRITE,           \
	    OPPORTUNITY, follow_up_delete)                                                         \
	R(GET, "/v1/agenda", MAY_OPPORTUNITY_READ, OPPORTUNITY, agenda_list)                       \
	R(POST, "/v1/typifications", MAY_CLIENT_WRITE | MAY_CONTACT_WRITE | MAY_OPPORTUNITY_WRITE, \
	    OPPORTUNITY, typification_create)                                                      \
	R(GET, "/v1/forms/typification",                                                           \
	    MAY_CLIENT_READ | MAY_CONTACT_READ | MAY_OPPORTUNITY_READ, OTHER, form_get)            \
	R(GET, "/v1/audit", MAY_AUDIT_READ, OTHER, audit_list)                                     \
	R(GET, "/v1/audit/reads", MAY_AUDIT_READ, OTHER, audit_read_list)                          \
	R(GET, "/v1/clients/{client_id}/reads", MAY_AUDIT_READ, OTHER, client_read_list)           \
	R(GET, "/v1/clients/{client_id}/audit", MAY_AUDIT_READ, OTHER, client_audit_list)          \
	R(GET, "/v1/opportunities/{opportunity_id}/audit", MAY_AUDIT_READ, OTHER,                  \
	    opportunity_audit_list)                                                                \
	R(GET, "/v1/events", MAY_EVENTS, OTHER, event_list)                                        \
	R(GET, "/v1/reports/retention", MAY_REPORTS, OTHER, report_retention)                      \
	R(GET, "/v1/exports/{kind}", MAY_EXPORT, OTHER, export_get)                                \
	R(GET, "/v1/catalogs", MAY_CATALOG_READ, OTHER, catalog_list)                              \
	R(GET, "/v1/catalogs/{catalog}", MAY_CATALOG_READ, CATALOG, catalog_get)                   \
	R(PATCH, "/v1/catalogs/{catalog}", MAY_CATALOG_MANAGE, CATALOG, catalog_update)            \
	R(POST, "/v1/catalogs/{catalog}/items", MAY_CATALOG_MANAGE, CATALOG_ITEM,                  \
	    catalog_item_create)                                                                   \
	R(GET, "/v1/catalogs/{catalog}/items/{code}", MAY_CATALOG_READ, CATALOG_ITEM,              \
	    catalog_item_get)                                                                      \
	R(PATCH, "/v1/catalogs/{catalog}/items/{code}", MAY_CATALOG_MANAGE, CATALOG_ITEM,          \
	    catalog_item_update)                                                                   \
	R(GET, "/v1/catalogs/{catalog}/items/{code}/usage", MAY_CATALOG_REVIEW, OTHER,             \
	    catalog_item_usage)                                                                    \
	R(POST, "/v1/catalogs/{catalog}/items/{code}/replacement", MAY_CATALOG_MANAGE,             \
	    CATALOG_ITEM, catalog_item_replace)                                                    \
	R(GET, "/v1/catalogs/{catalog}/revisions", MAY_CATALOG_REVIEW, OTHER,                      \
	    catalog_revision_list)                                                                 \
	R(POST, "/v1/catalogs/{catalog}/plans", MAY_CATALOG_MANAGE, OTHER, catalog_plan_create)    \
	R(GET, "/v1/catalogs/{catalog}/plans/{plan_id}", MAY_CATALOG_MANAGE, OTHER,                \
	    catalog_plan_get)                                                                      \
	R(POST, "/v1/catalogs/{catalog}/plans/{plan_id}/application", MAY_CATALOG_MANAGE, OTHER,   \
	    catalog_plan_apply)                                                                    \
	R(POST, "/v1/advisors/{advisor_id}/handover", MAY_OPPORTUNITY_WRITE_ALL, OTHER,            \
	    advisor_handover)                                                                      \
	R(GET, "/v1/advisors", MAY_DESK_REVIEW, ADVISOR, advisor_list)                             \
	R(POST, "/v1/advisors", MAY_ADVISOR_MANAGE, ADVISOR, advisor_create)                       \
	R(GET, "/v1/advisors/{advisor_id}", MAY_ADVISOR_MANAGE, ADVISOR, advisor_get)              \
	R(PATCH, "/v1/advisors/{advisor_id}", MAY_ADVISOR_MANAGE, ADVISOR, advisor_update)         \
	R(PUT, "/v1/advisors/{advisor_id}/password", MAY_ADVISOR_MANAGE, OTHER,                    \
	    advisor_password_put)                                                                  \
	R(DELETE, "/v1/advisors/{advisor_id}/password", MAY_ADVISOR_MANAGE, OTHER,                 \
	    advisor_password_delete)                                                               \
	R(GET, "/v1/advisors/{advisor_id}/secrets", MAY_ADVISOR_MANAGE, OTHER,                     \
	    advisor_secret_list)                                                                   \
	R(POST, "/v1/advisors/{advisor_id}/secrets", MAY_ADVISOR_MANAGE, OTHER,                    \
	    advisor_secret_create)                                                                 \
	R(DELETE, "/v1/advisors/{advisor_id}/secrets/{secret_id}", MAY_ADVISOR_MANAGE, OTHER,      \
	    advisor_secret_delete)                                                                 \
	R(GET, "/v1/webhooks", MAY_WEBHOOKS, WEBHOOK, webhook_list)                                \
	R(POST, "/v1/webhooks", MAY_WEBHOOKS, WEBHOOK, webhook_create)                             \
	R(GET, "/v1/webhooks/{webhook_id}", MAY_WEBHOOKS, WEBHOOK, webhook_get)                    \
	R(PATCH, "/v1/webhooks/{webhook_id}", MAY_WEBHOOKS, WEBHOOK, webhook_update)               \
	R(DELETE, "/v1/webhooks/{webhook_id}", MAY_WEBHOOKS, WEBHOOK, webhook_delete)              \
	R(POST, "/v1/webhooks/{webhook_id}/secret", MAY_WEBHOOKS, WEBHOOK, webhook_secret_rotate)  \
	R(POST, "/v1/webhooks/{webhook_id}/test", MAY_WEBHOOKS, OTHER, webhook_test)               \
	R(GET, "/v1/webhooks/{webhook_id}/deliveries", MAY_WEBHOOKS, OTHER, delivery_list)         \
	R(GET, "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", MAY_WEBHOOKS, OTHER,          \
	    delivery_get)                                                                          \
	R(POST, "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redelivery", MAY_WEBHOOKS,     \
	    OTHER, delivery_repeat)                                                                \
	R(POST, "/v1/webhooks/{webhook_id}/redeliveries", MAY_WEBHOOKS, OTHER,                     \
	    delivery_repeat_all)                                                                   \
	R(POST, "/v1/imports", MAY_IMPORT | MAY_PERSONAL_DATA, OTHER, import_create)               \
	R(GET, "/v1/imports", MAY_IMPORT, OTHER, import_list)                                      \
	R(GET, "/v1/imports/{import_id}", MAY_IMPORT, OTHER, import_get)                           \
	R(DELETE, "/v1/imports/{import_id}", MAY_IMPORT, OTHER, import_cancel)                     \
	R(GET, "/v1/imports/{import_id}/report", MAY_IMPORT | MAY_PERSONAL_DATA, OTHER,            \
	    import_report)                                                                         \
	R(GET, "/livez", ANYONE, OTHER, livez)                                                     \
	R(GET, "/readyz", ANYONE, OTHER, readyz)                                                   \
	R(GET, "/metrics", ANYONE, OTHER, metrics)                                                 \
	R(GET, "/openapi.yaml", ANYONE, OTHER, openapi_yaml)                                       \
	R(GET, "/openapi.json", ANYONE, OTHER, openapi_json)                                       \
	R(GET, "/docs", ANYONE, OTHER, docs_page)                                                  \
	R(GET, "/docs/docs.css", ANYONE, OTHER, docs_style)                                        \
	R(GET, "/docs/docs.js", ANYONE, OTHER, docs_script)
