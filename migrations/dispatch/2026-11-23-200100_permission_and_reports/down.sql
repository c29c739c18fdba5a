DROP INDEX dispatch.deliveries_reference;
DROP TABLE dispatch.delivery_reports;
DROP TABLE dispatch.send_permissions;
