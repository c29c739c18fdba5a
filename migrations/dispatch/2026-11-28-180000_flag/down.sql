DROP TABLE dispatch.shadow_differences;
DROP TABLE dispatch.flag_guards;
DROP TABLE dispatch.legacy_traffic;
DROP TABLE dispatch.replicas;
DROP TABLE dispatch.flag_changes;
DROP TABLE dispatch.flag;
