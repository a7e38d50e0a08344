# shellcheck shell=bash
# upgrade - migrates a database of the version before: its schema, rows as the desk leaves them, then `gestor migrate`.

run_upgrade() {
	local file url
	url=$(on "$OWNER_URL" upgrade)
	database upgrade
	for file in db/migrations/00{01,02,03,04,05,06,07,08,09,10,11}_*.sql; do
		run_psql "$url" -1 -o /dev/null -f "$file"
	done
	run_psql "$url" -o /dev/null -c "create table gestor.schema_migrations (version varchar(128) primary key);
		insert into gestor.schema_migrations select to_char(n, 'FM0000') from generate_series(1, 11) n"
	step_psql 'upgrade: rows of schema 0011' 300 "$url" -o /dev/null -f tests/upgrade/before_0012.sql
	DATABASE_URL=$url step 'upgrade: migrate' 300 build/gestor migrate
	step_psql 'upgrade: what became of them' 300 "$url" -o /dev/null -f tests/upgrade/after.sql
}
