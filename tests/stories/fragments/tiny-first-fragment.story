# A first fragment has to hold the whole transport header.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.0.0, netmask: 255.255.255.0, iface: a },
  { net: 10.1.0.0, netmask: 255.255.255.0, iface: b },
  { net: 0.0.0.0, netmask: 0.0.0.0, iface: a }
]
END

+0ms in a tcp 10.0.0.9:1 > 10.1.0.9:2 S frag 0 mf len 36 of 60 id 7
     drop TinyFragment a
+0ms in a tcp 10.0.0.9 > 10.1.0.9 frag 16 len 44 id 7
     drop FragmentRefused a
