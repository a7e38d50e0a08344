# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# examples - runs each of examples/ against a server.

run_examples() {
	local base word bad=''
	have_tools examples || return 0
	serve examples env GESTOR_WEBHOOK_ALLOW=127.0.0.1 || return 0
	# example NAME COMMAND...
	example() {
		PGPASSFILE=$tmp/pgpass EXAMPLES_DATABASE_URL=$(on "$(plain "$OWNER_URL")" examples) \
			GESTOR_URL=$base GESTOR_USERNAME=E8153375 GESTOR_PASSWORD=$word \
			step "examples: $1" 600 tests/examples.sh "${@:2}"
		((status == 0)) || bad=1
	}
	example curl examples/curl/call.sh
	example python examples/python/call.py
	[[ -f $tmp/examples/typescript/build/call.js ]] || step 'examples: compile' 600 tests/contract/types.sh "$tmp"
	example typescript "$node22" "$tmp/examples/typescript/build/call.js"
	# shellcheck disable=SC2016 # the inner shell expands its own arguments
	# Answers as an advisor types them: a phone that is none, and no final state at first.
	example form bash -c 'exec "$0" "$1" <tests/form_answers.txt' "$node22" "$tmp/examples/typescript/build/form.js"
	secret=$(DATABASE_URL=$(on "$OWNER_URL" examples) build/gestor advisor add --username sync-nocturno --name 'INTEGRACION DE MUESTRA' \
		--role integration --rights events,client_read,opportunity_read,personal_data 9>&- | tail -n 1)
	GESTOR_URL=$base GESTOR_CLIENT_ID=sync-nocturno GESTOR_CLIENT_SECRET=$secret SYNC_DIRECTORY=$tmp/sync step 'examples: sync' 600 tests/sync.sh
	((status == 0)) || bad=1
	DATABASE_URL=$(on "$OWNER_URL" examples) build/gestor advisor add --username E8000010 --name 'ADMINISTRADORA DE MUESTRA' --role admin <<<"$word" 9>&-
	GESTOR_URL=$base GESTOR_USERNAME=E8000010 GESTOR_PASSWORD=$word PORT=$(free_port) OUT=$tmp/receiver \
		step 'examples: receiver' 600 tests/receiver.sh "$node22" "$tmp/examples/typescript/build/receiver.js"
	((status == 0)) || bad=1
	[[ ! $bad ]] || { say '-- the server said:'; tail -n 20 "$tmp/examples.log"; }
	unserve
}
