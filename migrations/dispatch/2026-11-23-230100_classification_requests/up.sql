CREATE TABLE dispatch.classification_requests (
    classification_id uuid PRIMARY KEY REFERENCES dispatch.classifications ON DELETE CASCADE,
    principal         text NOT NULL,
    operation_id      uuid,
    place             smallint CHECK (place >= 0),
    text              text NOT NULL,
    source            text CHECK (source IN ('slack', 'sms')),
    said_at           timestamptz NOT NULL,
    metadata          json NOT NULL,
    rule              text NOT NULL,
    auto_dispatch     boolean NOT NULL,
    reason            text NOT NULL,
    CONSTRAINT classification_requests_once UNIQUE (operation_id, place),
    CONSTRAINT classification_requests_place CHECK ((operation_id IS NULL) = (place IS NULL))
);

COMMENT ON TABLE dispatch.classification_requests IS
    'Texts that somebody asked about; their meaning stands in classifications, without a unit.';
COMMENT ON COLUMN dispatch.classification_requests.operation_id IS
    'The request it came with, if that had a key: a repeat finds the first answer.';
COMMENT ON COLUMN dispatch.classification_requests.place IS 'Its place among the texts of that request, from 0.';
COMMENT ON COLUMN dispatch.classification_requests.said_at IS 'What its relative dates refer to.';
COMMENT ON COLUMN dispatch.classification_requests.metadata IS 'The caller''s own, letter by letter.';
COMMENT ON COLUMN dispatch.classification_requests.rule IS
    'What the policy would have done, had it come in by itself: the rule, whether without a person''s word, and why.';

SELECT dispatch.revoke_foreign_access();
