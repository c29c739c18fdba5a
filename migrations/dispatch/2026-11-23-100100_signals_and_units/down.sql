DROP TABLE dispatch.signals;
DROP TABLE dispatch.units;
