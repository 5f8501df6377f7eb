# A22 (CVE-2020-8558): loopback addresses are never seen on a wire.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, address6: 2001:db8:1::1/64 }
END

+0ms in wan tcp 198.51.100.9:4000 > 127.0.0.1:10250 S
     drop MartianDestination wan
+0ms in wan tcp 127.0.0.1:4000 > 198.51.100.1:10250 S
     drop MartianSource wan
+0ms in wan tcp [2001:db8:1::9]:4000 > [::1]:10250 S
     drop MartianDestination wan
+0ms in wan tcp [::1]:4000 > [2001:db8:1::1]:10250 S
     drop MartianSource wan
