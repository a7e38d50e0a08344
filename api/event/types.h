/*
 * types - the table of event types, as the database's type event_type has them.
 */
#ifndef EVENT_TYPES_H
#define EVENT_TYPES_H

#define EVENT_TYPES(T)                                                                             \
	T("client.created")                                                                        \
	T("client.updated")                                                                        \
	T("client.erased")                                                                         \
	T("client.merged")                                                                         \
	T("contact.created")                                                                       \
	T("contact.updated")                                                                       \
	T("contact.voided")                                                                        \
	T("opportunity.created")                                                                   \
	T("opportunity.updated")                                                                   \
	T("opportunity.closed")                                                                    \
	T("opportunity.reopened")                                                                  \
	T("opportunity.transferred")                                                               \
	T("opportunity.voided")                                                                    \
	T("consent.recorded")                                                                      \
	T("catalog.changed")

#endif
