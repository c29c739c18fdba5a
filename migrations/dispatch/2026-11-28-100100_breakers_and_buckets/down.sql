CREATE INDEX deliveries_due ON dispatch.deliveries (kind, next_attempt_at) WHERE state = 'pending';
DROP TABLE dispatch.buckets;
DROP TABLE dispatch.breakers;
