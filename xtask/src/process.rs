//! Running other programs: cargo with our colours, quiet about stdin, loud about failure. Must not know which chore asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::term;

/// The folder of the workspace: the parent of this crate's, asked at run time so that a moved checkout still works.
pub fn workspace_root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map_or(here.clone(), Path::to_path_buf)
}

/// The cargo that runs us, started at the root, without stdin and with our decision about colours.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    command.env("CARGO_TERM_COLOR", if term::colour() { "always" } else { "never" });
    command
}

/// What a person would type to run it again.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}

/// Is `cargo NAME` there? Asked with `--version`, so that nothing happens.
pub fn has_cargo_tool(root: &Path, name: &str) -> bool {
    let probe = cargo(root).args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// Run it with our own stdout and stderr; not zero is an error that names the command.
pub fn run(command: &mut Command) -> Result<()> {
    println!("{}", term::dim(&format!("$ {}", shown(command))));
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    succeeded(command, status)
}

/// Run it and give its stdout; stderr stays ours.
pub fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", shown(command)))?;
    succeeded(command, output.status)?;
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed no UTF-8", shown(command)))
}

/// Run it, pass its output on line by line, and keep the lines that `keep` wants (seen without colours).
pub fn run_keeping(command: &mut Command, keep: fn(&str) -> bool) -> Result<(ExitStatus, Vec<String>)> {
    println!("{}", term::dim(&format!("$ {}", shown(command))));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", shown(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let kept = std::thread::scope(|scope| {
        let errors = scope.spawn(|| stderr.map_or_else(Vec::new, |from| pass_on(from, std::io::stderr(), keep)));
        let mut kept = stdout.map_or_else(Vec::new, |from| pass_on(from, std::io::stdout(), keep));
        kept.extend(errors.join().unwrap_or_default());
        kept
    });
    let status = child.wait().with_context(|| format!("lost sight of `{}`", shown(command)))?;
    Ok((status, kept))
}

fn pass_on(from: impl Read, mut to: impl Write, keep: fn(&str) -> bool) -> Vec<String> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    let mut kept = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // A closed terminal is no reason to stop the tests.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let text = term::plain(&String::from_utf8_lossy(&line));
        if keep(text.trim()) {
            kept.push(text.trim().to_owned());
        }
        line.clear();
    }
    kept
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_passed_on_and_the_wanted_lines_are_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo noise; printf '\\033[1mSummary 3\\033[0m\\n' >&2; exit 4"]);
        let (status, kept) = run_keeping(&mut command, |line| line.starts_with("Summary")).unwrap();
        assert_eq!(status.code(), Some(4));
        assert_eq!(kept, ["Summary 3"]);
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("`sh -c exit 3` failed"), "{error}");
    }
}
