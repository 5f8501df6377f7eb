# Only what the box has asked for gets in.
config <<END
Iface e { index: 0, address: 10.0.0.45, netmask: 255.255.255.0, prerouting: ring, input: answers }
Syslog s { address: 10.0.0.9, port: 514 }
Filter::IP ring { Filter::UDP { if (udp.dport == 1) { syslog(INFO, "ring") } } accept }
Filter::IP answers { if (ct.state == established) { accept } drop }
END

+0ms in e udp 10.0.0.9:7 > 10.0.0.45:53
     drop input e

# The box speaks, …
+0ms in e udp 10.0.0.8:1 > 10.0.0.45:1
     drop input e
     out e udp 10.0.0.45:$port > 10.0.0.9:514

# … and may be answered from there, but not from elsewhere.
+5ms in e udp 10.0.0.9:514 > 10.0.0.45:$port
     local e
     out e icmp unreachable-port 10.0.0.45 > 10.0.0.9 [udp 10.0.0.9:514 > 10.0.0.45:$port]

+0ms in e udp 10.0.0.8:514 > 10.0.0.45:$port
     drop input e
