# shellcheck shell=bash disable=SC2154 # variables of tests/lib.sh
# plans - how PostgreSQL plans every statement with 20,000 opportunities: no plan may read a growing table as a whole.

run_plans() {
	migrate
	database plans template "$template" || { missing plans 'has no database'; return; }
	step_psql 'plans: load' 600 "$(on "$OWNER_URL" plans)" -v opportunities=20000 -o /dev/null -f bench/load.sql
	((status == 0)) || return 0
	step_psql 'plans: webhooks' 300 "$(on "$OWNER_URL" plans)" -o /dev/null -f tests/plans.sql
	((status == 0)) || return 0
	PGPASSFILE=$tmp/pgpass step plans 300 tests/plans.py build/sql.c "$(on "$(plain "$OWNER_URL")" plans)"
}
