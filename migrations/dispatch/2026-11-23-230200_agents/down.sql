DROP TABLE dispatch.agent_minutes;
