CREATE TABLE meta (identity TEXT NOT NULL, rebuilt REAL NOT NULL DEFAULT 0);
INSERT INTO meta (identity) VALUES (lower(hex(randomblob(16))));
CREATE TABLE roots (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, rules TEXT NOT NULL);
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dim INTEGER NOT NULL
);
CREATE TABLE drives (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    kind TEXT NOT NULL DEFAULT 'picture',
    offline INTEGER NOT NULL DEFAULT 0,
    UNIQUE (root_id, path)
);
CREATE INDEX sources_offline ON sources (root_id, path) WHERE offline;
CREATE TABLE frames (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id INTEGER NOT NULL REFERENCES sources(id) ON DELETE CASCADE,
    at_ns INTEGER,
    drive_id INTEGER NOT NULL REFERENCES drives(id),
    camera TEXT, frame INTEGER, time REAL,
    first_seen REAL NOT NULL
);
CREATE UNIQUE INDEX frames_source ON frames (source_id, COALESCE(at_ns, -1));
CREATE INDEX frames_drive ON frames (drive_id, camera, time, frame);
CREATE TABLE columns (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE cells (
    column_id INTEGER NOT NULL REFERENCES columns(id) ON DELETE CASCADE,
    frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
    value,
    PRIMARY KEY (column_id, frame_id)
) WITHOUT ROWID;
CREATE INDEX cells_frame ON cells (frame_id);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
    vector BLOB NOT NULL,
    UNIQUE (model_id, frame_id)
);
CREATE INDEX vectors_frame ON vectors (frame_id);
CREATE TABLE object_classes (
    model_id INTEGER PRIMARY KEY REFERENCES models(id) ON DELETE CASCADE,
    names TEXT NOT NULL
);
CREATE TABLE objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    frame_id INTEGER NOT NULL REFERENCES frames(id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    facts BLOB NOT NULL,
    UNIQUE (frame_id, model_id)
);
CREATE TABLE failures (
    root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (root_id, model_id, path)
);
CREATE TABLE runs (
    root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    finished REAL,
    generation INTEGER NOT NULL DEFAULT 0, drops INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (root_id, model_id)
);
CREATE TABLE copies (
    address TEXT PRIMARY KEY,
    identity TEXT NOT NULL,
    version INTEGER NOT NULL,
    stamp TEXT NOT NULL
);
CREATE TABLE shared_roots (
    root_id INTEGER PRIMARY KEY REFERENCES roots(id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    place BLOB NOT NULL
);
CREATE VIEW images AS
    SELECT f.id, s.root_id, s.path, f.at_ns, s.size, s.mtime_ns,
        d.path AS drive, f.camera, f.frame, f.time, f.first_seen
    FROM frames f JOIN sources s ON s.id = f.source_id LEFT JOIN drives d ON d.id = f.drive_id;
