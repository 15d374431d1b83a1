-- Of the last execution: which of several task managers ran it, where clients find its
-- server ('': at host), whether it is taken off offer before it has ended, and since
-- when it makes no progress, in unix seconds (0: it does). The owner is '' of what an
-- earlier release started.
ALTER TABLE tasks ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN advertised TEXT NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN stalled DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE starts ADD COLUMN owner TEXT NOT NULL DEFAULT '';
CREATE INDEX starts_by_task ON starts (task_id);

-- The task managers that run tasks here, each with a lease that it renews: one whose
-- lease has passed is taken for dead. host is for people.
CREATE TABLE instances (
	id          TEXT PRIMARY KEY,
	host        TEXT        NOT NULL,
	lease_until TIMESTAMPTZ NOT NULL
);

-- The last changes, which every task manager reads, in the order in which they were
-- committed and without a gap. task is '' of those that are of no task.
CREATE TABLE changes (
	seq       BIGINT PRIMARY KEY,
	task      TEXT        NOT NULL,
	change    TEXT        NOT NULL,
	execution TEXT        NOT NULL,
	at        TIMESTAMPTZ NOT NULL
);
