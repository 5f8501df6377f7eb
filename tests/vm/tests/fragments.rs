//! Datagrams of every size between real hosts: their fragments are held, judged as one, and sent on.

use anyhow::{Context, Result, ensure};
use lab::{Counters, Host, Kind, Plug, Site};
use saltgate_vm_tests::{PATIENCE, example, image, machine, power_on};

#[test]
fn echoes_of_every_size_pass_and_no_fragment_is_left_over() -> Result<()> {
    let Some(image) = image("echoes_of_every_size_pass_and_no_fragment_is_left_over", &["ping"]) else {
        return Ok(());
    };
    let (outer, inner) = (Host::new("outer")?, Host::new("inner")?);
    let plugs = [(&outer, Site::MACS[0]), (&inner, Site::MACS[1])];
    let plugs = plugs.map(|(host, mac)| Plug { host, device: "eth0", mac });
    let (_lab, mut console) = power_on(&machine(Kind::Q35, &image, &example("seed.nacl")), &plugs)?;
    for (host, address) in [(&outer, "10.0.0.1/24"), (&inner, "192.168.0.50/24")] {
        host.sysctl("ipv6/conf/eth0/disable_ipv6", "1")?;
        host.address("eth0", address)?;
    }
    inner.default_route("192.168.0.1")?;
    outer.ip("route add default via 10.0.0.2")?;
    outer.address("lo", "10.55.1.1/32")?;
    console.wait_for("tables", PATIENCE)?;
    outer.succeed("ping -c 1 -I 10.55.1.1 -W 2 192.168.0.50")?;

    let before = Counters::read(&mut console)?;
    // One packet, two fragments, four, and as many as there can be.
    for size in [1472, 1473, 5000, 65_507] {
        let ping = format!("ping -c 3 -i 0.2 -s {size} -I 10.55.1.1 -W 2 192.168.0.50");
        outer.succeed(&ping).with_context(|| format!("{size} bytes"))?;
    }
    let after = Counters::read(&mut console)?;
    let drops = after.drops_since(&before);
    ensure!(drops.is_empty(), "{drops:?}");
    for iface in ["outside", "inside"] {
        let more = |what: &str| after.of(iface, what) - before.of(iface, what);
        let fragments = 3 * (1 + 2 + 4 + 45);
        ensure!(more("forwarded") == fragments, "{iface}: {} of {fragments} fragments forwarded", more("forwarded"));
    }
    Ok(())
}
