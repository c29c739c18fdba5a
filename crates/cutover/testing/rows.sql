-- {rows} activities and a fifth as many agent tasks.
INSERT INTO public.activities (task_id, listing_id, realtor_id, name, task_category, status, priority, deleted_at)
SELECT 'a' || lpad(n::text, 9, '0'), 'l' || (n % 50 + 1), 'r' || (n % 20 + 1), 'Task ' || n,
    CASE n % 3 WHEN 0 THEN 'ADMIN' WHEN 1 THEN 'MARKETING' END, CASE n % 4 WHEN 0 THEN 'DONE' ELSE 'OPEN' END, n % 11,
    CASE WHEN n % 10 = 0 THEN now() END
FROM generate_series(1, {rows}) AS n;
INSERT INTO public.agent_tasks (task_id, realtor_id, task_key, name, task_category, status, deleted_at)
SELECT 't' || lpad(n::text, 9, '0'), 'r' || (n % 20 + 1), 'KEY_' || n, 'Stray ' || n, 'ADMIN',
    CASE n % 4 WHEN 0 THEN 'DONE' ELSE 'OPEN' END, CASE WHEN n % 10 = 0 THEN now() END
FROM generate_series(1, greatest({rows} / 5, 20)) AS n;
