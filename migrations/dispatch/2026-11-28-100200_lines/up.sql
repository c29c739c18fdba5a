ALTER TABLE dispatch.deliveries ADD COLUMN line text COLLATE "C";

COMMENT ON COLUMN dispatch.deliveries.line IS
    'The conversation that it goes to, whose messages may have to keep their order. Null: it has none.';

CREATE INDEX deliveries_in_line ON dispatch.deliveries (line, delivery_id) WHERE state = 'pending' AND line IS NOT NULL;

SELECT dispatch.revoke_foreign_access();
