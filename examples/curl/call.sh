#!/bin/bash
# examples/curl/call.sh - the whole call of the manual, with curl and jq.
#
# GESTOR_URL is the service's address, GESTOR_USERNAME and GESTOR_PASSWORD are the advisor's.
set -euo pipefail

: "${GESTOR_URL:=http://127.0.0.1:8080}" "${GESTOR_USERNAME:?such as E8153375}" "${GESTOR_PASSWORD:?of that advisor}"
export GESTOR_USERNAME GESTOR_PASSWORD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
answer=$work/answer     # the body of the last answer
head=$work/head         # its headers

# Headers of every request. In a file, because other users can read a command's arguments, and the token is among these.
common=('Accept-Language: es' 'Content-Type: application/json')
printf '%s\n' "${common[@]}" >"$work/headers"

# send METHOD PATH BODY KEY [HEADER] - sends a request, with the same key at every try; sets status.
#
# curl repeats it when the network fails or the service answers 502, 503 or 504, after Retry-After seconds. 409
# idempotency_key_in_use says that an earlier try is still under way: the next one gets its answer.
send() {
	local method=$1 path=$2 body=$3 key=$4 try
	local more=(-H "X-Client: examples/curl")
	[[ ! ${5-} ]] || more+=(-H "$5")
	[[ $method == GET ]] || more+=(-H "Idempotency-Key: $key")
	[[ ! $body ]] || more+=(--data-binary @-)
	for try in 1 2 3 4 5; do
		status=$(printf '%s' "$body" | curl -sS -X "$method" "$GESTOR_URL$path" -H "@$work/headers" "${more[@]}" \
			--max-time 15 --retry 4 --retry-connrefused -D "$head" -o "$answer" -w '%{http_code}')
		[[ $status == 409 && $(get '.code // empty') == idempotency_key_in_use && $try != 5 ]] || return 0
		sleep "$(header Retry-After)"
	done
}
# request METHOD PATH [BODY [HEADER]] - sends a request; on an error prints every fault and ends the script.
request() {
	local method=$1 path=$2 body=${3-} key
	key=$(cat /proc/sys/kernel/random/uuid)
	send "$method" "$path" "$body" "$key" "${4-}"
	# The access token has ended: renew, and send the same request once more.
	if [[ $status == 401 && $(get '.code // empty') == token_invalid && -s $work/refresh ]]; then
		renew
		send "$method" "$path" "$body" "$key" "${4-}"
	fi
	[[ $status != 2* ]] || return 0
	# application/problem+json: `code` is for programs, `title` and `detail` for people, `errors` has every fault of a 422,
	# each with its field's name for people.
	jq -r '"\(.status) \(.code): \(.title). \(.detail) [request \(.request_id)]",
		((.errors // [])[] | "  \(.label) (\(.pointer)): \(.detail)" + if .allowed then " Allowed: \(.allowed | join(", "))" else "" end)' \
		"$answer" >&2 || cat "$answer" >&2
	[[ $status != 412 ]] || echo 'Somebody changed the record since it was read: read it again, then decide.' >&2
	exit 1
}
# get FILTER - prints a value of the last answer. header NAME - a header of it.
get() { jq -r "$1" "$answer"; }
header() { sed -nE "s/^$1: *(.*)\r$/\1/ip" "$head" | tail -n 1; }
# keep - takes the tokens of the last answer.
keep() {
	get .refresh_token >"$work/refresh"
	printf '%s\n' "${common[@]}" "Authorization: Bearer $(get .access_token)" >"$work/headers"
}
# renew - gets new tokens. A refresh token can be used once; with a key derived from it, a retry after a lost answer, and
# another program that holds the same one, get the same new tokens.
renew() {
	local token key
	token=$(cat "$work/refresh")
	key=$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
	printf '%s\n' "${common[@]}" >"$work/headers"
	send POST /v1/sessions/refresh "$(printf '%s' "$token" | jq -R '{refresh_token: .}')" "$key"
	[[ $status == 200 ]] || { echo 'The session has ended: sign in again' >&2; exit 1; }
	keep
}
# The day at the desk of an instant in UTC: from 19:00 on it is a day earlier in Lima, five hours behind all year.
day='def day: sub("\\.[0-9]+Z$"; "Z") | fromdateiso8601 - 5 * 3600 | strftime("%d/%m/%Y");'

# 1. Sign in. Every further request sends the access token, which is valid for 15 minutes.
request POST /v1/sessions "$(jq -n '{username: $ENV.GESTOR_USERNAME, password: $ENV.GESTOR_PASSWORD}')"
keep
# A long call renews before the token ends; here at once.
renew

# 2. Find the client by mobile number. Without a match the list is empty; that is not an error.
request GET '/v1/clients?phone=944264648'
client=$(get '.items[0].id // empty')
[[ $client ]] || { echo 'No client has this number: register the client with POST /v1/clients' >&2; exit 1; }
echo "Client: $(get '.items[0] | "\(.name), \(.document_type.label) \(.document_number)"')"

# 3. The history.
request GET "/v1/clients/$client/opportunities?limit=5"
get "$day"' .items[] | "  \(.id)  \(.campaign.label)  \(.stage.label)  \(.created_at | day)  \(.advisor.full_name)"'

# 4. Register the contact; the advisor reads the greeting to the client.
request POST "/v1/clients/$client/contacts" '{"origin_phone": "944264648", "serial_number": "2505050000125674",
	"ownership_check": {"asked": 3, "right": 3}}'
get .greeting
contact=$(get .id)

# 5. Generate the opportunity. Its answer has the entity tag of each part, as the advisor sees them from here on.
request POST /v1/opportunities "$(jq -n --arg contact "$contact" '{contact_id: $contact, sub_campaign: "entel"}')"
opportunity=$(get .id) closure=$(get .etags.closure)
at=/v1/opportunities/$opportunity

# 6. What is still to be entered, as the form contract says: labels, and whether a final stage alone needs it.
request GET "/v1/forms/typification?opportunity_id=$opportunity&options=codes"
get '.sections[].fields[] | select(.visible and .required != "no" and .value == null)
	| "  \(if .required == "now" then "*" else "+" end) \(.label)\(if .options then ": \(.options | length)" else "" end)"'

# 7. Fill in the form. A choice is one code, its whole path; the form, or GET /v1/catalogs/{catalog}, lists the codes.
request POST "$at/actions" '{"action": "bono-gb.bono-4-gb-por-12-meses", "final_state": "atendido"}'
request PUT "$at/diagnosis" '{"reason": "precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias"}'
request PUT "$at/competitor-offer" '{"plan": "postpago-39-90", "offer": "50-x-6-meses", "channel": "telefonico",
	"operator": "movistar", "phone_to_manage": "944264648"}'

# 8. Close the opportunity. If-Match has the tag of the closure as it was in step 5, so a change that somebody made
# meanwhile is not overwritten. A tag read just before this request would match in any case.
request PUT "$at/closure" '{"advertising_acceptance": "acepto", "stage": "retenido"}' "If-Match: $closure"

# 9. Read it back, and sign out: both tokens end at once.
request GET "$at"
echo "Opportunity $opportunity: $(get .stage.label)"
request DELETE /v1/sessions/current
