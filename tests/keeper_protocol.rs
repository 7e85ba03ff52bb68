//! landlock: a keeper is talked to by host root alone, but it does not trust even that: whatever comes over its socket, it
//! goes on serving, and keeps none of the descriptors it was sent.

#[path = "support/body.rs"]
mod body;
#[path = "support/subject.rs"]
mod subject;

use std::fs;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, sendmsg, socket, socketpair,
};

use body::Body;
use subject::{Subject, wait_until};

/// What the protocol's own programs say.
const RUN: &str = r#"{"version":1,"message":"run"}"#;

fn is_here() -> bool {
    body::here().is_some_and(|body| body.is(Body::Landlock, "no other body has a keeper"))
}

/// A connection to a jail's keeper that has been greeted.
struct Caller(OwnedFd);

impl Caller {
    fn new(subject: &Subject) -> Caller {
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        let path = PathBuf::from(format!("/run/jailsh/jails/{}/keeper", subject.name));
        connect(socket.as_raw_fd(), &UnixAddr::new(&path).unwrap()).unwrap();
        let caller = Caller(socket);
        assert!(caller.hear().contains("ready"));
        caller
    }

    /// A keeper may have hung up on us by now.
    fn say(&self, bytes: &[u8], descriptors: &[RawFd]) {
        let rights = [ControlMessage::ScmRights(descriptors)];
        let control = if descriptors.is_empty() { &[][..] } else { &rights[..] };
        let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
        match sendmsg::<()>(self.0.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
            Ok(_) | Err(Errno::EPIPE | Errno::ECONNRESET | Errno::EAGAIN | Errno::EMSGSIZE) => {}
            Err(errno) => panic!("sendmsg: {errno}"),
        }
    }

