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

-- The same line in that form, or null where nothing of it is to be seen. What is refused from now on, such as a line break,
-- becomes a blank, or is dropped where it was drawn as nothing.
create function pg_temp.line(written text) returns text language sql immutable
return nullif(btrim(normalize(regexp_replace(regexp_replace(regexp_replace(normalize(written, NFC),
    '[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]', '', 'g'),
    -- joiners and selectors that nothing stands beside that they could change
    '(?<![^\u0001-\u007f\u00a0\u200c\u200d])[\u200c\u200d\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]+|[\u200c\u200d]+(?![^\u0001-\u007f\u00a0])', '', 'g'),
    '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]+', ' ', 'g'), NFC)), '');

do $$
declare
    of record;
    changed bigint;
begin
    for of in select * from (values
        ('client', 'name', $s$'SIN NOMBRE'$s$), ('client', 'legal_representative', 'null'), ('client', 'gender', 'null'),
        ('client', 'plan', 'null'), ('client', 'trac_profile', 'null'), ('client', 'segment', 'null'),
        ('client', 'overdue_payment', 'null'), ('client', 'email', 'null'), ('opportunity', 'current_plan', 'null'),
        ('advisor', 'full_name', $s$'SIN NOMBRE'$s$), ('catalog_item', 'label', 'code')) x (relation, member, otherwise)
    loop
        -- No update of what records copied of a label: it stands as it was chosen.
        -- Most texts are ASCII in order, which one look tells.
        execute format('update %1$I set %2$I = coalesce(pg_temp.line(%2$I), %3$s)
            where %2$I ~ ''^$|^ |  | $|[^ -~]'' and %2$I is distinct from pg_temp.line(%2$I)',
            of.relation, of.member, of.otherwise);
        get diagnostics changed = row_count;
        if changed > 0 then
            raise notice '%.%: % in another form, now normal', of.relation, of.member, changed;
        end if;
    end loop;
end $$;

alter table catalog_item
    drop constraint catalog_item_label_form,
    add constraint catalog_item_label_form check (is_line(label));
alter table advisor
    drop constraint advisor_full_name_form,
    add constraint advisor_full_name_form check (is_line(full_name));
alter table client
    drop constraint client_name_form,
    add constraint client_name_form check (is_line(name)) not valid,
    add constraint client_legal_representative_form check (is_line(legal_representative)) not valid;
