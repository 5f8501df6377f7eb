# RFC 5508 REQ-1, REQ-2: queries pass and are answered, for 60 s of silence at least; two hosts may have one identifier.
config <<END
Iface wan { index: 0, address: 198.51.100.1, netmask: 255.255.255.0, gateway: 198.51.100.254, masquerade: true }
Iface lan { index: 1, address: 10.1.0.1, netmask: 255.255.255.0 }
Gateway gw {
  r1: { net: 198.51.100.0/24, iface: wan },
  r2: { net: 10.1.0.0/24, iface: lan },
  r3: { net: 0.0.0.0/0, iface: wan }
}
END

+0ms  in  lan icmp echo-request 10.1.0.9 > 203.0.113.1 echo 7/1
      out wan icmp echo-request 198.51.100.1 > 203.0.113.1 echo 7/1
+0ms  in  lan icmp echo-request 10.1.0.8 > 203.0.113.1 echo 7/1
      out wan icmp echo-request 198.51.100.1 > 203.0.113.1 echo $i/1
+59s  in  wan icmp echo-reply 203.0.113.1 > 198.51.100.1 echo 7/1
      out lan icmp echo-reply 203.0.113.1 > 10.1.0.9 echo 7/1
+0ms  in  wan icmp echo-reply 203.0.113.1 > 198.51.100.1 echo $i/1
      out lan icmp echo-reply 203.0.113.1 > 10.1.0.8 echo 7/1
