//! Imports archives before anything starts, through the driver's own program.

use crate::screen::Screen;
use crate::session::error::RunError;
use crate::session::options::RunOptions;
use nomad_proto::cty::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

/// How much of an import's complaint is kept, in bytes.
const COMPLAINT_LIMIT: u64 = 64 * 1024;

/// Runs `<binary> import [flags] ARCHIVE` for each archive and shows what it prints.
pub(super) async fn load(options: &RunOptions, config: &Value, screen: &dyn Screen) -> Result<(), RunError> {
    let flags = flags(options, config);
    for archive in &options.load {
        screen.note(&format!("importing {}", archive.display()));
        import(options, &flags, archive, screen).await?;
    }
    Ok(())
}

/// The flags of the options that the configuration sets; for the others the program's defaults hold.
fn flags(options: &RunOptions, config: &Value) -> Vec<String> {
    let set = |option: &str| config.as_map().and_then(|body| body.get(option)).and_then(Value::as_str);
    let flags = options.load_flags.iter();
    flags.filter_map(|(option, flag)| Some([flag.clone(), set(option)?.to_owned()])).flatten().collect()
}

async fn import(
    options: &RunOptions,
    flags: &[String],
    archive: &Path,
    screen: &dyn Screen,
) -> Result<(), RunError> {
    let started = |source| RunError::LoadStart { archive: archive.to_owned(), source };
    let mut child = Command::new(&options.binary)
        .arg("import")
        .args(flags)
        .arg(archive)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(started)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let show = async {
        let Some(stdout) = stdout else { return };
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            screen.note(&format!("  {line}"));
        }
    };
    let complain = async {
        let mut text = Vec::new();
        if let Some(stderr) = stderr {
            // An unreadable complaint is an empty one.
            let _ = stderr.take(COMPLAINT_LIMIT).read_to_end(&mut text).await;
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    let ((), message, status) = tokio::join!(show, complain, child.wait());
    match status.map_err(started)? {
        status if status.success() => Ok(()),
        status if message.is_empty() => {
            Err(RunError::Load { archive: archive.to_owned(), message: status.to_string() })
        }
        _ => Err(RunError::Load { archive: archive.to_owned(), message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_told_what_the_configuration_sets() {
        let options = RunOptions::new("job.hcl", "/bin/true");
        let config = Value::from([("containerd_addr", "/run/c.sock"), ("other", "x")]);
        assert_eq!(flags(&options, &config), ["--address", "/run/c.sock"]);
    }
}
