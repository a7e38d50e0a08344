-- What the migrations make of the rows of before_0012.sql. For the step upgrade of tests/run.sh.
set search_path = gestor, pg_temp;

create function pg_temp.same(what text, got anyelement, wanted anyelement) returns void language plpgsql as $$
begin
    if got is distinct from wanted then
        raise exception '%: got %, wanted %', what, got, wanted;
    end if;
end $$;

do $$
begin
    perform pg_temp.same('names of clients', (select string_agg(name, ',' order by document_number) from client where erased_at is null), U&'PE\00D1A LUZ,PLAIN');
    perform pg_temp.same('blank texts', (select (gender, legal_representative, plan)::text from client where document_number = '00000001'), '(,,)');
    perform pg_temp.same('texts that were right', (select (gender, legal_representative, plan)::text from client where document_number = '00000003'), '(,JUAN,PLAN)');
    perform pg_temp.same('an advisor', (select full_name from advisor where username = 'E1000001'), U&'PE\00D1A ANA');
    perform pg_temp.same('a label', (select label from catalog_item where code = 'cancion'), U&'CANCI\00D3N');
    perform pg_temp.same('lines find their client', (select count(*) from client_phone p join client c on c.id = p.client_id where c.document_number = '00000001'), 2::bigint);
    perform pg_temp.same('open ones of the erased', (select string_agg(void_reason, ',') from opportunity where erased_at is not null and closed_at is null), 'CLIENTE BORRADO');
    perform pg_temp.same('all others', (select count(*) from opportunity where voided_at is not null), 1::bigint);
    perform pg_temp.same('kept answers', (select string_agg(i.operation || coalesce(i.client_id - c.id, -1)::text, ',' order by i.operation)
        from idempotency i, client c where c.name = 'PLAIN'), 'action_delete-1,client_update0,contact_create0,diagnosis_put-1');
    perform pg_temp.same('consents', (select count(*) from consent where advertising_acceptance is not null), 6::bigint);
    -- Clients erased before 0017 had data left, which 0018 removes before it validates the constraints.
    perform pg_temp.same('erasures under way', (select count(*) from erasure e where e.done_at is null), 0::bigint);
    perform pg_temp.same('constraints that old rows need not meet', (select count(*) from pg_constraint where not convalidated), 0::bigint);
    perform pg_temp.same('and done', (select count(*) from erasure e join client c on c.id = e.client_id where e.done_at is not null and e.begun_at = c.erased_at and c.plan is null), 1::bigint);
    perform pg_temp.same('opportunities of theirs', (select count(*) from opportunity where erased_at is not null and num_nonnulls(current_plan, activation_date, prior_consultation) > 0), 0::bigint);
    perform pg_temp.same('of others', (select count(*) from opportunity where erased_at is null and current_plan = 'CHIP'), 4::bigint);
    -- Every row has its document (0020, 0023).
    perform pg_temp.same('rendered', (select count(*) from rendering), 0::bigint);
    perform pg_temp.same('clients'' documents', (select count(*) from client c where c.document is distinct from client_document(c)), 0::bigint);
    perform pg_temp.same('contacts'' documents', (select count(*) from contact t where t.document is distinct from contact_document(t, false)), 0::bigint);
    perform pg_temp.same('opportunities'' documents', (select count(*) from opportunity o where o.document is distinct from opportunity_document(o, false)), 0::bigint);
    perform pg_temp.same('consents'' documents', (select count(*) from consent n where n.document is distinct from consent_document(n)), 0::bigint);
    perform pg_temp.same('a key, as a process of the version before claims it', idempotency_claim('1', 'client_create', 'new', '\x00', '\x00'), true);
    -- The audit's rows became the first partition, which ends with this month or the next (0022).
    perform pg_temp.same('the audit''s partitions', (select string_agg(regexp_replace(part::text, '[0-9_]+$', ''), ' ' order by low) from partitions_of('audit')) ~ '^audit_before( audit){1,2} audit_last$', true);
    perform pg_temp.same('where its rows are', (select string_agg(distinct regexp_replace(tableoid::regclass::text, '[0-9_]+$', ''), ' ') from audit), 'audit_before');
    perform pg_temp.same('ids', (select count(distinct id) from audit), (select count(*) from audit));
    perform pg_temp.same('an id after theirs', nextval('audit_id_seq') > (select max(id) from audit), true);
    perform pg_temp.same('reads', (select count(*) from audit_read where tableoid::regclass::text like 'audit\_read\_before%'), 2::bigint);
    perform pg_temp.same('a read after theirs', nextval('audit_read_id_seq') > (select max(id) from audit_read), true);
    perform pg_temp.same('indexes that are not valid', (select count(*) from pg_index where not indisvalid), 0::bigint);
    perform pg_temp.same('indexes of the first partition', (select count(*) from pg_index i, partitions_of('audit') p where i.indrelid = p.part and p.low = '-infinity'),
        (select count(*) from pg_index where indrelid = 'audit'::regclass));
    -- Rendering is no change of a record (0030).
    perform pg_temp.same('events', (select count(*) from event), 0::bigint);
    -- Functions that processes of the previous version call, until they are replaced, still work.
    perform pg_temp.same('choice with two arguments', (select c.choice ->> 'label' from choice('operator', 'entel') c), 'ENTEL');
    perform pg_temp.same('unchanged', unchanged('{}'::json, tag('{}'::json)), true);
end $$;
