//! A network that has an Iface and no route: the box is there for it, and leads nowhere.

use anyhow::{Result, ensure};
use lab::{Counters, Folder, Kind, Reach, Site};
use saltgate_vm_tests::{Rig, SILENCE, at, example, image, machine};

#[test]
fn an_iface_that_no_route_names_is_no_way_in_or_out() -> Result<()> {
    let Some(image) = image("an_iface_that_no_route_names_is_no_way_in_or_out", &["ping"]) else { return Ok(()) };
    let folder = Folder::new("management")?;
    let management = "Iface management { address: 172.16.99.1, netmask: 255.255.255.0, index: 2 }\n";
    let seed = std::fs::read_to_string(example("seed.nacl"))?;
    let config = folder.write("seed.nacl", seed + management)?;
    let mut rig = Rig::boot(machine(Kind::Microvm, &image, &config))?;

    let host = &rig.site.management;
    // What the site has pinned down for a box that does not answer here is what it answers.
    host.ip("neighbor flush dev eth0")?;
    host.succeed("ping -c 2 -i 0.2 -W 2 172.16.99.1")?;

    rig.site.web.listen(at(Site::WEB, 80))?;
    let before = Counters::read(&mut rig.console)?;
    ensure!(rig.site.management.connect(at(Site::WEB, 80), SILENCE)? != Reach::Open);
    let after = Counters::read(&mut rig.console)?;
    ensure!(after.drops("management", "NotForwarding") > before.drops("management", "NotForwarding"), "{after:?}");

    // The bastion may send anything, but there is no way: the default route leads back to where it came from.
    rig.site.management.listen(at(Site::MANAGEMENT, 22))?;
    rig.site.router.ip(&format!("route add {} via {}", Site::MANAGEMENT, Site::OUTSIDE))?;
    let before = rig.site.management.received("eth0")?;
    ensure!(rig.site.bastion.connect(at(Site::MANAGEMENT, 22), SILENCE)? != Reach::Open);
    // The box's own ARP may have come meanwhile, as the answer to nothing more than its ping.
    ensure!(rig.site.management.received("eth0")? <= before + 2);
    Ok(())
}
