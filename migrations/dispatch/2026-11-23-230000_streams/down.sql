DROP TABLE dispatch.stream_events;
DROP TABLE dispatch.streams;
