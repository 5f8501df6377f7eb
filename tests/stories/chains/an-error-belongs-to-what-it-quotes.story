# An ICMP error about a packet that the box has sent is related; about any other it is invalid.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, prerouting: ring, input: f }
Syslog s { address: 10.0.0.9, port: 514 }
Filter::IP ring { Filter::UDP { if (udp.dport == 1) { syslog(INFO, "ring") } } accept }
Filter::IP f {
  if (ct.state == related) { log("r") accept }
  if (ct.state == established) { accept }
  drop
}
END

+0ms in e udp 10.0.0.8:1 > 10.0.0.45:1
     drop input e
     out e udp 10.0.0.45:$port > 10.0.0.9:514

+5ms in e icmp unreachable-port 10.0.0.9 > 10.0.0.45 [udp 10.0.0.45:$port > 10.0.0.9:514]
     console "r"
     local e

+0ms in e icmp unreachable-port 10.0.0.9 > 10.0.0.45 [udp 10.0.0.45:6 > 10.0.0.9:515]
     drop Invalid e
