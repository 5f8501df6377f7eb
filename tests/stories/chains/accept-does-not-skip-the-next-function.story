# A chain runs all its functions: what the first accepts, the second may drop.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: [a, b] }
Filter::IP a { accept }
Filter::IP b { drop }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop input e
