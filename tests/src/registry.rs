//! A registry of a test's own on this host, over plain HTTP, and what fills it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use serde_json::Value;

use crate::daemon::archive;
use crate::environment;
use crate::wait::limit;

/// The users of a registry that has some: name, password, bcrypt hash, and both in the form of basic authentication.
const USERS: [(&str, &str, &str, &str); 2] = [
    (
        "alice",
        "of-alice-0815",
        "$2y$04$abcdefghijklmnopqrstuuo.olodWiVc2Hhz1EPcLBnQVMYPy4AmK",
        "YWxpY2U6b2YtYWxpY2UtMDgxNQ==",
    ),
    (
        "bob",
        "of-bob-4711",
        "$2y$04$abcdefghijklmnopqrstuuIkbThlsz0hyvW6iar3ntdNex1M1Ersi",
        "Ym9iOm9mLWJvYi00NzEx",
    ),
];

/// How the repositories begin that nobody but the test itself asks for.
const LAST: &str = "the-last-request";

/// The distribution's registry server at a port that the kernel chose. Dropping it ends it.
#[derive(Debug)]
pub struct Registry {
    process: Child,
    address: String,
    log: Arc<Log>,
    has_users: bool,
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Registry {
    /// Starts one that keeps its files in `directory`, and returns when it listens.
    pub fn start(directory: &Path) -> Self {
        Self::configured(directory, "", false)
    }

    /// Starts one that wants a user's password for everything; the users are `alice` and `bob`.
    pub fn for_users(directory: &Path) -> Self {
        let file = directory.join("htpasswd");
        let lines: String = USERS.iter().map(|(user, _, hash, _)| format!("{user}:{hash}\n")).collect();
        fs::write(&file, lines).unwrap();
        let auth = format!("auth: {{ htpasswd: {{ realm: test, path: {} }} }}\n", file.display());
        Self::configured(directory, &auth, true)
    }

    /// The password of a user.
    pub fn password(user: &str) -> &'static str {
        USERS.iter().find(|(name, ..)| *name == user).unwrap().1
    }

    /// What must not be read anywhere: the passwords, bare and in the form in which they are sent.
    pub fn secrets() -> impl Iterator<Item = &'static str> {
        USERS.iter().flat_map(|(_, password, _, sent)| [*password, *sent])
    }

    fn configured(directory: &Path, more: &str, has_users: bool) -> Self {
        let config = directory.join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{ level: info }}\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\n\
             http: {{ addr: \"127.0.0.1:0\", secret: test }}\n{more}",
            directory.join("registry").display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new(environment::registry());
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Log::default());
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        for stream in streams {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    log.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    log.grown.notify_all();
                }
            });
        }
        let address = log.wait_for("its address", |lines| {
            let line = lines.iter().find_map(|line| line.split_once("listening on "))?;
            Some(line.1.split(['"', ' ', ',']).next().unwrap_or_default().to_owned())
        });
        Self { process, address, log, has_users }
    }

    /// Its address with the port, as references begin with it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How many requests of this method it was sent for a path that contains `part`, all that it has answered by now.
    pub fn requests(&self, method: &str, part: &str) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // It logs one after the other: what is there before the line of this request is all.
        let path = format!("/v2/{LAST}-{}/tags/list", NEXT.fetch_add(1, Ordering::Relaxed));
        self.request("GET", &path, "application/json", b"");
        let (wanted, last) = (format!("\"{method} /v2/"), format!("\"GET {path} "));
        let asked = |line: &&String| line.contains(&wanted) && line.contains(part) && !line.contains(LAST);
        self.log.wait_for("the last request", |lines| {
            let end = lines.iter().position(|line| line.contains(&last))?;
            Some(lines[..end].iter().filter(asked).count())
        })
    }

    /// Fills a repository with an archive of the table; gives the reference.
    pub fn push(&self, name: &str, repository: &str, tag: &str) -> String {
        let blobs = blobs(&archive(name).file);
        let index: Value = serde_json::from_slice(&blobs["index.json"]).unwrap();
        let top = index["manifests"][0]["digest"].as_str().unwrap();
        let push = Push { registry: self, repository, blobs: &blobs };
        push.manifest(top, tag);
        format!("{}/{repository}:{tag}", self.address)
    }

    /// The digest that a tag of an archive of the table has.
    pub fn digest(name: &str) -> String {
        let blobs = blobs(&archive(name).file);
        let index: Value = serde_json::from_slice(&blobs["index.json"]).unwrap();
        index["manifests"][0]["digest"].as_str().unwrap().to_owned()
    }

    /// One request on a connection of its own; gives the answer.
    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let (_, _, _, alice) = USERS[0];
        let authorization =
            if self.has_users { format!("Authorization: Basic {alice}\r\n") } else { String::new() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             {authorization}Connection: close\r\n\r\n",
            self.address(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Ends it.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _already_ended = self.process.kill();
        let _status = self.process.wait();
    }
}

