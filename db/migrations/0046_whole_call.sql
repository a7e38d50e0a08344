-- migrate:up
-- A whole call is saved by three statements, and one at the commit: what is locked and read, the choices, all rows with their entries of the audit; the
-- events. Its values come as arguments, and its documents and entries are put together by few functions, because PostgreSQL prepares each function of an
-- expression anew for each transaction. What is stored, shown, recorded and refused stays as it was. Nothing is rewritten. Processes of the version before go on.
set local search_path = gestor, pg_temp;

-- Waiting for a table's lock stops all others who want the table, so each attempt is short.
do $$
begin
    for attempt in 1..200 loop
        begin
            set local lock_timeout = '200ms';
            lock table contact, opportunity, action, consent in access exclusive mode;
            return;
        exception when lock_not_available then
            perform pg_sleep(0.3);
        end;
    end loop;
    raise exception 'another session uses gestor.opportunity all the time: run `gestor migrate` again when it has ended (a dump?)';
end $$;

-- Saves a whole call: contact, opportunity, grid, answer about advertising; each row once, with its document. of_client: null is the one that this session
-- has just inserted. contacts_a_day: of a client; 0: no limit. codes: the choices: null (the campaign is always the same), stage, sub_campaign, reason, then
-- plan, offer, channel and operator of the competitor's offer, the answer about advertising; then action and final state of each row of the grid. Phones have
-- their normal form. shown: the opportunity as the API shows it. The function runs with the owner's rights, so that it may write documents and the
-- audit; what it stores is what the tables' triggers would store.
create function call_create(advisor bigint, of_client bigint, contacts_a_day integer, codes text[], origin_phone text, serial_number text, asked smallint,
    "right" smallint, current_plan text, activation_date date, prior_consultation boolean, phone_to_manage text, additional_line text,
    out made bigint, out shown text)
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    later constant boolean := current_setting('gestor.occurred_at', true) <> '';
    at timestamptz := now();
    ended timestamptz; -- when the opportunity was closed, and the answer about advertising given
    closed timestamptz;
    opens constant boolean := codes[2] is null;
    last constant integer := cardinality(codes);
    catalogs smallint[] := '{1,11,2,5,6,7,8,9,10,3,4,3,4,3,4}';
    -- How the audit names them.
    members constant text[] := array[',"campaign":"', ',"stage":"', ',"sub_campaign":"', ',"reason":"', ',"competitor_plan":"', ',"competitor_offer":"',
        ',"offer_channel":"', ',"operator":"', ',"advertising_acceptance":"'];
    chosen text;
    ids bigint[];
    choices json[];
    whole boolean;
    unfinished boolean := false;
    account record;
    signed text; -- the advisor as records show them
    signed_then text; -- at the answer about advertising
    greeting text;
    contact bigint;
    action bigint;
    consent bigint;
    grid text;
    missing text := '[]';
    created text; -- instants as they are shown
    updated text;
    ended_shown text;
    entered text; -- instants as the audit has them
    entered_rows text;
    mark text; -- an assignment costs a quarter of a statement
    said constant jsonb := nullif(current_setting('gestor.audit', true), '')::jsonb;
    types text[] := '{contact,opportunity}';
    objects bigint[];
    entries text[];
