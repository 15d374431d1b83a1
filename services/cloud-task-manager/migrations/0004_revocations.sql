-- Bundles that must not run any more, in the order in which they were revoked.
CREATE TABLE revocations (
	seq        INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
	digest     TEXT    NOT NULL UNIQUE,           -- of the manifest
	task       TEXT    NOT NULL,                  -- whose it was, as far as somebody said
	reason     TEXT    NOT NULL,
	revoked_ms INTEGER NOT NULL
) STRICT;

-- The name of this list: a place in it means nothing in another cloud's.
CREATE TABLE revocation_list (name TEXT NOT NULL) STRICT;
INSERT INTO revocation_list VALUES (lower(hex(randomblob(8))));
