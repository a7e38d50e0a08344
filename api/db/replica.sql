-- name: read_state
-- What a server's answers hold (replica.h): whether it is a standby; the position in the write-ahead log that it has written or,
-- as a standby, applied; the instant of the last commit that a standby has applied (null since its start), or of this statement.
select pg_is_in_recovery(),
       ((case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end) - '0/0'::pg_lsn)::text,
       (extract(epoch from case when pg_is_in_recovery() then pg_last_xact_replay_timestamp() else statement_timestamp() end)
           * 1000000)::bigint;
