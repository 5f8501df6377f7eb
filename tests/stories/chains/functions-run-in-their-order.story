# The Filter stands before the Nat and sees the port that the packet came with.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, prerouting: [f, n] }
Nat::UDP n { if (udp.dport == 53) { dnat(5353) } }
Filter::IP f {
  Filter::UDP { if (udp.dport == 5353) { accept } }
  drop
}
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop prerouting e
