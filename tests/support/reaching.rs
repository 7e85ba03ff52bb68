//! Every way of reaching a port of 127.0.0.1, each answering 0 or an errno.

/// What a way begins with, the port, and how it ends.
pub type Way = (&'static str, fn(u16) -> i32);

pub const TCP: &[Way] = &[
    ("connect, TCP", |port| connect(libc::AF_INET, libc::SOCK_STREAM, 0, &v4(port))),
    ("connect, TCP, IPv4 mapped", |port| connect(libc::AF_INET6, libc::SOCK_STREAM, 0, &mapped(port))),
    ("sendto, TCP Fast Open", |port| send(libc::AF_INET, libc::SOCK_STREAM, 0, &v4(port), libc::MSG_FASTOPEN)),
];

pub const UDP: &[Way] = &[
    ("connect, UDP", |port| connect(libc::AF_INET, libc::SOCK_DGRAM, 0, &v4(port))),
    ("connect, UDP, IPv4 mapped", |port| connect(libc::AF_INET6, libc::SOCK_DGRAM, 0, &mapped(port))),
    ("connect, UDP, an IPv4 address on IPv6", |port| connect(libc::AF_INET6, libc::SOCK_DGRAM, 0, &v4(port))),
    ("sendto, UDP", |port| send(libc::AF_INET, libc::SOCK_DGRAM, 0, &v4(port), 0)),
    ("sendto, UDP, IPv4 mapped", |port| send(libc::AF_INET6, libc::SOCK_DGRAM, 0, &mapped(port), 0)),
    ("sendto, UDP, an IPv4 address on IPv6", |port| send(libc::AF_INET6, libc::SOCK_DGRAM, 0, &v4(port), 0)),
    ("sendto, UDP, AF_UNSPEC", |port| send(libc::AF_INET, libc::SOCK_DGRAM, 0, &unspecified(port), 0)),
    ("sendto, UDP-Lite", |port| send(libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE, &v4(port), 0)),
    ("sendmmsg, UDP, the second message", second_message),
];

/// An address as it lies in memory.
type Address = Vec<u8>;

pub fn v4(port: u16) -> Address {
    at(libc::AF_INET, [127, 0, 0, 1], port)
}

fn unspecified(port: u16) -> Address {
    at(libc::AF_UNSPEC, [127, 0, 0, 1], port)
}

/// struct sockaddr_in of ip(7).
pub fn at(family: i32, address: [u8; 4], port: u16) -> Address {
    let parts: [&[u8]; 4] = [&(family as u16).to_ne_bytes(), &port.to_be_bytes(), &address, &[0; 8]];
    parts.concat()
}

/// struct sockaddr_in6 of ipv6(7), with `::ffff:127.0.0.1`.
fn mapped(port: u16) -> Address {
    let address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
    let parts: [&[u8]; 5] = [&(libc::AF_INET6 as u16).to_ne_bytes(), &port.to_be_bytes(), &[0; 4], &address, &[0; 4]];
    parts.concat()
}

pub fn ended(answer: i64) -> i32 {
    if answer < 0 { std::io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
}

/// Leaked: the process of a test ends soon.
pub fn socket(family: i32, kind: i32, protocol: i32) -> i32 {
    // SAFETY: takes only numbers.
    unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) }
}

pub fn connect(family: i32, kind: i32, protocol: i32, address: &[u8]) -> i32 {
    connect_it(socket(family, kind, protocol), address)
}

pub fn connect_it(socket: i32, address: &[u8]) -> i32 {
    // SAFETY: an address of the size given.
    ended(unsafe { libc::connect(socket, address.as_ptr().cast(), address.len() as u32) }.into())
}

pub fn send(family: i32, kind: i32, protocol: i32, address: &[u8], flags: i32) -> i32 {
    send_it(socket(family, kind, protocol), address, flags)
}

/// An empty address: none.
pub fn send_it(socket: i32, address: &[u8], flags: i32) -> i32 {
    let to = if address.is_empty() { std::ptr::null() } else { address.as_ptr().cast() };
    // SAFETY: a byte, and an address of the size given.
    ended(unsafe { libc::sendto(socket, b"x".as_ptr().cast(), 1, flags | libc::MSG_NOSIGNAL, to, address.len() as u32) } as i64)
}

/// The kernel asks about the second message of a call only if it goes elsewhere than the first.
fn second_message(port: u16) -> i32 {
    let addresses = [v4(port), v4(port)];
    let mut part = libc::iovec { iov_base: b"x".as_ptr().cast_mut().cast(), iov_len: 1 };
    let mut messages = addresses.each_ref().map(|address| {
        // SAFETY: all zero is an empty message.
        let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
        message.msg_hdr.msg_name = address.as_ptr().cast_mut().cast();
        message.msg_hdr.msg_namelen = address.len() as u32;
        message.msg_hdr.msg_iov = &raw mut part;
        message.msg_hdr.msg_iovlen = 1;
        message
    });
    // SAFETY: two messages whose parts live through the call.
    let answer = unsafe { libc::sendmmsg(socket(libc::AF_INET, libc::SOCK_DGRAM, 0), messages.as_mut_ptr(), 2, 0) };
    if answer == 1 { -1 } else { ended(answer.into()) }
}
