ALTER TABLE dispatch.effects DROP COLUMN joined;
DROP TABLE dispatch.addresses;

SELECT dispatch.revoke_foreign_access();
