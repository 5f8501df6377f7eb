//! A node between two fake ports.

mod dhcp;
mod net;
mod traffic;
mod world;

use super::*;
use alloc::string::{String, ToString};
use alloc::vec;
use policy::{Balancer, NicRef, Place, Timer, TimerData};
use wire::MacAddr;
use world::{World, iface, policy, seed};

fn node(policy: Policy, world: &World) -> Node<World> {
    let settings = Settings { unix_time: Some(Duration::from_secs(1_065_910_455)), ..Settings::default() };
    Node::new(policy, &world.nics, settings).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn an_iface_whose_nic_is_missing_is_named_with_its_line_and_so_are_all_others() {
    let mac = MacAddr([0xc0, 1, 10, 0, 0, 0x99]);
    let mut ifaces = vec![iface("outside", 0), iface("inside", 2), iface("dmz", 0), iface("guests", 1)];
    ifaces[1].place = Place { line: 7, column: 1 };
    ifaces[2].nic = NicRef::Mac(mac);
    ifaces[3].vlan = Some(13);
    ifaces[3].mtu = Some(9000);
    let world = World::new();
    let errors = Node::<World>::new(policy(ifaces), &world.nics, Settings::default()).err().unwrap();
    let errors: Vec<String> = errors.iter().map(StartError::to_string).collect();
    assert_eq!(
        errors,
        [
            "seed.nacl:7:1: Iface inside: there is no NIC with index 2, this machine has index 0 to 1",
            "seed.nacl: Iface dmz: there is no NIC with MAC address c0:01:0a:00:00:99, this machine has \
             c0:01:0a:00:00:00, c0:01:0a:00:00:01",
            "seed.nacl: Iface guests: its mtu 9000 is larger than the 1500 bytes that its NIC carries",
        ]
    );
}

#[test]
fn index_and_mac_address_may_not_mean_one_nic() {
    let mut ifaces = vec![iface("outside", 1), iface("inside", 0)];
    let world = World::new();
    ifaces[1].nic = NicRef::Mac(world.nics[1].mac);
    let errors = Node::<World>::new(policy(ifaces.clone()), &world.nics, Settings::default()).err().unwrap();
    let expected = "seed.nacl: Iface inside: it means the NIC with index 1, as Iface outside does";
    assert_eq!(errors.iter().map(StartError::to_string).collect::<Vec<_>>(), [expected]);
    ifaces[1].vlan = Some(13);
    assert!(Node::<World>::new(policy(ifaces), &world.nics, Settings::default()).is_ok());
}

#[test]
fn the_mtu_is_the_policys_then_the_nics_then_ethernets() {
    //  device        plain         vlan's own    plain is      vlan is
    let table = [
        (None, None, None, 1500, 1500),
        (Some(9000), None, None, 9000, 9000),
        (Some(9000), Some(4000), None, 4000, 4000),
        (Some(1400), Some(1500), Some(1300), 1500, 1300),
    ];
    for (device, plain, vlan, plain_is, vlan_is) in table {
        let mut world = World::new();
        world.nics[0].mtu = device;
        let mut ifaces = vec![iface("vlan", 0), iface("plain", 0)];
        (ifaces[0].vlan, ifaces[0].mtu, ifaces[1].mtu) = (Some(13), vlan, plain);
        let node = node(policy(ifaces), &world);
        let mtus: Vec<u16> = node.plane().links().iter().map(|link| link.mtu).collect();
        assert_eq!(mtus, [vlan_is, plain_is]);
    }
}

#[test]
fn the_start_is_reported_line_by_line_with_routes_in_the_order_of_their_search() {
    let mut world = World::new();
    node(seed(), &world).report_start(&mut world);
    let version = concat!("saltgate ", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        world.lines,
        [
            version,
            "nic 0 c0:01:0a:00:00:00 fake iface outside",
            "nic 1 c0:01:0a:00:00:01 fake iface inside",
            "iface outside nic 0 mtu 1500 address 10.0.0.2/24 gateway 10.0.0.1 address6 2001:db8::2/64",
            "iface inside nic 1 mtu 1500 address 192.168.0.1/24",
            "route 10.0.0.0/24 iface outside on-link cost 100",
            "route 192.168.0.0/24 iface inside on-link cost 100",
            "route 0.0.0.0/0 iface outside via 10.0.0.1 cost 100",
            "chain forward: web_only (30:1)",
            "tables flows 65536 neighbors 1024 held 256 fragments 4096 KiB",
        ]
    );
}

#[test]
fn a_conntrack_limit_sizes_the_table_as_far_as_memory_goes() {
    for (limit, size, cut) in [(None, 500, false), (Some(800), 800, false), (Some(2000), 1000, true)] {
        let mut world = World::new();
        let mut parts = world::parts(vec![iface("outside", 0)]);
        parts.conntrack.limit = limit;
        let limits = Limits { flows: 500, ..Limits::default() };
        let settings = Settings { limits, flows_ceiling: 1000, ..Settings::default() };
        let mut node = Node::<World>::new(Policy::new(parts).unwrap(), &world.nics, settings).unwrap();
        node.report_start(&mut world);
        assert_eq!(
            world.lines.last().unwrap(),
            &alloc::format!("tables flows {size} neighbors 1024 held 256 fragments 4096 KiB")
        );
        let line = "conntrack limit 2000 cut to 1000: memory has room for no more";
        assert_eq!(world.lines.iter().any(|said| said == line), cut);
    }
}

#[test]
fn events_are_lines() {
    let log = |severity, text| Event::Log { severity, text };
    let duplicate = |address: &str| Event::DuplicateAddress { iface: IfaceId(0), address: address.parse().unwrap() };
    let dropped = Event::Dropped { iface: None, reason: plane::DropReason::NoIface };
    let table = [
        (log(None, "one"), &["one"][..]),
        (log(None, "one\n"), &["one"]),
        (log(None, "one\n\ntwo"), &["one", "", "two"]),
        (log(None, ""), &[]),
        (log(Some(6), "hello"), &["<14> <USER.INFO> 2003-10-11T22:14:17.000Z saltgate: hello"]),
        (
            log(Some(4), "a\nb"),
            &[
                "<12> <USER.WARNING> 2003-10-11T22:14:17.000Z saltgate: a",
                "<12> <USER.WARNING> 2003-10-11T22:14:17.000Z saltgate: b",
            ],
        ),
        (Event::Suppressed { lines: 7 }, &["suppressed 7"]),
        (duplicate("10.0.0.2"), &["duplicate address outside 10.0.0.2 kept, another station has it"]),
        (duplicate("2001:db8::2"), &["duplicate address outside 2001:db8::2 given up, another station has it"]),
        (dropped, &[]),
    ];
    for (event, expected) in table {
        let mut world = World::new();
        let mut node = node(seed(), &world);
        node.turn(Instant::from_secs(2), &mut world);
        let Node { stack, console, clock, .. } = &mut node;
        Door { ports: &mut world, stack, console, clock }.event(event);
        assert_eq!(world.lines, expected);
        assert_eq!(world.events, [alloc::format!("{event:?}")], "the host sees it as it is");
    }
}

#[test]
fn a_log_line_of_a_box_that_does_not_know_the_time_says_so() {
    let mut world = World::new();
    let mut node = Node::<World>::new(seed(), &world.nics, Settings::default()).unwrap();
    let Node { stack, console, clock, .. } = &mut node;
    let event = Event::Log { severity: Some(0), text: "help" };
    Door { ports: &mut world, stack, console, clock }.event(event);
    assert_eq!(world.lines, ["<8> <USER.EMERG> - saltgate: help"]);
}

#[test]
fn timers_tick_a_second_after_the_start_and_then_at_their_interval() {
    use TimerData::{Cpu, Lb, Memory, StackSampling, Stats, Timers, Timestamp};
    let timer = |name: &str, secs, data: &[TimerData]| Timer {
        name: name.into(),
        interval: Duration::from_secs(secs),
        data: data.to_vec(),
        place: Place::NONE,
    };
    let mut world = World::new();
    let mut parts = world::parts(vec![iface("outside", 0)]);
    parts.timers = vec![timer("slow", 10, &[Timestamp, Memory, Lb, StackSampling, Timers]), timer("fast", 4, &[Cpu])];
    let mut node = node(Policy::new(parts).unwrap(), &world);
    let vitals = |idle| Vitals { memory_total: 64 << 20, memory_used: 5 << 20, idle };

    let turn = node.turn(Instant::BOOT, &mut world);
    assert_eq!(turn, Turn { busy: false, more: false, wake: Some(Instant::from_secs(1)) });
    assert_eq!(node.turn(Instant::from_millis(999), &mut world), turn, "nothing has changed");
    world.vitals = Some(vitals(Some(Duration::from_millis(900))));
    assert_eq!(node.turn(Instant::from_secs(1), &mut world).wake, Some(Instant::from_secs(5)));
    assert_eq!(
        core::mem::take(&mut world.lines),
        [
            "[ NaCl Timer Timestamp ] Sat Oct 11 22:14:16 2003",
            "[ NaCl Timer Memory ] Total memory: 64.0 MiB, in use 7.8%",
            "[ NaCl Timer Stack Sampling ] not available",
            "[ NaCl Timer Timers ] Active: 2 Existing: 2 Free: 0",
            "[ NaCl Timer CPU ] Usage: 10.00% Idle: 90.00%",
        ]
    );
    world.vitals = Some(vitals(Some(Duration::from_millis(1900))));
    node.turn(Instant::from_secs(5), &mut world);
    assert_eq!(core::mem::take(&mut world.lines), ["[ NaCl Timer CPU ] Usage: 75.00% Idle: 25.00%"]);

    world.vitals = None;
    let turn = node.turn(Instant::from_secs(100), &mut world);
    assert_eq!(world.lines.last().unwrap(), "[ NaCl Timer CPU ] not available");
    assert_eq!((world.lines.len(), turn.wake), (5, Some(Instant::from_secs(104))), "missed ticks are not made up for");

    let mut parts = world::parts(vec![iface("outside", 0)]);
    parts.timers = vec![timer("all", 1, &[Stats, Lb])];
    let nodes = vec![];
    parts.balancer = Some(Balancer {
        name: "lb".into(),
        clients: IfaceId(0),
        port: 80,
        wait_queue_limit: 1,
        session_limit: 1,
        servers: IfaceId(0),
        nodes,
        place: Place::NONE,
    });
    let mut world = World::new();
    self::node(Policy::new(parts).unwrap(), &world).turn(Instant::from_secs(1), &mut world);
    assert!(world.lines[0].starts_with("[ NaCl Timer Stats ] outside received 0 forwarded 0 "), "{:?}", world.lines);
    assert_eq!(world.lines[2], "[ NaCl Timer LB ] lb: sessions 0 waiting 0 nodes up 0 of 0");
}

#[test]
fn every_counter_is_a_line_of_name_iface_and_value() {
    let mut world = World::new();
    node(policy(vec![iface("outside", 0)]), &world).report_counters(&mut world);
    let expected = ["received", "forwarded", "delivered", "link", "originated", "sent", "transmitted"];
    let expected = ["outside", "-"].into_iter().flat_map(|name| expected.map(|what| alloc::format!("{what} {name} 0")));
    let (counters, rest) = world.lines.split_at(14);
    assert_eq!(counters, expected.collect::<Vec<_>>());
    assert_eq!(rest[0], "stack received 0 queue_full 0 refused 0 sent 0 no_buffer 0");
    assert!(rest[1].starts_with("tables flows 0 of "), "{rest:?}");
}
