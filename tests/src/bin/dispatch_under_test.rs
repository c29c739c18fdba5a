//! The `dispatch` binary as it is, built with failpoints, so that tests have a process they can kill.

fn main() -> std::process::ExitCode {
    dispatch_server::main()
}
