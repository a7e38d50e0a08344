-- name: oauth_token  ($1 client, $2 hash of the secret in hex, $3 address)
-- writes: repeatable
select s.wait_ms, s.bucket, s.session, s.advisor, s.epoch, s.rights, s.left_s from secret_session($1, decode($2, 'hex'), $3) s;
