//! The NetBSD body of the program over the NetBSD module over the double of the kernel: what one says, the other hears.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use jailsh::kernel::netbsd::{Netbsd, Nodes, abi};
use jailsh::kernel::{JailDef, Kernel, KernelError, Level, Policy};
use nix::errno::Errno;

use crate::workshop::{NETBSD_10, Workshop, said, text};

/// `serve.c`, asked line by line.
pub struct Served {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
    _workshop: Workshop,
}

impl Served {
    pub fn start() -> Served {
        let workshop = Workshop::new("body", NETBSD_10);
        workshop.build(None).unwrap_or_else(|said| panic!("{said}"));
        let mut child = Command::new(workshop.path("serve")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let pipes = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Served { child, pipes: RefCell::new(pipes), _workshop: workshop }
    }

    pub fn ask(&self, question: &str) -> (Vec<u8>, Result<(), i32>) {
        let mut pipes = self.pipes.borrow_mut();
        writeln!(pipes.0, "{question}").unwrap();
        let mut line = String::new();
        pipes.1.read_line(&mut line).unwrap();
        let (error, hex) = line.trim_end_matches('\n').split_once(' ').unwrap_or_else(|| panic!("{question:.40}: {line:?}"));
        let bytes = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        (
            bytes,
            match error.parse().unwrap() {
                0 => Ok(()),
                error => Err(error),
            },
        )
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The body and its gates share the server.
#[derive(Clone)]
pub struct Wire(Rc<Served>);

impl Wire {
    pub fn over(served: &Rc<Served>) -> Wire {
        Wire(Rc::clone(served))
    }
}

impl Nodes for Wire {
    fn read(&self, node: &str) -> Result<Vec<u8>, i32> {
        let (bytes, result) = self.0.ask(&format!("read {node}"));
        result.map(|()| bytes)
    }

    fn write(&self, node: &str, new: &[u8]) -> Result<(), i32> {
        self.0.ask(&format!("write {node} {}", hex(new))).1
    }

    fn exchange(&self, node: &str, new: &[u8]) -> (Vec<u8>, Result<(), i32>) {
        self.0.ask(&format!("exchange {node} {}", hex(new)))
    }

    fn ticks_per_second(&self) -> u64 {
        100
    }

    fn release(&self) -> String {
        "double".into()
    }
}

fn def(name: &str, root: &str, ports: &[u16]) -> JailDef {
    let ports = ports.iter().map(|port| port.to_string().parse().unwrap()).collect();
    JailDef {
        name: name.parse().unwrap(),
        root: root.into(),
        profile: "medium".into(),
        policy: Policy::new(Level::Medium.rights(), ports),
    }
}

#[test]
fn a_port_of_one_address_protocol_or_a_range_is_refused_with_the_reason() {
    let served = Rc::new(Served::start());
    let body = Netbsd::open(Wire(Rc::clone(&served))).unwrap();
    let web = body.create(&def("web", "/jails/a", &[80])).unwrap();
    let wanted = |text: &str| {
        let mut def = def("db", "/jails/b", &[81]);
        def.policy.ports.push(text.parse().unwrap());
        def
    };
    let said = ["127.0.0.2:53", "53/udp", "5000-5010"].map(|text| body.create(&wanted(text)).unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"));
    assert!(matches!(body.update(web, &wanted("[::1]:80/tcp").policy), Err(KernelError::NotEnforceable { .. })));
    assert_eq!(body.list().unwrap().into_iter().map(|jail| jail.policy).collect::<Vec<_>>(), [def("web", "", &[80]).policy]);
}

#[test]
fn the_body_and_the_module_understand_each_other() {
    let served = Rc::new(Served::start());
    let body = Netbsd::open(Wire(Rc::clone(&served))).unwrap();
    let web = body.create(&def("web", "/jails/a", &[80, 443])).unwrap();
    let db = body.create(&def("db", "/jails/b", &[])).unwrap();

    let listed = body.list().unwrap();
    assert_eq!(listed.iter().map(|jail| (jail.jid, jail.name.as_str())).collect::<Vec<_>>(), [(web, "web"), (db, "db")]);
    assert_eq!(listed[0].policy, def("web", "", &[80, 443]).policy);
    assert_eq!((listed[0].root.as_str(), listed[0].profile.as_str(), listed[0].closing), ("/jails/a", "medium", false));

    assert!(matches!(body.create(&def("web", "/jails/c", &[])), Err(KernelError::NameTaken(name)) if name.as_str() == "web"));
    let taken = body.create(&def("other", "/jails/c", &[443]));
    assert!(
        matches!(&taken, Err(KernelError::PortTaken { port, owner, .. }) if port.to_string() == "443" && owner == "web"),
        "{taken:?}"
    );
    let mut policy = def("db", "", &[80]).policy;
    assert!(matches!(body.update(db, &policy), Err(KernelError::PortTaken { owner, .. }) if owner == "web"));
    policy = Policy::new(Level::High.rights(), def("db", "", &[5432]).policy.ports);
    body.update(db, &policy).unwrap();
    assert_eq!(body.list().unwrap()[1].policy, policy);

    let gate = body.gate(web).unwrap();
    assert_eq!(gate.enter(), Err(Errno::EPERM), "the host's own root is not the jail's");
    served.ask("become /jails/a").1.unwrap();
    gate.enter().unwrap();
    assert_eq!(gate.enter(), Err(Errno::EPERM), "a member is no host root");
    served.ask("live 250").1.unwrap();
    served.ask("host").1.unwrap();

    let members = body.members(web).unwrap();
    assert_eq!(members.len(), 1);
    assert_eq!(members[0].command, "test");
    assert!(body.members(db).unwrap().is_empty());
    let stats = body.stats(Some(web)).unwrap().remove(0);
    assert_eq!((stats.processes, stats.cpu_usec, stats.vmem_bytes), (1, 2_500_000, 1 << 20));
    let denials = stats.denials.unwrap();
    assert_eq!(denials.get(&"reboot".parse().unwrap()), Some(&1));

    assert!(matches!(body.destroy(web), Err(KernelError::Busy { members: 1, .. })));
    body.kill_all(web, Duration::from_secs(5)).unwrap();
    assert!(body.list().unwrap()[0].closing);
    assert_eq!(gate.enter(), Err(Errno::ESRCH), "nobody enters a jail that is being ended");
    let at_once = Wire(Rc::clone(&served)).write("destroy", &web.get().to_ne_bytes());
    assert_eq!(at_once, Err(abi::errno::EBUSY), "what was killed is a zombie still");
    body.destroy(web).unwrap();
    assert!(matches!(body.destroy(web), Err(KernelError::NoSuchJail(jid)) if jid == web));
    assert!(matches!(body.stats(Some(web)), Err(KernelError::NoSuchJail(_))));
    body.destroy(db).unwrap();
    assert!(body.list().unwrap().is_empty());
}

/// Of the module's header, and of the body.
fn layouts(workshop: &Workshop) -> (String, String) {
    let mut program = String::from(
        "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include \"netbsd/abi.h\"\nint main(void)\n{\n",
    );
    let mut wanted = String::new();
    for (name, field, offset, size) in abi::places() {
        if field.is_empty() {
            writeln!(program, "printf(\"{name}  0 %zu\\n\", sizeof(struct {name}));").unwrap();
        } else {
            let of = format!("((struct {name} *)0)->{field}");
            writeln!(program, "printf(\"{name} {field} %zu %zu\\n\", offsetof(struct {name}, {field}), sizeof({of}));").unwrap();
        }
        writeln!(wanted, "{name} {field} {offset} {size}").unwrap();
    }
    for (name, value) in [
        ("JAIL_ABI", u64::from(abi::ABI)),
        ("JAIL_ACTIVE", u64::from(abi::ACTIVE)),
        ("JAIL_UPDATE_RIGHTS", u64::from(abi::UPDATE_RIGHTS)),
        ("JAIL_UPDATE_PORTS", u64::from(abi::UPDATE_PORTS)),
        ("JAIL_UPDATE_CLOSE", u64::from(abi::UPDATE_CLOSE)),
    ] {
        writeln!(program, "printf(\"{name} %d\\n\", (int){name});").unwrap();
        writeln!(wanted, "{name} {value}").unwrap();
    }
    program += "return 0;\n}\n";
    fs::write(workshop.path("layout.c"), program).unwrap();
    let printer = workshop.path("print-layout");
    said(Command::new("cc").arg("-I").arg(workshop.path("kmod")).arg(workshop.path("layout.c")).arg("-o").arg(&printer))
        .unwrap_or_else(|said| panic!("{said}"));
    (text(&Command::new(printer).output().unwrap()), wanted)
}

#[test]
fn the_structures_of_the_body_are_those_of_the_module() {
    let (theirs, ours) = layouts(&Workshop::new("layout", NETBSD_10));
    assert_eq!(theirs, ours);
}

#[test]
fn fields_that_changed_places_are_found() {
    let workshop = Workshop::new("places", NETBSD_10);
    let (first, second) = ("	uint32_t port_count;\n", "	uint32_t taken_port; /* out */\n");
    let next = "	uint32_t unused1;";
    workshop.change("netbsd/abi.h", &format!("{first}{second}{next}"), &format!("{second}{first}{next}"));
    let (theirs, ours) = layouts(&workshop);
    assert_ne!(theirs, ours);
}
