-- revision grows with every change by an operator. search is what a search looks
-- at: the id and the tags, in lower case, a line each.
ALTER TABLE tasks ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
ALTER TABLE tasks ADD COLUMN search TEXT NOT NULL DEFAULT '';
UPDATE tasks SET search = lower(id || coalesce((SELECT group_concat(char(10) || value, '') FROM json_each(tags)), ''));

-- A page and its total are read from these; only the rows that are shown are
-- looked up.
CREATE INDEX tasks_by_id ON tasks (id, search);
CREATE INDEX tasks_by_state_id ON tasks (state, id, search);
CREATE INDEX tasks_by_state_seq ON tasks (state, seq, search);

-- Tasks whose record is deleted and whose files may still be there.
CREATE TABLE removals (id TEXT PRIMARY KEY) STRICT;
