-- Why bills of a run were laid out one by one, a row for each reason (JSON), and how many were.
CREATE TABLE no_forms (
    run TEXT NOT NULL REFERENCES runs (id),
    why TEXT NOT NULL,
    bills BIGINT NOT NULL,
    PRIMARY KEY (run, why)
);
