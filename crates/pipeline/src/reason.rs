//! Reason and route: a claimed unit is classified outside any transaction, decided by the policy, and settled at once.
