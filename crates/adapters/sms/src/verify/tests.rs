//! What verifies, and what does not.
