/*
 * personal - what callers without the right personal_data see of the members with personal data.
 *
 * P(member, how): one line for each member that openapi.yaml marks x-personal, anywhere in an answer; P(voided.reason, how): only
 * inside of an object `voided`.
 * MASKED  three asterisks; a list that is not empty has one such mask, whatever its length
 * GONE    null, for values that are not text
 * SHOWN   unchanged: an advisor must know whom to call, and an integration its own numbers
 */
#ifndef RESOURCE_PERSONAL_H
#define RESOURCE_PERSONAL_H

#define PERSONAL(P)                                                                                \
	P(name, SHOWN)                                                                             \
	P(document_number, MASKED)                                                                 \
	P(external_id, SHOWN)                                                                      \
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
	P(prior_consultation, GONE)                                                                \
	P(note, MASKED)                                                                            \
	P(voided.reason, MASKED)

#endif
