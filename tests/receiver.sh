#!/bin/bash
# tests/receiver.sh COMMAND... - runs examples/typescript/receiver.ts: the service's test event is accepted, once, and a forged one is not.
#
# GESTOR_URL, GESTOR_USERNAME and GESTOR_PASSWORD are an administrator's; PORT is where the receiver listens; OUT is a file for what it says.
set -euo pipefail

ask() { curl -sf -H "Authorization: Bearer $token" -H 'Content-Type: application/json' "$@"; }
token=$(jq -n '{username: env.GESTOR_USERNAME, password: env.GESTOR_PASSWORD}' |
	curl -sf -H 'Content-Type: application/json' -d @- "$GESTOR_URL/v1/sessions" | jq -r .access_token)
made=$(ask -d "{\"url\": \"http://127.0.0.1:$PORT/hook\", \"types\": [\"opportunity.closed\"]}" "$GESTOR_URL/v1/webhooks")
at=$GESTOR_URL/v1/webhooks/$(jq -r .id <<<"$made")
WEBHOOK_SECRET=$(jq -r .secret <<<"$made") "$@" >"$OUT" &
trap 'kill $!' EXIT
until_said() {
	for ((try = 0; try < 200; try++)); do
		! grep -q "$1" "$OUT" || return 0
		sleep 0.05
	done
	echo "the receiver did not say $1"
	exit 1
}
until_said listening
delivery=$(ask -X POST "$at/test" | jq -r .id)
until_said 'webhook.test /v1/webhooks/'
for ((try = 0; try < 200; try++)); do
	status=$(ask "$at/deliveries/$delivery" | jq -r .status)
	[[ $status == pending ]] || break
	sleep 0.05
done
[[ $status == delivered ]] || { echo "the delivery is $status"; exit 1; }
ask -X POST "$at/deliveries/$delivery/redelivery" >/dev/null
for ((try = 0; try < 200; try++)); do
	[[ $(ask "$at/deliveries/$delivery" | jq -r '"\(.status) \(.attempt_count)"') != 'delivered 2' ]] || break
	sleep 0.05
done
[[ $(grep -c webhook.test "$OUT") == 1 ]] || { echo 'it worked twice on one event'; exit 1; }
forged=$(curl -s -o /dev/null -w '%{http_code}' -H 'webhook-id: 1' -H "webhook-timestamp: $(date +%s)" -H 'webhook-signature: v1,AAAA' -d '{}' "http://127.0.0.1:$PORT/hook")
[[ $forged == 401 ]] || { echo "a forged request got $forged"; exit 1; }
ask -X DELETE "$at" -o /dev/null
