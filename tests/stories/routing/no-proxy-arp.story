# The box answers for its own address on that link, and for no other.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, { net: 10.1.0.0, netmask: 255.255.255.0, iface: b } ]
END

+0ms in a arp who-has 10.1.0.9 tell 10.0.0.9
+0ms in a arp who-has 10.1.0.1 tell 10.0.0.9
+0ms in a arp who-has 10.0.0.1 tell 10.0.0.9
     out a arp 10.0.0.1 is-at *
