#![doc = include_str!("../README.md")]

pub mod event;
pub mod verify;

mod raw;
