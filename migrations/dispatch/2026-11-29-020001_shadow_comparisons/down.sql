DROP TABLE dispatch.shadow_comparisons;
