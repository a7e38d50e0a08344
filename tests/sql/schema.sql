-- The schema's functions, and every named constraint: what each refuses and accepts.
-- The last block compares the list with pg_constraint, so that none is missing.
set search_path = gestor, pg_temp;
set client_min_messages = warning;
begin;
-- This trigger refuses every change (tests/http/audit.test.js) and would hide the constraints under test.
alter table gestor.consent disable trigger consent_stays;
alter table gestor.consent disable trigger consent_stays_whole;

create table pg_temp.tried (name text primary key);

-- same(what, got, wanted) - expects equal values; null equals null.
create function pg_temp.same(what text, got anyelement, wanted anyelement) returns void language plpgsql as $$
begin
    if got is distinct from wanted then
        raise exception '%: got %, wanted %', what, got, wanted;
    end if;
end $$;

-- refused(constraint, statement) - expects the statement to fail with that constraint (or SQLSTATE), and to change nothing.
create function pg_temp.refused(wanted text, statement text) returns void language plpgsql as $$
declare
    met text;
    state text;
begin
    begin
        execute statement;
    exception when others then
        get stacked diagnostics met = constraint_name, state = returned_sqlstate;
        if wanted not in (met, state) then
            raise exception '%: expected %, got % % (%)', statement, wanted, state, met, sqlerrm;
        end if;
        insert into pg_temp.tried values (wanted) on conflict do nothing;
        return;
    end;
    raise exception '%: expected %, but it was accepted', statement, wanted;
end $$;

-- accepted(statement) - expects no error; the change is undone.
create function pg_temp.accepted(statement text) returns void language plpgsql as $$
begin
    begin
        execute statement;
        raise exception using errcode = 'GE999';
    exception when sqlstate 'GE999' then
        return;
    end;
end $$;

-- ---------------------------------------------------------------- functions

-- today(): the day in Lima, five hours behind UTC all year.
do $$
begin
    perform pg_temp.same('today', today(), (now() at time zone 'UTC' - interval '5 hours')::date);
end $$;

-- instant(): RFC 3339 in UTC with microseconds, whatever the session's time zone.
do $$
begin
    set local timezone = 'Asia/Tokyo';
    perform pg_temp.same('instant', instant('2025-05-03 00:00-05'), '2025-05-03T05:00:00.000000Z');
    perform pg_temp.same('instant', instant('2024-02-29 23:59:59.999999+00'), '2024-02-29T23:59:59.999999Z');
    perform pg_temp.same('instant of null', instant(null), null);
    set local timezone = 'UTC';
end $$;

-- is_birthday(): compares month and day; 29 February counts as 28 February in a common year.
do $$
declare
    x record;
begin
    for x in select * from (values
        ('1990-05-03'::date, '2025-05-03'::date, true), ('1990-05-03', '2025-05-04', false), ('1990-05-03', '1990-05-03', true),
        ('2000-02-29', '2024-02-29', true), ('2000-02-29', '2024-02-28', false), ('2000-02-29', '2024-03-01', false),
        ('2000-02-29', '2025-02-28', true), ('2000-02-29', '2025-02-27', false), ('2000-02-29', '2025-03-01', false),
        ('2000-02-29', '2100-02-28', true), ('2000-02-28', '2024-02-28', true), ('2000-02-28', '2024-02-29', false),
        ('2000-02-28', '2025-02-28', true), ('1999-12-31', '2025-12-31', true), ('1999-12-31', '2026-01-01', false),
        (null, '2025-01-01', null)) v (born, day, wanted)
    loop
        perform pg_temp.same(format('is_birthday(%s, %s)', x.born, x.day), is_birthday(x.born, x.day), x.wanted);
    end loop;
    -- Any date of birth has exactly one birthday in each year.
    for x in select b::date as born, y, count(*) filter (where is_birthday(b::date, d::date)) as n
               from generate_series('2000-01-01', '2000-12-31', interval '1 day') b, (values (2023), (2024), (2100)) years (y),
                    generate_series(make_date(y, 1, 1), make_date(y, 12, 31), interval '1 day') d
              group by 1, 2 having count(*) filter (where is_birthday(b::date, d::date)) <> 1
    loop
        raise exception 'born on %, % birthdays in %', x.born, x.n, x.y;
    end loop;
end $$;

-- phone(): removes spaces, +51 and 51, and leaves 9 digits.
do $$
declare
    written text;
begin
    foreach written in array '{944264648,51944264648,+51944264648,+51 944 264 648," 944 264 648 ",+ 5 1 9 4 4 2 6 4 6 4 8}'::text[] loop
        perform pg_temp.same(format('phone(%s)', written), phone(written), '944264648');
    end loop;
    perform pg_temp.same('phone(null)', phone(null), null);
end $$;

-- is_ruc(): prefix, length and check digit; of the ten possible last digits only the computed one is valid.
do $$
declare
    base text;
    total integer;
    digit integer;
    rest integer;
begin
    perform pg_temp.same('the manual''s RUC', is_ruc('20467534026'), true);
    perform pg_temp.same('SUNAT''s own RUC', is_ruc('20131312955'), true);
    foreach base in array '{2046753402,204675340266,30467534026,2046753402A,"20467534026 ","",12467534026,20467534O26}'::text[] loop
        perform pg_temp.same(format('is_ruc(%s)', base), is_ruc(base), false);
    end loop;
    perform pg_temp.same('is_ruc(null)', is_ruc(null), null);
    for n in 1..400 loop
        base := (array['10', '15', '16', '17', '20'])[1 + n % 5] || lpad((n::bigint * 7919 * 1231 % 100000000)::text, 8, '0');
        select sum(substr(base, i, 1)::integer * (array[5, 4, 3, 2, 7, 6, 5, 4, 3, 2])[i]) into total from generate_series(1, 10) i;
        rest := 11 - total % 11;
        digit := case rest when 10 then 0 when 11 then 1 else rest end;
        for d in 0..9 loop
            perform pg_temp.same('is_ruc ' || base || d, is_ruc(base || d), d = digit);
        end loop;
    end loop;
end $$;

-- is_document(): DNI 8 digits with leading zeros; CE and passport up to 12 letters and digits; new types up to 20.
do $$
declare
    x record;
begin
    for x in select * from (values
        ('dni', '00000001', true), ('dni', '1234567', false), ('dni', '123456789', false), ('dni', '1234567A', false), ('dni', '', false),
        ('ruc', '20467534026', true), ('ruc', '20467534027', false), ('ruc', '12345678', false),
        ('ce', '001234567', true), ('ce', 'A', true), ('ce', 'ABCDEF123456', true), ('ce', 'ABCDEF1234567', false), ('ce', '', false), ('ce', 'AB-1', false),
        ('pasaporte', 'XY1234567', true), ('pasaporte', 'ABCDEF123456', true), ('pasaporte', 'ABCDEF1234567', false), ('pasaporte', 'xy12', false),
        ('ptp', 'ABCDEFGHIJ1234567890', true), ('ptp', 'ABCDEFGHIJ12345678901', false)) v (type, n, wanted)
    loop
        perform pg_temp.same(format('is_document(%s, %s)', x.type, x.n), is_document(x.type, x.n), x.wanted);
    end loop;
