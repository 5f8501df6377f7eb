# not A and B is (not A) and B.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a {
  if (not ip.saddr in [10.0.0.9] and ip.ttl == 64) { drop }
  accept
}
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53]

+0ms in e udp 10.0.0.10:7 > 10.0.0.45:53
     drop input e
