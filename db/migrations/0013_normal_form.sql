-- migrate:up
-- Names, labels and other texts of one line are brought into the normal form that api/field/field.c
-- gives to what comes from now on, and constraints hold it. Codes stay, and so does what records copied of a
-- choice. Erased clients have nothing to change. Numbers, usernames and days have had their form from the start.
--
-- Rows that are in order are read and not locked. The rest is a row lock each, to the end of this transaction. Constraints
-- come last, for they lock the table; 0014 checks the rows that were there before them without that lock.
set local search_path = gestor, pg_temp;
-- What was changed is told to whoever runs this: counts, and nothing of a person.
set local client_min_messages = notice;

-- One line in NFC without white space at its ends, runs of blanks, control characters, line breaks, marks of direction, and
-- characters that are drawn as nothing; and something is to be seen in it. Joiners (U+200C, U+200D) and variation selectors may stand in it.
-- Null of null. The classes are those of api/field/unicode.c.
create function is_line(written text) returns boolean language sql immutable
return written is nfc normalized
    -- Cc, and white space other than U+0020
    and written !~ '[\u0001-\u001f\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]'
    -- drawn as nothing, or changing the direction
    and written !~ '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]'
    and written !~ '^ |  | $'
    and written ~ '[^\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]';

create function are_lines(written text[]) returns boolean language sql immutable
return (select coalesce(bool_and(coalesce(is_line(l), false)), true) from unnest(written) l);

-- The same line in that form, or null where nothing of it is to be seen. What is refused from now on, such as a line break,
-- becomes a blank, or is dropped where it was drawn as nothing.
create function pg_temp.line(written text) returns text language sql immutable
return nullif(btrim(normalize(regexp_replace(regexp_replace(regexp_replace(normalize(written, NFC),
    '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]', '', 'g'),
    -- joiners and selectors that nothing stands beside that they could change
    '(?<![^\u0001-\u007f\u00a0\u200c\u200d])[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]+|[\u200c\u200d]+(?![^\u0001-\u007f\u00a0])', '', 'g'),
    '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]+', ' ', 'g'), NFC)), '');

-- Whether a text is to be looked at: most are ASCII in order, which one look tells.
create function pg_temp.suspect(written text) returns boolean language sql immutable
return coalesce(written ~ '^$|^ |  | $|[^ -~]', false);

create function pg_temp.tell(about text, changed bigint) returns void language plpgsql as $$
begin
    if changed > 0 then
        raise notice '%: % in another form, now normal', about, changed;
    end if;
end $$;

-- Each row is stored once, whatever of it changes; o is the row as it was. No update of what records copied of a
-- label: it stands as it was chosen.
create function pg_temp.bring() returns void language plpgsql as $$
declare
    n bigint[];
    changed_rows bigint;
begin
    with changed as (
        update client c
           set name = coalesce(pg_temp.line(o.name), 'SIN NOMBRE'), legal_representative = pg_temp.line(o.legal_representative),
               gender = pg_temp.line(o.gender), plan = pg_temp.line(o.plan), trac_profile = pg_temp.line(o.trac_profile),
               segment = pg_temp.line(o.segment), overdue_payment = pg_temp.line(o.overdue_payment), email = pg_temp.line(o.email)
          from client o
         where o.id = c.id
           and (pg_temp.suspect(o.name) or pg_temp.suspect(o.legal_representative) or pg_temp.suspect(o.gender)
               or pg_temp.suspect(o.plan) or pg_temp.suspect(o.trac_profile) or pg_temp.suspect(o.segment)
               or pg_temp.suspect(o.overdue_payment) or pg_temp.suspect(o.email))
           and (o.name, o.legal_representative, o.gender, o.plan, o.trac_profile, o.segment, o.overdue_payment, o.email)
               is distinct from (pg_temp.line(o.name), pg_temp.line(o.legal_representative), pg_temp.line(o.gender),
                   pg_temp.line(o.plan), pg_temp.line(o.trac_profile), pg_temp.line(o.segment),
                   pg_temp.line(o.overdue_payment), pg_temp.line(o.email))
        returning o.name is distinct from c.name as name, o.legal_representative is distinct from c.legal_representative as representative,
            o.gender is distinct from c.gender as gender, o.plan is distinct from c.plan as plan,
            o.trac_profile is distinct from c.trac_profile as trac_profile, o.segment is distinct from c.segment as segment,
            o.overdue_payment is distinct from c.overdue_payment as payment, o.email is distinct from c.email as email)
    select array[count(*) filter (where name), count(*) filter (where representative), count(*) filter (where gender),
               count(*) filter (where plan), count(*) filter (where trac_profile), count(*) filter (where segment),
               count(*) filter (where payment), count(*) filter (where email)]
      into n from changed;
    perform pg_temp.tell(about, n[i]) from unnest(array['client.name', 'client.legal_representative', 'client.gender',
        'client.plan', 'client.trac_profile', 'client.segment', 'client.overdue_payment', 'client.email']) with ordinality x (about, i);

    update opportunity set current_plan = pg_temp.line(current_plan)
     where pg_temp.suspect(current_plan) and current_plan is distinct from pg_temp.line(current_plan);
    get diagnostics changed_rows = row_count;
    perform pg_temp.tell('opportunity.current_plan', changed_rows);
    -- The same name in another form is no other name: the records of its time need not show the old form.
    alter table advisor disable trigger advisor_renamed;
    update advisor set full_name = coalesce(pg_temp.line(full_name), 'SIN NOMBRE')
     where pg_temp.suspect(full_name) and full_name is distinct from pg_temp.line(full_name);
    get diagnostics changed_rows = row_count;
    perform pg_temp.tell('advisor.full_name', changed_rows);
    alter table advisor enable trigger advisor_renamed;
    update catalog_item set label = coalesce(pg_temp.line(label), code)
     where pg_temp.suspect(label) and label is distinct from pg_temp.line(label);
    get diagnostics changed_rows = row_count;
    perform pg_temp.tell('catalog_item.label', changed_rows);
    update catalog c set name = n.name, levels = n.levels
      from (select code, coalesce(pg_temp.line(name), code) as name,
                   array(select coalesce(pg_temp.line(l), code) from unnest(levels) with ordinality x (l, nth) order by nth) as levels
              from catalog) n
     where n.code = c.code and (n.name, n.levels) is distinct from (c.name, c.levels);
    get diagnostics changed_rows = row_count;
    perform pg_temp.tell('catalog', changed_rows);
end $$;
do $$
begin
    perform pg_temp.bring();
end $$;

alter table catalog_item
    drop constraint catalog_item_label_form,
    add constraint catalog_item_label_form check (is_line(label));
alter table catalog
    add constraint catalog_name_form check (is_line(name)),
    add constraint catalog_levels_form check (are_lines(levels));
alter table advisor
    drop constraint advisor_full_name_form,
    add constraint advisor_full_name_form check (is_line(full_name));
alter table client
    drop constraint client_name_form,
    add constraint client_name_form check (is_line(name)) not valid,
    add constraint client_legal_representative_form check (is_line(legal_representative)) not valid;
