# A ping that no packet holds comes and goes in fragments, whatever its size; a broken one is not answered.
config <<END
Iface a { index: 0, address: 10.0.0.1, netmask: 255.255.255.0, address6: 2001:db8:0:1::1/64, input: judge, output: say }
Filter::IP judge { if (ip.length < 9000) { accept } drop }
Filter::IP say { log(ip.length, "\n") accept }
END

+0ms in a icmp 0/0 10.0.0.9 > 10.0.0.1 frag 1480 len 520 id 7
+0ms in a icmp echo-request 10.0.0.9 > 10.0.0.1 echo 7/1 frag 0 mf len 1500 of 2000 id 7 ttl 255
     local a x2
     console "2000"
     out a icmp echo-reply 10.0.0.1 > 10.0.0.9 echo 7/1 frag 0 mf len 1500 id $id ttl 64
     out a icmp 255/255 10.0.0.1 > 10.0.0.9 frag 1480 no-mf len 520 id $id ttl 64

# A rule judges the datagram.
+0ms in a icmp 0/0 10.0.0.9 > 10.0.0.1 frag 8880 len 140 id 8
+0ms in a icmp 0/0 10.0.0.9 > 10.0.0.1 frag 1480 mf len 7420 id 8
+0ms in a icmp echo-request 10.0.0.9 > 10.0.0.1 echo 7/1 frag 0 mf len 1500 of 9020 id 8
     drop input a x3
