//! The stores on a real server: the ports' contract suites, races between replicas, the brokerage's tables, access.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod access;
mod addresses;
mod agents;
mod changes;
mod classifications;
mod contracts;
mod desk;
mod destinations;
mod effects;
mod held_work;
mod identity;
mod lanes;
mod legacy;
mod lock_order;
mod mission_stories;
mod missions;
mod observing;
mod operations;
mod opted_out;
mod programs;
mod races;
mod records;
mod refusals;
mod reports;
mod retention;
mod schema;
mod signals;
mod statistics;
mod streams;
mod support;
