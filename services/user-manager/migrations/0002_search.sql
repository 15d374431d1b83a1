-- search is the id in lower case: what a search looks at. The index holds all that
-- finding and counting clients by a part of their ids needs.
ALTER TABLE users ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE users SET search = lower(id);
CREATE INDEX users_search ON users (id, search);