end $$;

-- merge_patch(): the examples of RFC 7396, appendix A, and the document of its section 3.
do $$
declare
    x record;
begin
    for x in select * from (values
        ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'), ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'), ('{"a":"b"}', '{"a":null}', '{}'),
        ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'), ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'), ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
        ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'), ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
        ('["a","b"]', '["c","d"]', '["c","d"]'), ('{"a":"b"}', '["c"]', '["c"]'), ('{"a":"foo"}', 'null', 'null'), ('{"a":"foo"}', '"bar"', '"bar"'),
        ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'), ('[1,2]', '{"a":"b","c":null}', '{"a":"b"}'), ('{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
        ('{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"],"content":"This will be unchanged"}',
         '{"title":"Hello!","phoneNumber":"+01-123-456-7890","author":{"familyName":null},"tags":["example"]}',
         '{"title":"Hello!","author":{"givenName":"John"},"tags":["example"],"content":"This will be unchanged","phoneNumber":"+01-123-456-7890"}'),
        -- Keys that would mean something else in a path.
        ('{"0":1,"a,b":{"}":2}}', '{"a,b":{"}":null,"":3},"-1":4}', '{"0":1,"a,b":{"":3},"-1":4}')) v (target, patch, wanted)
    loop
        perform pg_temp.same(format('%s patched by %s', x.target, x.patch), merge_patch(x.target::jsonb, x.patch::jsonb), x.wanted::jsonb);
    end loop;
end $$;

-- refuse() ends the statement with GE001; choice() returns the whole choice, nulls for null, or refuses.
do $$
declare
    c record;
    code text;
begin
    perform pg_temp.refused('GE001', $q$select refuse('x')$q$);
    select * into c from choice('operator', null);
    perform pg_temp.same('choice of null', c.id, null);
    select * into c from choice('operator', 'movistar');
    perform pg_temp.same('choice', c.choice::text, '{"code":"movistar","label":"MOVISTAR","levels":[{"code":"movistar","label":"MOVISTAR"}]}');
    foreach code in array '{"",claro,MOVISTAR,movistar.,dni}'::text[] loop
        perform pg_temp.refused('GE001', format('select choice(''operator'', %L)', code));
    end loop;
    perform pg_temp.refused('GE001', $q$select choice('retention_action', 'bono-gb')$q$);
    perform pg_temp.refused('GE001', $q$select choice('no_such', 'movistar')$q$);
end $$;

-- ---------------------------------------------------------------- records for the tests

insert into advisor (username, full_name, role, password_hash) values ('E1000001', 'ANA', 'advisor', 'x'), ('E1000002', 'LUIS', 'supervisor', 'x');
insert into client (name, document_type_id, document_type, document_number, phone)
select n, t.id, t.choice, d, '944264648' from choice('document_type', 'dni') t, (values ('UNO', '00000001'), ('DOS', '00000002')) v (n, d);
insert into contact (client_id, advisor_id, origin_phone, serial_number)
select c.id, a.id, '944264648', '2505050000125674' from client c, advisor a where a.username = 'E1000001';
-- One open opportunity with every section filled in.
insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage, reason_id, reason,
    competitor_plan_id, competitor_plan, competitor_offer_id, competitor_offer, offer_channel_id, offer_channel, operator_id, operator,
    phone_to_manage, additional_line, advertising_acceptance_id, advertising_acceptance)
select t.client_id, t.id, t.advisor_id, ca.id, ca.choice, sc.id, sc.choice, st.id, st.choice, re.id, re.choice, pl.id, pl.choice, co.id, co.choice,
       ch.id, ch.choice, op.id, op.choice, '944264648', '955555555', ad.id, ad.choice
  from contact t join client c on c.id = t.client_id and c.name = 'UNO', choice('campaign', 'consulta-previa-prepago') ca, choice('sub_campaign', 'entel') sc,
       choice('stage', 'en-proceso') st, choice('cancellation_reason', 'calidad-de-la-venta.incumplimiento-del-ofrecimiento') re,
       choice('competitor_plan', 'prepago') pl, choice('competitor_offer', 'bono-gb') co, choice('offer_channel', 'digital') ch,
       choice('operator', 'entel') op, choice('advertising_acceptance', 'acepto') ad;
insert into action (opportunity_id, action_id, action, final_state_id, final_state)
select o.id, ac.id, ac.choice, fs.id, fs.choice from opportunity o, choice('retention_action', 'bono-gb.bono-4-gb-por-12-meses') ac, choice('final_state', 'atendido') fs;
insert into consent (client_id, opportunity_id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance)
select client_id, id, contact_id, advisor_id, advertising_acceptance_id, advertising_acceptance from opportunity;

-- The old application's ids are below one million.
do $$
begin
    perform pg_temp.same('the first id', (select min(id) from opportunity), 1000000::bigint);
end $$;

-- ---------------------------------------------------------------- choices

-- Each column that holds a choice accepts every item of its own catalogue and refuses those of all others.
do $$
declare
    x record;
    i record;
begin
    for x in select * from (values
        ('client', 'document_type', 'document_type'), ('opportunity', 'campaign', 'campaign'), ('opportunity', 'sub_campaign', 'sub_campaign'),
        ('opportunity', 'stage', 'stage'), ('opportunity', 'reason', 'cancellation_reason'), ('opportunity', 'competitor_plan', 'competitor_plan'),
        ('opportunity', 'competitor_offer', 'competitor_offer'), ('opportunity', 'offer_channel', 'offer_channel'), ('opportunity', 'operator', 'operator'),
        ('opportunity', 'advertising_acceptance', 'advertising_acceptance'), ('action', 'action', 'retention_action'),
        ('action', 'final_state', 'final_state'), ('consent', 'advertising_acceptance', 'advertising_acceptance')) v (tbl, col, catalog)
    loop
        for i in select ci.id, ci.code, c.code as catalog from catalog_item ci join catalog c on c.id = ci.catalog_id loop
            if i.catalog = x.catalog then
                perform pg_temp.accepted(format('update %I set %I = %s', x.tbl, x.col || '_id', i.id));
            else
                perform pg_temp.refused(format('%s_%s_fkey', x.tbl, x.col), format('update %I set %I = %s', x.tbl, x.col || '_id', i.id));
            end if;
        end loop;
        perform pg_temp.refused(format('%s_%s_fkey', x.tbl, x.col), format('update %I set %I = 999999', x.tbl, x.col || '_id'));
        -- The catalogue's half of the foreign key is a constant: a generated column, or one that a check holds.
        perform pg_temp.refused(case when x.tbl = 'opportunity' then 'opportunity_catalogs' else '428C9' end, format('update %I set %I = 4', x.tbl, x.col || '_catalog'));
        perform pg_temp.refused('opportunity_catalogs', format('update %I set %I = null', x.tbl, x.col || '_catalog')) where x.tbl = 'opportunity';
    end loop;
    -- An item that a record refers to cannot be deleted.
    perform pg_temp.refused('opportunity_operator_fkey', $q$delete from catalog_item i using catalog c where c.id = i.catalog_id and c.code = 'operator' and i.code = 'entel'$q$);
    perform pg_temp.accepted($q$delete from catalog_item i using catalog c where c.id = i.catalog_id and c.code = 'operator' and i.code = 'bitel'$q$);
