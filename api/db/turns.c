#include "db/turns.h"

#include <libpq-fe.h>
#include <string.h>

/* How long an attempt waits for a table's lock. */
#define LOCK_TIMEOUT "200ms"
/* The first kind of attempt follows one that took so long: requests waited for the whole of it. */
#define LONG_MS 1000
/* The patient kind is tried so often at most. */
#define PATIENT_MAX 5

/*
 * A migration that locks several tables in another order than requests do waits for a request that waits for it; under load,
 * each time. So attempts take turns: the first two lock what the migration names, as it comes to it. The third keeps writers
 * out first: a write with a key begins with the table of kept answers, so that none is in the middle once that is locked;
 * then the other tables, parents before children. The fourth does the same and waits for longer than requests do (1 s), which
 * then give way. A migration may itself wait for a table that somebody reads for long. It must not while no one can write, so with
 * writers out it has LIMIT_MS for each of its statements, and for the locks.
 */
#define LIMIT_MS	  5000
#define WRITERS_OUT_LIMIT "set local statement_timeout to '5s'"
#define WRITERS_OUT                                                                                \
	"do $$ declare t regclass; begin"                                                          \
	" if to_regclass('gestor.idempotency') is not null then lock table gestor.idempotency in " \
	"access exclusive mode; end if;"                                                           \
	" for t in select oid from pg_class where relnamespace = to_regnamespace('gestor')"        \
	" and relkind in ('r', 'p') and not relispartition and relname <> 'schema_migrations'"     \
	" order by oid loop execute 'lock table ' || t || ' in share row exclusive mode';"         \
	" end loop; end $$"
static const struct turn {
	const char *timeout, *limit, *locks;
} kinds[] = {
	{ "set local lock_timeout to '" LOCK_TIMEOUT "'", NULL, NULL },
	{ "set local lock_timeout to '" LOCK_TIMEOUT "'", NULL, NULL },
	{ "set local lock_timeout to '" LOCK_TIMEOUT "'", WRITERS_OUT_LIMIT, WRITERS_OUT },
	{ "set local lock_timeout to '1500ms'", WRITERS_OUT_LIMIT, WRITERS_OUT },
};
#define KINDS	     (sizeof(kinds) / sizeof(kinds[0]))
#define KIND_PATIENT (KINDS - 1)

PGresult *
turn_attempt(PGconn *pg, const struct turns *turns, const char *sql)
{
	const struct turn *turn = &kinds[turns->kind];
	const char *const before[] = { turn->timeout, turn->limit, turn->locks };

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]) && before[i] != NULL; i++) {
		PGresult *res = PQexec(pg, before[i]);

		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			return res;
		PQclear(res);
	}
	return PQexec(pg, sql);
}

bool
turn_gave_way(const struct turns *turns, const char *state, int64_t took_ms)
{
	/* Before the limit 57014 is somebody's who cancelled the migration. */
	return strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0 ||
	       (kinds[turns->kind].limit != NULL && took_ms >= LIMIT_MS &&
		   strcmp(state, "57014") == 0);
}

void
turn_next(struct turns *turns, int64_t took_ms)
{
	turns->attempts++;
	turns->kind = took_ms < LONG_MS ? turns->attempts % KINDS : 0;
	if (turns->kind == KIND_PATIENT && ++turns->patient > PATIENT_MAX)
		turns->kind = 0;
}
