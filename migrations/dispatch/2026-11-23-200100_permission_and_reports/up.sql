CREATE TABLE dispatch.send_permissions (
    recipient text PRIMARY KEY,
    reason    text,
    since     timestamptz NOT NULL,
    signal_id uuid
);

COMMENT ON TABLE dispatch.send_permissions IS 'What was last said about writing to somebody. Whom nobody spoke about may be written to.';
COMMENT ON COLUMN dispatch.send_permissions.recipient IS 'sms:<E.164 number> or slack:<team id>.';
COMMENT ON COLUMN dispatch.send_permissions.reason IS 'Why they must not be written to; none when they may.';
COMMENT ON COLUMN dispatch.send_permissions.since IS
    'When that was so, by the provider''s clock where it tells: an older word that comes late changes nothing.';
COMMENT ON COLUMN dispatch.send_permissions.signal_id IS
    'What said so; none where a provider refused a send for it, or confirmed our token.';

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
