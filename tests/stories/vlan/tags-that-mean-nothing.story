# A number that no Iface has, a tag within a tag, and a tag without a number, which is a priority and no VLAN.
config <<END
Iface red { index: 0, vlan: 10, address: 10.0.10.1, netmask: 255.255.255.0 }
Iface plain { index: 0, address: 10.0.30.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.0.10.0/24, iface: red }, { net: 10.0.30.0/24, iface: plain } ]
END

+0ms in plain udp 10.0.30.9:1 > 10.0.10.9:2 vlan 11
     drop NoIface -
+0ms in plain frame 525400000000 020400000009 8100 0fff 0800 4500
     drop NoIface -
+0ms in red frame 525400000000 020400000009 8100 000a 8100 000a 0800 4500
     drop UnknownEthertype red
+0ms in plain udp 10.0.30.9:1 > 10.0.10.9:2 vlan 0
     out red udp 10.0.30.9:1 > 10.0.10.9:2 vlan 10
