#!/usr/bin/python3
"""tests/plans.py build/sql.c DATABASE_URL - how PostgreSQL means to run every statement.

The database has many rows (bench/load.sql). In no plan may a table that grows be read as
a whole. The reads of SAMPLES, which are run, may sort no more rows than a page has (but for
MORE_SORTED), whatever leaves the sort; and may look at no more blocks than a page of rows with their parts takes:
a walk through a whole index, or through all that is newer, is more.

Every statement is planned for any arguments (the generic plan of a prepared statement); those of
SAMPLES are also run with theirs, by the plan that the service has: this one, or one for the arguments (`-- custom plan`). A statement that is neither in
SAMPLES nor in GENERIC or WHOLE fails, so that a new one gets its samples.
"""
import json
import re
import subprocess
import sys

STATEMENT = re.compile(r'\.name = "(\w+)",\s*\.text =((?:\s*"(?:[^"\\]|\\.)*")+),\s*\.nargs = (\d+),((?:\s*\.\w+ = true,)*)')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPE = re.compile(r'\\([0-7]{3}|.)')
# They do not grow with the desk's work: dropdowns, staff, migrations, indexes; two rows a day.
SMALL = {"pg_index", "partitioned", "event_dropped", "webhook", "webhook_progress", "advisor", "advisor_name", "advisor_secret", "catalog", "catalog_item", "catalog_plan", "schema_migrations", "report_day"}
# A page of a hundred, and the one behind it that tells whether there is a next.
PAGE_ROWS = 101
# Of 8 KB: the way down some trees, of which each partition has its own; and what a row's parts, advisor and index entry lie in, and two looks whether its client is being erased.
FIRST_BLOCKS, ROW_BLOCKS = 60, 12
# Of these whole tables are the very purpose: they are run by hand, or once, and say so.
WHOLE = {"report_retention": "counts what is asked for", "report_retention_actions": "the same", "opportunity_list_taken": "walks from the newest to what a row of a report took", "opportunity_list_taken_sorted": "the same", "opportunity_count_taken": "counts what a list has on all pages", "desk_sample": "counts what is open, by partial indexes",
         "opportunity_count": "counts what a list has on all pages", "opportunity_count_acting": "the same", "contact_count": "the same", "contact_count_waiting": "the same",
         "purge_counts": "counts what a purge would take", "export_count": "counts what an export will have",
         "report_days": "counts the report's days", "report_days_differing": "compares a day's columns with its rows, for gestor check",
         "erased_list": "all erasures since an instant, for a file",
         **{f"export_{kind}": "reads all of them, by a cursor" for kind in ("clients", "contacts", "opportunities", "consents", "audit")}}