begin
    if later then
        at := call_occurred_at();
    end if;
    if of_client is null then
        of_client := currval('client_id_seq');
    end if;
    codes[1] := 'consulta-previa-prepago';
    if opens then
        codes[2] := 'en-proceso';
    end if;
    while cardinality(catalogs) < last loop
        catalogs := catalogs || '{3,4}'::smallint[];
    end loop;

    -- Locked, so that the client is not erased meanwhile. A rename of the advisor that is not committed yet is waited for, so that the name is the one of
    -- this instant.
    loop
        select c.erased_at, c.merged_into, a.username, a.full_name, a.renamed_at, array_to_string(array(
                select y.id from opportunity y where y.client_id = c.id and y.closed_at is null and y.voided_at is null order by y.id + 0 desc limit 100),
                '","') as other_open
          into account from advisor a, client c where a.id = advisor and c.id = of_client for key share;
        exit when account.merged_into is null;
        of_client := account.merged_into;
    end loop;
    -- An expression with a subquery costs as much as a statement, so it stands behind the condition that needs it.
    if account.full_name is null then
        if not exists (select from client c where c.id = of_client) then
            perform refuse('client_unknown');
        end if;
    elsif account.erased_at is not null then
        perform refuse('client_erased');
    end if;
    if contacts_a_day > 0 then
        if (select count(*) from (
                select from contact t
                 where t.client_id = of_client and t.created_at >= today()::timestamp at time zone 'America/Lima' limit contacts_a_day) x)
            >= contacts_a_day then
            perform refuse('too_many_contacts');
        end if;
    end if;

    loop
        -- offset 0: a lookup for each, and not a join, for which PostgreSQL would read the whole table. The campaign, and the stage of a call that ends
        -- no opportunity, need not be selectable.
        select array_agg(i.id), array_agg(i.choice), bool_and(i.found), string_agg(i.entered, '') into ids, choices, whole, chosen from (
            select x.id, x.choice, c.code is null or x.id is not null as found, c.member || c.code || '"' as entered
              from unnest(catalogs[:last], codes, members) with ordinality c (catalog, code, member, n)
              left join lateral (
                  select y.id, y.choice from catalog_item y
                   where y.catalog_id = c.catalog and y.code = c.code and (y.selectable_during @> clock_timestamp() or c.n = 1 or opens and c.n = 2)
                  offset 0) x on true
             order by c.n) i;
        exit when whole;
        -- choice() refuses what cannot be chosen.
        perform choice('sub_campaign', codes[3]);
        for k in 10 .. last by 2 loop
            perform choice('retention_action', codes[k]), choice('final_state', codes[k + 1]);
        end loop;
        perform choice('cancellation_reason', codes[4]), choice('competitor_plan', codes[5]), choice('competitor_offer', codes[6]),
            choice('offer_channel', codes[7]), choice('operator', codes[8]), choice('advertising_acceptance', codes[9]), choice('stage', codes[2]);
    end loop;
    ended := case when later then at else clock_timestamp() end;
    signed := format('{"id":"%s","username":%s,"full_name":%s}', advisor, coalesce(to_json(account.username), 'null'), to_json(account.full_name));
    if account.full_name is null or account.renamed_at > at then
        signed := advisor_then(advisor, at);
    end if;
    greeting := account.username;
    if greeting is null then
        greeting := signed::json ->> 'full_name';
    end if;
    created := instant(at);
    updated := created;
    entered := to_json(at);
    entered_rows := entered;
    ended_shown := instant(ended);
    if later then
        updated := instant(now());
        entered_rows := to_json(now());
    end if;

    contact := nextval('contact_id_seq');
    made := nextval('opportunity_id_seq');
    objects := array[contact, made];
    for k in 10 .. last by 2 loop
        action := nextval('action_id_seq');
        unfinished := unfinished or codes[k + 1] is null;
        grid := format('%s%s{"id":"%s","action":%s,"final_state":%s}', grid, case when grid is not null then ',' end, action, choices[k],
            coalesce(choices[k + 1], 'null'));
        types := types || 'action'::text;
        objects := objects || action;
        entries := entries || format('{"opportunity_id":%s,"action":"%s","created_at":%s%s%s%s}', made, codes[k], entered_rows,
            case when codes[k + 1] is not null then ',"final_state":"' end, codes[k + 1], case when codes[k + 1] is not null then '"' end);
    end loop;
    if not opens and is_final(choices[2]) then
        if last = 9 or unfinished or codes[4] is null or phone_to_manage is null or codes[9] is null then
            perform refuse('incomplete', form_missing(ids[4], phone_to_manage, ids[9], array(select ids[k] from generate_series(11, last, 2) k)));
        end if;
        closed := ended;
    else
        missing := array_to_json(array_remove(array[case when last = 9 then 'actions' end, case when unfinished then 'actions.final_state' end,
            case when codes[4] is null then 'diagnosis.reason' end, case when phone_to_manage is null then 'competitor_offer.phone_to_manage' end,
            case when codes[9] is null then 'closure.advertising_acceptance' end], null));
    end if;

    -- A member whose value is null is left out.
    entries := array[
        format('{"client_id":%s,"advisor_id":%s,"created_at":%s%s%s%s%s}', of_client, advisor, entered,
            case when origin_phone is not null then ',"origin_phone":"***"' end, case when serial_number is not null then ',"serial_number":"***"' end,
            ',"asked":' || asked, ',"right":' || "right"),
        format('{"client_id":%s,"advisor_id":%s,"contact_id":%s,"created_at":%s%s%s%s%s%s%s%s%s}', of_client, advisor, contact, entered,
            case when closed is not null then ',"closed_at":' end, to_json(closed), chosen,
            case when current_plan is not null then ',"current_plan":"***"' end, case when activation_date is not null then ',"activation_date":"***"' end,
            case when prior_consultation is not null then ',"prior_consultation":"***"' end,
            case when phone_to_manage is not null then ',"phone_to_manage":"***"' end, case when additional_line is not null then ',"additional_line":"***"' end)] || entries;
    if codes[9] is not null then
        consent := nextval('consent_id_seq');
        signed_then := signed;
        -- Between the beginning of the transaction and now the advisor may have got another name.
        if account.renamed_at > at then
            signed_then := advisor_then(advisor, ended);
        end if;
        types := types || 'consent'::text;
        objects := objects || consent;
        entries := entries || format('{"client_id":%s,"opportunity_id":%s,"contact_id":%s,"advisor_id":%s,"advertising_acceptance":"%s","created_at":%s}',
            of_client, made, contact, advisor, codes[9], to_json(ended));
    end if;
    shown := format('{"id":"%s","client_id":"%s","contact_id":"%s","campaign":%s,"sub_campaign":%s,"stage":%s,"advisor":%s,'
        '"service":{"current_plan":%s,"activation_date":%s,"prior_consultation":%s},"actions":[%s],"diagnosis":{"reason":%s},'
        '"competitor_offer":{"plan":%s,"offer":%s,"channel":%s,"operator":%s,"phone_to_manage":%s%s%s,"additional_line":%s%s%s},'
        '"closure":{"advertising_acceptance":%s,"stage":%s,"closed_at":%s%s%s},"missing":%s,"follow_up":null,"voided":null,"reopened":null,'
        '"created_at":"%s","updated_at":"%s"',
        made, of_client, contact, choices[1], coalesce(choices[3], 'null'), choices[2], signed,
        coalesce(to_json(current_plan), 'null'), coalesce(to_json(activation_date), 'null'), coalesce(to_json(prior_consultation), 'null'),
        grid, coalesce(choices[4], 'null'), coalesce(choices[5], 'null'), coalesce(choices[6], 'null'), coalesce(choices[7], 'null'), coalesce(choices[8], 'null'),
        case when phone_to_manage is not null then '"' else 'null' end, phone_to_manage, case when phone_to_manage is not null then '"' end,
        case when additional_line is not null then '"' else 'null' end, additional_line, case when additional_line is not null then '"' end,
        coalesce(choices[9], 'null'), choices[2],
        case when closed is not null then '"' else 'null' end, case when closed is not null then ended_shown end, case when closed is not null then '"' end,
        missing, created, updated);

    mark := set_config('gestor.call_saved', 'yes', true);
    with contact_made as (
        insert into contact (id, client_id, advisor_id, origin_phone, serial_number, asked, "right", created_at, document) overriding system value
        values (contact, of_client, advisor, origin_phone, serial_number, asked, "right", at,
            format('{"id":"%s","client_id":"%s","origin_phone":%s,"serial_number":%s,"ownership_check":%s,"advisor":%s,"created_at":"%s","greeting":%s',
                contact, of_client, coalesce(to_json(origin_phone), 'null'), coalesce(to_json(serial_number), 'null'),
                coalesce('{"asked":' || asked || ',"right":' || "right" || '}', 'null'), signed, created, left(to_json(greeting)::text, -1)))),
    opportunity_made as (
        insert into opportunity (id, client_id, contact_id, advisor_id, created_at, updated_at, campaign_id, campaign, sub_campaign_id, sub_campaign,
            current_plan, activation_date, prior_consultation, reason_id, reason, competitor_plan_id, competitor_plan,
            competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
            phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance, stage_id, stage, closed_at, document)
        overriding system value
        values (made, of_client, contact, advisor, at, now(), ids[1], choices[1], ids[3], choices[3],
            current_plan, activation_date, prior_consultation, ids[4], choices[4], ids[5], choices[5],
            ids[6], choices[6], ids[7], choices[7], ids[8], choices[8],
            phone_to_manage, additional_line, ids[9], choices[9], ids[2], choices[2], closed, shown || '}')),
    grid_made as (
        insert into action (id, opportunity_id, action_id, action, final_state_id, final_state, created_at) overriding system value
        select objects[k / 2 - 2], made, ids[k], choices[k], ids[k + 1], choices[k + 1], now() from generate_series(10, last, 2) k),
    answer_made as (
        insert into consent (id, client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance, created_at, document)
        overriding system value
        select consent, of_client, made, contact, advisor, ids[9], choices[9], ended,
            format('{"acceptance":%s,"at":"%s","advisor":%s,"opportunity_id":"%s"}', choices[9], ended_shown, signed_then, made)
         where consent is not null)
    insert into audit (advisor_id, session_id, address, request_id, operation, object_type, object_id, action, client_id, opportunity_id, after)
    select s.advisor, s.session, s.address, s.request, s.operation, e.type, e.id, 'insert',
           case when e.type <> 'action' then of_client end, case when e.type <> 'contact' then made end, e.after::jsonb
      from (select (said ->> 'advisor')::bigint as advisor, (said ->> 'session')::bigint as session, (said ->> 'address')::inet as address,
                   said ->> 'request' as request, said ->> 'operation' as operation offset 0) s,
           unnest(types, objects, entries) e (type, id, after);
    mark := set_config('gestor.call_saved', '', true);
    shown := format('%s,"other_open":[%s%s%s]}', shown, case when account.other_open <> '' then '"' end, account.other_open,
        case when account.other_open <> '' then '"' end);
