-- Nobody looks for a row by what these hold, and to compare thousands of documents is most of what ANALYZE costs. While
-- messages rush in it runs often (see store/statistics.rs).
ALTER TABLE dispatch.signals ALTER COLUMN payload SET STATISTICS 0, ALTER COLUMN attachments SET STATISTICS 0,
    ALTER COLUMN text SET STATISTICS 0;
ALTER TABLE dispatch.classifications ALTER COLUMN explanations SET STATISTICS 0, ALTER COLUMN provenance SET STATISTICS 0;
ALTER TABLE dispatch.deliveries ALTER COLUMN destination SET STATISTICS 0, ALTER COLUMN content SET STATISTICS 0;
ALTER TABLE dispatch.timeline ALTER COLUMN detail SET STATISTICS 0;

SELECT dispatch.revoke_foreign_access();
