DROP TABLE dispatch.api_keys;
