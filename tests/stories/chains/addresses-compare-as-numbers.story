# The most significant octet first.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a, gateway: 10.0.0.1 }
Filter::IP a {
  if (ip.saddr < 10.0.0.10) { drop }
  accept
}
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop input e

+0ms in e udp 9.255.255.255:7 > 10.0.0.45:53
     drop input e

+0ms in e udp 10.0.0.10:7 > 10.0.0.45:53
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.10 [udp 10.0.0.10:7 > 10.0.0.45:53]
