# Iface m is in no route: it forwards nothing and is not forwarded to, but the box answers there.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Iface m { index: 2, address: 10.9.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, { net: 0.0.0.0, netmask: 0.0.0.0, iface: a } ]
END

+0ms in m udp 10.9.0.9:1 > 10.1.0.9:2
     drop NotForwarding m

+0ms in m icmp echo-request 10.9.0.9 > 10.9.0.1 echo 1/1
     local m
     out m icmp echo-reply 10.9.0.1 > 10.9.0.9 echo 1/1 via 10.9.0.9
