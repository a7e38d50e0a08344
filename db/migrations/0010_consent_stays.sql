-- migrate:up
-- The ledger of consent is proof, and only ever added to: by nobody changed, not by its owner either.
set local search_path = gestor, pg_temp;

create trigger consent_stays before update or delete or truncate on consent
    for each statement execute function audit_stays();
-- Of a superuser too who takes himself for a replica.
alter table consent enable always trigger consent_stays;
