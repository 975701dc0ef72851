CREATE TABLE meta (identity TEXT NOT NULL);
INSERT INTO meta VALUES (lower(hex(randomblob(16))));
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    rules TEXT NOT NULL,
    offline INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dim INTEGER NOT NULL
);
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    drive TEXT, camera TEXT, frame INTEGER, time REAL,
    UNIQUE (root_id, path)
);
CREATE INDEX images_drive ON images (root_id, drive, camera, frame, time);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
    image_id INTEGER NOT NULL REFERENCES images(id) ON DELETE CASCADE,
    vector BLOB NOT NULL,
    UNIQUE (model_id, image_id)
);
CREATE INDEX vectors_image ON vectors (image_id);
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
    generation INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (root_id, model_id)
);
