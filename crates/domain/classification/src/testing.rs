//! Contract suite of the `Classifier` port.
