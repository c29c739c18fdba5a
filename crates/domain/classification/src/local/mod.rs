//! The local classifier: rules as data, no network, no model file. What runs when no model is configured or it fails.
