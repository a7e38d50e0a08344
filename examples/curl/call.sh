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
printf '%s\n' 'Accept-Language: es' 'Content-Type: application/json' >"$work/headers"

# request METHOD PATH [BODY [HEADER]] - sends a request; on an error prints every fault and ends the script.
#
# POST, PUT and PATCH have an Idempotency-Key of their own. curl repeats the request with the same key when the network
# fails or the service answers 503, after Retry-After seconds. However often it arrives, the service executes it once.
request() {
	local method=$1 path=$2 body=${3-} status
	local more=(-H "X-Client: examples/curl")
	[[ ! ${4-} ]] || more+=(-H "$4")
	[[ $method != P* ]] || more+=(-H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)")
	[[ ! $body ]] || more+=(--data-binary @-)
	status=$(printf '%s' "$body" | curl -sS -X "$method" "$GESTOR_URL$path" -H "@$work/headers" "${more[@]}" \
		--max-time 15 --retry 4 --retry-connrefused --retry-all-errors -D "$head" -o "$answer" -w '%{http_code}')
	[[ $status != 2* ]] || return 0
	# application/problem+json: `code` is for programs, `title` and `detail` for people, `errors` has every fault of a 422.
	jq -r '"\(.status) \(.code): \(.title). \(.detail) [request \(.request_id)]",
		((.errors // [])[] | "  \(.pointer): \(.detail)" + if .allowed then " Allowed: \(.allowed | join(", "))" else "" end)' \
		"$answer" >&2 || cat "$answer" >&2
	[[ $status != 412 ]] || echo 'Somebody changed the record since it was read: read it again, then decide.' >&2
	exit 1
}
# get FILTER - prints a value of the last answer.
get() { jq -r "$1" "$answer"; }

# 1. Sign in. Every further request sends the access token, which is valid for 15 minutes.
request POST /v1/sessions "$(jq -n '{username: $ENV.GESTOR_USERNAME, password: $ENV.GESTOR_PASSWORD}')"
printf 'Authorization: Bearer %s\n' "$(get .access_token)" >>"$work/headers"

# 2. Find the client by mobile number. Without a match the list is empty; that is not an error.
request GET '/v1/clients?phone=944264648'
client=$(get '.items[0].id // empty')
[[ $client ]] || { echo 'No client has this number: register the client with POST /v1/clients' >&2; exit 1; }
echo "Client: $(get '.items[0] | "\(.name), \(.document_type.label) \(.document_number)"')"

# 3. The history.
request GET "/v1/clients/$client/opportunities?limit=5"
get '.items[] | "  \(.id)  \(.campaign.label)  \(.stage.label)  \(.created_at[:10])  \(.advisor.full_name)"'

# 4. Register the contact; the advisor reads the greeting to the client.
request POST "/v1/clients/$client/contacts" '{"origin_phone": "944264648", "serial_number": "2505050000125674",
	"ownership_check": {"asked": 3, "right": 3}}'
get .greeting
contact=$(get .id)

# 5. Generate the opportunity.
request POST /v1/opportunities "$(jq -n --arg contact "$contact" '{contact_id: $contact, sub_campaign: "entel"}')"
opportunity=$(get .id)
at=/v1/opportunities/$opportunity

# 6. Fill in the form. A choice is one code, its whole path; GET /v1/catalogs/{catalog} lists the codes.
request POST "$at/actions" '{"action": "bono-gb.bono-4-gb-por-12-meses", "final_state": "atendido"}'
request PUT "$at/diagnosis" '{"reason": "precio-y-contenido.contenido-prepago.la-recarga-me-dura-pocos-dias"}'
request PUT "$at/competitor-offer" '{"plan": "postpago-39-90", "offer": "50-x-6-meses", "channel": "telefonico",
	"operator": "movistar", "phone_to_manage": "944264648"}'

# 7. Close the opportunity. If-Match with the ETag read before: the service refuses if somebody changed it since.
request GET "$at/closure"
etag=$(sed -nE 's/^etag: *(.*)\r$/\1/ip' "$head" | tail -n 1)
request PUT "$at/closure" '{"advertising_acceptance": "acepto", "stage": "retenido"}' "${etag:+If-Match: $etag}"

# 8. Read it back, and sign out: both tokens end at once.
request GET "$at"
echo "Opportunity $opportunity: $(get .stage.label)"
request DELETE /v1/sessions/current