# These read a page for each of the ids in this argument, and sort them all; or, of the grid, walk past as many.
PAGE_EACH = {"opportunity_list_reasons": 4, "opportunity_list_reason": 0, "opportunity_list_acting": 10, "opportunity_list_closed_acting": 10, "opportunity_list_updated_acting": 10}
# They sort the opportunities of their days, or the open ones with a choice, where these are few; of many they walk to the newest.
OF_DAYS = ("opportunity_list_closed_of_days", "opportunity_list_updated_of_days", "opportunity_list_updated_of_ends")
MORE_SORTED = {"opportunity_list_updated_open": 2000, "opportunity_list_updated_open_narrow": 2000, "opportunity_list_updated_open_of_days": 3200, **{name: 1200 for name in OF_DAYS}}
# Blocks besides: of the newest thousand, or two thousand, that a list looks at first, and their rows of the grid; of the newest open ones; of each day; of each word and each pair of a hundred names.
MORE_BLOCKS = {"opportunity_list_ended": 1200, "opportunity_list_open": 3500, "opportunity_list_updated_open": 7000, "opportunity_list_open_narrow": 100, "opportunity_list_updated_open_narrow": 2400, "opportunity_list_updated_open_of_days": 5000, **{name: 2000 for name in OF_DAYS}, "client_names_differing": 12000}
# Planned for any arguments and not run: they change rows, call a function that does, read the system's catalogues or what only their own transaction has,
# or show more than a page: all of a client, all choices.
GENERIC = set("""
action_create action_created action_delete action_match action_update
delivery_backlog delivery_claim delivery_fan_out delivery_finish delivery_give_back delivery_purge delivery_repeat delivery_repeat_all
webhook_account_lock webhook_create webhook_delete webhook_list webhook_lock webhook_lock_enabled webhook_match webhook_secret_renew
webhook_secret_rotate webhook_secrets webhook_test webhook_update
advisor_add advisor_add_secret advisor_create advisor_lock advisor_match advisor_password_delete advisor_password_lock advisor_password_put
advisor_secret_create advisor_secret_delete advisor_secret_revoke advisor_update
audit_context audit_read_store event_horizon_lag events_drop call_client_create call_occurred catalog_at catalog_item_create catalog_item_get catalog_item_match
catalog_item_replace catalog_item_update catalog_item_usage catalog_load catalog_lock catalog_match catalog_plan_apply catalog_plan_create
catalog_revision catalog_shown catalog_update choices_held
client_create client_merge_lock client_merge client_merge_undo_lock client_merge_undo_match client_merge_undo client_merge_saved client_erase client_erase_listed client_erased client_lock client_match client_personal_data client_update closure_put competitor_offer_delete
competitor_offer_put draft_delete draft_match draft_put export_note section_emptied
client_consent_create contact_void_lock contact_unused contact_void contact_saved opportunity_void_lock opportunity_void opportunity_transfer
transfer_target_lock handover_lock handover_clients_lock advisor_handover follow_up_put follow_up_lock follow_up_delete
contact_create contact_lock contact_match contact_update diagnosis_delete diagnosis_put erasure_continue client_name_words_tidy guess_give guess_take
idempotency_claim idempotency_find idempotency_purge integration_lock import_begin import_cancel import_create import_drop import_heard import_report_rows
import_step import_tidy known_address_purge known_address_since oauth_token
opportunity_create opportunity_lock opportunity_lock_finished opportunity_match
opportunity_reopen opportunity_saved opportunity_update
password_advisor password_lock password_put password_right indexes_missing partitions_drop partitions_due partitions_keep purge_clients purge_sessions report_make report_make_again
session_advisor session_advisor_hold session_allowed session_create session_delete session_ended session_hinted session_kept_forget
session_purge session_refresh session_reused session_surplus session_tidy throttle_purge typification_create typification_create_for typification_put
""".split())

CLIENT, OPPORTUNITY, NONE, LIMIT = "7", "1000040", None, "100"
BEFORE = ["2025-06-01T12:00:00Z", "1020000"]
# The filters of the lists of opportunities, in the order of their statements' parameters.
FILTERS = """advisor stage campaign sub_campaign reason operator plan offer channel advertising_acceptance action final_state client
created_from created_to closed_from closed_to updated_from updated_to voided""".split()


def listed(*page, beside="false", only_open=False, **filters):
    return [filters.get(name, NONE) for name in FILTERS] + [*(page or (NONE, NONE, LIMIT)), beside, beside] + ["true"] * only_open


OPEN_HAS_NONE = {"operator": "operator entel", "plan": "competitor_plan prepago", "offer": "competitor_offer sin-descuento", "channel": "offer_channel digital",
                 "advertising_acceptance": "advertising_acceptance acepto"}
