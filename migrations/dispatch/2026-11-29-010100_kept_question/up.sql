ALTER TABLE dispatch.dispatches ADD COLUMN question jsonb;

COMMENT ON COLUMN dispatch.dispatches.question IS
    'What is asked should its rows turn out to be nobody''s work, where they could not be made at once. None once it is asked.';

SELECT dispatch.revoke_foreign_access();
