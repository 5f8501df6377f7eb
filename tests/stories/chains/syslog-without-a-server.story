# The console takes the line.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Filter::IP a { syslog(Info, "a", ip.ttl, "b") accept }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     log info "a64b"
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:7 > 10.0.0.45:53]