    /// The next packet; empty when the keeper hung up.
    fn hear(&self) -> String {
        let mut polled = [PollFd::new(std::os::fd::AsFd::as_fd(&self.0), PollFlags::POLLIN)];
        let ready = poll(&mut polled, PollTimeout::try_from(Duration::from_secs(20)).unwrap()).unwrap();
        assert_eq!(ready, 1, "the keeper says nothing");
        let mut bytes = vec![0; 8192];
        let length = recv(self.0.as_raw_fd(), &mut bytes, MsgFlags::empty()).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

/// A memory file with this content.
fn memory(content: &[u8], seal: bool) -> OwnedFd {
    let fd = memfd_create(c"order", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING).unwrap();
    nix::unistd::write(&fd, content).unwrap();
    if seal {
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_WRITE;
        fcntl(&fd, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    }
    fd
}

fn order(argv: &str) -> String {
    format!(
        r#"{{"version":1,"message":{{"argv":{argv},"env":{{}},"user":null,"workdir":null,"terminal":false,"term":null,"sibling":false,"adopts":false}}}}"#
    )
}

fn null() -> OwnedFd {
    fs::File::options().read(true).write(true).open("/dev/null").unwrap().into()
}

fn open_descriptors(pid: nix::unistd::Pid) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Bytes that differ from call to call and are the same in every run (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Something like `text`: cut, flipped, repeated, or noise altogether.
    fn damage(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = match self.below(4) {
            0 => (0..self.below(5000)).map(|_| self.next() as u8).collect(),
            1 => text.repeat(self.below(200)).into_bytes(),
            _ => text.as_bytes().to_vec(),
        };
        if !bytes.is_empty() {
            for _ in 0..self.below(4) {
                let at = self.below(bytes.len());
                bytes[at] ^= 1 << self.below(8);
            }
            bytes.truncate(self.below(bytes.len()) + 1);
        }
        bytes
    }
}

#[test]
fn a_keeper_outlives_three_thousand_damaged_requests_and_keeps_no_descriptor() {
    if !is_here() {
        return;
    }
    let subject = Subject::new("keep-noise");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let keeper = subject.keeper().expect("a keeper");
    let before = open_descriptors(keeper);
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3000 {
        let caller = Caller::new(&subject);
        let body = noise.damage(&order(r#"["/bin/true"]"#));
        let (body, null, (ours, theirs)) = (
            memory(&body, noise.below(8) > 0),
            null(),
            socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).unwrap(),
        );
        let all = [body.as_raw_fd(), theirs.as_raw_fd(), null.as_raw_fd(), ours.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd()];
        for _ in 0..=noise.below(2) {
            let request = if noise.below(2) == 0 { RUN.as_bytes().to_vec() } else { noise.damage(RUN) };
            let count = if noise.below(2) == 0 { 5 } else { noise.below(all.len() + 1) };
            caller.say(&request, &all[..count]);
        }
    }
    assert_eq!(subject.keeper(), Some(keeper), "it is the same keeper");
    assert_eq!(subject.inside(&["/bin/echo", "in"]), "in\n");
    wait_until("the keeper closes what it was sent", || open_descriptors(keeper) <= before);
}

#[test]
fn each_way_of_asking_wrongly_is_refused_with_its_reason() {
    if !is_here() {
        return;
    }
    let subject = Subject::new("keep-wrong");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let (sealed, open, null) = (memory(order("[]").as_bytes(), true), memory(order("[]").as_bytes(), false), null());
    let huge = memory(&vec![b' '; (4 << 20) + 1], true);
    let nul = memory(order(r#"["a\u0000b"]"#).as_bytes(), true);
    let other = memory(order("[]").replace(":1,", ":7,").as_bytes(), true);
    let with = |first: &OwnedFd| [first.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd()];
    let rows: Vec<(&str, Vec<u8>, Vec<RawFd>, &str)> = vec![
        ("nothing but noise", b"\xff\x00".to_vec(), vec![], "no message"),
        ("another version", br#"{"version":2,"message":"run"}"#.to_vec(), vec![], "version 2"),
        ("too long", vec![b'x'; 5000], vec![], "no whole message"),
        ("too many descriptors", RUN.into(), vec![null.as_raw_fd(); 20], "no whole message"),
        ("too few descriptors", RUN.into(), vec![sealed.as_raw_fd()], "descriptors"),
        ("an order that can still change", RUN.into(), with(&open).to_vec(), "sealed"),
        ("an order that is no memory file", RUN.into(), with(&null).to_vec(), "sealed"),
        ("an order that is too long", RUN.into(), with(&huge).to_vec(), "sealed"),
        ("an order of another version", RUN.into(), with(&other).to_vec(), "version 7"),
        ("a NUL byte", RUN.into(), with(&nul).to_vec(), "NUL"),
    ];
    for (what, request, descriptors, why) in rows {
        let caller = Caller::new(&subject);
        caller.say(&request, &descriptors);
        let answer = caller.hear();
        assert!(answer.contains("refused") && answer.contains(why), "{what}: {answer:?}");
        assert_eq!(caller.hear(), "", "{what}: and hangs up");
    }
}

#[test]
fn a_replayed_request_runs_nothing_and_the_first_one_ends_as_it_would() {
    if !is_here() {
        return;
    }
    let subject = Subject::new("keep-again");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let script = r#"["/bin/sh","-c","echo x >> /tmp/runs; sleep 0.5; exit 7"]"#;
    let (order, null) = (memory(order(script).as_bytes(), true), null());
    let descriptors = [order.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd(), null.as_raw_fd()];
    let caller = Caller::new(&subject);
    caller.say(RUN.as_bytes(), &descriptors);
    assert!(caller.hear().contains("started"));
    caller.say(RUN.as_bytes(), &descriptors);
    assert!(caller.hear().contains("one request a connection"));
    assert!(caller.hear().contains(r#""status":7"#));
    assert_eq!(subject.inside(&["/bin/cat", "/tmp/runs"]), "x\n");
}

#[test]
fn a_caller_that_asks_nothing_is_hung_up_on() {
    if !is_here() {
        return;
    }
    let subject = Subject::new("keep-silent");
    subject.create("/bin/sleep 1000");
    subject.must("jailmgr", &["start"]);
    let silent = Caller::new(&subject);
    assert_eq!(silent.hear(), "");
}
