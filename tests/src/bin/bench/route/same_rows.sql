WITH due AS (
    SELECT oldest.*, bench.id() AS unit_id, bench.id() AS classification_id, bench.id() AS dispatch_id, bench.id() AS delivery_id
    FROM (SELECT signal_id, source, workspace, channel, conversation, author, received_at, trace_id, text
          FROM dispatch.signals WHERE unit_id IS NULL AND state = 'queued'
          ORDER BY received_at LIMIT 50 FOR UPDATE SKIP LOCKED) AS oldest
), units AS (
    INSERT INTO dispatch.units (unit_id, source, workspace, channel, conversation, author, opened_at, trace_id, state, attempts,
        settled_at, classification_id)
    SELECT unit_id, source, workspace, channel, conversation, author, received_at, trace_id, 'routed', 1, now(), classification_id
    FROM due
), members AS (
    UPDATE dispatch.signals AS s SET unit_id = due.unit_id FROM due WHERE s.signal_id = due.signal_id
), meanings AS (
    INSERT INTO dispatch.classifications (classification_id, unit_id, schema_version, message_type, task_key, address,
        due_date, task_title, confidence, explanations, provenance)
    SELECT classification_id, unit_id, 1, 'STRAY', 'OPS_MISC_TASK', '12 Elm St', now()::timestamp, 'Order a yard sign', 0.9,
        '["asks for work: order a yard sign"]', '{"provider": "local", "model": "bench", "latency_us": 120}'
    FROM due
), dispatches AS (
    INSERT INTO dispatch.dispatches (dispatch_id, unit_id, classification_id, rule, auto_dispatch, reason)
    SELECT dispatch_id, unit_id, classification_id, 'everything', true, 'confidence 0.90 is at least 0.00' FROM due
), deliveries AS (
    INSERT INTO dispatch.deliveries (delivery_id, dispatch_id, unit_id, kind, destination, content, state, attempts, lane, settled_at)
    SELECT delivery_id, dispatch_id, unit_id, 'storage', '{"type": "storage", "target": "supabase", "table": "dispatch_agent_tasks"}',
        jsonb_build_object('content', 'storage', 'item', 'agent_task', 'author', author, 'title', 'Order a yard sign', 'text', text),
        'delivered', 1, 'storage', now()
    FROM due
), effects AS (
    INSERT INTO dispatch.effects (effect_key, delivery_id, mission_id)
    SELECT unit_id || '/dispatch_agent_tasks/0', delivery_id, delivery_id::text FROM due
), facts AS (
    INSERT INTO dispatch.mission_facts (mission_id, kind, unit_id, classification_id, task_key, confidence, auto_dispatch, reason)
    SELECT delivery_id::text, 'agent_task', unit_id, classification_id, 'OPS_MISC_TASK', 0.9, true, 'confidence 0.90 is at least 0.00'
    FROM due
), missions AS (
    INSERT INTO public.dispatch_agent_tasks (mission_id, name, description, mission_type, due_date)
    SELECT delivery_id::text, 'Order a yard sign', text, 'ADMIN', now() FROM due
)
INSERT INTO dispatch.timeline (step, event, unit_id, delivery_id, subject, detail)
SELECT step, event, unit_id, CASE WHEN step = 'deliver' THEN delivery_id END, unit_id::text, detail
FROM due CROSS JOIN (VALUES
    ('intake', 'unit.closed', '{"signals": 1, "because": "quiet"}'::jsonb),
    ('reason', 'unit.claimed', '{"attempt": 1}'),
    ('reason', 'unit.classified', '{"message_type": "STRAY", "task_key": "OPS_MISC_TASK", "confidence": 0.9, "provenance": {"provider": "local"}}'),
    ('route', 'unit.routed', '{"rule": "everything", "auto_dispatch": true, "reason": "confidence 0.90 is at least 0.00"}'),
    ('deliver', 'delivery.attempted', '{"attempt": 1, "outcome": "delivered", "missions": []}')) AS told (step, event, detail);
