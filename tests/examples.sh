#!/bin/bash
# tests/examples.sh COMMAND... - runs one of examples/, which must end with 0 and have
# made an opportunity that is RETENIDO, by the database's word.
#
# GESTOR_URL, GESTOR_USERNAME and GESTOR_PASSWORD are for the example; EXAMPLES_DATABASE_URL is the server's database.
set -euo pipefail

status=0
said=$(env -u EXAMPLES_DATABASE_URL "$@") || status=$?
printf '%s\n' "$said"
((status == 0)) || exit "$status"
[[ $said == *'Bienvenido AMERICA MOVIL PERU S.A.C., soy E'* ]] || { echo 'it did not print the greeting'; exit 1; }
id=$(sed -nE 's/^Opportunity ([0-9]+): RETENIDO$/\1/p' <<<"$said")
[[ $id ]] || { echo 'it named no opportunity'; exit 1; }
stage=$(psql -XAtq "$EXAMPLES_DATABASE_URL" -c "select stage->>'label' || ', ' || (closed_at is not null)
	|| ', ' || (created_at > now() - interval '5 minutes') from gestor.opportunity where id = $id")
[[ $stage == 'RETENIDO, true, true' ]] || { echo "opportunity $id is, in the database: ${stage:-not there}"; exit 1; }
