# Without a plain Iface what comes untagged belongs to nobody; a VLAN masquerades, is judged and answers as any Iface.
config <<END
Iface wan { index: 0, vlan: 7, address: 10.0.0.2, netmask: 255.255.255.0, gateway: 10.0.0.1, masquerade: true, input: own }
Iface lan { index: 1, address: 192.168.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 0.0.0.0/0, iface: wan }, { net: 192.168.0.0/24, iface: lan } ]
Filter::IP own { Filter::ICMP { accept } drop }
END

+0s  in lan udp 192.168.0.9:4000 > 8.8.8.8:53
     out wan udp 10.0.0.2:4000 > 8.8.8.8:53 via 10.0.0.1 vlan 7
+1ms in wan udp 8.8.8.8:53 > 10.0.0.2:4000
     out lan udp 8.8.8.8:53 > 192.168.0.9:4000
+1ms in wan udp 8.8.8.8:53 > 10.0.0.2:4001
     drop input wan
+1ms in wan icmp echo-request 10.0.0.9 > 10.0.0.2 echo 1/1
     local wan
     out wan icmp echo-reply 10.0.0.2 > 10.0.0.9 echo 1/1 vlan 7
+1ms in wan frame 525400000000 020400000009 0800 4500
     drop NoIface -
