DROP TABLE dispatch.answers;

SELECT dispatch.revoke_foreign_access();
