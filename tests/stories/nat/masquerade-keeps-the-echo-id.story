# An identifier that is free outside is kept; the reply finds its way back.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, gateway: 10.0.0.254, masquerade: true }
Iface b { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw [ { net: 10.0.0.0, netmask: 255.255.255.0, iface: a }, { net: 10.1.0.0, netmask: 255.255.255.0, iface: b }, { net: 0.0.0.0, netmask: 0.0.0.0, iface: a } ]
END

+0ms  in b icmp echo-request 10.1.0.9 > 8.8.8.8 echo 7/1
      out a icmp echo-request 10.0.0.1 > 8.8.8.8 echo 7/1 via 10.0.0.254
+20ms in a icmp echo-reply 8.8.8.8 > 10.0.0.1 echo 7/1
      out b icmp echo-reply 8.8.8.8 > 10.1.0.9 echo 7/1 via 10.1.0.9

# The identifier of another host's ping is taken.
+0ms  in b icmp echo-request 10.1.0.8 > 8.8.8.8 echo 7/1
      out a icmp echo-request 10.0.0.1 > 8.8.8.8 echo $other/1
+20ms in a icmp echo-reply 8.8.8.8 > 10.0.0.1 echo $other/1
      out b icmp echo-reply 8.8.8.8 > 10.1.0.8 echo 7/1
