# The first packet is new on every hook, and so is the second as long as nobody has answered.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, prerouting: a }
Filter::IP a {
  if (ct.state == new) { log("n") accept }
  accept
}
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     console "n"
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53]

+5ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     console "n"
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53]
