# A segment that both opens and closes begins nothing, and ends nothing: the connection that was refused stays remembered,
# so that what follows the RST is still of it.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0 }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw { r1: { net: 10.0.0.0/24, iface: a }, r2: { net: 10.1.0.0/24, iface: b }, forward: guard }
Filter::IP guard { if (ct.state == invalid) { drop } accept }
Conntrack c { stateful_tcp: true }
END

+0ms in a tcp 10.0.0.9:53 > 10.1.0.9:80 S
     out b tcp 10.0.0.9:53 > 10.1.0.9:80 S
+1ms in b tcp 10.1.0.9:80 > 10.0.0.9:53 SA
     out a tcp 10.1.0.9:80 > 10.0.0.9:53 SA
+1ms in b tcp 10.1.0.9:80 > 10.0.0.9:53 RA
     out a tcp 10.1.0.9:80 > 10.0.0.9:53 RA
+1ms in a tcp 10.0.0.9:53 > 10.1.0.9:80 SF seq 5000
     drop forward a
+1ms in a tcp 10.0.0.9:53 > 10.1.0.9:80 A
     out b tcp 10.0.0.9:53 > 10.1.0.9:80 A
