//! The couriers of endpoints and agents against programs over HTTP: one test binary.

mod answers;
mod contract;
mod hostile;
mod peer;
