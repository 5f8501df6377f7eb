# Any protocol may reach the box; what nobody there speaks is unreachable.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a { accept }
END

+0ms in e ip gre 10.0.0.9 > 10.0.0.45 len 40
     local e
     out e icmp unreachable-protocol 10.0.0.45 > 10.0.0.9 [ip gre 10.0.0.9 > 10.0.0.45]
