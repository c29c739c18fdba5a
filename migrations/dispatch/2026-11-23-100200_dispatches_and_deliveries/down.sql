DROP TABLE dispatch.quotas;
DROP TABLE dispatch.effects;
DROP TABLE dispatch.deliveries;
DROP TABLE dispatch.dispatches;
DROP TABLE dispatch.classifications;
