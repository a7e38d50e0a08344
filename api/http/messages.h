/*
 * messages - every problem that an answer can be: one line each.
 *
 * M(code, status, title, detail). The code is part of the contract and never
 * changes; title and detail are for people. A handler may give a detail of its
 * own (reply_problem_detail).
 */
#define MESSAGES(M)                                                                                \
	M(bad_request, 400, "Bad request", "The request is malformed.")                            \
	M(idempotency_key_invalid, 400, "Invalid Idempotency-Key",                                 \
	    "Idempotency-Key must be 1 to 255 visible ASCII characters, and stand once.")          \
	M(json_invalid, 400, "Invalid JSON", "The body is not well-formed JSON.")                  \
	M(json_too_deep, 400, "JSON nested too deeply",                                            \
	    "Arrays and objects may be nested 32 deep.")                                           \
	M(json_duplicate_key, 400, "Repeated JSON key", "A key stands twice in one object.")       \
	M(parameter_unknown, 400, "Unknown query parameter",                                       \
	    "This operation has no such query parameter.")                                         \
	M(parameter_repeated, 400, "Repeated query parameter",                                     \
	    "A query parameter is given more than once.")                                          \
	M(cursor_invalid, 400, "Invalid cursor",                                                   \
	    "The cursor was altered, or belongs to another list or other filters.")                \
	M(token_missing, 401, "Not signed in",                                                     \
	    "Sign in with POST /v1/sessions and send the access token as Authorization: Bearer.")  \
	M(token_invalid, 401, "Invalid access token",                                              \
	    "The access token is not valid, or not any more.")                                     \
	M(credentials_wrong, 401, "Wrong credentials",                                             \
	    "Username and password do not go together.")                                           \
	M(refresh_token_invalid, 401, "Invalid refresh token",                                     \
	    "The refresh token is not valid, or was used before.")                                 \
	M(role_forbidden, 403, "Not allowed", "This operation is not for your role.")              \
	M(not_owner, 403, "Not the owner",                                                         \
	    "Only the opportunity's own advisor or a supervisor may change it.")                   \
	M(not_found, 404, "Not found", "There is nothing at this address.")                        \
	M(method_not_allowed, 405, "Method not allowed",                                           \
	    "This address does not take that method; see Allow.")                                  \
	M(not_acceptable, 406, "Not acceptable",                                                   \
	    "None of the media types in Accept is available.")                                     \
	M(request_timeout, 408, "Request timeout", "The request did not arrive in time.")          \
	M(client_exists, 409, "Client exists", "There is a client with this document already.")    \
	M(contact_has_opportunity, 409, "Contact has an opportunity",                              \
	    "One contact yields at most one opportunity.")                                         \
	M(opportunity_finished, 409, "Opportunity finished",                                       \
	    "A finished opportunity changes no more; a supervisor may reopen it.")                 \
	M(opportunity_not_finished, 409, "Opportunity not finished",                               \
	    "Only a finished opportunity can be reopened.")                                        \
	M(actions_full, 409, "Too many actions", "An opportunity has 20 action rows at most.")     \
	M(idempotency_key_in_use, 409, "Idempotency-Key in use",                                   \
	    "A request with this Idempotency-Key is still running; try again.")                    \
	M(conflict, 409, "Conflict",                                                               \
	    "Another request changed the same thing at the same time; try again.")                 \
	M(length_required, 411, "Length required",                                                 \
	    "A body is required: give Content-Length or Transfer-Encoding: chunked.")              \
	M(precondition_failed, 412, "Precondition failed",                                         \
	    "It is not any more as If-Match has it; read it again.")                               \
	M(content_too_large, 413, "Content too large", "The body is larger than is taken.")        \
	M(uri_too_long, 414, "URI too long", "The request target is longer than 8000 bytes.")      \
	M(media_type_unsupported, 415, "Unsupported media type",                                   \
	    "The body must be application/json.")                                                  \
	M(expectation_failed, 417, "Expectation failed", "Only 100-continue can be expected.")     \
	M(invalid, 422, "Invalid values",                                                          \
	    "The request was read, but values in it are wrong: see errors.")                       \
	M(headers_too_large, 431, "Headers too large",                                             \
	    "The header section is larger than is taken.")                                         \
	M(internal, 500, "Internal error",                                                         \
	    "Something went wrong here; it has been logged under the request_id.")                 \
	M(version_unsupported, 505, "HTTP version not supported", "Use HTTP/1.1.")                 \
	M(busy, 503, "Busy", "Too many requests at once; try again.")                              \
	M(database_unavailable, 503, "Database unavailable",                                       \
	    "The database cannot be reached just now; nothing was stored.")                        \
	M(too_slow, 503, "Took too long",                                                          \
	    "The request took too long and was given up; nothing was stored.")                     \
	M(outcome_unknown, 503, "Outcome unknown",                                                 \
	    "The database went away while the change was being stored: look whether it was "       \
	    "before you try again.")                                                               \
	M(not_ready, 503, "Not ready", "The service is starting or stopping; try again.")
