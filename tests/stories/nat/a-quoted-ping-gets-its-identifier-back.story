# Identifier 0 is one as any other: a host's second ping with it goes by another, and an error about it comes home.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254, masquerade: true }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { r1: { net: 0.0.0.0/0, iface: a }, r2: { net: 10.1.0.0/24, iface: b } }
END

+0ms in b icmp echo-request 10.1.0.8 > 8.8.8.8 echo 0/1
     out a icmp echo-request 10.0.0.1 > 8.8.8.8 echo 0/1 via 10.0.0.254
+0ms in b icmp echo-request 10.1.0.9 > 8.8.8.8 echo 0/1
     out a icmp echo-request 10.0.0.1 > 8.8.8.8 echo $other/1
+1ms in a icmp time-exceeded 9.9.9.9 > 10.0.0.1 [icmp echo-request 10.0.0.1 > 8.8.8.8 echo $other/1]
     out b icmp time-exceeded 9.9.9.9 > 10.1.0.9 [icmp echo-request 10.1.0.9 > 8.8.8.8 echo 0/1] via 10.1.0.9
