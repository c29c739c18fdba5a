//! Deliver: claim, send through the courier that serves the destination, settle.
