# An answer of a service on the box keeps its source.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254, masquerade: true }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, { net: 0.0.0.0, netmask: 0.0.0.0, iface: a } ]
END

+0ms in a tcp 10.0.0.9:5 > 10.0.0.1:80 S
     local a
     out a tcp 10.0.0.1:80 > 10.0.0.9:5 RA
