//! Contract suites of the routing ports, and ready-made units for tests.
