use std::os::unix::fs::symlink;

use super::*;
use crate::kernel::{JailDef, Level};

fn def(name: &str) -> JailDef {
    let connect = vec!["any:53/udp".parse().unwrap()];
    let policy = Policy {
        connect,
        ..Policy::new(Level::Medium.rights(), vec!["127.0.0.2:5000-5010/tcp".parse().unwrap(), "8080".parse().unwrap()])
    };
    JailDef { name: name.parse().unwrap(), root: "/r".into(), profile: "medium".into(), policy }
}

fn added(registry: &Registry, name: &str) -> Jid {
    let guard = registry.lock().unwrap();
    let jid = registry.next_jid(&guard).unwrap();
    registry.add(&guard, jid, &def(name)).unwrap();
    jid
}

#[test]
fn jails_are_found_again_and_numbers_are_never_given_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(&scratch.path().join("landlock")).unwrap();
    let (a, b) = (added(&registry, "a"), added(&registry, "b"));
    assert_eq!((a.get(), b.get()), (1, 2));
    let again = Registry::open(&scratch.path().join("landlock")).unwrap();
    assert_eq!(again.jails().unwrap().iter().map(|jail| jail.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    again.remove(&again.lock().unwrap(), b).unwrap();
    assert!(matches!(again.jail(b), Err(KernelError::NoSuchJail(_))));
    assert_eq!(added(&again, "b").get(), 3);
    assert_eq!(again.jail(a).unwrap().info(7).policy, def("a").policy);
}

#[test]
fn what_an_earlier_boot_left_is_forgotten() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    added(&registry, "a");
    fs::write(scratch.path().join("boot"), "\"another\"").unwrap();
    assert_eq!(Registry::open(scratch.path()).unwrap().jails().unwrap(), []);
}

#[test]
fn a_torn_or_foreign_file_is_an_error_that_names_it() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    let jid = added(&registry, "a");
    let path = scratch.path().join(format!("jails/{jid}"));
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, whole.replace("\"version\":2", "\"version\":9")).unwrap();
    assert!(matches!(registry.jail(jid), Err(KernelError::Abi { found: 9, ours: VERSION })));
    fs::write(&path, &whole[..20]).unwrap();
    assert!(registry.jail(jid).unwrap_err().to_string().contains("jails/1"));
}

fn named(name: &str) -> JailName {
    name.parse().unwrap()
}

fn owner(registry: &Registry, wanted: &str) -> Option<JailName> {
    registry.in_the_way(&[wanted.parse().unwrap()]).unwrap().map(|found| found.owner)
}

/// A jail with a port of its own.
fn added_with(registry: &Registry, name: &str, port: impl ToString) -> Jid {
    let guard = registry.lock().unwrap();
    let jid = registry.next_jid(&guard).unwrap();
    let policy = Policy::new(Level::Medium.rights(), vec![port.to_string().parse().unwrap()]);
    registry.add(&guard, jid, &JailDef { policy, ..def(name) }).unwrap();
    jid
}

#[test]
fn a_jail_is_found_by_name_and_by_port_until_it_is_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    let (a, b) = (added_with(&registry, "a", 80), added_with(&registry, "b.1", 81));
    let port =
        |number: i64| owner(&registry, &number.to_string()).and_then(|name| registry.find(&name).unwrap()).map(|jail| jail.jid);
    let find = |name: &str| registry.find(&named(name)).unwrap().map(|jail| jail.jid);
    assert_eq!(
        (find("a"), find("b.1"), find("b"), port(80), port(81), port(82)),
        (Some(a), Some(b), None, Some(a), Some(b), None)
    );
    registry.remove(&registry.lock().unwrap(), a).unwrap();
    assert_eq!((find("a"), port(80), find("b.1")), (None, None, Some(b)));
    registry.remove(&registry.lock().unwrap(), a).unwrap();
    assert_eq!(registry.ports().unwrap().into_iter().collect::<Vec<_>>(), [81]);
}