end $$;

-- A choice's item id and its text are both set or both null.
do $$
declare
    col text;
begin
    foreach col in array '{sub_campaign,reason,competitor_plan,competitor_offer,offer_channel,operator,advertising_acceptance}'::text[] loop
        perform pg_temp.refused('opportunity_choices_whole', format('update opportunity set contact_id = null, %I = null', col || '_id'));
        perform pg_temp.refused('opportunity_choices_whole', format('update opportunity set contact_id = null, %I = null', col));
        perform pg_temp.accepted(format('update opportunity set contact_id = null, %I = null, %I = null', col, col || '_id'));
    end loop;
    foreach col in array '{campaign_id,campaign,stage_id,stage,client_id,advisor_id,created_at,updated_at}'::text[] loop
        perform pg_temp.refused('23502', format('update opportunity set %I = null', col));
    end loop;
    perform pg_temp.refused('action_choices_whole', 'update action set final_state = null');
    perform pg_temp.refused('action_choices_whole', 'update action set final_state_id = null');
    perform pg_temp.accepted('update action set final_state_id = null, final_state = null');
    -- A consent without an answer is a withdrawal; one with only the id or only the text is refused.
    perform pg_temp.refused('consent_choice_whole', 'update consent set advertising_acceptance = null');
    perform pg_temp.refused('consent_choice_whole', 'update consent set advertising_acceptance_id = null');
    perform pg_temp.accepted('update consent set advertising_acceptance_id = null, advertising_acceptance = null');
    -- Only an answer outside a call has a source, and a note.
    perform pg_temp.refused('consent_source_whole', $q$update consent set source = 'CARTA'$q$);
    perform pg_temp.refused('consent_source_whole', 'update consent set opportunity_id = null');
    perform pg_temp.refused('consent_note_elsewhere', $q$update consent set note = 'X'$q$);
    perform pg_temp.accepted($q$update consent set opportunity_id = null, source = 'CARTA', note = 'X'$q$);
    perform pg_temp.refused('contact_voided_whole', 'update contact set voided_at = now()');
    perform pg_temp.refused('contact_voided_whole', $q$update contact set void_reason = 'X'$q$);
    perform pg_temp.refused('contact_voided_by_fkey', $q$update contact set voided_at = now(), void_reason = 'X', voided_by = 999999$q$);
    perform pg_temp.accepted($q$update contact set voided_at = now(), void_reason = 'X', voided_by = advisor_id$q$);
    perform pg_temp.refused('opportunity_reopened_whole', 'update opportunity set reopened_by = advisor_id');
    perform pg_temp.refused('opportunity_reopened_by_fkey', 'update opportunity set reopened_at = now(), reopened_by = 999999');
    perform pg_temp.refused('opportunity_follow_up_whole', $q$update opportunity set follow_up_note = 'X'$q$);
    perform pg_temp.accepted($q$update opportunity set follow_up_at = now(), follow_up_note = 'X'$q$);
    perform pg_temp.refused('opportunity_voided_whole', 'update opportunity set voided_at = now()');
    perform pg_temp.refused('opportunity_voided_whole', $q$update opportunity set void_reason = 'X'$q$);
    perform pg_temp.refused('opportunity_voided_whole', 'update opportunity set voided_by = advisor_id');
    perform pg_temp.refused('opportunity_voided_by_fkey', $q$update opportunity set voided_at = now(), void_reason = 'X', voided_by = 999999$q$);
    perform pg_temp.accepted($q$update opportunity set voided_at = now(), void_reason = 'X', voided_by = advisor_id$q$);
end $$;

-- A former name of an advisor is kept with the instant until which it was valid.
do $$
declare
    one advisor;
begin
    insert into advisor (full_name, role) values ('ANA ANTES', 'advisor') returning * into one;
    update advisor set full_name = 'ANA DESPUES' where id = one.id;
    update advisor set active = false where id = one.id;
    perform pg_temp.same('names', (select string_agg(full_name, ',') from advisor_name where advisor_id = one.id), 'ANA ANTES');
    perform pg_temp.same('renamed', (select a.renamed_at = n.until from advisor a join advisor_name n on n.advisor_id = a.id where a.id = one.id), true);
    perform pg_temp.refused('advisor_name_advisor_fkey', $q$insert into advisor_name (advisor_id, until, full_name) values (999999, now(), 'X')$q$);
end $$;

-- ---------------------------------------------------------------- catalogues

