DROP TABLE dispatch.classification_requests;
-- What nobody asked about and no unit said means nothing to the release before.
DELETE FROM dispatch.classifications WHERE unit_id IS NULL;
