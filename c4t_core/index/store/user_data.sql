CREATE TABLE marks (
    query TEXT NOT NULL, root BLOB NOT NULL, path BLOB NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, good INTEGER NOT NULL, made REAL NOT NULL,
    PRIMARY KEY (query, root, path)
);
CREATE INDEX marks_digest ON marks (digest);
CREATE TABLE scenarios (
    name TEXT PRIMARY KEY, query TEXT NOT NULL, settings TEXT NOT NULL,
    made REAL NOT NULL, checked REAL
);
CREATE TABLE seen (
    scenario TEXT NOT NULL REFERENCES scenarios(name) ON DELETE CASCADE ON UPDATE CASCADE,
    root BLOB NOT NULL, path BLOB NOT NULL,
    PRIMARY KEY (scenario, root, path)
) WITHOUT ROWID;
CREATE TABLE history (query TEXT PRIMARY KEY, used REAL NOT NULL, times INTEGER NOT NULL);
CREATE TABLE test_sets (name TEXT PRIMARY KEY, made REAL NOT NULL);
CREATE TABLE test_items (
    test_set TEXT NOT NULL REFERENCES test_sets(name) ON DELETE CASCADE ON UPDATE CASCADE,
    query TEXT NOT NULL, root BLOB NOT NULL, path BLOB NOT NULL,
    digest TEXT NOT NULL, size INTEGER NOT NULL, good INTEGER NOT NULL,
    PRIMARY KEY (test_set, query, root, path)
);
