-- What waits for a person can be decided by one.
ALTER TABLE dispatch.units DROP CONSTRAINT units_state_check;
ALTER TABLE dispatch.units ADD CONSTRAINT units_state_check
    CHECK (state IN ('pending', 'held', 'routed', 'ignored', 'dead', 'expired', 'dismissed'));

CREATE TABLE dispatch.decisions (
    decision_id       uuid PRIMARY KEY,
    unit_id           uuid NOT NULL REFERENCES dispatch.units ON DELETE CASCADE,
    classification_id uuid NOT NULL REFERENCES dispatch.classifications ON DELETE CASCADE,
    dispatch_id       uuid REFERENCES dispatch.dispatches ON DELETE CASCADE,
    verdict           text NOT NULL CHECK (verdict IN ('confirmed', 'dismissed')),
    principal         text NOT NULL,
    operation_id      uuid,
    note              text,
    decided_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT decisions_operation UNIQUE (operation_id),
    CONSTRAINT decisions_dispatch CHECK ((verdict = 'confirmed') = (dispatch_id IS NOT NULL))
);

COMMENT ON TABLE dispatch.decisions IS 'What people said about units that were held for them.';
COMMENT ON COLUMN dispatch.decisions.classification_id IS 'What the unit was understood to mean when they said it.';
COMMENT ON COLUMN dispatch.decisions.dispatch_id IS 'What was made of it; none where it was dismissed.';
COMMENT ON COLUMN dispatch.decisions.principal IS 'Who: one text per principal.';
COMMENT ON COLUMN dispatch.decisions.operation_id IS
    'The request it came with, if that had a key: a repeat finds what was done.';
COMMENT ON COLUMN dispatch.decisions.note IS 'What they had to say about it.';

CREATE INDEX decisions_unit ON dispatch.decisions (unit_id);
CREATE INDEX decisions_classification ON dispatch.decisions (classification_id);
CREATE INDEX decisions_of_dispatch ON dispatch.decisions (dispatch_id);

SELECT dispatch.revoke_foreign_access();
