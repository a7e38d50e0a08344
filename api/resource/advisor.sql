-- name: advisor_create  ($1 username, $2 full name, $3 role, $4 password's hash)
insert into advisor (username, full_name, role, password_hash) values (upper($1), $2, $3, $4) returning id, username;
