# A segment out of nowhere is invalid.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, input: a }
Conntrack c { stateful_tcp: true }
Filter::IP a { accept }
END

+0ms in e tcp 10.0.0.9:7 > 10.0.0.45:53 A ack 1
     drop Invalid e

+0ms in e tcp 10.0.0.9:8 > 10.0.0.45:53 S
     local e
     out e tcp 10.0.0.45:53 > 10.0.0.9:8 RA
