CREATE TABLE dispatch.send_blocks (
    recipient text PRIMARY KEY,
    reason    text NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    signal_id uuid
);

COMMENT ON TABLE dispatch.send_blocks IS 'Whom Dispatch must not write to, until they say otherwise.';
COMMENT ON COLUMN dispatch.send_blocks.recipient IS 'sms:<E.164 number> or slack:<team id>.';
COMMENT ON COLUMN dispatch.send_blocks.signal_id IS 'What said so; none where a provider refused a send for it.';

CREATE TABLE dispatch.delivery_reports (
    reference   text PRIMARY KEY,
    delivery_id uuid,
    status      text NOT NULL
                CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'read')),
    error_code  text,
    reported_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE dispatch.delivery_reports IS
    'What a provider reported about a message after taking it. A status never goes back, in whatever order reports come.';
COMMENT ON COLUMN dispatch.delivery_reports.reference IS 'The provider''s name of the message: Twilio MessageSid.';

CREATE INDEX delivery_reports_delivery ON dispatch.delivery_reports (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX deliveries_reference ON dispatch.deliveries (reference) WHERE reference IS NOT NULL;

SELECT dispatch.revoke_foreign_access();