do $$
begin
    perform pg_temp.refused('catalog_code_key', $q$insert into catalog (id, code, name, levels) values (99, 'stage', 'X', '{X}')$q$);
    perform pg_temp.refused('catalog_code_form', $q$insert into catalog (id, code, name, levels) values (99, 'Stage', 'X', '{X}')$q$);
    perform pg_temp.refused('catalog_code_form', $q$insert into catalog (id, code, name, levels) values (99, 'a-b', 'X', '{X}')$q$);
    perform pg_temp.refused('catalog_levels_count', $q$insert into catalog (id, code, name, levels) values (99, 'x', 'X', '{}')$q$);
    perform pg_temp.refused('catalog_levels_count', $q$insert into catalog (id, code, name, levels) select 99, 'x', 'X', array_agg('x'::text) from generate_series(1, 21)$q$);
    perform pg_temp.refused('catalog_item_catalog_fkey', $q$insert into catalog_item (catalog_id, label) values (99, 'X')$q$);
    perform pg_temp.refused('catalog_item_label_form', $q$insert into catalog_item (catalog_id, label) values (2, ' X')$q$);
    perform pg_temp.refused('catalog_item_label_form', $q$insert into catalog_item (catalog_id, label, code) values (2, '', 'x')$q$);
    perform pg_temp.refused('catalog_item_code_form', $q$insert into catalog_item (catalog_id, label, code) values (2, 'X', 'X')$q$);
    perform pg_temp.refused('catalog_item_code_form', $q$insert into catalog_item (catalog_id, label, code) values (2, 'X', 'a..b')$q$);
    perform pg_temp.refused('catalog_item_code_form', $q$insert into catalog_item (catalog_id, label) values (2, '¿?')$q$);
    perform pg_temp.refused('catalog_item_code_free', $q$insert into catalog_item (catalog_id, label, code) values (2, 'X', 'none')$q$);
    perform pg_temp.refused('catalog_item_code_key', $q$insert into catalog_item (catalog_id, label, code) values (2, 'X', 'entel')$q$);
    perform pg_temp.accepted($q$insert into catalog_item (catalog_id, label, code) values (3, 'X', 'entel')$q$);
    perform pg_temp.refused('catalog_item_validity', $q$insert into catalog_item (catalog_id, label, valid_from, valid_until) values (2, 'X', now(), now() - interval '1 second')$q$);
    perform pg_temp.accepted($q$insert into catalog_item (catalog_id, label, valid_from, valid_until) values (2, 'X', now(), now())$q$);
    perform pg_temp.refused('catalog_item_replaced_by_fkey', $q$update catalog_item set valid_until = now(), replaced_by_id = (select min(id) from catalog_item where catalog_id = 3) where catalog_id = 2 and code = 'entel'$q$);
    perform pg_temp.refused('catalog_item_replaced_by_retired', $q$insert into catalog_item (catalog_id, label, replaced_by_id) select 9, 'X', min(id) from catalog_item where catalog_id = 9$q$);
    perform pg_temp.refused('catalog_item_replaced_by_acyclic', $q$update catalog_item set valid_until = now(), replaced_by_id = id where catalog_id = 2 and code = 'entel'$q$);
    perform pg_temp.refused('catalog_revision_catalog_fkey', $q$insert into catalog_revision (catalog_id, revision, name, levels) values (99, 1, 'X', '{X}')$q$);
    perform pg_temp.refused('catalog_change_action_known', $q$insert into catalog_change (catalog_id, revision, action) values (2, 1, 'burn')$q$);
    perform pg_temp.refused('catalog_change_item_whole', $q$insert into catalog_change (catalog_id, revision, action, item_id) values (2, 1, 'add', 1)$q$);
    perform pg_temp.refused('catalog_plan_catalog_fkey', $q$insert into catalog_plan (catalog_id, base_revision, changes, warnings, errors) values (99, 1, '[]', '[]', '[]')$q$);
    perform pg_temp.refused('catalog_plan_applied_whole', $q$insert into catalog_plan (catalog_id, base_revision, applied_at, changes, warnings, errors) values (2, 1, now(), '[]', '[]', '[]')$q$);
    -- An item's parent belongs to the same catalogue.
    perform pg_temp.refused('catalog_item_parent_fkey', $q$insert into catalog_item (catalog_id, parent_id, label) select 4, id, 'X' from catalog_item where code = 'bono-gb' and catalog_id = 3$q$);
    perform pg_temp.refused('catalog_item_parent_fkey', $q$delete from catalog_item where code = 'bono-gb' and catalog_id = 3$q$);
    perform pg_temp.refused('catalog_item_code_stays', $q$update catalog_item set code = 'x' where code = 'bono-gb' and catalog_id = 3$q$);
    perform pg_temp.refused('catalog_item_depth', $q$insert into catalog_item (catalog_id, parent_id, label) select 2, id, 'X' from catalog_item where code = 'entel' and catalog_id = 2$q$);
end $$;

-- ---------------------------------------------------------------- people

do $$
declare
    name text;
begin
    perform pg_temp.refused('advisor_username_key', $q$insert into advisor (username, full_name, role, password_hash) values ('E1000001', 'X', 'admin', 'x')$q$);
    foreach name in array '{e1000003,E100000,E10000033,EB153375,X1000003,""}'::text[] loop
        perform pg_temp.refused('advisor_username_form', format('insert into advisor (username, full_name, role, password_hash) values (%L, ''X'', ''admin'', ''x'')', name));
    end loop;
    perform pg_temp.refused('advisor_full_name_form', $q$update advisor set full_name = '  '$q$);
    perform pg_temp.refused('advisor_role_known', $q$update advisor set role = 'jefe'$q$);
    foreach name in array '{advisor,supervisor,admin,integration}'::text[] loop
        perform pg_temp.accepted(format('update advisor set role = %L', name));
    end loop;
    perform pg_temp.refused('advisor_rights_known', $q$update advisor set role = 'integration', rights = '{advisor_manage}'$q$);
    perform pg_temp.refused('advisor_rights_of_integrations', $q$update advisor set role = 'advisor', rights = '{client_read}'$q$);
    perform pg_temp.accepted($q$update advisor set role = 'integration', rights = '{client_read,opportunity_write,personal_data}'$q$);
    perform pg_temp.accepted($q$update advisor set role = 'advisor', rights = '{}'$q$);
    perform pg_temp.refused('advisor_credentials', $q$insert into advisor (username, full_name, role) values ('E1000003', 'X', 'admin')$q$);
    perform pg_temp.refused('advisor_credentials', $q$insert into advisor (full_name, role, password_hash) values ('X', 'admin', 'x')$q$);
    perform pg_temp.accepted($q$insert into advisor (full_name, role) values ('X', 'advisor'), ('Y', 'advisor')$q$);
    insert into advisor (username, full_name, role) values ('crm-1', 'X', 'integration'), ('E1000004', 'X', 'integration');
    foreach name in array array['crm-2', 'e1000005', 'Crm', 'crm_1', '-crm', '1crm', repeat('c', 41)] loop
        perform pg_temp.refused('advisor_username_form', format('insert into advisor (username, full_name, role, password_hash) values (%L, ''X'', %L, ''x'')',
            name, case name when 'crm-2' then 'advisor' else 'integration' end));
    end loop;
    insert into advisor_secret (advisor_id, hash) select id, '\x01' from advisor where username = 'crm-1';
    perform pg_temp.refused('advisor_secret_hash_key', $q$insert into advisor_secret (advisor_id, hash) select advisor_id, hash from advisor_secret$q$);
    perform pg_temp.refused('advisor_secret_advisor_fkey', $q$insert into advisor_secret (advisor_id, hash) values (999999, '\x02')$q$);
    perform pg_temp.refused('advisor_secret_expires_later', $q$insert into advisor_secret (advisor_id, hash, expires_at) select advisor_id, '\x02', now() from advisor_secret$q$);
    perform pg_temp.refused('session_secret_fkey', $q$insert into session (advisor_id, refresh_hash, expires_at, secret_id) select id, '\x05', now(), 999999 from advisor where username = 'E1000001'$q$);
    insert into session (advisor_id, refresh_hash, expires_at) select id, '\x01', now() from advisor where username = 'E1000001';
    perform pg_temp.refused('session_refresh_hash_key', $q$insert into session (advisor_id, refresh_hash, expires_at) select advisor_id, refresh_hash, now() from session$q$);
    perform pg_temp.refused('session_advisor_fkey', $q$update session set advisor_id = 999999$q$);
    insert into session_refresh_used (hash, session_id) select '\x02', id from session;
    perform pg_temp.refused('session_refresh_used_pkey', $q$insert into session_refresh_used (hash, session_id) select hash, session_id from session_refresh_used$q$);
    perform pg_temp.refused('session_refresh_used_session_fkey', $q$insert into session_refresh_used (hash, session_id) values ('\x03', 999999)$q$);
    insert into known_address (advisor_id, hash, seen_at) select id, '\x01', now() from advisor limit 1;
    perform pg_temp.refused('known_address_pkey', $q$insert into known_address (advisor_id, hash, seen_at) select advisor_id, hash, now() from known_address$q$);
    perform pg_temp.refused('known_address_advisor_fkey', $q$insert into known_address (advisor_id, hash, seen_at) values (999999, '\x01', now())$q$);