SAMPLES = {
    "action_list": [[OPPORTUNITY, NONE, NONE, LIMIT]],
    "action_get": [[OPPORTUNITY, "1"]],
    "advisor_list": [[NONE, NONE, "true", NONE, NONE, LIMIT], [NONE, "true", "false", NONE, NONE, LIMIT]],
    # From the oldest on; in the middle of 31 days; at the end; and a type that no event has.
    "event_list": [[NONE] * 4 + ["15", "15"], ["15", "1", "day 15", NONE, "15", "15"], ["30", "999999999", "day 30", NONE, "15", "15"],
                   ["15", "1", "day 15", "{client.merged}", "15", LIMIT]],
    "event_newest": [[]],
    "read_state": [[]],
    "audit_list": [[NONE] * 8 + [LIMIT], ["E8153375"] + [NONE] * 7 + [LIMIT], [NONE, "contact", "77"] + [NONE] * 5 + [LIMIT],
                   [NONE] * 3 + ["contact_create"] + [NONE] * 4 + [LIMIT],
                   [NONE] * 4 + ["2025-01-01", "2025-01-02"] + [NONE] * 2 + [LIMIT], [NONE] * 6 + BEFORE + [LIMIT]],
    "client_audit_list": [[CLIENT, NONE, NONE, LIMIT]],
    # A rare operation, one that was never asked for, and the guesses, too.
    "audit_read_list": [[NONE] * 6 + [LIMIT], ["E8153375"] + [NONE] * 5 + [LIMIT], [NONE, "client_personal_data"] + [NONE] * 4 + [LIMIT],
                        [NONE, "no_such"] + [NONE] * 4 + [LIMIT], [NONE] * 6 + [LIMIT, "true"],
                        [NONE] * 2 + ["2025-01-01", "2025-01-02"] + [NONE] * 2 + [LIMIT]],
    "audit_read_list_client": [[CLIENT] + [NONE] * 6 + [LIMIT]],
    "client_read_list": [[CLIENT, NONE, NONE, LIMIT]],
    "client_consent_list": [[CLIENT, NONE, NONE, LIMIT]],
    "opportunity_audit_list": [[OPPORTUNITY, NONE, NONE, LIMIT]],
    "client_search_ids": [["{7,8,9}"]],
    "opportunity_list_ids": [["{1000040,1000041}", "false", "false"], ["{1000040,1000041}", "true", "true"]],
    "form_get": [[OPPORTUNITY, NONE, NONE, "3", "false", "false"], [NONE, "77", NONE, "3", "false", "false"], [NONE, NONE, CLIENT, "3", "false", "false"],
                 [NONE, NONE, NONE, "3", "false", "false"]],
    "draft_get": [[OPPORTUNITY, "3"]],
    "draft_changed_last": [[OPPORTUNITY]],
    "client_search_phone": [["900000007"]],
    "client_search_phone_rendered": [["900000007", NONE, NONE, LIMIT], ["900000007", *BEFORE, LIMIT]],
    "client_search_external": [["CRM-1"]],
    "client_search_external_rendered": [["CRM-1", NONE, NONE, LIMIT], ["CRM-1", *BEFORE, LIMIT]],
    "client_of_external_id": [["CRM-1"]],
    "import_list": [["true", "1", NONE, NONE, LIMIT], ["false", "1", *BEFORE, LIMIT]],
    "import_get": [["1", "true", "1"]],
    "import_report": [["1", "true", "1"]],
    "import_pending": [[]],
    "import_state": [["1"]],
    "client_search_document": [["00000007", NONE], ["00000007", "dni"]],
    "client_search_document_rendered": [["00000007", NONE, NONE, NONE, LIMIT], ["00000007", "dni", *BEFORE, LIMIT]],
    "client_get": [[CLIENT]],
    "client_get_rendered": [[CLIENT]],
    "client_get_staying": [[CLIENT]],
    "client_opportunity_list_newest": [[CLIENT, LIMIT]],
    "catalog_changed_last": [["operator"]],
    "catalog_plan_get": [["operator", "1"]],
    "catalog_revision_list": [["operator", NONE, NONE, LIMIT], ["operator", "3000", "3000", LIMIT]],
    "client_opportunity_list": [[CLIENT, NONE, NONE, LIMIT, NONE], [CLIENT, *BEFORE, "15", NONE], [CLIENT, NONE, NONE, LIMIT, "true"]],
    "contact_list": [[CLIENT, NONE, NONE, LIMIT, NONE]],
    "contact_get": [["77"]],
    "opportunity_get": [[OPPORTUNITY]],
    "opportunity_get_rendered": [[OPPORTUNITY]],
    # Batches of `gestor check`: the first, and one in the middle of the table.
    "client_names_differing": [["0", LIMIT], ["2000", LIMIT]],
    "clients_differing": [["0", LIMIT], ["2000", LIMIT]],
    "opportunities_differing": [["0", LIMIT], ["1010000", LIMIT]],
    "consents_differing": [["0", LIMIT], ["2000", LIMIT]],
    "contacts_differing": [["0", LIMIT], ["2000", LIMIT]],
    "opportunity_of_contact": [["77"]],
    "opportunity_changed_last": [[OPPORTUNITY]],
    "record_changed_last": [["client", CLIENT]],
    "closure_get": [[OPPORTUNITY]],
    "competitor_offer_get": [[OPPORTUNITY]],
    "diagnosis_get": [[OPPORTUNITY]],
    "advisor_get": [["3"]],
    "advisor_secret_list": [["3", NONE, NONE, LIMIT], ["3", *BEFORE, LIMIT]],
    "webhook_get": [["1", "1", "true"]],
    "delivery_get": [["1", "510", "1", "true"]],
    "delivery_list": [["1", "1", "true", None, None, None, "100"], ["1", "1", "true", "dead", None, None, "100"], ["1", "1", "true", "pending", "2026-01-01T00:00:00Z", "7", "100"]],
    "session_get": [["77", "3", "12"]],
    "session_live": [["77", "00"]],
    "client_of_document": [["dni", "00000007", NONE], [NONE, NONE, CLIENT]],
    "client_document_type": [[CLIENT]],
    "client_erasure_get": [[CLIENT]],
    "erasures_open": [[]],
    "opportunity_list_newest": [[LIMIT]],
    "agenda_list": [[NONE] * 4 + [LIMIT], ["2030-01-01", "2030-12-31", NONE, NONE, LIMIT], [NONE, NONE, "2030-06-01T12:00:00Z", "1", LIMIT]],
    "agenda_list_advisor": [["3", "3", "false"] + [NONE] * 4 + [LIMIT], ["3", "3", "true", "2030-01-01", "2030-12-31", NONE, NONE, LIMIT],
                            ["E9000003", "3", "true", NONE, NONE, "2030-06-01T12:00:00Z", "1", LIMIT]],
    "opportunity_list_advisor": [["3", LIMIT], ["E8153375", LIMIT]],
    "opportunity_list_stage": [["id of stage retenido", LIMIT]],
    "opportunity_list_reason": [["ids of cancellation_reason precio-y-contenido", LIMIT]],
    "opportunity_list": [
        listed(), listed(NONE, NONE, "15", beside="true"), listed(voided="true"), listed(advisor="3"), listed(stage="ids of stage retenido"),
        # One that no opportunity has; and a day with two years of newer ones.
        listed(campaign="ids of campaign retencion-movil-preventiva-postpago"), listed(NONE, NONE, "1", created_from="2024-02-01", created_to="2024-02-01"),
        listed(created_from="2025-01-01", created_to="2025-01-02"), listed(*BEFORE, LIMIT), listed(client=CLIENT),
        listed(operator="ids of operator entel"), listed(plan="ids of competitor_plan prepago"), listed(offer="ids of competitor_offer sin-descuento"),
        listed(channel="ids of offer_channel digital"), listed(advertising_acceptance="ids of advertising_acceptance acepto"),
        listed(operator="{0}"), listed(action="{0}", created_from="2025-01-01", created_to="2025-01-01"),
        listed(operator="ids of operator entel", stage="ids of stage retenido", advisor="3")],
    "opportunity_list_acting": [listed(NONE, NONE, "15", action="ids of retention_action bono-gb"), listed(NONE, NONE, "15", final_state="ids of final_state atendido"),
                                listed(NONE, NONE, "15", final_state="ids of final_state no-atendido", stage="ids of stage no-retenido")],
    "opportunity_list_closed": [listed(), listed(*BEFORE, LIMIT), listed(closed_from="2024-02-01", closed_to="2024-02-01"),
                                listed(stage="ids of stage retenido"), listed(NONE, NONE, "15", operator="ids of operator entel")],
    "opportunity_list_closed_acting": [listed(NONE, NONE, "15", action="ids of retention_action bono-gb")],
    "opportunity_list_ended": [listed(closed_from="2024-02-01", closed_to="2024-02-01"), listed(NONE, NONE, "15", updated_from="2024-02-01", updated_to="2024-02-01"),
                               listed(NONE, NONE, "15", closed_from="2024-02-01", closed_to="2024-02-01", stage="ids of stage retenido")],
    "opportunity_list_updated": [listed(), listed(*BEFORE, LIMIT), listed(updated_from="2024-02-01", updated_to="2024-02-01"), listed(stage="ids of stage en-proceso")],
    "opportunity_list_updated_acting": [listed(NONE, NONE, "15", action="ids of retention_action bono-gb")],
    "opportunity_list_closed_of_days": [listed(created_to="2024-02-10"), listed(NONE, NONE, "15", created_from="2024-03-01", created_to="2024-03-31", stage="ids of stage retenido"),
                                        listed(NONE, NONE, "15", created_to="2024-03-31", operator="ids of operator entel"), listed(*BEFORE, "15", created_to="2024-03-31")],
    "opportunity_list_updated_of_days": [listed(created_to="2024-02-10"), listed(NONE, NONE, "15", created_to="2024-03-31", advisor="3")],
    "opportunity_list_updated_of_ends": [listed(closed_to="2024-02-10"), listed(NONE, NONE, "15", closed_from="2024-03-01", closed_to="2024-03-31", stage="ids of stage retenido")],
    # No open one has these, and many that ended; and a choice of many open ones.
    "opportunity_list_open": [
        *(listed(only_open=True, stage="ids of stage en-proceso", **{name: f"ids of {code}"}) for name, code in OPEN_HAS_NONE.items()),
        listed(only_open=True, stage="ids of stage en-proceso", final_state="ids of final_state atendido"),
        listed(only_open=True, stage="ids of stage en-proceso", action="ids of retention_action bono-gb"),
        listed(only_open=True, stage="ids of stage en-proceso", reason="ids of cancellation_reason precio-y-contenido")],
    "opportunity_list_updated_open": [
        *(listed(only_open=True, stage="ids of stage en-proceso", **{name: f"ids of {code}"}) for name, code in OPEN_HAS_NONE.items()),
        listed(only_open=True, stage="ids of stage en-proceso", final_state="ids of final_state atendido"),
        listed(only_open=True, stage="ids of stage en-proceso", action="ids of retention_action bono-gb"),
        listed(only_open=True, stage="ids of stage en-proceso", reason="ids of cancellation_reason precio-y-contenido")],
    # The same of an advisor or a client; and without a choice.
    "opportunity_list_open_narrow": [
        *(listed(only_open=True, stage="ids of stage en-proceso", **{name: f"ids of {code}"}) for name, code in OPEN_HAS_NONE.items()),
        listed(only_open=True, stage="ids of stage en-proceso", client=CLIENT, reason="ids of cancellation_reason precio-y-contenido"),
        listed(only_open=True, stage="ids of stage en-proceso", advisor="3", reason="ids of cancellation_reason precio-y-contenido"),
        listed(only_open=True, stage="ids of stage en-proceso", operator="{0}")],
    "opportunity_list_updated_open_narrow": [
        *(listed(only_open=True, stage="ids of stage en-proceso", **{name: f"ids of {code}"}) for name, code in OPEN_HAS_NONE.items()),
        listed(only_open=True, stage="ids of stage en-proceso", client=CLIENT, reason="ids of cancellation_reason precio-y-contenido"),
        listed(only_open=True, stage="ids of stage en-proceso", reason="ids of cancellation_reason precio-y-contenido")],
    "opportunity_list_updated_open_of_days": [
        *(listed(only_open=True, created_to="2024-03-31", stage="ids of stage en-proceso", **{name: f"ids of {code}"}) for name, code in OPEN_HAS_NONE.items()),
        listed(only_open=True, created_to="2024-03-31", stage="ids of stage en-proceso", reason="ids of cancellation_reason precio-y-contenido")],
    "advisor_known": [["3"], ["E9000003"], ["E0000000"]],
    "contact_search": [[NONE] * 7 + [LIMIT], ["3"] + [NONE] * 6 + [LIMIT], ["E8153375", "false", "2025-01-01", "2025-01-02", NONE, NONE, NONE, LIMIT],
                       [NONE, NONE, NONE, "2024-02-01", NONE, NONE, NONE, LIMIT], [NONE] * 5 + [*BEFORE, LIMIT]],
    "contact_search_waiting": [[NONE] * 6 + [LIMIT], ["3"] + [NONE] * 5 + [LIMIT], [NONE, NONE, "2024-02-01", NONE, NONE, NONE, LIMIT], [NONE] * 4 + [*BEFORE, LIMIT]],
    "client_search_name": [["numero 777", NONE, NONE, LIMIT], ["nobody has it", NONE, NONE, LIMIT]],
    "opportunity_list_reasons": [
        listed(reason="ids of cancellation_reason precio-y-contenido"),
        listed(advisor="3", stage="ids of stage no-retenido", sub_campaign="ids of sub_campaign entel", reason="ids of cancellation_reason precio-y-contenido"),
        listed(NONE, NONE, "1", stage="ids of stage no-retenido", reason="ids of cancellation_reason precio-y-contenido", created_to="2024-02-01")],
}
# What bench/load.sql leaves empty and a day at the desk does not. The audit of its two years lies in one partition, which is
# divided into quarters.
MORE_ROWS = """
insert into contact (client_id, advisor_id, origin_phone, serial_number, created_at)
select t.client_id, t.advisor_id, t.origin_phone, t.serial_number, t.created_at + interval '1 minute' from contact t where t.id % 2 = 0;
analyze contact_waiting, contact;
do $$
declare
    first record;
    t text;
    low timestamptz;
    high timestamptz;
begin
    foreach t in array array['audit', 'audit_read'] loop
        select * into first from partitions_of(t) p order by p.low limit 1;
        execute format('alter table %I detach partition %s', t, first.part);
        low := '2024-01-01 00:00-05';
        perform partition_make(t, partition_name(t, 'month', '-infinity', low), '-infinity', low);
        while low < first.high loop
            high := least(low + interval '91 days', first.high);
            perform partition_make(t, partition_name(t, 'day', low, high), low, high);
            low := high;
        end loop;
        execute format('insert into %I overriding system value select * from %s', t, first.part);
        execute format('drop table %s', first.part);
    end loop;
end $$;
insert into session (advisor_id, refresh_hash, expires_at, ended_at)
select a.first + n % 50, decode(md5(n::text) || md5('x' || n), 'hex'), now() + interval '1 hour' * (n % 200 - 100),
       case when n % 3 = 0 then now() - interval '1 minute' * n end
  from generate_series(1, 20000) n, (select min(id) as first from advisor) a;
insert into session_refresh_used (hash, session_id, used_at)
select decode(md5('u' || s.id) || md5(s.id::text), 'hex'), s.id, now() - interval '1 minute' * (s.id % 3000) from session s;
insert into idempotency (scope, operation, key, request, status, body, created_at)
select 'advisor 1', 'contact_create', 'key-' || n, decode(md5(n::text) || md5(n::text), 'hex'), 201, '{}', now() - interval '1 minute' * (n % 1400)
  from generate_series(1, 20000) n;
insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id, client_id)
select now() - interval '1 second' * n, a.first + n % 50, 1, 'r' || n, 'client_get', 'client', 1 + n % 2000, 1 + n % 2000
  from generate_series(1, 20000) n, (select min(id) as first from advisor) a;
-- Thirty-one days of events; the position is the number of the day.
do $$
declare
    first record;
    low timestamptz;
begin
    select * into first from partitions_of('event') p order by p.low limit 1;
    execute format('alter table event detach partition %s', first.part);
    execute format('drop table %s', first.part);
    low := first.high - interval '31 days';
    perform partition_make('event', 'event_before', '-infinity', low);
    while low < first.high loop
        perform partition_make('event', partition_name('event', 'day', low, low + interval '1 day'), low, low + interval '1 day');
        low := low + interval '1 day';
    end loop;
    insert into event (position, at, type, client_id, contact_id)
    select d::text::xid8, first.high - interval '1 day' * (31 - d) + interval '1 second' * n, 'contact.created', n, n
      from generate_series(1, 30) d, generate_series(1, 1000) n;
end $$;
update opportunity set follow_up_at = '2030-01-01'::timestamptz + id % 300 * interval '1 day' + id * interval '1 second' where closed_at is null and voided_at is null and id % 3 = 0;
insert into draft (opportunity_id, body) select o.id, '{}' from opportunity o limit 20000;
insert into erasure (client_id, begun_at, done_at) select c.id, now(), now() from client c;
-- The oldest entries, far behind all others.
insert into audit_read (at, advisor_id, session_id, request_id, operation, object_type, object_id, client_id)
select now() - interval '1 year' - interval '1 second' * n, a.first, 1, 'x' || n, case n when 1 then 'client_search' else 'client_personal_data' end,
       case n when 1 then 'guess' else 'client' end, nullif(n, 1), nullif(n, 1)
  from generate_series(1, 3) n, (select min(id) as first from advisor) a;
insert into known_address (advisor_id, hash, seen_at)
select a.first + n % 50, decode(md5(n::text) || md5('a' || n), 'hex'), now() - interval '1 minute' * n
  from generate_series(1, 20000) n, (select min(id) as first from advisor) a;
insert into catalog_revision (catalog_id, revision, name, levels)
select 9, n, 'Operador', '{Operador}' from generate_series(2, 10001) n;
insert into catalog_change (catalog_id, revision, action, item_id, code, before, after)
select 9, n, 'rename', 1, 'entel', '{}', '{}' from generate_series(2, 10001) n;
insert into throttle (key, tokens, updated_at)
select md5(n::text), 1, now() - interval '1 second' * (n % 7000) from generate_series(1, 20000) n;
"""


