# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# webhooks - runs by name alone: measures deliveries (bench/webhooks.js): 50 events a second to 20 receivers, by http and by https, with one receiver
# that hangs and without.

run_webhooks() {
	migrate
	step_node 'webhooks: http' 300 node bench/webhooks.js
	SECURE=1 step_node 'webhooks: https' 300 node bench/webhooks.js
}
