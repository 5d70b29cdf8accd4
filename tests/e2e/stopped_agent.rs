//! An agent that is stopped reads nothing: neither calls nor tasks wait for it.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use e2e::wait::limited;
use e2e::{environment, test};
use linux_host::fifo;
use nomad_host::plugin::{PluginOptions, PluginProcess};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;

/// Writes until the pipe takes no more, without waiting.
fn fill(mut pipe: impl Write) {
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    loop {
        match pipe.write_all(&line) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            written => written.unwrap(),
        }
    }
}

#[test]
fn with_a_full_log_that_nobody_reads_tasks_start_and_stop_and_the_lines_come_later() {
    test(async |world| {
        let log = world.directory().join("log.fifo");
        fifo::make(&log).unwrap();
        let reader = fifo::open_read(&log).unwrap();
        fill(std::fs::File::from(fifo::open_write(&log).unwrap()));
        let (config, output) = world.task("web").shell("echo up; exec sleep 1000").prepare().await.unwrap();
        world.kill_plugin().await;

        let options = PluginOptions::new("/bin/sh").argument("-c").argument("exec \"$0\" 2> \"$1\"");
        let options = options.argument(environment::driver()).argument(&log);
        let plugin = limited("the handshake", PluginProcess::start(options)).await.unwrap();
        let driver = plugin.driver();
        limited("SetConfig", driver.configure(world.config())).await.unwrap();
        limited("StartTask", driver.start_task(&config)).await.unwrap();
        limited("StopTask", driver.stop_task(&config.id, Duration::from_secs(1), "")).await.unwrap();
        let exit = limited("WaitTask", driver.wait_task(&config.id)).await.unwrap();
        assert_ne!(exit.signal, 0);
        limited("DestroyTask", driver.destroy_task(&config.id, true)).await.unwrap();
        assert_eq!(output.collect().await.unwrap().stdout_text(), "up\n");

        let mut lines = BufReader::new(Receiver::from_owned_fd(reader).unwrap()).lines();
        let told = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains(&config.id) {
                    return;
                }
            }
            panic!("the log ended");
        };
        limited("a line about the task", told).await;
        assert!(limited("the plugin's end", plugin.shutdown()).await.is_some_and(|status| status.success()));
    });
}
