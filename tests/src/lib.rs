//! The harness of the system tests: a real server process, a real PostgreSQL, a Slack that is ours, and a ledger.
//! It drives the system as its users would, from outside, and knows nothing of its insides but the database.

pub mod harness;