end $$;

-- ---------------------------------------------------------------- the report's days

do $$
begin
    insert into report_day (kind, day, opportunities) values (3, '2020-01-01', 0);
    perform pg_temp.refused('report_day_pkey', $q$insert into report_day (kind, day, opportunities) values (3, '2020-01-01', 0)$q$);
    perform pg_temp.refused('report_day_kind_check', $q$insert into report_day (kind, day, opportunities) values (2, '2020-01-01', 0)$q$);
    insert into report_column (kind, day, dimension, data) values (3, '2020-01-01', 0, '\x');
    perform pg_temp.refused('report_column_pkey', $q$insert into report_column (kind, day, dimension, data) values (3, '2020-01-01', 0, '\x')$q$);
    perform pg_temp.refused('report_column_kind_day_fkey', $q$insert into report_column (kind, day, dimension, data) values (4, '2020-01-01', 0, '\x')$q$);
    insert into report_clock (day, since) values ('2020-01-01', '3');
    perform pg_temp.refused('report_clock_pkey', $q$insert into report_clock (day, since) values ('2020-01-01', '3')$q$);
    perform pg_temp.refused('report_clock_one_check', $q$insert into report_clock (one, day, since) values (false, '2020-01-01', '3')$q$);
    insert into report_change (kind, day, opportunity_id) values (1, '2020-01-01', 1);
    perform pg_temp.refused('report_change_pkey', $q$insert into report_change (id, kind, day, opportunity_id) overriding system value select id, 1, '2020-01-01', 1 from report_change$q$);
    delete from report_change;
    delete from report_day;
    perform pg_temp.same('a day takes its columns along', (select count(*) from report_column), 0::bigint);
end $$;

-- ---------------------------------------------------------------- clients

do $$
declare
    number text;
begin
    foreach number in array array['  ', '', ' X', 'X  Y', E'A\nB', E'PEN\u0303A', E'\u200b', E'\u202eX', E'X\u00a0Y'] loop
        perform pg_temp.refused('client_name_form', format('update client set name = %L', number));
        perform pg_temp.refused('client_legal_representative_form', format('update client set legal_representative = %L', number));
        perform pg_temp.refused('advisor_full_name_form', format('update advisor set full_name = %L', number));
        perform pg_temp.refused('catalog_item_label_form', format('update catalog_item set label = %L where catalog_id = 2', number));
        perform pg_temp.refused('catalog_name_form', format('update catalog set name = %L', number));
        perform pg_temp.refused('catalog_levels_form', format('update catalog set levels = array[''Etapa'', %L]', number));
    end loop;
    perform pg_temp.refused('client_document_key', $q$insert into client (name, document_type_id, document_type, document_number) select 'X', document_type_id, document_type, document_number from client$q$);
    -- The same number with another document type is another document.
    perform pg_temp.accepted($q$insert into client (name, document_type_id, document_type, document_number) select 'X', t.id, t.choice, '00000001' from choice('document_type', 'pasaporte') t$q$);
    perform pg_temp.refused('client_document_number_valid', $q$update client set document_number = '1' where name = 'UNO'$q$);
    perform pg_temp.refused('client_document_number_valid', $q$update client c set document_type_id = t.id, document_type = t.choice from choice('document_type', 'ruc') t where c.name = 'UNO'$q$);
    foreach number in array '{44264648,844264648,9442646480,51944264648,"944 264 648",""}'::text[] loop
        perform pg_temp.refused('client_phone_form', format('update client set phone = %L where name = ''UNO''', number));
        perform pg_temp.refused('client_phone_phone_form', format('update client set lines = array[%L] where name = ''UNO''', number));
    end loop;
    perform pg_temp.refused('client_document_number_valid', $q$update client set document_number = 'BORRADO-' || id where name = 'UNO'$q$);
    perform pg_temp.refused('client_document_number_valid', $q$update client set name = 'BORRADO', phone = null, erased_at = now() where name = 'UNO'$q$);
    perform pg_temp.refused('client_erased_whole', $q$update client set document_number = 'BORRADO-' || id, erased_at = now() where name = 'UNO'$q$);
    perform pg_temp.refused('client_erased_external_id',
        $q$update client set name = 'BORRADO', phone = null, document_number = 'BORRADO-' || id, erased_at = now(), external_id = 'X' where name = 'UNO'$q$);
    perform pg_temp.refused('client_external_id_form', $q$update client set external_id = repeat('X', 65)$q$);
    perform pg_temp.refused('client_external_id_form', $q$update client set external_id = ' X'$q$);
    foreach number in array '{email,gender,legal_representative}'::text[] loop
        perform pg_temp.refused('client_erased_whole', format('update client set name = ''BORRADO'', phone = null, document_number = ''BORRADO-'' || id, erased_at = now(), %I = ''x''', number));
    end loop;
    perform pg_temp.accepted($q$update client set name = 'BORRADO', phone = null, document_number = 'BORRADO-' || id, erased_at = now()$q$);
    perform pg_temp.refused('client_birth_date_past', $q$update client set birth_date = created_at::date + 2$q$);
    perform pg_temp.accepted($q$update client set birth_date = today()$q$);
    perform pg_temp.refused('client_erased_whole', format('update client set name = ''BORRADO'', phone = null, document_number = ''BORRADO-'' || id, erased_at = now(), %s', x))
       from unnest(array['activation_date = now()', 'observed = false', 'claro_points = 0', 'mi_claro = false', 'expiring_points = 0', 'latam_partner = false']) x;
    perform pg_temp.refused('erasure_client_fkey', $q$insert into erasure (client_id, begun_at) values (999999, now())$q$);
    perform pg_temp.refused('erasure_pkey', $q$insert into erasure (client_id, begun_at) select min(id), now() from client, generate_series(1, 2) group by generate_series$q$);
    perform pg_temp.refused('idempotency_full_pkey', $q$insert into idempotency_full (scope, most, until) select '1', 2, now() from generate_series(1, 2)$q$);
    perform pg_temp.refused('client_document_type_fkey', $q$update client set document_type_id = 999999$q$);
end $$;

-- client_phone holds each number of the client's phone and lines once, and nothing of a client who was deleted by hand.
do $$
declare
    phones constant text := $q$select string_agg(p.phone, ',' order by p.phone) from client_phone p join client c on c.id = p.client_id where c.name = 'UNO'$q$;
    got text;
begin
    execute phones into got;
    perform pg_temp.same('of an insert', got, '944264648');
    update client set lines = '{955555555,944264648,955555555}' where name = 'UNO';
    execute phones into got;
    perform pg_temp.same('with lines', got, '944264648,955555555');
    update client set phone = null where name = 'UNO';
    execute phones into got;
    perform pg_temp.same('without its own', got, '944264648,955555555');
    update client set lines = null where name = 'UNO';
    execute phones into got;
    perform pg_temp.same('without any', got, null);
    update client set phone = '944264648' where name = 'UNO';
    execute phones into got;
    perform pg_temp.same('again', got, '944264648');
    insert into client (name, document_type_id, document_type, document_number, phone)
        select 'DELETED', t.id, t.choice, '00000099', '911111111' from choice('document_type', 'dni') t;
    delete from client where name = 'DELETED';
    if exists (select from client_phone where phone = '911111111') then
        raise exception 'the phones of a client who is not there any more';
    end if;
