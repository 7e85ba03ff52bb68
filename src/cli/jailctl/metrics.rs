//! `jailctl metrics`: the numbers of all jails for Prometheus, printed, as a file, or by an endpoint.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use nix::sys::stat::{Mode, umask};

use crate::cli::Outcome;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::Common;
use crate::cli::output;
use crate::cli::site::Site;
use crate::telemetry::{self, http};

/// Tell what jails use and what they were denied, for Prometheus.
///
/// Without options the text is printed, as by stats -P. A file is replaced in one
/// step, as node_exporter's textfile collector wants it. The endpoint answers
/// GET /metrics until it is ended; it listens on loopback addresses and unix
/// sockets only, and lets no client, slow or hostile, keep others waiting.
///
/// Examples: jailctl metrics --textfile /var/lib/prometheus/node-exporter/jails.prom
///           jailctl metrics --listen 127.0.0.1:9231
///           jailctl metrics --listen unix:/run/jailsh/metrics.sock
///
/// Exit status: 0 done, 1 failed, 64 wrong use, 69 the kernel cannot do it, 77
/// not root.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Metrics {
    /// Replace this file by the text; its name has to end with .prom
    #[arg(long, value_name = "FILE", conflicts_with = "listen")]
    textfile: Option<PathBuf>,
    /// Answer scrapes here: 127.0.0.1:PORT, [::1]:PORT or unix:PATH
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Address>,
}

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Address {
    Loopback(SocketAddr),
    Socket(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Address::Socket(path.into()))
            } else {
                Err("a socket's path starts with /".into())
            };
        }
        let address: SocketAddr = text.parse().map_err(|_| "use 127.0.0.1:PORT, [::1]:PORT or unix:PATH".to_owned())?;
        if !address.ip().is_loopback() {
            return Err("it is no loopback address; put a proxy that asks for a password in front of one".into());
        }
        Ok(Address::Loopback(address))
    }
}

impl Metrics {
    pub fn run(self, common: &Common) -> Outcome {
        let site = Site::open(common)?;
        let text = || {
            let jails = telemetry::measure(&site, None)?;
            let build = telemetry::Build { version: env!("CARGO_PKG_VERSION"), body: site.kernel.body() };
            Ok::<_, crate::kernel::KernelError>(telemetry::exposition(&jails, &build))
        };
        match (self.listen, self.textfile) {
            (Some(address), _) => {
                let listener = listen(&address)?;
                http::serve(listener, || text().map_err(|error| error.to_string()));
            }
            (None, Some(file)) => replace(&file, &text()?)?,
            (None, None) => output::print(&text()?)?,
        }
        Ok(Exit::DONE)
    }
}

fn cannot(doing: &str, what: &dyn std::fmt::Display, error: &std::io::Error) -> Failure {
    Failure::new(Exit::CANNOT_CREATE, format!("{doing} {what}: {error}"))
}

fn listen(address: &Address) -> Result<http::Listener, Failure> {
    match address {
        Address::Loopback(address) => {
            let listener = TcpListener::bind(address).map_err(|error| cannot("listen on", address, &error))?;
            Ok(http::Listener::Loopback(listener))
        }
        Address::Socket(path) => {
            clear(path)?;
            // For root alone from the first moment on. There are no other threads yet.
            let before = umask(Mode::from_bits_truncate(0o177));
            let listener = UnixListener::bind(path);
            umask(before);
            Ok(http::Listener::Socket(listener.map_err(|error| cannot("listen on", &path.display(), &error))?))
        }
    }
}

/// Removes a socket that nobody listens on any more, and nothing else.
fn clear(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cannot("look at", &path.display(), &error)),
        Ok(found) if !found.file_type().is_socket() => {
            Err(Failure::new(Exit::CANNOT_CREATE, format!("{}: it is no socket; name another path", path.display())))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            Err(Failure::new(Exit::LATER, format!("{}: somebody listens there already; stop that first", path.display())))
        }
        Ok(_) => fs::remove_file(path).map_err(|error| cannot("remove", &path.display(), &error)),
    }
}

fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    if !file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".prom")) {
        return Err(Failure::new(
            Exit::USAGE,
            format!("{}: the collector reads files that end with .prom; name it so", file.display()),
        ));
    }
    output::replace(file, text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_loopback_addresses_and_sockets_are_listened_on() {
        for good in ["127.0.0.1:9231", "127.0.0.2:1", "[::1]:9231", "unix:/run/x.sock"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:9231", "192.0.2.1:80", "[::]:80", "localhost:80", "9231", "unix:x", "127.0.0.1", ""] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_file_is_replaced_whole_and_nothing_else_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("jails.prom");
        replace(&file, "one\n").unwrap();
        replace(&file, "two\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(replace(&dir.path().join("jails.txt"), "x").unwrap_err().exit, Exit::USAGE);
        assert_eq!(replace(&dir.path().join("no/jails.prom"), "x").unwrap_err().exit, Exit::CANNOT_CREATE);
    }

    #[test]
    fn a_socket_that_somebody_left_is_taken_over_and_one_in_use_or_a_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.sock");
        let address = Address::Socket(path.clone());
        let first = listen(&address).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(listen(&address).map(drop).unwrap_err().exit, Exit::LATER);
        drop(first);
        drop(listen(&address).unwrap());
        fs::remove_file(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert_eq!(listen(&address).map(drop).unwrap_err().exit, Exit::CANNOT_CREATE);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}
