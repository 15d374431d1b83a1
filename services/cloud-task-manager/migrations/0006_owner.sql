-- Of the last execution: which of several task managers ran it, where clients find its
-- server ('': at host), whether it is taken off offer before it has ended, and since
-- when it makes no progress, in unix seconds (0: it does). The owner is '' where there
-- is one manager.
ALTER TABLE tasks ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN advertised TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN stalled REAL NOT NULL DEFAULT 0;
ALTER TABLE starts ADD COLUMN owner TEXT NOT NULL DEFAULT '';