end $$;

-- ---------------------------------------------------------------- contacts

do $$
declare
    number text;
begin
    foreach number in array '{44264648,844264648,9442646480,""}'::text[] loop
        perform pg_temp.refused('contact_origin_phone_form', format('update contact set origin_phone = %L', number));
    end loop;
    foreach number in array '{250505000012567,25050500001256744,250505000012567A,""}'::text[] loop
        perform pg_temp.refused('contact_serial_number_form', format('update contact set serial_number = %L', number));
    end loop;
    perform pg_temp.refused('contact_asked_range', 'update contact set asked = 4, "right" = 4');
    perform pg_temp.refused('contact_asked_range', 'update contact set asked = -1, "right" = 0');
    perform pg_temp.refused('contact_ownership_check_whole', 'update contact set asked = 3');
    perform pg_temp.refused('contact_ownership_check_whole', 'update contact set "right" = 3');
    perform pg_temp.refused('contact_right_range', 'update contact set asked = 2, "right" = 3');
    perform pg_temp.refused('contact_right_range', 'update contact set asked = 2, "right" = -1');
    perform pg_temp.accepted('update contact set asked = 3, "right" = 0');
    perform pg_temp.refused('contact_erased_whole', 'update contact set origin_phone = null');
    perform pg_temp.refused('contact_erased_whole', 'update contact set serial_number = null');
    perform pg_temp.refused('contact_erased_whole', 'update contact set erased_at = now()');
    perform pg_temp.refused('contact_erased_whole', 'update contact set erased_at = now(), origin_phone = null');
    perform pg_temp.refused('contact_client_fkey', 'insert into contact (client_id, advisor_id, origin_phone, serial_number) select 999999, advisor_id, origin_phone, serial_number from contact limit 1');
    perform pg_temp.refused('contact_advisor_fkey', 'update contact set advisor_id = 999999');
end $$;

-- ---------------------------------------------------------------- opportunities

