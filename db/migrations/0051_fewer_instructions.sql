-- migrate:up
-- The record of reads, and a whole call, by fewer instructions. What is stored, shown, recorded and refused stays as it was; but what SQL by hand changes of a whole
-- call in its own transaction has no event of its own. Nothing is rewritten.
-- Processes of the version before go on: the functions that they call have the same arguments and answers.
set local search_path = gestor, pg_temp;

-- ---------------------------------------------------------------- the record of reads

-- Ids only tell entries of one instant apart. A session now takes a hundred at a time.
alter sequence audit_read_id_seq cache 100;

-- As before, but the arrays are unnested side by side by the query itself: each function in FROM writes its rows into a store and reads them again.
create or replace function audit_read_store(moments bigint[], advisors bigint[], sessions bigint[], addresses inet[], requests text[],
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
      from (select 'epoch'::timestamptz + unnest(moments) * interval '1 microsecond' as at, unnest(advisors) as advisor_id, unnest(sessions) as session_id,
              unnest(addresses) as address, unnest(requests) as request_id, unnest(operations) as operation, unnest(types) as object_type, unnest(objects) as object_id,
              unnest(clients) as client_id) x
     where not again or concat_ws(' ', x.at, x.request_id, x.object_type, x.object_id) <> all (stored);
end $$;

-- ---------------------------------------------------------------- a whole call

-- call_create() writes its events itself, with its rows: a trigger at the commit cost three statements, and read the opportunity again. Their position is at
-- least that of what the call has waited for, because its locks are taken before. A call that began before this migration and goes on behind it in the body
-- of before would write none. It has another setting, so that it fails as a serialization failure does, and the service runs it again.
-- Its arguments are as in 0046_whole_call.sql.
create or replace function call_create(advisor bigint, of_client bigint, contacts_a_day integer, codes text[], origin_phone text, serial_number text, asked smallint,
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
    stands xid8 := pg_current_xact_id(); -- where its events stand
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
        -- The choices come in the order of the arrays, for a lookup follows each of their elements; to sort them took as much as to find two. offset 0: one
        -- lookup after the other, and not a join, for which PostgreSQL would read the whole table. The campaign, and the stage of a call that ends no
        -- opportunity, need not be selectable.
        select array_agg(i.id), array_agg(i.choice), bool_and(i.found), string_agg(i.entered, '') into ids, choices, whole, chosen from (
            select x.id, x.choice, c.code is null or x.id is not null as found, c.member || c.code || '"' as entered
              from (select unnest(catalogs[:last]) as catalog, unnest(codes) as code, unnest(members) as member) c
              left join lateral (
                  select y.id, y.choice from catalog_item y
                   where y.catalog_id = c.catalog and y.code = c.code and (y.selectable_during @> clock_timestamp() or c.catalog = 1 or opens and c.catalog = 11)
                  offset 0) x on true) i;
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

    if pg_snapshot_xmax(pg_current_snapshot()) > stands then
        stands := event_position();
    end if;
    mark := set_config('gestor.call_saved', 'whole', true);
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
         where consent is not null),
    told as (
        insert into event (position, type, client_id, contact_id, opportunity_id, changed)
        select stands, e.type, of_client, contact, e.opportunity, e.changed
          from (values ('contact.created'::event_type, null::bigint, '{}'::text[], true), ('consent.recorded', made, '{}', consent is not null),
                   ('opportunity.created', made, '{}', true), ('opportunity.closed', made, '{stage,closure}', closed is not null))
               e (type, opportunity, changed, happened)
         where e.happened)
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

create function call_overtaken() returns boolean language plpgsql stable as $$
begin
    if has_table_privilege('gestor.contact'::regclass, 'truncate') then
        raise exception using errcode = '40001', message = 'this call began before a migration';
    end if;
    return true;
end $$;
-- As before, but for the settings.
create or replace function outside_call_save() returns boolean language plpgsql stable as $$
begin
    return case current_setting('gestor.call_saved', true) when 'whole' then not has_table_privilege('gestor.contact'::regclass, 'truncate')
        when 'yes' then gestor.call_overtaken() else true end;
end $$;
drop trigger opportunity_call_saved on opportunity;
drop function call_saved();

-- The same condition in half as many parts.
create or replace trigger report_added after insert on opportunity for each row
    when (least(new.created_at, new.closed_at) < clock_timestamp() - interval '5 minutes') execute function report_opportunity();
alter table opportunity enable always trigger report_added;

-- ---------------------------------------------------------------- the report

-- As before, but in PL/pgSQL, which keeps its plan: a function in SQL is planned at each call.
create or replace function report_changed(opportunity bigint, created date, closed date, created_before date, closed_before date) returns void
language plpgsql security definer set search_path = gestor, pg_temp as $$
declare
    today constant date := desk_day(clock_timestamp());
begin
    insert into report_change (kind, day, opportunity_id)
    select x.kind, x.day, report_changed.opportunity from (values (1, created), (1, created_before), (2, closed), (2, closed_before)) x (kind, day)
     where x.day < today;
end $$;

-- As before, with the condition of the trigger of updates, which PostgreSQL parses for each statement: 8 KB.
create or replace function report_opportunity() returns trigger language plpgsql security definer set search_path = gestor, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        perform report_changed(old.id, desk_day(old.created_at), desk_day(old.closed_at), null, null);
    elsif tg_op = 'INSERT' then
        perform report_changed(new.id, desk_day(new.created_at), desk_day(new.closed_at), null, null);
    elsif desk_day(least(old.created_at, new.created_at)) < desk_day(clock_timestamp()) then
        -- A change of the grid by hand alters the opportunity's document alone, by a trigger on the grid; a rendering of all documents is no change.
        if row(old.created_at, old.updated_at, old.closed_at, old.voided_at, old.contact_id, old.advisor_id, old.campaign_id, old.sub_campaign_id, old.stage_id,
               old.reason_id, old.operator_id, old.competitor_plan_id, old.competitor_offer_id, old.offer_channel_id, old.advertising_acceptance_id)::record
           *<> row(new.created_at, new.updated_at, new.closed_at, new.voided_at, new.contact_id, new.advisor_id, new.campaign_id, new.sub_campaign_id, new.stage_id,
               new.reason_id, new.operator_id, new.competitor_plan_id, new.competitor_offer_id, new.offer_channel_id, new.advertising_acceptance_id)::record
           or pg_trigger_depth() > 1 and old.document is distinct from new.document
        then
            perform report_changed(new.id, desk_day(new.created_at), desk_day(new.closed_at),
                nullif(desk_day(old.created_at), desk_day(new.created_at)), nullif(desk_day(old.closed_at), desk_day(new.closed_at)));
        end if;
    end if;
    return null;
end $$;
create or replace trigger report_altered after update on opportunity for each row execute function report_opportunity();
alter table opportunity enable always trigger report_altered;
