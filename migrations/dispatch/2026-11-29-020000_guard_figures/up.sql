-- A guard judges the contract that a flip introduces, against what the other one had answered when the guard was armed.
ALTER TABLE dispatch.flag_guards
    ADD COLUMN contract text NOT NULL DEFAULT 'dispatch'
        CONSTRAINT flag_guards_contract_check CHECK (contract IN ('operations', 'dispatch')),
    ADD COLUMN before_answered bigint NOT NULL DEFAULT 0,
    ADD COLUMN before_failed bigint NOT NULL DEFAULT 0,
    ADD COLUMN before_slow bigint NOT NULL DEFAULT 0,
    ADD COLUMN in_force_at timestamptz;

COMMENT ON COLUMN dispatch.flag_guards.contract IS 'What the flip introduces: what this contract answers is judged.';
COMMENT ON COLUMN dispatch.flag_guards.before_answered IS
    'What the other contract had answered in the hour before the guard was armed, without flips that were taken back.';
COMMENT ON COLUMN dispatch.flag_guards.in_force_at IS
    'When a replica first found the flip in force; a guard is armed before its flip is set.';

ALTER TABLE dispatch.flag_guards DROP CONSTRAINT flag_guards_state_check;
ALTER TABLE dispatch.flag_guards ADD CONSTRAINT flag_guards_state_check
    CHECK (state IN ('armed', 'passed', 'flipped_back', 'overtaken', 'unjudged'));

CREATE INDEX legacy_traffic_of_a_flip ON dispatch.legacy_traffic (mark, contract);

SELECT dispatch.revoke_foreign_access();