-- A contact has at most one opportunity, and both belong to the same client.
do $$
begin
    perform pg_temp.refused('opportunity_contact_key', 'insert into opportunity (client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage)
        select client_id, contact_id, advisor_id, campaign_id, campaign, sub_campaign_id, sub_campaign, stage_id, stage from opportunity');
    perform pg_temp.refused('opportunity_contact_fkey', $q$update opportunity set contact_id = (select t.id from contact t join client c on c.id = t.client_id where c.name = 'DOS')$q$);
    perform pg_temp.refused('opportunity_contact_fkey', 'update opportunity set contact_id = 999999');
    perform pg_temp.refused('opportunity_client_fkey', 'update opportunity set contact_id = null, client_id = 999999');
    perform pg_temp.refused('opportunity_advisor_fkey', 'update opportunity set advisor_id = 999999');
    perform pg_temp.refused('23503', 'delete from contact t using opportunity o where o.contact_id = t.id');
    -- Records of the old application have no contact; there may be any number of them.
    perform pg_temp.accepted('insert into opportunity (client_id, advisor_id, campaign_id, campaign, stage_id, stage)
        select client_id, advisor_id, campaign_id, campaign, stage_id, stage from opportunity, generate_series(1, 3)');
end $$;

-- Sub campaign and phone to manage are required; phones have 9 digits.
do $$
declare
    number text;
    col text;
begin
    perform pg_temp.refused('opportunity_sub_campaign_required', 'update opportunity set sub_campaign_id = null, sub_campaign = null');
    perform pg_temp.refused('opportunity_competitor_offer_whole', 'update opportunity set phone_to_manage = null');
    update opportunity set phone_to_manage = null, additional_line = null, competitor_plan_id = null, competitor_plan = null,
        competitor_offer_id = null, competitor_offer = null, offer_channel_id = null, offer_channel = null, operator_id = null, operator = null;
    foreach col in array '{competitor_plan,competitor_offer,offer_channel,operator}'::text[] loop
        perform pg_temp.refused('opportunity_competitor_offer_whole', format('update opportunity set %I = t.id, %I = t.choice from choice(%L, %L) t', col || '_id', col, col,
            (select i.code from catalog_item i join catalog c on c.id = i.catalog_id where c.code = col limit 1)));
    end loop;
    perform pg_temp.refused('opportunity_competitor_offer_whole', $q$update opportunity set additional_line = '955555555'$q$);
    update opportunity set phone_to_manage = '944264648';
    foreach number in array '{44264648,844264648,9442646480,""}'::text[] loop
        perform pg_temp.refused('opportunity_phone_to_manage_form', format('update opportunity set phone_to_manage = %L', number));
        perform pg_temp.refused('opportunity_additional_line_form', format('update opportunity set additional_line = %L', number));
    end loop;
end $$;

-- An opportunity in a final stage has closed_at, a reason, a competitor's offer and the advertising answer.
do $$
declare
    stage text;
begin
    perform pg_temp.refused('opportunity_closed_stage', 'update opportunity set closed_at = now()');
    foreach stage in array '{retenido,no-retenido}'::text[] loop
        perform pg_temp.refused('opportunity_closed_stage', format('update opportunity set stage_id = s.id, stage = s.choice from choice(''stage'', %L) s', stage));
        perform pg_temp.accepted(format('update opportunity set stage_id = s.id, stage = s.choice, closed_at = now() from choice(''stage'', %L) s', stage));
    end loop;
    update opportunity set stage_id = s.id, stage = s.choice, closed_at = now() from choice('stage', 'retenido') s;
    perform pg_temp.refused('opportunity_closed_stage', 'update opportunity set closed_at = null');
    perform pg_temp.refused('opportunity_closed_complete', 'update opportunity set reason_id = null, reason = null');
    perform pg_temp.refused('opportunity_closed_complete', 'update opportunity set phone_to_manage = null');
    perform pg_temp.refused('opportunity_erased_whole', 'update opportunity set erased_at = now()');
    perform pg_temp.refused('opportunity_erased_whole', format('update opportunity set phone_to_manage = null, additional_line = null, erased_at = now(), %s', x))
       from unnest(array['current_plan = ''X''', 'activation_date = now()', 'prior_consultation = false', 'voided_at = now(), void_reason = ''X''']) x;
    perform pg_temp.accepted('update opportunity set erased_at = now(), phone_to_manage = null, additional_line = null');
    perform pg_temp.refused('opportunity_closed_complete', 'update opportunity set advertising_acceptance_id = null, advertising_acceptance = null');
    -- The old application's records need none of this.
    perform pg_temp.accepted('update opportunity set contact_id = null, reason_id = null, reason = null, phone_to_manage = null, sub_campaign_id = null, sub_campaign = null');
    insert into reopening (opportunity_id, advisor_id, stage, closed_at) select id, advisor_id, opportunity.stage, closed_at from opportunity;
    insert into draft (opportunity_id, body) select max(id), '{}' from opportunity;
    perform pg_temp.refused('draft_opportunity_fkey', 'update draft set opportunity_id = 999999');
    perform pg_temp.refused('draft_object', 'update draft set body = ''[]''');
    perform pg_temp.refused('draft_size', 'update draft set body = json_build_object(''a'', repeat(''x'', 8192))');
    perform pg_temp.accepted('update draft set body = json_build_object(''a'', repeat(''x'', 8000))');
    insert into transfer (opportunity_id, from_id, to_id, advisor_id, reason) select id, advisor_id, advisor_id, advisor_id, 'X' from opportunity;
    perform pg_temp.refused('client_merged_elsewhere', 'update client set merged_into = id');
    perform pg_temp.refused('client_merged_into_fkey', 'update client set merged_into = 999999');
    insert into client_merge (client_id, merged_id, external_id_moved, followers, contacts, opportunities, consents)
    select min(id), max(id), false, '{}', '{}', '{}', '{}' from client;
    perform pg_temp.refused('client_merge_two', 'update client_merge set merged_id = client_id');
    perform pg_temp.refused('client_merge_client_fkey', 'update client_merge set client_id = 999999');
    perform pg_temp.refused('client_merge_merged_fkey', 'update client_merge set merged_id = 999999');
    perform pg_temp.refused('client_merge_advisor_fkey', 'update client_merge set advisor_id = 999999');
    perform pg_temp.refused('client_merge_undone_whole', 'update client_merge set undone_by = (select min(id) from advisor)');
    perform pg_temp.refused('client_merge_undone_by_fkey', 'update client_merge set undone_at = now(), undone_by = 999999');
    perform pg_temp.refused('client_merge_open', 'insert into client_merge (client_id, merged_id, external_id_moved, followers, contacts, opportunities, consents)
        select client_id, merged_id, false, ''{}'', ''{}'', ''{}'', ''{}'' from client_merge');
    perform pg_temp.accepted('update client_merge set undone_at = now(), undone_by = (select min(id) from advisor)');
    delete from client_merge; -- a merge is a use of the client
    perform pg_temp.refused('transfer_opportunity_fkey', 'update transfer set opportunity_id = 999999');
    perform pg_temp.refused('transfer_from_fkey', 'update transfer set from_id = 999999');
    perform pg_temp.refused('transfer_to_fkey', 'update transfer set to_id = 999999');
    perform pg_temp.refused('transfer_advisor_fkey', 'update transfer set advisor_id = 999999');
    perform pg_temp.refused('transfer_reason_length', 'update transfer set reason = ''''');
    perform pg_temp.accepted('update transfer set reason = null');
    perform pg_temp.refused('opportunity_follow_up_open', 'update opportunity set follow_up_at = now(), voided_at = null, void_reason = null where closed_at is not null and follow_up_at is null');
    perform pg_temp.refused('reopening_opportunity_fkey', 'update reopening set opportunity_id = 999999');
    perform pg_temp.refused('reopening_advisor_fkey', 'update reopening set advisor_id = 999999');
end $$;

do $$
begin
    perform pg_temp.refused('audit_action_known', 'insert into audit (object_type, object_id, action) values (''client'', 1, ''read'')');
    perform pg_temp.refused('action_opportunity_fkey', 'insert into action (opportunity_id, action_id, action) select 999999, action_id, action from action limit 1');
    perform pg_temp.refused('action_opportunity_stays', 'update action set opportunity_id = 999999');
    perform pg_temp.refused('42501', 'truncate action');
    perform pg_temp.refused('42501', 'update advisor_name set full_name = ''X''');
    perform pg_temp.refused('rendering_of_table_known', 'insert into rendering (of_table) values (''action'')');
    perform pg_temp.refused('advisor_username_stays', 'update advisor set username = ''E0000009'' where username is not null');
    perform pg_temp.refused('action_opportunity_fkey', 'delete from consent; delete from reopening; delete from opportunity');
    perform pg_temp.refused('42501', 'update consent set client_id = 999999');
    perform pg_temp.refused('consent_client_fkey', 'insert into consent (client_id, advisor_id, source) select 999999, id, ''CARTA'' from advisor limit 1');
    perform pg_temp.refused('consent_opportunity_fkey', 'update consent set opportunity_id = 999999');
    perform pg_temp.refused('consent_contact_fkey', 'update consent set contact_id = 999999');
    perform pg_temp.refused('consent_advisor_fkey', 'update consent set advisor_id = 999999');
end $$;

-- ---------------------------------------------------------------- erasing and purging

-- An erasure is final. It removes everything about the person, in finished opportunities too, and nothing about others.
do $$
declare
    one bigint := (select id from client where name = 'UNO');
    gone record;
begin
    update client set updated_at = now() - interval '10 days';
    update contact set created_at = now() - interval '10 days';
    update opportunity set created_at = now() - interval '10 days', updated_at = now() - interval '10 days', phone_to_manage = '944264648', additional_line = '955555555';
    insert into idempotency (scope, operation, key, request, status, body, client_id) values ('1', 'client_create', 'a', '', 201, '{}', one),
        ('1', 'contact_create', 'b', '', 201, '{}', one), ('1', 'competitor_offer_put', 'c', '', 200, '{}', null),
        ('1', 'client_create', 'd', '', 201, '{}', 999999), ('1', 'competitor_offer_put', 'e', '', 200, '{}', 999999), ('1', 'session_delete', 'f', '', 204, null, null);
    perform pg_temp.same('idle', client_idle(one, now() - interval '9 days'), true);
    perform pg_temp.same('not idle for so long', client_idle(one, now() - interval '11 days'), false);
    update opportunity set updated_at = now();
    perform pg_temp.same('an opportunity that changed', client_idle(one, now() - interval '9 days'), false);
    perform pg_temp.same('not erased then', client_erase(one, now() - interval '9 days'), false);
    perform pg_temp.same('erased', client_erase(one), true);
    perform pg_temp.refused('GE001', format('select client_erase(%s)', one));
    perform pg_temp.same('a purge does not erase it again', client_erase(one, now() + interval '1 day'), false);
    perform pg_temp.same('an unknown client', client_erase(999999), false);
    perform pg_temp.same('phones', (select count(*) from client_phone where client_id = one), 0::bigint);
    perform pg_temp.same('opportunities', (select count(*) from opportunity where client_id = one and (phone_to_manage is not null or additional_line is not null or erased_at is null)), 0::bigint);
    perform pg_temp.same('contacts', (select count(*) from contact where client_id = one and (origin_phone is not null or serial_number is not null)), 0::bigint);
    perform pg_temp.same('stored answers', (select string_agg(key, '' order by key) from idempotency where status <> 409), 'def');
    perform pg_temp.same('spent keys', (select string_agg(key, '' order by key) from idempotency where status = 409 and body is null), 'ab');
    perform pg_temp.same('what was open is voided', (select count(*) from opportunity where client_id = one and (voided_at is null) = (closed_at is null)), 0::bigint);
    perform pg_temp.same('others', (select count(*) from client where erased_at is null and name = 'DOS'), 1::bigint);
    update session set expires_at = now() - interval '31 days';
    insert into session (advisor_id, refresh_hash, expires_at) select advisor_id, '\x02', now() from session limit 1;
    select * into gone from session_purge(now() - interval '30 days', 0, 10);
    perform pg_temp.same('sessions gone', gone.gone, 1);
    perform pg_temp.same('sessions left', (select count(*) from session), 1::bigint);
    select * into gone from session_purge(now() - interval '30 days', gone.last_id, 10);
    perform pg_temp.same('nothing left to purge', gone.last_id, null::bigint);
end $$;

-- ---------------------------------------------------------------- guesses

-- A guess names no record; every other entry names one.
select pg_temp.refused('audit_read_object_whole', $$insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id)
    values (now(), 1, 1, 'x', 'x', 'guess', 1)$$);
select pg_temp.refused('audit_read_object_whole', $$insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type)
    values (now(), 1, 1, 'x', 'x', 'client')$$);

-- ---------------------------------------------------------------- partitions

select pg_temp.refused('partitioned_width_known', $$update partitioned set width = 'week'$$);
select pg_temp.refused('partitioned_ahead_known', $$update partitioned set ahead = 0$$);

-- ---------------------------------------------------------------- events

select pg_temp.refused('22P02', $$insert into event (type, client_id) values ('client.seen', 1)$$);
select pg_temp.refused('event_dropped_one', $$insert into event_dropped (one, position, id) values (false, '1', 1)$$);

-- ---------------------------------------------------------------- imports

insert into import (kind, mode, format, separator, words, said) values ('clients', 'dry_run', 'csv', ',', '{}', '{}');
select pg_temp.refused('import_advisor_fkey', $$update import set advisor_id = 999999$$);
select pg_temp.refused('import_kind_known', $$update import set kind = 'advisors'$$);
select pg_temp.refused('import_mode_known', $$update import set mode = 'all'$$);
select pg_temp.refused('import_format_known', $$update import set format = 'xlsx'$$);
select pg_temp.refused('import_state_known', $$update import set state = 'lost'$$);
select pg_temp.refused('import_finished', $$update import set state = 'done'$$);
select pg_temp.refused('import_finished', $$update import set finished_at = now()$$);

-- ---------------------------------------------------------------- webhooks

insert into webhook (advisor_id, url, types, ordering, secret) select min(id), 'https://crm.example/', '{client.created}', 'none', 'x' from advisor;
insert into webhook_progress (webhook_id) select id from webhook;
insert into webhook_delivery (webhook_id, event_id, type, body) select id, '1', 'client.created', '{}' from webhook;
select pg_temp.refused('webhook_advisor_fkey', $$update webhook set advisor_id = 999999$$);
select pg_temp.refused('webhook_url_form', $$update webhook set url = 'ftp://crm.example/'$$);
select pg_temp.refused('webhook_types_some', $$update webhook set types = '{}'$$);
select pg_temp.refused('webhook_ordering_known', $$update webhook set ordering = 'fifo'$$);
select pg_temp.refused('webhook_description_form', $$update webhook set description = ''$$);
select pg_temp.refused('webhook_disabled_reason_known', $$update webhook set disabled_reason = 'lost'$$);
select pg_temp.refused('webhook_secret_previous_whole', $$update webhook set secret_previous = 'x'$$);
select pg_temp.refused('webhook_progress_webhook_fkey', $$update webhook_progress set webhook_id = 999999$$);
select pg_temp.refused('webhook_delivery_status_known', $$update webhook_delivery set status = 'lost', next_at = null$$);
select pg_temp.refused('webhook_delivery_pending', $$update webhook_delivery set next_at = null$$);

-- ---------------------------------------------------------------- the list

-- The tests above met every constraint except primary keys and keys that only serve a foreign key.
do $$
declare
    left_out text;
begin
    select string_agg(conname, ', ' order by conname) into left_out from pg_constraint
     where connamespace = 'gestor'::regnamespace and contype <> 'p' and conname not in (select name from pg_temp.tried)
       and conname not in ('catalog_item_key', 'contact_client_key')
       -- Each stands for several checks, and reports the name of the one that a row violates.
       and conname not in ('contact_valid', 'opportunity_valid')
       -- Triggers that are deferred to the commit.
       and conname not in ('catalog_revision_committed', 'catalog_revision_event', 'client_events', 'contact_events', 'contact_waits', 'opportunity_created',
           'opportunity_events');
    if left_out is not null then
        raise exception 'constraints that no statement here meets: %', left_out;
    end if;
end $$;

-- Every table has a primary key, and every constraint is named after what it constrains.
do $$
declare
    bare text;
begin
    select string_agg(c.relname, ', ') into bare from pg_class c where c.relnamespace = 'gestor'::regnamespace and c.relkind in ('r', 'p')
       and not exists (select from pg_constraint p where p.conrelid = c.oid and p.contype = 'p');
    if bare is not null then
        raise exception 'no primary key: %', bare;
    end if;
    select string_agg(conname, ', ') into bare from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.connamespace = 'gestor'::regnamespace and left(conname, length(c.relname) + 1) <> c.relname || '_' and not c.relispartition;
    if bare is not null then
        raise exception 'constraints without their table in the name: %', bare;
    end if;
end $$;

-- Every foreign key has an index, or is listed here: what it refers to (a catalogue item, an advisor, a contact, a secret) is never
-- deleted by the program, nor searched from.
do $$
declare
    bare text[];
    excepted constant text[] := '{action_final_state_fkey,client_merge_advisor_fkey,client_merge_undone_by_fkey,client_merged_into_fkey,consent_advertising_acceptance_fkey,
        consent_advisor_fkey,consent_contact_fkey,consent_opportunity_fkey,contact_voided_by_fkey,opportunity_advertising_acceptance_fkey,
        opportunity_competitor_offer_fkey,opportunity_competitor_plan_fkey,opportunity_offer_channel_fkey,
        opportunity_operator_fkey,opportunity_reopened_by_fkey,opportunity_voided_by_fkey,reopening_advisor_fkey,session_advisor_fkey,session_secret_fkey,advisor_secret_advisor_fkey,
        transfer_advisor_fkey,transfer_from_fkey,transfer_to_fkey}';
begin
    select array_agg(k.conname::text order by k.conname collate "C") into bare from pg_constraint k
     where k.connamespace = 'gestor'::regnamespace and k.contype = 'f'
       and not exists (select from pg_index i where i.indrelid = k.conrelid and i.indpred is null and i.indkey[0] = any (k.conkey)
           -- A column that holds the same constant in all rows needs no index.
           and not exists (select from pg_attribute a where a.attrelid = k.conrelid and a.attnum = i.indkey[0] and a.attgenerated <> ''));
    perform pg_temp.same('references without an index', bare, (select array_agg(e order by e collate "C") from unnest(excepted) e));
end $$;

rollback;
