-- What a command to revoke is about.
ALTER TABLE commands ADD COLUMN digest TEXT NOT NULL DEFAULT '';
