# What is no frame for us ends at the link.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a frame 525400000000
     drop FrameTruncated
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 to 02:00:00:00:00:99
     drop NotOurMac a
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 from 01:00:5e:00:00:01
     drop BadSourceMac a
+0ms in a udp 10.0.0.9:1 > 10.1.0.9:2 vlan 5
     drop NoIface -
+0ms in a frame 525400000000 0204 0a000009 88cc 0000
     drop UnknownEthertype a