/// A server that answers as a registry does whose answers have no end. Its thread lives as long as the test's process.
#[derive(Debug)]
pub struct Endless {
    address: String,
}

impl Endless {
    /// Starts it at a port that the kernel chose.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let realm = address.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let realm = realm.clone();
                std::thread::spawn(move || answer_for_ever(stream, &realm));
            }
        });
        Self { address }
    }

    /// References of images that it never gives to the end: for the first one the manifest has no end, for the others
    /// the text of a refusal, the token, and the text of a refused token.
    pub fn references(&self) -> Vec<String> {
        let names = ["manifest", "refusal", "token", "no-token"];
        names.iter().map(|name| format!("{}/endless/{name}:1", self.address)).collect()
    }
}

fn answer_for_ever(mut stream: TcpStream, realm: &str) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
        if !head[0].is_ascii_uppercase() {
            return stream.write_all(b"HTTP/1.1 400 x\r\nconnection: close\r\n\r\n").ok();
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1)?;
    if path.contains("/endless/token/") || path.contains("/endless/no-token/") {
        let kind = if path.contains("no-token") { "503" } else { "200" };
        let wants = format!("www-authenticate: Bearer realm=\"http://{realm}/{kind}\"\r\ncontent-length: 0");
        return stream.write_all(format!("HTTP/1.1 401 x\r\n{wants}\r\n\r\n").as_bytes()).ok();
    }
    let status = if path.contains("refusal") || path.starts_with("/503") { 503 } else { 200 };
    let begin = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n");
    stream.write_all(begin.as_bytes()).ok()?;
    let piece = vec![b'7'; 64 << 10];
    loop {
        stream.write_all(&piece).ok()?;
    }
}

impl Log {
    /// What the lines tell, once they do.
    fn wait_for<T>(&self, what: &str, told: impl Fn(&[String]) -> Option<T>) -> T {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (lines, waited) =
            self.grown.wait_timeout_while(lines, limit(), |lines| told(lines).is_none()).unwrap();
        assert!(!waited.timed_out(), "the registry does not tell {what}:\n{}", lines.join("\n"));
        told(&lines).unwrap()
    }
}

/// The files of an OCI archive.
pub(crate) fn blobs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(fs::File::open(path).unwrap());
    let mut files = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.insert(entry.path().unwrap().display().to_string(), bytes);
    }
    files
}

struct Push<'a> {
    registry: &'a Registry,
    repository: &'a str,
    blobs: &'a BTreeMap<String, Vec<u8>>,
}

impl Push<'_> {
    fn bytes(&self, digest: &str) -> &[u8] {
        &self.blobs[&format!("blobs/{}", digest.replace(':', "/"))]
    }

    /// A manifest or index under a tag or its digest, after everything that it names.
    fn manifest(&self, digest: &str, reference: &str) {
        let bytes = self.bytes(digest);
        let document: Value = serde_json::from_slice(bytes).unwrap();
        let digests = |value: &Value| {
            let list = value.as_array().cloned().unwrap_or_default();
            list.iter().map(|item| item["digest"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        digests(&document["manifests"]).iter().for_each(|inner| self.manifest(inner, inner));
        digests(&document["layers"]).iter().for_each(|layer| self.blob(layer));
        if let Some(config) = document["config"]["digest"].as_str() {
            self.blob(config);
        }
        let path = format!("/v2/{}/manifests/{reference}", self.repository);
        self.request("PUT", &path, document["mediaType"].as_str().unwrap(), bytes);
    }

    fn blob(&self, digest: &str) {
        let path = format!("/v2/{}/blobs/uploads/", self.repository);
        let answer = self.request("POST", &path, "application/octet-stream", b"");
        let location = answer
            .lines()
            .find_map(|line| line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("location")));
        let location = location.expect("the registry names a place for the upload").1.trim();
        let place = location.split_once("/v2/").unwrap().1;
        let separator = if place.contains('?') { '&' } else { '?' };
        let path = format!("/v2/{place}{separator}digest={digest}");
        self.request("PUT", &path, "application/octet-stream", self.bytes(digest));
    }

    /// The answer to a request, which must be a success.
    fn request(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        let answer = self.registry.request(method, path, kind, body);
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
        answer
    }
}
