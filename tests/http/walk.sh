#!/bin/bash
# tests/http/walk.sh - the manual's call, step by step, as a user's script would make it.
#
# BASE_URL, USERNAME and PASSWORD name the server and the account. Needs curl and jq.
# Prints each step, and exits with 1 at the first unexpected answer.
set -euo pipefail

: "${BASE_URL:=http://127.0.0.1:8080}" "${USERNAME:?username of an advisor, such as E8153375}" "${PASSWORD:?password of that advisor}"
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
token=''
steps=0

# call STATUS METHOD PATH [BODY] - sends a request, stores the answer in $answer, and checks its status.
call() {
	local want=$1 method=$2 path=$3 status
	shift 3
	status=$(curl -sS -o "$answer" -w '%{http_code}' -X "$method" "$BASE_URL$path" \
		${token:+-H "Authorization: Bearer $token"} \
		${1+-H 'Content-Type: application/json' -d "$1"})
	steps=$((steps + 1))
	printf '%2d. %-6s %-58s %s\n' "$steps" "$method" "${path%%\?*}" "$status"
	if [[ $status != "$want" ]]; then
		printf '    expected %s; the answer was:\n' "$want"
		jq . "$answer" || cat "$answer"
		exit 1
	fi
}

# get FILTER - a value of the last answer.
get() { jq -r "$1" "$answer"; }

# must FILTER - the last answer is so.
must() {
	jq -e "$1" "$answer" >/dev/null || {
		printf '    this does not hold: %s\n    the answer was:\n' "$1"
		jq . "$answer"
		exit 1
	}
	printf '    %s\n' "$1"
}

echo "Sign in"
call 201 POST /v1/sessions "$(jq -n --arg u "$USERNAME" --arg p "$PASSWORD" '{username: $u, password: $p}')"
must '.token_type == "Bearer"'
token=$(get .access_token)
refresh_token=$(get .refresh_token)

echo "Find the client by mobile number, then by document"
call 200 GET '/v1/clients?phone=%2B51%20944%20264%20648'
must '.items[0].name == "AMERICA MOVIL PERU S.A.C."'
must '.items[0].document_type.operator_code == "4"'
client=$(get '.items[0].id')
call 200 GET '/v1/clients?document_number=20467534026&document_type=ruc'
must ".items[0].id == \"$client\""

echo "The client's opportunities"
call 200 GET "/v1/clients/$client/opportunities?limit=100"
must 'any(.items[]; .id == "905630" and .stage.label == "RETENIDO" and .advisor.full_name == "HERMOZA HILDA ANTONIA")'

echo "An opportunity needs a contact"
call 422 POST /v1/opportunities '{"contact_id": "999999999", "sub_campaign": "entel"}'
must '.errors[0].pointer == "#/contact_id"'

echo "Register the contact; a serial number has 16 digits"
call 422 POST "/v1/clients/$client/contacts" '{"origin_phone": "944264648", "serial_number": "250505000012567"}'
must '.errors[0].pointer == "#/serial_number"'
call 201 POST "/v1/clients/$client/contacts" \
	'{"origin_phone": "944264648", "serial_number": "2505050000125674", "ownership_check": {"asked": 3, "right": 3}}'
must '.greeting | startswith("Bienvenido AMERICA MOVIL PERU S.A.C., soy E")'
contact=$(get .id)

echo "Create the opportunity; a contact has only one"
call 201 POST /v1/opportunities "{\"contact_id\": \"$contact\", \"sub_campaign\": \"entel\", \"service\": {\"prior_consultation\": true}}"
must '.campaign.label == "CONSULTA PREVIA PREPAGO" and .stage.code == "en-proceso"'
opportunity=$(get .id)
call 409 POST /v1/opportunities "{\"contact_id\": \"$contact\", \"sub_campaign\": \"entel\"}"
must '.code == "contact_has_opportunity"'

echo "Load the dropdowns; an incomplete choice is refused"
call 200 GET /v1/catalogs/cancellation_reason
must '[.. | objects | select(.items == [])] | length == 44'
call 422 PUT "/v1/opportunities/$opportunity/diagnosis" '{"reason": "precio-y-contenido"}'
must '.errors[0].level == 2 and .errors[0].allowed[0] == "precio-y-contenido.contenido-prepago"'

echo "Closing too early names all missing parts"
call 422 PUT "/v1/opportunities/$opportunity/closure" '{"stage": "retenido"}'
must '[.errors[].field] == ["actions", "diagnosis.reason", "competitor_offer.phone_to_manage", "closure.advertising_acceptance"]'
must '[.errors[].pointer] == ["#/stage", "#/stage", "#/stage", "#/advertising_acceptance"]'

echo "Retention actions"
call 201 POST "/v1/opportunities/$opportunity/actions" '{"action": "bono-gb.bono-4-gb-por-12-meses"}'
action=$(get .id)
call 200 PATCH "/v1/opportunities/$opportunity/actions/$action" '{"final_state": "atendido"}'
call 201 POST "/v1/opportunities/$opportunity/actions" '{"action": "migracion-prepagado-prepago", "final_state": "no-atendido"}'
call 204 DELETE "/v1/opportunities/$opportunity/actions/$(get .id)"

echo "Diagnosis, competitor's offer, stage closure"
call 200 PUT "/v1/opportunities/$opportunity/diagnosis" \
	'{"reason": "problema-con-el-uso-del-servicio.problema-de-cobertura.internet.sin-senal-indoor.escalado-por-celdas-at"}'
must '.reason.levels | length == 5'
call 200 PUT "/v1/opportunities/$opportunity/competitor-offer" \
	'{"plan": "postpago-39-90", "offer": "50-x-6-meses", "channel": "telefonico", "operator": "movistar", "phone_to_manage": "944264648"}'
call 200 PUT "/v1/opportunities/$opportunity/closure" '{"advertising_acceptance": "acepto", "stage": "retenido"}'
must '.closed_at != null'

echo "A finished opportunity cannot be changed"
call 409 PUT "/v1/opportunities/$opportunity/diagnosis" '{"reason": "calidad-de-la-venta.incumplimiento-del-ofrecimiento"}'
call 200 GET "/v1/opportunities/$opportunity"
must '.stage.label == "RETENIDO" and .missing == []'

echo "The whole call in one request"
call 201 POST /v1/typifications "$(jq -n --arg client "$client" '{
	client_id: $client,
	contact: {origin_phone: "944264648", serial_number: "2505050000125674"},
	sub_campaign: "entel",
	actions: [{action: "migracion-postpago.max-29-90-30gb-y-s-5-por-6-meses", final_state: "no-atendido"}],
	diagnosis: {reason: "precio-y-contenido.contenido-prepago.bono-prepago-no-entregado-2"},
	competitor_offer: {operator: "bitel", phone_to_manage: "+51 944 264 648"},
	closure: {advertising_acceptance: "no-acepto", stage: "no-retenido"}}')"
must '.stage.label == "NO RETENIDO" and (.actions | length) == 1 and .competitor_offer.phone_to_manage == "944264648"'

echo "Renew the tokens and sign out"
call 200 POST /v1/sessions/refresh "{\"refresh_token\": \"$refresh_token\"}"
token=$(get .access_token)
call 204 DELETE /v1/sessions/current
call 401 GET /v1/sessions/current
echo "The whole call passed, in $steps requests."
