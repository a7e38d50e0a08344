-- The cases of `tools/sqlpredicate.py --self-test`: statements, and definitions as in a migration, that it must accept
-- (`-- good: what`) or report (`-- bad: clause function, ...: what`). The schema that they share comes first.
create function refuse(code text, what text[] default '{}') returns bigint language plpgsql as $$ begin raise exception 'no'; end $$;
create function choice(c text, i text, out id bigint, out choice json) language plpgsql stable as $$
begin
    select i.id from catalog_item i where i.code = i into id;
    if not found then perform refuse('choice', array[c]); end if;
end $$;
create function kept(at timestamptz) returns boolean language sql stable
return case when at is null then true else refuse('client_erased') is null end;
create function kept_twice(at timestamptz) returns boolean language sql stable as $$ select kept(at) $$;
create function counted() returns bigint language sql as $$ select 1::bigint $$;
create function phone(written text) returns text language sql immutable return right(written, 9);
create function now_stable() returns timestamptz language sql return clock_timestamp();
alter function now_stable() stable;
create view old as select id from client where refuse('x') is null;
drop view old;

-- good: no effect
select c.id from client c join contact t on t.client_id = c.id where phone($1) = t.phone and c.at < now_stable() order by c.id;

-- good: in the select list of rows joined before
with locked as materialized (select c.id, c.erased_at from client c where c.id = $1 for key share of c)
select case when erased_at is not null then refuse('client_erased') end from locked;

-- good: in a materialized CTE, a SET, a RETURNING and a VALUES
with locked as materialized (select id from client where id = $1 for update),
told as materialized (select pg_notify('x', id::text) from locked)
update client c set n = nextval('s') from told returning refuse('x');

-- good: a choice that depends only on parameters
insert into client (document_type) select t.choice from (select $1::jsonb as b) x, choice('document_type', b ->> 'document_type') t;

-- good: in a materialized CTE of parameters, which is joined with rows
with ch as materialized (select ac.id from (select $1::jsonb as b) x, choice('retention_action', b ->> 'action') ac)
update action a set action_id = ch.id from ch where a.id = $2;

-- good: text that only looks like a call
with answer as (select id from client) select e.choice, "where", 'where refuse(1)' /* where refuse(2) */ from answer e -- where refuse(3)
 where e.choice is distinct from $$ refuse() $$ and extract(epoch from e.at) > 1;

-- good: a CTE that is the whole source
with told as (select pg_notify('x', 'y')) select * from told;

-- good: the columns of an insertion
insert into choice (id, choice) values ($1, $2) on conflict (id) do update set choice = answer(200, null, excluded.choice);

-- bad: where refuse: the plainest case
insert into contact (client_id) select k.id from client k
 where k.id = $1 and case when k.erased_at is not null then refuse('client_erased') is null else true end for key share of k;

-- bad: where unchanged: qualified, and in capitals
UPDATE client c SET name = $2 WHERE id = $1 AND gestor.Unchanged(to_json(c), $3);

-- bad: where refuse: in a subquery's own condition
select id from client c where exists (select from contact t where t.client_id = c.id and (select refuse('x')) is null);

-- bad: where refuse: in the select list of a condition's subquery
select id from client where id in (select refuse('x'));

-- bad: on refuse
select c.id from client c left join contact t on t.client_id = c.id and refuse('x') is null;

-- bad: on refuse: behind other joins, in parentheses
select c.id from a join (client c join contact t on refuse('x') is null) on a.id = c.id;

-- bad: having refuse
select count(*) from client group by id having refuse('x') is null;

-- bad: filter refuse
select count(*) filter (where refuse('x') is null) from client;

-- bad: order by nextval, limit nextval
select id from client order by nextval('s') limit nextval('s');

-- bad: where kept: a function that calls another that refuses
select id from client where kept(at);

-- bad: where kept_twice: and one that calls that
select id from client where kept_twice(at);

-- bad: where counted: a volatile function
select id from client where id = counted();

-- bad: from choice: joined with a table
insert into opportunity (client_id) select t.client_id from contact t, choice('sub_campaign', $2) sc where t.id = $1;

-- bad: from choice: after a join condition
insert into opportunity (client_id) select t.client_id from contact t join client k on k.id = t.client_id, choice('sub_campaign', $2) sc;

-- bad: from choice: joined with the updated table
update action a set action_id = ac.id from choice('retention_action', $1) ac where a.id = $2;

-- bad: from choice: joined with the rows that a CTE changed
with t as (update opportunity o set at = now() where o.id = $1 returning o.id)
insert into action (opportunity_id) select t.id from t, choice('retention_action', $2) ac;

-- bad: from choice: in a subquery
select 1 from client c, lateral (select x.id from choice('stage', c.stage) x) s;

-- bad: from choice: in a DELETE
delete from action a using choice('retention_action', $1) c where a.id = c.id;

-- bad: cte pg_notify
with gone as (delete from session where id = $1 returning id), told as (select pg_notify('x', id::text) from gone)
select g.id from gone g, (select count(*) from told) t;

-- bad: unread cte pg_notify
with gone as (delete from session where id = $1 returning id), told as materialized (select pg_notify('x', id::text) from gone)
select id from gone;

-- bad: where refuse: in an upsert
insert into t (id) values (1) on conflict (id) do update set n = 1 where refuse('x') is null;

-- bad: on refuse, from choice: in a MERGE
merge into t using choice('stage', $1) c on refuse('x') is null when matched then delete;

-- good: a function's statements
create function f(client bigint) returns boolean language plpgsql as $$
declare erased timestamptz;
begin
    select c.erased_at into erased from client c where c.id = client for update;
    if erased is not null then perform refuse('client_erased'); end if;
    for r in select id from client where id > client order by id loop perform pg_notify('x', r.id::text); end loop;
    return case when erased is null then refuse('x') is null else true end;
end $$;

-- good: a definition that a later one replaces, one that is dropped, and overloads
create function f(a int, b text default 'x') returns bigint language sql as $$ select id from client where refuse(b) is null $$;
create or replace function f(one integer, two text) returns bigint language sql as $$ select id from client $$;
create function g(a int) returns bigint language sql as $$ select id from client where refuse('x') is null $$;
drop function if exists gestor.g(integer);

-- bad: where refuse: a definition that another overload does not replace
create function f(a int) returns bigint language sql as $$ select id from client where refuse('x') is null $$;
create function f(a text) returns bigint language sql as $$ select id from client $$;

-- bad: where refuse: within CASE, whose THEN and ELSE do not end the clause
create function f() returns void language plpgsql as $$
begin
    perform id from client where case when at is null then true else refuse('x') is null end;
end $$;

-- bad: where refuse: in a body that is one expression
create function f() returns bigint language sql stable return (select id from client where refuse('x') is null);

-- bad: check kept, index predicate counted, where refuse: in tables, indexes and views
create table t (id bigint, at timestamptz constraint t_kept check (kept(at)), constraint t_gone check (refuse('x') is null));
alter table t drop constraint t_gone, add constraint t_form check (phone('1') = '1');
create index t_id on t (id) where id = counted();
create index t_at on t (at) where at = now_stable();
create view v as select id from t where refuse('x') is null;
