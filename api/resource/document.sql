-- Stored documents against what they should be (0020_documents.sql, 0023_contact_documents.sql): for `gestor check`, in the order of ids.

-- fragment: differing  (%1 a table, %2 the rendered document of its row r; $1 after this id, $2 rows at most)
select max(b.id), count(*), string_agg(b.id::text, ' ') filter (where b.differs)
  from (select r.id, r.document is distinct from %2 as differs from %1 r where r.id > $1::bigint order by r.id limit $2::int) b

-- name: clients_differing  ($1 after this id, $2 rows at most)
:{differing client client_stored_document(r)};

-- name: opportunities_differing  ($1 after this id, $2 rows at most)
:{differing opportunity opportunity_document(r,false)};

-- name: consents_differing  ($1 after this id, $2 rows at most)
:{differing consent consent_document(r)};

-- name: contacts_differing  ($1 after this id, $2 rows at most)
:{differing contact contact_document(r,false)};

-- Whether a search by a part of the name finds each client (0055_client_names.sql).
-- name: client_names_differing  ($1 after this id, $2 rows at most)
select max(b.id), count(*), string_agg(b.id::text, ' ') filter (where not b.entered)
  from (select r.id, client_name_entered(r) as entered from client r where r.id > $1::bigint order by r.id limit $2::int) b;
