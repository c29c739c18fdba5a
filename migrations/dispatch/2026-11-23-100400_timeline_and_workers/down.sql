DROP TABLE dispatch.workers;
DROP TABLE dispatch.timeline;