def character(m):
    c = m.group(1)
    return chr(int(c, 8)) if len(c) == 3 else {"n": "\n", "t": "\t"}.get(c, c)


def statements(path):
    with open(path, encoding="utf-8") as f:
        for name, literals, nargs, flags in STATEMENT.findall(f.read()):
            yield name, "".join(ESCAPE.sub(character, s) for s in LITERAL.findall(literals)), int(nargs), ".custom_plan" in flags


def psql(url, text):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url], capture_output=True, text=True,
                          input="set search_path = gestor, pg_temp; set jit = off;\n" + text, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def literal(value):
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


def ids(url, args):
    """The same, of a choice its ids: of the item and all below it, as the service gives them."""
    def one(value):
        if value is not None and value.startswith("day "):
            return psql(url, f"select max(at) from event where position = '{value.split()[1]}'").strip()
        if value is None or not value.startswith(("ids of ", "id of ")):
            return value
        catalog, code = value.split()[2:]
        if value.startswith("id of "):
            return psql(url, f"select i.id from catalog_item i join catalog c on c.id = i.catalog_id where c.code = '{catalog}' and i.code = '{code}'").strip()
        return psql(url, f"""select array_agg(i.id) from catalog_item i join catalog c on c.id = i.catalog_id where c.code = '{catalog}'
            and (i.code = '{code}' or i.code like '{code}.%')""").strip()
    return [one(value) for value in args]


