-- migrate:up
-- Two transactions judge the rows of one import at once, each a block of the file.
--
-- Processes of the version before keep serving: import_step() has the same arguments and answers. Nothing is locked but these functions.
set local search_path = gestor, pg_temp;

-- The rows of the first block that nobody has judged and nobody is judging. A block is a thousand lines of the file. Its advisory lock ends with the
-- transaction, also if the process is killed, so nothing has to expire. null: there is none.
--
-- Blocks may be judged in any order, because what becomes of a row does not depend on rows stored before it.
create function import_block_take(i import) returns integer[] language plpgsql set search_path = gestor, pg_temp as $$
declare
    after integer := i.done_line;
    begins integer;
    ends integer;
begin
    loop
        select r.line into begins from import_row r where r.import_id = i.id and r.line > after order by r.line limit 1;
        if not found then
            return null;
        end if;
        ends := begins / 1000 * 1000 + 999;
        -- Who sees no batch after the lock was taken is the only one to judge the block.
        if pg_try_advisory_xact_lock(hashtextextended('gestor.import.' || i.id || '.' || ends, 0))
            and not exists (select from import_batch b where b.import_id = i.id and b.first_line between begins and ends)
        then
            return array(select r.line from import_row r
                          where r.import_id = i.id and r.line between begins and ends order by r.line);
        end if;
        after := ends;
    end loop;
end $$;
revoke execute on function import_block_take(import) from public;

-- Up to which line an import's rows are judged without a gap.
create function import_judged(i import) returns integer language plpgsql set search_path = gestor, pg_temp as $$
declare
    done integer := i.done_line;
    next_line integer;
    last integer;
begin
    loop
        select r.line into next_line from import_row r where r.import_id = i.id and r.line > done order by r.line limit 1;
        if not found then
            return done;
        end if;
        select b.last_line into last from import_batch b where b.import_id = i.id and b.first_line = next_line;
        if not found then
            return done;
        end if;
        done := last;
    end loop;
end $$;
revoke execute on function import_judged(import) from public;

-- A block of the oldest import. Two transactions work at a time, and one where rows depend on each other (opportunities: two rows may
-- name the same new advisor). Returns idle: there is no import; busy: enough others are at work; more: it may be called again at once.
-- most: how many rows of an atomic import are stored by one statement.
create or replace function import_step(most integer) returns text language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    i import;
    first_place boolean;
    lines integer[];
    good integer[];
    judged record;
    letters text;
    ends text := 'done';
    why text;
begin
    if not exists (select from import x where x.finished_at is null) then
        return 'idle';
    end if;
    first_place := pg_try_advisory_xact_lock(hashtextextended('gestor.import', 0));
    if not first_place and not pg_try_advisory_xact_lock(hashtextextended('gestor.import.second', 0)) then
        return 'busy';
    end if;
    if first_place then
        -- Files whose process ended while they were received.
        update import x set state = 'failed', reason = 'upload_broken', finished_at = clock_timestamp()
         where x.finished_at is null and x.state = 'receiving' and x.heard_at < clock_timestamp() - interval '1 minute';
    end if;
    select x.* into i from import x where x.finished_at is null and x.state <> 'receiving' order by x.id limit 1;
    if not found then
        return 'idle';
    elsif not first_place and i.kind <> 'clients' then
        return 'busy';
    end if;
    perform set_config('gestor.audit', i.said::text, true);
    lines := import_block_take(i);
    if lines is null then
        if not first_place then
            return 'busy';
        end if;
        if exists (select from import x join import_row r on r.import_id = x.id and r.line > x.done_line where x.id = i.id) then
            -- Another transaction judges the last block.
            perform pg_sleep(0.01);
            return 'more';
        end if;
        -- What others judged meanwhile counts.
        select x.* into i from import x where x.id = i.id;
        if i.mode = 'atomic' and i.failed > 0 then
            ends := 'failed';
            why := 'rows_failed';
        elsif i.mode = 'atomic' and not import_store(i, most) then
            ends := 'failed';
            why := 'changed_meanwhile';
        end if;
        update import x set state = ends, reason = why, finished_at = clock_timestamp() where x.id = i.id and x.finished_at is null;
        if not found then
            perform refuse('import_cancelled');
        end if;
        return 'more';
    end if;

    good := array(select r.line from import_row r where r.import_id = i.id and r.line = any (lines) and r.body is not null
                   order by r.line);
    judged := import_judge(i, good, i.mode = 'valid_only');
    update import_row r set faults = f.faults
      from unnest(good, judged.faults) f (line, faults)
     where r.import_id = i.id and r.line = f.line and f.faults is not null;
    select string_agg(coalesce(g.outcome, 'f'), '' order by l.line) into letters
      from unnest(lines) l (line) left join unnest(good, judged.outcomes) g (line, outcome) on g.line = l.line;
    insert into import_batch (import_id, first_line, last_line, outcomes)
    values (i.id, lines[1], lines[cardinality(lines)], letters);
    -- From here to the commit the other transaction waits.
    select x.* into i from import x where x.id = i.id and x.finished_at is null for no key update;
    if not found then
        -- The rows of this step are rolled back.
        perform refuse('import_cancelled');
    end if;
    update import x set state = 'running', done_line = import_judged(i),
        created = x.created + length(letters) - length(replace(letters, 'c', '')),
        updated = x.updated + length(letters) - length(replace(letters, 'u', '')),
        unchanged = x.unchanged + length(letters) - length(replace(letters, 'n', '')),
        failed = x.failed + length(letters) - length(replace(letters, 'f', ''))
     where x.id = i.id;
    return 'more';
end $$;

-- A row whose external_id stands on an earlier line has that fault alone, whether the earlier line was stored already or not. The rest is as before.
do $$
declare
    source text := pg_get_functiondef('gestor.import_clients(bigint,jsonb,integer[])'::regprocedure);
    was constant text := 'case when k.holder_id is not null and k.holder_id is distinct from k.client_id';
begin
    if strpos(source, was) = 0 then
        raise exception 'import_clients is not as 0032_imports.sql and 0039_merge.sql left it';
    end if;
    execute format('%s', replace(source, was, 'case when k.namesake_line is null and k.holder_id is not null and k.holder_id is distinct from k.client_id'));
end $$;

-- As before (0013_normal_form.sql). Most texts are words of printable ASCII with single blanks, which one expression tells; the five others cost an
-- import two instructions in a hundred more.
create or replace function is_line(written text) returns boolean language sql immutable
return case when written ~ '^[!-~]+( [!-~]+)*$' then true else
    written is nfc normalized
    and written !~ '[\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]'
    and written !~ '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]'
    and written !~ '^ |  | $'
    and written ~ '[^\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]' end;
