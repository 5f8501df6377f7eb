# Nothing runs behind a drop.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: [a, b] }
Filter::IP a { drop }
Filter::IP b { log("b") accept }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop input e