#[test]
fn what_overlaps_is_found_and_what_has_another_address_or_protocol_is_nobodys() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    let reserved = ["127.0.0.2:53/udp", "[::1]:53/tcp", "5000-5002/tcp"];
    for (i, text) in reserved.iter().enumerate() {
        added_with(&registry, &format!("j{i}"), text);
    }
    let owners = ["53/udp", "[::1]:53", "4000-5000", "5003", "127.0.0.3:53/udp", "5000/udp"].map(|text| owner(&registry, text));
    assert_eq!(owners, [Some(named("j0")), Some(named("j1")), Some(named("j2")), None, None, None]);
    assert_eq!(registry.ports().unwrap().into_iter().collect::<Vec<_>>(), [53, 5000, 5001, 5002]);
    registry.sweep(&registry.lock().unwrap()).unwrap();
    assert_eq!(owner(&registry, "53/udp"), Some(named("j0")));
}

#[test]
fn links_without_a_jail_that_a_kill_left_find_nobody_and_go() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    let a = added_with(&registry, "a", 80);
    // Killed before the file was written, and after it was removed.
    for (jid, name, port) in [(a.get() + 1, "early", "81"), (a.get() + 2, "late", "82")] {
        symlink(jid.to_string(), scratch.path().join("names").join(name)).unwrap();
        symlink(jid.to_string(), scratch.path().join("ports").join(port)).unwrap();
    }
    let guard = registry.lock().unwrap();
    registry.next_jid(&guard).unwrap();
    drop(guard);
    for (name, port) in [("early", 81), ("late", 82)] {
        assert_eq!(registry.find(&named(name)).unwrap(), None);
        assert_eq!(owner(&registry, &port.to_string()), None);
    }
    // The number of what came to nothing is another jail's now: it has neither that name nor that port.
    let other = added_with(&registry, "other", 83);
    symlink(other.get().to_string(), scratch.path().join("ports/84")).unwrap();
    assert_eq!(registry.find(&named("late")).unwrap(), None);
    assert_eq!(owner(&registry, "84"), None);
    assert_eq!(added_with(&registry, "early", 81), registry.find(&named("early")).unwrap().unwrap().jid);
    registry.sweep(&registry.lock().unwrap()).unwrap();
    assert_eq!(registry.ports().unwrap().into_iter().collect::<Vec<_>>(), [80, 81, 83]);
    assert!(fs::symlink_metadata(scratch.path().join("names/late")).is_err());
    assert!(registry.find(&named("a")).unwrap().is_some());
}

#[test]
fn a_name_is_one_jails_however_many_make_it_at_a_time() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path();
    let made: Vec<Jid> = std::thread::scope(|scope| {
        let make = || {
            let registry = Registry::open(directory).unwrap();
            let guard = registry.lock().unwrap();
            if registry.find(&named("same")).unwrap().is_some() {
                return None;
            }
            let jid = registry.next_jid(&guard).unwrap();
            registry.add(&guard, jid, &def("same")).unwrap();
            Some(jid)
        };
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        makers.into_iter().filter_map(|maker| maker.join().unwrap()).collect()
    });
    let registry = Registry::open(directory).unwrap();
    assert_eq!(made, [registry.find(&named("same")).unwrap().unwrap().jid]);
    assert_eq!(registry.jails().unwrap().len(), 1);
}

#[test]
fn jails_that_a_jailsh_without_links_left_running_are_found_by_name() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    let jid = added_with(&registry, "a", 80);
    for part in ["names", "ports"] {
        fs::remove_dir_all(scratch.path().join(part)).unwrap();
    }
    let again = Registry::open(scratch.path()).unwrap();
    assert_eq!(again.find(&named("a")).unwrap().unwrap().jid, jid);
    assert_eq!(owner(&again, "80"), Some(named("a")));
}

#[test]
fn whoever_was_killed_at_a_change_is_seen_by_the_next() {
    let scratch = tempfile::tempdir().unwrap();
    let registry = Registry::open(scratch.path()).unwrap();
    let guard = registry.lock().unwrap();
    assert!(registry.is_settled(&guard));
    registry.unsettle(&guard).unwrap();
    registry.unsettle(&guard).unwrap();
    assert!(!registry.is_settled(&guard));
    registry.settle(&guard).unwrap();
    assert!(registry.is_settled(&guard));
}