def call(args):
    return "execute x" + ("(" + ", ".join(map(literal, args)) + ")" if args else "")


def nodes(node):
    yield node
    for child in node.get("Plans", []):
        yield from nodes(child)


def most_blocks(args):
    # The limit is the last argument, or followed by up to three that are true or false.
    # Rows with two records beside look at twice as many.
    beside = 2 if args[-2:] == ["true", "true"] else 1
    return FIRST_BLOCKS + beside * ROW_BLOCKS * next((int(a) for a in args[:-5:-1] if a in (LIMIT, "15", "1")), 1)


def faults(text, args=None, pages=1, first=0, sorted_rows=0):
    ran, plan = args is not None, json.loads(text)[0]["Plan"]
    if ran and (blocks := plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) > first + pages * most_blocks(args):
        yield f"looks at {blocks} blocks"
    for node in nodes(plan):
        kind = node["Node Type"]
        if kind == "Seq Scan" and node["Relation Name"] not in SMALL:
            yield f"reads all of {node['Relation Name']}"
        if ran and "Sort" in kind and (rows := node["Plans"][0]["Actual Rows"]) > sorted_rows + pages * PAGE_ROWS:
            yield f"sorts {rows} rows"


def main():
    path, url = sys.argv[1:]
    # Autovacuum summarizes the ranges of a BRIN index.
    psql(url, MORE_ROWS + "vacuum analyze;")
    # Partitions that hold next to nothing are read as a whole, until ANALYZE has seen that they grew.
    SMALL.update(psql(url, "select relname from pg_class where relispartition and relkind = 'r' and reltuples < 100").split())
    wrong, planned, ran, known = [], 0, 0, set()
    for name, text, nargs, custom_plan in statements(path):
        known.add(name)
        if name not in SAMPLES.keys() | WHOLE.keys() | GENERIC:
            wrong.append(f"{name}: tests/plans.py does not know it. Add arguments to SAMPLES for which it finds many rows, and for each "
                         "filter alone; if it changes rows, or calls a function that does, add its name to GENERIC")
        prepared = f"prepare x as {text};\n"
        if name not in WHOLE:
            plan = psql(url, f"set plan_cache_mode = force_generic_plan; {prepared} explain (format json) {call([None] * nargs)}")
            wrong += [f"{name}: {what}" for what in faults(plan)]
            planned += 1
        for args in SAMPLES.get(name, []):
            # What a sample leaves out at the end is not asked for.
            sample, args = args, ids(url, args + [NONE] * (nargs - len(args)))
            pages = (args[PAGE_EACH[name]] or "").count(",") + 1 if name in PAGE_EACH else 1
            again = f"{call(args)} \\g /dev/null\n" * 6
            mode = f"set plan_cache_mode = force_{'custom' if custom_plan else 'generic'}_plan;\n"
            plan = psql(url, f"{mode}{prepared}{again} explain (analyze, buffers, timing off, format json) {call(args)}")
            wrong += [f"{name}({', '.join(map(str, args))}): {what}" for what in faults(plan, sample, pages, MORE_BLOCKS.get(name, 0), MORE_SORTED.get(name, 0))]
            ran += 1
    wrong += [f"{name}: there is no such statement" for name in (SAMPLES.keys() | WHOLE.keys() | GENERIC) - known]
    wrong += [f"{name}: it stands in SAMPLES, so not in GENERIC" for name in SAMPLES.keys() & GENERIC]
    print("\n".join(wrong) if wrong else f"{planned} statements planned for any arguments, {ran} run with theirs")
    sys.exit(1 if wrong else 0)


main()