end $$;
revoke execute on function call_create(bigint, bigint, integer, text[], text, text, smallint, smallint, text, date, boolean, text, text) from public;
-- For processes of the version before. b: the body of typification_create.
create or replace function call_save(advisor bigint, b jsonb, contacts_a_day integer, out made bigint, out shown text)
language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    made := (call_create(advisor, (b ->> 'client_id')::bigint, contacts_a_day, array[null, b #>> '{closure,stage}', b ->> 'sub_campaign', b #>> '{diagnosis,reason}',
            b #>> '{competitor_offer,plan}', b #>> '{competitor_offer,offer}', b #>> '{competitor_offer,channel}', b #>> '{competitor_offer,operator}',
            b #>> '{closure,advertising_acceptance}'] || array(
                select x.code from jsonb_array_elements(b -> 'actions') with ordinality r (row, n),
                       lateral (values (1, r.row ->> 'action'), (2, r.row ->> 'final_state')) x (n, code) order by r.n, x.n),
        phone(b #>> '{contact,origin_phone}'), b #>> '{contact,serial_number}', (b #>> '{contact,ownership_check,asked}')::smallint,
        (b #>> '{contact,ownership_check,right}')::smallint, b #>> '{service,current_plan}', (b #>> '{service,activation_date}')::date,
        (b #>> '{service,prior_consultation}')::boolean, phone(b #>> '{competitor_offer,phone_to_manage}'), phone(b #>> '{competitor_offer,additional_line}'))).made;
    shown := (select o.document from opportunity o where o.id = call_save.made);
end $$;
-- The right that db/grants.sql gives a moment later.
do $$
begin
    if exists (select from pg_roles where rolname = 'gestor_api') then
        grant execute on function call_create(bigint, bigint, integer, text[], text, text, smallint, smallint, text, date, boolean, text, text) to gestor_api;
    end if;
end $$;

-- What call_create() records it puts together itself, so audited() makes no functions audit_X_after(row) any more. Those that it made stay: a call
-- that began before this migration and waits for one of its locks goes on in the call_save() of before, which calls them.
do $$
declare
    source constant text := pg_get_functiondef('audited'::regproc);
    shorter constant text := regexp_replace(source, '    if apart then\n        -- The columns'' json are choices\..*?\n    end if;\n', '');
begin
    if shorter = source then
        raise exception 'audited() is not as 0042_write_cost.sql left it';
    end if;
    execute format('%s', shorter);
end $$;

-- ---------------------------------------------------------------- triggers

-- As before. Looking up the table's name each time was half of the function's work.
create or replace function outside_call_save() returns boolean language plpgsql stable as $$
begin
    return current_setting('gestor.call_saved', true) is distinct from 'yes' or not has_table_privilege('gestor.contact'::regclass, 'truncate');
end $$;
-- As before, but no function is inlined anew for each statement. A day is made ten minutes after its end, when all transactions have ended that
-- began to write before that; so who writes within five minutes of the call leaves no row. report_changed() has the exact condition.
create or replace trigger report_added after insert on opportunity for each row
    when (new.created_at < clock_timestamp() - interval '5 minutes' or new.closed_at < clock_timestamp() - interval '5 minutes')
    execute function report_opportunity();
alter table opportunity enable always trigger report_added;

-- One trigger before an insert in place of two: PostgreSQL parses the condition of each for each statement. These functions do on an insert what the
-- triggers begins, erased and instant_of_entry did before they rendered.
create or replace function contact_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.erased_at is not null and new.void_reason is not null then
            new.void_reason := 'CLIENTE BORRADO';
        end if;
    elsif new.client_id <> old.client_id and current_setting('gestor.moving', true) = pg_current_xact_id()::text and old.document is not null then
        new.document := replace(old.document, format('"client_id":"%s"', old.client_id), format('"client_id":"%s"', new.client_id));
        return new;
    end if;
    if tg_op = 'INSERT' or new.advisor_id is distinct from old.advisor_id then
        new.document := contact_document(new, false, advisor_locked(new.advisor_id, new.created_at));
    else
        new.document := contact_document(new, false);
    end if;
    return new;
end $$;
create or replace function opportunity_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if not has_table_privilege(tg_relid, 'truncate') then
            if new.id <> currval('opportunity_id_seq') then
                raise exception using errcode = '42501', message = 'an opportunity has the id that its session drew last';
            end if;
            if new.closed_at is not null then
                new.closed_at := case when current_setting('gestor.occurred_at', true) <> '' then new.created_at else clock_timestamp() end;
            end if;
        end if;
        if new.voided_by is null and new.reopened_by is null then
            new.document := opportunity_document(new, false, advisor_locked(new.advisor_id, new.created_at));
            return new;
        end if;
    elsif new.client_id <> old.client_id and current_setting('gestor.moving', true) = pg_current_xact_id()::text and old.document is not null then
        new.document := replace(old.document, format('"client_id":"%s"', old.client_id), format('"client_id":"%s"', new.client_id));
        return new;
    end if;
    if tg_op = 'INSERT' or (new.advisor_id, new.voided_at, new.reopened_at) is distinct from (old.advisor_id, old.voided_at, old.reopened_at) then
        perform from advisor a where a.id in (new.advisor_id, new.voided_by, new.reopened_by) order by a.id for key share;
    end if;
    new.document := opportunity_document(new, false);
    return new;
end $$;
create or replace function consent_renders() returns trigger language plpgsql set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if not has_table_privilege(tg_relid, 'truncate') then
            new.created_at := case when current_setting('gestor.occurred_at', true) <> '' then call_occurred_at() else clock_timestamp() end;
        end if;
        new.document := consent_document(new, advisor_locked(new.advisor_id, new.created_at));
    else
        new.document := consent_document(new);
    end if;
    return new;
end $$;
drop trigger begins on opportunity;
drop function opportunity_begins();
drop trigger instant_of_entry on consent;
create or replace trigger erased before update on contact for each row
    when (new.erased_at is not null and new.void_reason <> 'CLIENTE BORRADO') execute function contact_void_erased();

-- What does not fit into a row as it is: lz4 compresses it at a quarter of the cost. Rows keep what they have.
do $$
begin
    alter table opportunity
        alter column campaign set compression lz4, alter column sub_campaign set compression lz4, alter column stage set compression lz4,
        alter column reason set compression lz4, alter column competitor_plan set compression lz4, alter column competitor_offer set compression lz4,
        alter column offer_channel set compression lz4, alter column operator set compression lz4, alter column advertising_acceptance set compression lz4;
exception when feature_not_supported then
    raise notice 'This server was built without lz4: it compresses by its own method.';
end $$;
