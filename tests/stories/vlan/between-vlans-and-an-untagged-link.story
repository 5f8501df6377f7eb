# Each VLAN of a NIC is an Iface of its own: tagged with its number on the way out, known by it on the way in.
config <<END
Iface red { index: 0, vlan: 10, address: 10.0.10.1, netmask: 255.255.255.0, address6: 2001:db8:0:10::1/64 }
Iface green { index: 0, vlan: 20, address: 10.0.20.1, netmask: 255.255.255.0, address6: 2001:db8:0:20::1/64, mtu: 1400 }
Iface plain { index: 0, address: 10.0.30.1, netmask: 255.255.255.0 }
Iface other { index: 1, vlan: 10, address: 10.1.10.1, netmask: 255.255.255.0 }
Gateway gw [
  { net: 10.0.10.0/24, iface: red }, { net: 10.0.20.0/24, iface: green }, { net: 10.0.30.0/24, iface: plain },
  { net: 10.1.10.0/24, iface: other }, { net: 2001:db8:0:10::/64, iface: red }, { net: 2001:db8:0:20::/64, iface: green }
]
END

+0ms in red udp 10.0.10.9:1 > 10.0.20.9:2
     out green udp 10.0.10.9:1 > 10.0.20.9:2 vlan 20
+0ms in green udp 10.0.20.9:2 > 10.0.10.9:1
     out red udp 10.0.20.9:2 > 10.0.10.9:1 vlan 10
+0ms in red udp 10.0.10.9:1 > 10.0.30.9:2
     out plain udp 10.0.10.9:1 > 10.0.30.9:2
+0ms in plain udp 10.0.30.9:1 > 10.1.10.9:2
     out other udp 10.0.30.9:1 > 10.1.10.9:2 vlan 10
+0ms in red udp [2001:db8:0:10::9]:1 > [2001:db8:0:20::9]:2
     out green udp [2001:db8:0:10::9]:1 > [2001:db8:0:20::9]:2 vlan 20

# One VLAN of a link may take less than another.
+0ms in red udp 10.0.10.9:1 > 10.0.20.9:2 len 1401 df
     drop TooBig red
     out red icmp fragmentation-needed 10.0.10.1 > 10.0.10.9 mtu 1400 [udp 10.0.10.9:1 > 10.0.20.9:2 len 1401] vlan 10
+0ms in red udp 10.0.10.9:1 > 10.0.20.9:2 len 1400 df
     out green udp 10.0.10.9:1 > 10.0.20.9:2 len 1400 vlan 20
