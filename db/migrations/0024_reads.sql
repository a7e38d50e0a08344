-- migrate:up
-- Reads, and their record, at less cost.
--
-- Processes of the previous version keep serving. Their list of the record of reads by operation or advisor takes longer.
set local search_path = gestor, pg_temp;

-- Opportunities keep their document in the row, compressed, where it fits three times in a page: a read needs no look into the TOAST
-- table, nor does a write. Rows of before follow when they are changed.
alter table opportunity set (toast_tuple_target = 2700);

-- Four fifths of what an entry of the record of reads cost were its five indexes. The key and the client's stay. For advisors,
-- operations and guesses there is an index of block ranges (BRIN), with a Bloom filter for each of these columns: an entry costs it next to
-- nothing, and entries lie in the order of time anyway. While the index is built, entries wait in the memory of the processes
-- that serve (api/http/reads.c).
-- A range of 32 pages holds some 2000 entries. autosummarize: autovacuum adds each range that is full; until then it is read whole.
drop index audit_read_of_advisor, audit_read_of_operation, audit_read_of_guesses;
create index audit_read_by_range on audit_read using brin (at, advisor_id int8_bloom_ops (n_distinct_per_range = 500),
    operation text_bloom_ops (n_distinct_per_range = 50), object_type text_bloom_ops (n_distinct_per_range = 16))
    with (pages_per_range = 32, autosummarize = on);

-- Many entries at once, the i-th of each array being one; moments are microseconds since 1970. clients: whose record it is; null: to be
-- looked up, which for an opportunity costs as much as storing the entry. again: an earlier attempt may have stored some. They are
-- found by the batch's span of time.
create function audit_read_store(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
    operations text[], types text[], objects bigint[], clients bigint[], again boolean) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    first timestamptz;
    last timestamptz;
    stored text[] := '{}';
begin
    if again then
        select 'epoch'::timestamptz + min(m) * interval '1 microsecond', 'epoch'::timestamptz + max(m) * interval '1 microsecond'
          into first, last from unnest(moments) m;
        stored := array(select concat_ws(' ', r.at, r.request_id, r.object_type, r.object_id)
            from audit_read r where r.at between first and last);
    end if;
    insert into audit_read (at, advisor_id, session_id, address, request_id, operation, object_type, object_id, client_id)
    select x.at, x.advisor_id, x.session_id, x.address, x.request_id, x.operation, x.object_type, x.object_id,
           case when x.object_type = 'client' then x.object_id
               when x.client_id is not null then x.client_id
               when x.object_type = 'contact' then (select t.client_id from contact t where t.id = x.object_id)
               when x.object_type = 'opportunity' then (select o.client_id from opportunity o where o.id = x.object_id) end
      from (select 'epoch'::timestamptz + u.moment * interval '1 microsecond' as at, u.*
              from unnest(moments, advisors, sessions, addresses, requests, operations, types, objects, clients)
                  u (moment, advisor_id, session_id, address, request_id, operation, object_type, object_id, client_id)) x
     where not again or concat_ws(' ', x.at, x.request_id, x.object_type, x.object_id) <> all (stored);
end $$;
revoke execute on function audit_read_store(bigint[], bigint[], bigint[], inet[], text[], text[], text[], bigint[], bigint[], boolean)
    from public;

-- For processes of the previous version.
create or replace function audit_read_add(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
    operations text[], types text[], objects bigint[], again boolean) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    perform audit_read_store(moments, advisors, sessions, addresses, requests, operations, types, objects, '{}', again);
end $$;

-- The newest entries with these filters (null: any), from `since` on (null: all) and before (before, before_id). Such an index returns no
-- order, so this goes back in time by steps, each four times as long as the one before, and sorts what it finds in each.
create function audit_reads_of(of_advisor bigint, of_operation text, guesses boolean, since timestamptz, before timestamptz, before_id bigint,
    most integer) returns setof audit_read language plpgsql stable set search_path = gestor, pg_temp
    set plan_cache_mode = force_custom_plan set enable_seqscan = off as $$
declare
    high timestamptz := before;
    high_id bigint := before_id;
    low timestamptz;
    width interval := '1 second';
    seen integer := 0;
    more integer;
begin
    loop
        low := case when width > '100 years' then '-infinity' else least(high, now()) - width end;
        low := greatest(low, since);
        return query select r.* from audit_read r
             where r.at >= low and r.at <= high and (r.at, r.id) < (high, high_id)
               and (of_advisor is null or r.advisor_id = of_advisor) and (of_operation is null or r.operation = of_operation)
               and (guesses is not true or r.object_type = 'guess')
             order by r.at desc, r.id desc limit most - seen;
        get diagnostics more = row_count;
        seen := seen + more;
        exit when seen >= most or low = '-infinity' or low <= since;
        -- No id is below 1: the entries at `low` were in this step.
        high := low;
        high_id := 0;
        width := width * 4;
    end loop;
end $$;
