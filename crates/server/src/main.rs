//! The binary `dispatch`. Everything is in the library, so that a test's own binary can call the same.

fn main() -> std::process::ExitCode {
    dispatch_server::main()
}
