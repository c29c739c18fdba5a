DROP FUNCTION dispatch.revoke_foreign_access();
COMMENT ON SCHEMA dispatch IS NULL;
