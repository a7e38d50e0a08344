-- migrate:up
-- A call that is saved for a merged client locks only the client that stays. It locked the merged one too, and before the other whichever number was the smaller, while merges, undos and erasures
-- lock both in the order of their ids: each could wait for the other, and both requests ended in 503.
--
-- Nothing is rewritten and no table is locked. Processes of the version before call the same function.
set local search_path = gestor, pg_temp;

do $$
declare
    source text := pg_get_functiondef('call_create(bigint,bigint,integer,text[],text,text,smallint,smallint,text,date,boolean,text,text)'::regprocedure);
    p record;
begin
    for p in select * from (values
        ('    stands xid8 :=', '    stays bigint;
    stands xid8 :='),
        ('select c.erased_at, c.merged_into, a.username,', 'select c.erased_at, a.username,'),
        (' where a.id = advisor and c.id = of_client for key share;
        exit when account.merged_into is null;
        of_client := account.merged_into;
', ' where a.id = advisor and c.id = of_client and c.merged_into is null for key share;
        exit when found;
        select c.merged_into into stays from client c where c.id = of_client;
        -- A merge may have been undone since; an account that does not exist has no row either.
        exit when not found or stays is null and not exists (select from advisor a where a.id = advisor);
        of_client := coalesce(stays, of_client);
')) x (was, becomes)
    loop
        if strpos(source, p.was) = 0 then
            raise exception 'call_create() is not as 0051_fewer_instructions.sql left it';
        end if;
        source := replace(source, p.was, p.becomes);
    end loop;
    execute format('%s', source);
end $$;
