/*
 * personal - the members of answers that are personal, and what of each a caller without the right
 * personal_data sees.
 *
 * P(member, how): every member that openapi.yaml marks x-personal, wherever in
 * an answer it stands. MASKED: three asterisks, whatever the value; of a list
 * that is not empty one such mask, whatever its length. GONE: null, for what is no text.
 * SHOWN: as it is, for whoever calls a person must know the name.
 */
#ifndef RESOURCE_PERSONAL_H
#define RESOURCE_PERSONAL_H

#define PERSONAL(P)                                                                                \
	P(name, SHOWN)                                                                             \
	P(document_number, MASKED)                                                                 \
	P(phone, MASKED)                                                                           \
	P(email, MASKED)                                                                           \
	P(gender, SHOWN)                                                                           \
	P(birth_date, GONE)                                                                        \
	P(birthday_today, GONE)                                                                    \
	P(legal_representative, MASKED)                                                            \
	P(lines, MASKED)                                                                           \
	P(origin_phone, MASKED)                                                                    \
	P(serial_number, MASKED)                                                                   \
	P(greeting, SHOWN)                                                                         \
	P(phone_to_manage, MASKED)                                                                 \
	P(additional_line, MASKED)                                                                 \
	P(plan, MASKED)                                                                            \
	P(activation_date, GONE)                                                                   \
	P(trac_profile, MASKED)                                                                    \
	P(observed, GONE)                                                                          \
	P(claro_points, GONE)                                                                      \
	P(segment, MASKED)                                                                         \
	P(mi_claro, GONE)                                                                          \
	P(expiring_points, GONE)                                                                   \
	P(overdue_payment, MASKED)                                                                 \
	P(latam_partner, GONE)                                                                     \
	P(current_plan, MASKED)                                                                    \
	P(prior_consultation, GONE)

#endif
